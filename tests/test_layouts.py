"""Folders as they lie: which pairs are found, and what is said where they do not fit."""

from pathlib import Path

import numpy as np
import pytest

from tests.builders import look, noise, pair, pair_folder, save, save_pairs, square
from tests.layout_trees import bowl, refusal
from utome.data.formats import SUFFIXES
from utome.data.layouts.finding import find_images, find_samples
from utome.data.survey import survey
from utome.data.truth import read_objects, read_truth
from utome.events import Event, Progressed


def test_images_beside_masks_are_pairs_in_order_of_their_names(tmp_path: Path) -> None:
    listing = find_samples(pair_folder(tmp_path, 3))
    assert listing.layout == "pairs"
    assert [sample.name for sample in listing.samples] == ["image-0", "image-1", "image-2"]
    assert all(sample.part is None and sample.truth == "labels" for sample in listing.samples)
    assert listing.samples[0].masks == (tmp_path / "masks" / "image-0.png",)


@pytest.mark.parametrize("images", ["image", "images", "img", "Images"])
@pytest.mark.parametrize("masks", ["label", "labels", "mask", "masks", "LABELS"])
def test_the_folders_may_have_any_of_their_usual_names(tmp_path: Path, images: str, masks: str) -> None:
    save(tmp_path / images / "a.png", noise(4, 4))
    save(tmp_path / masks / "a.png", square(4, 4))
    assert len(find_samples(tmp_path).samples) == 1


def test_a_mask_may_have_another_format_than_its_image(tmp_path: Path) -> None:
    image, mask = pair(0)
    save(tmp_path / "images" / "a.jpg", image)
    save(tmp_path / "masks" / "a.tif", mask)
    assert find_samples(tmp_path).samples[0].masks == (tmp_path / "masks" / "a.tif",)


def test_hidden_files_and_files_of_other_kinds_are_passed_over(tmp_path: Path) -> None:
    pair_folder(tmp_path, 2)
    for name in (".image-0.png", "._image-1.png", "Thumbs.db", "notes.txt"):
        (tmp_path / "images" / name).write_bytes(b"")
    assert len(find_samples(tmp_path).samples) == 2


def test_folders_named_train_val_and_test_say_what_their_pairs_are_for(tmp_path: Path) -> None:
    for seed, part in enumerate(("Train", "validation", "testing")):
        save_pairs(tmp_path / part, {"a": pair(seed)})
    listing = find_samples(tmp_path)
    assert listing.layout == "split pairs"
    assert [sample.part for sample in listing.samples] == ["train", "val", "test"]


def test_pairs_beside_folders_that_hold_pairs_are_refused_with_what_to_take_out(tmp_path: Path) -> None:
    pair_folder(tmp_path, 2)
    for part in ("train", "val"):
        pair_folder(tmp_path / part, 2)
    assert refusal(find_samples, tmp_path) == (
        f"'{tmp_path}' holds pairs in 'images' and 'masks', and pairs in 'train', 'val' too; which are meant? "
        "Take 'images' and 'masks' out to use 'train', 'val', or take 'train', 'val' out to use all pairs as one."
    )


def test_empty_folders_for_pairs_beside_folders_that_hold_pairs_are_passed_over(tmp_path: Path) -> None:
    pair_folder(tmp_path / "train", 2)
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    assert find_samples(tmp_path).layout == "split pairs"


@pytest.mark.parametrize("inside", ["images", ""])
def test_a_part_that_holds_images_without_masks_is_left_out_and_said_so(tmp_path: Path, inside: str) -> None:
    pair_folder(tmp_path / "train", 2)
    save(tmp_path / "test" / inside / "a.png", noise(4, 4))
    listing = find_samples(tmp_path)
    assert [sample.part for sample in listing.samples] == ["train", "train"]
    assert listing.notes == ("'test' holds images without masks; it is left out.",)


