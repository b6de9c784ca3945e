"""Which image goes with which mask, by names of files and folders; and what names say of a common source."""

from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest

from tests.builders import look, noise, save, square
from tests.layout_trees import mask, refusal, siblings, stack
from utome.data.layouts.finding import find_images, find_samples
from utome.data.layouts.groups import groups_note, suggest_groups
from utome.data.samples import Sample


def image(root: Path, *names: str) -> None:
    for seed, name in enumerate(names):
        save(root / name, noise(12, 10, seed=seed))


def masks(root: Path, *names: str) -> None:
    for name in names:
        save(root / name, mask())


def pairs_of(root: Path) -> list[tuple[str, str]]:
    return [(sample.image.name, sample.masks[0].name) for sample in find_samples(root).samples]


@pytest.mark.parametrize(
    ("of_image", "of_mask"),
    [
        ("a.png", "a_mask.png"), ("a.jpg", "a-label.png"), ("a.png", "a_gt.png"), ("a.png", "a seg.png"),
        ("a.png", "a_segmentation.png"), ("a.tif", "a_labels.tif"), ("a.png", "mask_a.png"), ("a.png", "a.mask.png"),
        ("a_image.png", "a_mask.png"), ("img_a.png", "gt_a.png"), ("img7.png", "mask7.png"), ("7_sat.jpg", "7_mask.png"),
        ("a.png", "a_GroundTruth.PNG"), ("a.PNG", "a_ground_truth.tif"), ("-a.png", "-a_mask.png"),
        ("cell 🔬 1.png", "cell 🔬 1_mask.png"), ("a.ome.tif", "a_mask.png"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", ["images masks", ""])
def test_a_mask_may_have_its_images_name_and_a_mark(tmp_path: Path, of_image: str, of_mask: str, where: str) -> None:
    images, labels = where.split() or ("", "")
    image(tmp_path / images, of_image)
    masks(tmp_path / labels, of_mask)
    assert pairs_of(tmp_path) == [(of_image, of_mask)]
    assert find_samples(tmp_path).notes == (
        (
            "1 masks have another name than their image and are paired by it without words such as mask or image: "
            f"'{of_mask}' goes with '{of_image}'."
        ),
    )


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("imgs", "gt"), ("Photos", "Ground Truth"), ("raw", "ground_truth"), ("pictures", "annotations"),
        ("input", "targets"), ("originals", "segmentation"), ("frames", "segmentations"), ("image", "lab"),
    ],
)  # fmt: skip
def test_folders_of_images_and_masks_may_have_many_names(tmp_path: Path, images: str, labels: str) -> None:
    image(tmp_path / images, "a.png")
    masks(tmp_path / labels, "a.png")
    assert pairs_of(tmp_path) == [("a.png", "a.png")]


def test_two_spellings_of_one_letter_are_one_name(tmp_path: Path) -> None:
    composed, apart = (normalize(form, "zäh.png") for form in ("NFC", "NFD"))
    image(tmp_path / "images", composed)
    masks(tmp_path / "masks", apart)
    assert len(find_samples(tmp_path).samples) == 1
    image(tmp_path / "images", apart)
    assert "holds both 'za\\u0308h.png' and 'z\\xe4h.png'; which one is meant?" in refusal(find_samples, tmp_path)


def test_what_systems_leave_beside_files_is_passed_over(tmp_path: Path) -> None:
    image(tmp_path / "data" / "images", "a.png")
    masks(tmp_path / "data" / "masks", "a.png")
    image(tmp_path / "__MACOSX" / "images", "._a.png")
    for name in ("Thumbs.db", ".DS_Store", "._a.png", "desktop.ini"):
        (tmp_path / "data" / "images" / name).write_bytes(b"x")
    assert pairs_of(tmp_path) == [("a.png", "a.png")]


def test_a_folder_within_a_folder_is_looked_into_but_not_for_ever(tmp_path: Path) -> None:
    deep = tmp_path / "1" / "2" / "3"
    image(deep / "images", "a.png")
    masks(deep / "masks", "a.png")
    assert len(find_samples(tmp_path).samples) == 1
    deep.rename(tmp_path / "deep")
    (tmp_path / "1" / "2" / "3" / "4").mkdir(parents=True)
    (tmp_path / "deep").rename(tmp_path / "1" / "2" / "3" / "4" / "5")
    assert refusal(find_samples, tmp_path).startswith("No pairs of image and mask were found")


def test_images_and_masks_in_one_folder_are_told_apart_and_only_images_predicted(tmp_path: Path) -> None:
    image(tmp_path, "a.png", "b.png")
    masks(tmp_path, "a_mask.png", "b_mask.png")
    assert find_samples(tmp_path).layout == "pairs"
    assert find_images(tmp_path) == [tmp_path / "a.png", tmp_path / "b.png"]
    assert look(tmp_path).classes.names == ("background", "foreground")


def test_in_one_folder_an_image_without_a_mask_is_refused_but_may_be_predicted(tmp_path: Path) -> None:
    image(tmp_path, "a.png", "b.png")
    masks(tmp_path, "a_mask.png")
    assert refusal(find_samples, tmp_path) == (
        f"There is an image in '{tmp_path}' without a mask such as 'NAME_mask' for 'NAME': 'b.png'. Add the partner, or take it out."
    )
    assert tmp_path / "b.png" in find_images(tmp_path)


def test_in_one_folder_a_mask_without_an_image_is_refused(tmp_path: Path) -> None:
    image(tmp_path, "a.png")
    masks(tmp_path, "a_mask.png", "b_mask.png")
    assert f"There is a mask in '{tmp_path}' without an image of its name: 'b_mask.png'." in refusal(
        find_samples, tmp_path
    )


def test_images_without_any_mask_are_no_layout_and_are_predicted(tmp_path: Path) -> None:
    image(tmp_path, "a.png", "mask of b.png", "c_d.png")
    assert refusal(find_samples, tmp_path).startswith("No pairs of image and mask were found")
    assert len(find_images(tmp_path)) == 3


@pytest.mark.parametrize(
    ("labels", "named"),
    [
        (("a.png", "a_mask.png"), "'a.png' and 'a_mask.png'"),
        (("a_gt.png", "a_mask.png"), "'a_gt.png' and 'a_mask.png'"),
    ],
)
def test_two_masks_for_one_image_are_refused(tmp_path: Path, labels: tuple[str, ...], named: str) -> None:
    image(tmp_path / "images", "a.png")
    masks(tmp_path / "masks", *labels)
    assert refusal(find_samples, tmp_path) == (
        f"The image '{tmp_path / 'images' / 'a.png'}' has two masks, {named}; which one is meant? Take one out."
    )


def test_two_images_for_one_mask_are_refused(tmp_path: Path) -> None:
    image(tmp_path / "images", "a.png", "a_image.png")
    masks(tmp_path / "masks", "a_mask.png")
    assert "would belong to two images, 'a.png' and 'a_image.png'" in refusal(find_samples, tmp_path)


def test_images_whose_own_names_have_a_mark_are_paired_by_their_names(tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        masks(tmp_path / folder, "a.png", "a_seg.png")
    assert pairs_of(tmp_path) == [("a.png", "a.png"), ("a_seg.png", "a_seg.png")]


def test_a_folder_for_masks_that_has_none_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    image(tmp_path / "images", "a.png")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("0 1 1 2 2")
    assert refusal(find_samples, tmp_path).endswith("It holds 'a.txt'.")


def test_image_files_beside_the_folders_are_left_out_and_said_so(tmp_path: Path) -> None:
    image(tmp_path / "images", "a.png")
    masks(tmp_path / "masks", "a.png")
    image(tmp_path, "preview.png")
    assert find_samples(tmp_path).notes == ("1 image files beside 'images' and 'masks' are left out: 'preview.png'.",)


def test_pages_of_an_image_and_its_mask_are_samples(tmp_path: Path) -> None:
    labels = np.stack([square(12, 10), np.zeros((12, 10), dtype=np.uint8)])
    stack(tmp_path / "images" / "a.tif", noise(2, 12, 10))
    stack(tmp_path / "masks" / "a.tif", labels)
    image(tmp_path / "images", "b.png")
    masks(tmp_path / "masks", "b.png")
    listing = find_samples(tmp_path)
    assert [(sample.name, sample.page) for sample in listing.samples] == [("a-1", 0), ("a-2", 1), ("b", None)]
    assert listing.notes[0].startswith("'a.tif' holds many pages, each read as an image of its own.")
    assert [set(fact.values) for fact in look(tmp_path).facts] == [{0, 255}, {0}, {0, 255}]


@pytest.mark.parametrize("ending", ["_lab", "_labels", "-masks", " gt", "annot"])
def test_masks_may_lie_beside_their_part(tmp_path: Path, ending: str) -> None:
    siblings(tmp_path, {"train": ("a", "b"), "val": ("c",), "test": ("d",)}, masks=ending)
    listing = find_samples(tmp_path)
    assert listing.layout == "split pairs"
    assert [(sample.name, sample.part) for sample in listing.samples] == [
        ("a", "train"), ("b", "train"), ("c", "val"), ("d", "test"),
    ]  # fmt: skip


@pytest.mark.parametrize(("images", "labels"), [("train_images", "train_masks"), ("img_train", "gt_train")])
def test_a_part_may_be_named_with_its_kind(tmp_path: Path, images: str, labels: str) -> None:
    image(tmp_path / images, "a.png")
    masks(tmp_path / labels, "a.png")
    assert [sample.part for sample in find_samples(tmp_path).samples] == ["train"]


def test_parts_may_lie_within_images_and_labels(tmp_path: Path) -> None:
    for part, name in (("train", "a.png"), ("valid", "b.png")):
        image(tmp_path / "images" / part, name)
        masks(tmp_path / "labels" / part, name)
    image(tmp_path / "images" / "test", "c.png")
    listing = find_samples(tmp_path)
    assert [(sample.name, sample.part) for sample in listing.samples] == [("a", "train"), ("b", "val")]
    assert listing.notes == ("'images/test' holds images without masks; it is left out.",)


def test_parts_within_images_beside_loose_images_are_refused(tmp_path: Path) -> None:
    for folder in ("images", "labels"):
        masks(tmp_path / folder, "x.png")
        masks(tmp_path / folder / "train", "a.png")
    assert "and pairs in 'images/train' too; which are meant?" in refusal(find_samples, tmp_path)


def test_a_folder_of_pairs_with_a_name_that_is_no_part_is_left_out_and_said_so(tmp_path: Path) -> None:
    for part in ("train", "dev"):
        image(tmp_path / part / "images", "a.png")
        masks(tmp_path / part / "masks", "a.png")
    assert find_samples(tmp_path).notes == ("Left out, since the name says neither train nor val nor test: 'dev'.",)


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (("p1_0_0", "p1_0_1", "p2_0_0"), {"p1", "p2"}),
        (("photo_tile3", "photo_tile4", "other_tile3"), {"photo", "other"}),
        (("ratA_slice001", "ratA_slice002", "ratB_slice001"), {"ratA", "ratB"}),
        (("s1_z01", "s1_z02", "s2_z01"), {"s1", "s2"}),
        (("anna_L", "anna_R", "ben_L"), {"anna", "ben"}),
        (("17L", "17R", "18L"), {"17", "18"}),
        (("anna-left", "anna-right", "ben-left"), {"anna", "ben"}),
        (("11111-10", "11111-12", "IMG7-3"), {"11111", "IMG7"}),
    ],
)
def test_names_suggest_a_pattern_whose_first_group_is_the_source(names: tuple[str, ...], groups: set[str]) -> None:
    suggested = suggest_groups([Sample(name, Path(name), (Path(name),)) for name in names])
    assert suggested is not None
    assert suggested[1] == len(groups)