@pytest.mark.parametrize("outer", ["", "stage1_train"])
def test_the_data_science_bowl_layout_has_one_mask_file_an_object(tmp_path: Path, outer: str) -> None:
    bowl(tmp_path / outer)
    listing = find_samples(tmp_path)
    assert listing.layout == "dsb2018"
    assert [sample.name for sample in listing.samples] == ["a1", "b2"]
    assert all(sample.truth == "objects" and len(sample.masks) == 2 for sample in listing.samples)
    assert listing.notes == ("One mask file an object: the files of an image are united into one foreground.",)


def test_objects_in_files_of_their_own_are_united_to_0_and_1(tmp_path: Path) -> None:
    truth = read_truth(find_samples(bowl(tmp_path)).samples[0])
    expected = np.zeros((8, 8), dtype=np.uint8)
    expected[:4, :4] = expected[3:7, 3:7] = 1
    assert truth.dtype == np.uint8
    assert (truth == expected).all()


def test_objects_are_numbered_from_1_and_the_later_file_wins_where_two_overlap(tmp_path: Path) -> None:
    objects = read_objects(find_samples(bowl(tmp_path)).samples[0])
    assert np.unique(objects).tolist() == [0, 1, 2]
    assert (objects[0, 0], objects[3, 3], objects[6, 6]) == (1, 2, 2)


def test_masks_of_objects_with_different_sizes_are_refused(tmp_path: Path) -> None:
    bowl(tmp_path, names=("a1",))
    save(tmp_path / "a1" / "masks" / "2.png", square(8, 9))
    sentence = refusal(look, tmp_path)
    assert "'2.png' is 8x9" in sentence.replace(f"{tmp_path / 'a1' / 'masks'}/", "")
    assert "the masks before it are 8x8" in sentence


def test_an_image_of_the_bowl_without_masks_is_refused(tmp_path: Path) -> None:
    bowl(tmp_path)
    for path in (tmp_path / "b2" / "masks").iterdir():
        path.unlink()
    assert "has no masks in" in refusal(find_samples, tmp_path)


def test_an_image_without_a_mask_is_refused(tmp_path: Path) -> None:
    save(pair_folder(tmp_path, 2) / "images" / "alone.png", noise(4, 4))
    assert refusal(find_samples, tmp_path) == (
        f"There is an image in '{tmp_path / 'images'}' without a mask of the same name in '{tmp_path / 'masks'}': "
        "'alone.png'. Add the partner, or take it out."
    )


def test_a_mask_without_an_image_is_refused(tmp_path: Path) -> None:
    save(pair_folder(tmp_path, 2) / "masks" / "alone.png", square(4, 4))
    assert refusal(find_samples, tmp_path).startswith(f"There is a mask in '{tmp_path / 'masks'}' without an image")


def test_of_many_images_without_masks_three_are_named(tmp_path: Path) -> None:
    pair_folder(tmp_path, 1)
    for number in range(5):
        save(tmp_path / "images" / f"x{number}.png", noise(4, 4))
    assert "'x0.png', 'x1.png', 'x2.png' and 2 more" in refusal(find_samples, tmp_path)


@pytest.mark.parametrize("folder", ["images", "masks"])
def test_two_files_with_one_stem_are_refused(tmp_path: Path, folder: str) -> None:
    save(pair_folder(tmp_path, 2) / folder / "image-0.tif", square(24, 20))
    sentence = refusal(find_samples, tmp_path)
    assert "holds both 'image-0.png' and 'image-0.tif'; which one is meant? Take one out." in sentence


@pytest.mark.parametrize(("first", "second"), [("images", "img"), ("gt", "masks")])
def test_two_folders_of_one_kind_are_refused(tmp_path: Path, first: str, second: str) -> None:
    save(pair_folder(tmp_path, 2) / (second if first == "images" else first) / "image-0.png", square(24, 20))
    assert f"holds both '{first}' and '{second}'; which one is meant? Take one out." in refusal(find_samples, tmp_path)


def test_a_folder_of_masks_without_image_files_is_none(tmp_path: Path) -> None:
    (pair_folder(tmp_path, 2) / "annotations").mkdir()
    (tmp_path / "annotations" / "image-0.xml").write_text("<box/>")
    assert len(find_samples(tmp_path).samples) == 2


def test_an_empty_folder_for_images_is_refused_with_the_accepted_endings(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    assert refusal(find_samples, tmp_path) == (
        f"'{tmp_path / 'images'}' holds no images; accepted endings: {', '.join(sorted(SUFFIXES))}."
    )


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "is not there. Give the folder that holds the images and the masks." in refusal(find_samples, tmp_path / "x")


def test_a_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    assert "is a file. Give the folder" in refusal(find_samples, save(tmp_path / "a.png", noise(4, 4)))


def test_an_empty_folder_is_refused_with_the_accepted_layouts(tmp_path: Path) -> None:
    sentence = refusal(find_samples, tmp_path)
    assert "Accepted: a folder `images` beside a folder `masks`" in sentence
    assert sentence.endswith("The folder is empty.")


def test_a_folder_of_other_things_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    for number in range(7):
        (tmp_path / f"{number}.txt").write_bytes(b"")
    assert refusal(find_samples, tmp_path).endswith("It holds '0.txt', '1.txt', '2.txt', '3.txt', '4.txt' and 2 more.")


def test_a_folder_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", forbidden)
    assert refusal(find_samples, tmp_path) == (
        f"'{tmp_path}' may not be read. Ask for permission, or copy the images elsewhere."
    )


def test_a_mask_of_another_size_than_its_image_is_refused_with_both_sizes(tmp_path: Path) -> None:
    save_pairs(tmp_path, {"a": (noise(8, 9), square(8, 9)), "b": (noise(8, 9), square(9, 8))})
    sentence = refusal(look, tmp_path)
    assert f"The image '{tmp_path / 'images' / 'b.png'}' is 8x9 (height x width), but its mask" in sentence
    assert "is 9x8. Its rows and columns have changed places. They must have the same size" in sentence


def test_a_survey_tells_sizes_channels_depth_and_mask_values_of_every_sample(tmp_path: Path) -> None:
    save_pairs(tmp_path, {"a": (noise(8, 9), square(8, 9)), "b": (noise(6, 6, 3), square(6, 6))})
    found = look(tmp_path)
    assert [(fact.height, fact.width, fact.channels, fact.dtype) for fact in found.facts] == [
        (8, 9, 1, "uint8"),
        (6, 6, 3, "uint8"),
    ]
    assert found.facts[1].values == {0: 20, 255: 16}
    assert found.channels == 3


def test_a_survey_tells_its_progress_to_the_last_sample(tmp_path: Path) -> None:
    heard: list[Event] = []
    survey(find_samples(pair_folder(tmp_path, 5)), listen=heard.append)
    assert heard == [Progressed("reading", number, 5) for number in range(1, 6)]


def test_one_file_is_the_image_to_predict(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", noise(4, 4))
    assert find_images(path) == [path]


def test_a_folder_of_images_is_predicted_in_order_of_their_names(tmp_path: Path) -> None:
    paths = [save(tmp_path / name, noise(4, 4)) for name in ("b.png", "a.tif", "c.jpg")]
    (tmp_path / "notes.txt").write_bytes(b"")
    assert find_images(tmp_path) == [paths[1], paths[0], paths[2]]


def test_of_a_folder_of_pairs_only_the_images_are_predicted(tmp_path: Path) -> None:
    pair_folder(tmp_path, 2)
    assert find_images(tmp_path) == [tmp_path / "images" / f"image-{number}.png" for number in range(2)]


def test_of_a_folder_in_a_known_layout_only_the_images_are_predicted(tmp_path: Path) -> None:
    bowl(tmp_path)
    assert find_images(tmp_path) == [tmp_path / name / "images" / f"{name}.png" for name in ("a1", "b2")]


def test_a_folder_without_images_to_predict_is_refused_with_the_accepted_endings(tmp_path: Path) -> None:
    assert refusal(find_images, tmp_path) == (
        f"No images were found in '{tmp_path}'; accepted endings: {', '.join(sorted(SUFFIXES))}. The folder is empty."
    )
    assert "is not there. Give an image or a folder of images." in refusal(find_images, tmp_path / "x")