@pytest.mark.parametrize(
    "names",
    [
        ("image-0", "image-1", "image-2"), ("001", "002"), ("benign_1", "malignant_1", "benign_2"), ("slice1", "slice2"),
        ("p1_0_0", "p1_0_1"), ("p1_0_0", "p2_0_0"), ("p1_0_0", "p1_0_1", "other"), (),
    ],
)  # fmt: skip
def test_names_that_only_count_suggest_nothing(names: tuple[str, ...]) -> None:
    assert suggest_groups([Sample(name, Path(name), (Path(name),)) for name in names]) is None


def test_a_suggested_group_is_said_with_its_setting_but_not_taken(tmp_path: Path) -> None:
    siblings(tmp_path, {"train": ("p1_0_0", "p1_0_1"), "test": ("p1_1_0", "p2_0_0")})
    listing = find_samples(tmp_path)
    assert {sample.group for sample in listing.samples} == {None}
    assert groups_note(listing.samples) == (
        (
            "The names look as if 4 images come from 2 sources (as 'p1'); images of one source should stay in one part: "
            r"--set data.group='^(.+)[-_ ]\d+[-_ ]\d+$'."
        ),
        (
            "Perhaps a leak: images of one source (by its name) lie in several of the folders train, val and test, so their "
            "score may be too good: 'p1'. Move them together."
        ),
    )
