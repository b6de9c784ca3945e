"""Published data sets as they are unpacked: recognised, named, and read as their makers meant."""

from pathlib import Path

import numpy as np
import pytest

from tests.builders import look, noise, save
from tests.layout_trees import (
    bowl,
    chase,
    crack_forest,
    drive_set,
    isbi,
    isbi_stacks,
    mask,
    nerve_cord,
    refusal,
    regions,
    siblings,
    stack,
    tracking,
)
from utome.data.formats import read_mask
from utome.data.layouts.finding import LAYOUTS, find_images, find_samples
from utome.data.truth import UNKNOWN, read_objects, read_truth
from utome.errors import ConfigError, DataError


def test_numbered_sections_are_isbi_2012_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    listing = find_samples(isbi(tmp_path))
    assert listing.layout == "isbi2012"
    assert [sample.name for sample in listing.samples] == [str(number) for number in range(11)]
    assert {sample.part for sample in listing.samples} == {None}
    assert listing.notes[0] == "'test' holds 11 images without labels; it is left out."
    assert listing.notes[1] == "In the labels of the challenge 0 is membrane and 255 the inside of cells."


def test_stacks_of_isbi_2012_are_a_sample_a_page_in_order(tmp_path: Path) -> None:
    listing = find_samples(isbi_stacks(tmp_path))
    assert listing.layout == "isbi2012"
    assert [sample.page for sample in listing.samples] == list(range(11))
    assert listing.samples[1].name == "train-volume-02"
    assert [int((read_truth(sample) > 0).sum()) for sample in listing.samples] == list(range(1, 12))
    assert listing.notes[0] == "'test-volume.tif' has no labels; it is left out."
    assert listing.notes[2].startswith("'train-volume.tif' holds many pages, each read as an image of its own.")


def test_a_stack_is_one_file_to_predict(tmp_path: Path) -> None:
    isbi_stacks(tmp_path)
    assert tmp_path / "train-labels.tif" not in find_images(tmp_path)
    assert find_images(tmp_path) == [tmp_path / "test-volume.tif", tmp_path / "train-volume.tif"]


def test_two_labelled_stacks_are_train_and_test(tmp_path: Path) -> None:
    stack(isbi_stacks(tmp_path, count=3) / "test-labels.tif", np.zeros((3, 12, 10), dtype=np.uint8))
    assert [sample.part for sample in find_samples(tmp_path).samples] == ["test"] * 3 + ["train"] * 3


def test_stacks_with_different_numbers_of_pages_are_refused(tmp_path: Path) -> None:
    stack(isbi_stacks(tmp_path) / "train-labels.tif", np.zeros((4, 12, 10), dtype=np.uint8))
    assert "has 11 pages, but its mask" in refusal(find_samples, tmp_path)


def test_labels_of_a_stack_without_its_images_are_refused(tmp_path: Path) -> None:
    (isbi_stacks(tmp_path) / "train-volume.tif").unlink()
    assert refusal(find_samples, tmp_path).startswith("There is no 'train-volume.tif' beside")


def test_what_lies_beside_the_training_images_of_the_bowl_is_left_out_and_said_so(tmp_path: Path) -> None:
    bowl(tmp_path / "stage1_train")
    save(tmp_path / "stage1_test" / "c3" / "images" / "c3.png", noise(8, 8))
    save(tmp_path / "stage1_train" / "d4" / "images" / "d4.png", noise(8, 8))
    listing = find_samples(tmp_path)
    assert len(listing.samples) == 2
    assert listing.notes[1:] == (
        "1 folders are left out, since they hold no masks: 'd4'.",
        "Only 'stage1_train' is read; left out: 'stage1_test'.",
    )


def test_a_folder_of_the_bowl_with_an_image_of_another_name_is_left_out_and_said_so(tmp_path: Path) -> None:
    bowl(tmp_path, names=("a1", "b2"))
    (tmp_path / "b2" / "images" / "b2.png").rename(tmp_path / "b2" / "images" / "x.png")
    assert find_samples(tmp_path).notes[1] == (
        "1 folders are left out, since their image has another name than they: 'b2'."
    )


def test_drive_has_a_field_of_view_that_is_no_label_and_a_second_observer(tmp_path: Path) -> None:
    listing = find_samples(drive_set(tmp_path))
    assert listing.layout == "drive"
    assert [(sample.name, sample.part) for sample in listing.samples] == [
        ("21_training", "train"), ("22_training", "train"), ("01_test", "test"), ("02_test", "test"),
    ]  # fmt: skip
    first, last = listing.samples[0], listing.samples[-1]
    assert first.masks == (tmp_path / "training" / "1st_manual" / "21_manual1.gif",)
    assert first.field == tmp_path / "training" / "mask" / "21_training_mask.gif"
    assert (first.second, last.second) == (None, tmp_path / "test" / "2nd_manual" / "02_manual2.gif")
    assert listing.notes == (
        "The first observer's masks are the truth.",
        "'mask' is the field of view of 4 images and not a label: pixels outside it count neither in training nor in scores.",
        "The second observer's masks of 2 images are a human reference; no model learns from them.",
    )


def test_outside_the_field_of_view_nothing_is_known(tmp_path: Path) -> None:
    sample = find_samples(drive_set(tmp_path)).samples[0]
    truth = read_truth(sample)
    assert ((truth == UNKNOWN) == (mask() == 0)).all()
    assert (truth[mask() > 0] == read_mask(sample.masks[0])[mask() > 0]).all()
    assert look(tmp_path).classes.names == ("background", "foreground")


def test_test_images_of_drive_without_manual_masks_are_left_out_and_said_so(tmp_path: Path) -> None:
    listing = find_samples(drive_set(tmp_path, scored=False))
    assert [sample.part for sample in listing.samples] == ["train", "train"]
    assert listing.notes[-1] == "'test' has no '1st_manual': its 2 images without truth are left out."


def test_a_folder_of_drive_alone_and_retinas_laid_out_like_it_are_read_too(tmp_path: Path) -> None:
    assert find_samples(drive_set(tmp_path / "drive") / "training").layout == "drive"
    for name in ("01_h", "01_dr"):
        save(tmp_path / "hrf" / "images" / f"{name}.JPG", noise(12, 10, 3))
        save(tmp_path / "hrf" / "manual1" / f"{name}.tif", mask())
        save(tmp_path / "hrf" / "mask" / f"{name}_mask.tif", mask())
    listing = find_samples(tmp_path / "hrf")
    assert listing.layout == "drive"
    assert [sample.masks[0].parent.name for sample in listing.samples] == ["manual1", "manual1"]
    assert [sample.field is not None for sample in listing.samples] == [True, True]


def test_an_image_of_drive_without_a_manual_mask_or_field_is_refused(tmp_path: Path) -> None:
    (drive_set(tmp_path) / "training" / "mask" / "22_training_mask.gif").unlink()
    assert "without a field of view" in refusal(find_samples, tmp_path)
    (tmp_path / "training" / "1st_manual" / "22_manual1.gif").unlink()
    assert "'22_training.tif'" in refusal(find_samples, tmp_path)


def test_drive_without_fields_of_view_says_that_every_pixel_counts(tmp_path: Path) -> None:
    drive_set(tmp_path, scored=False)
    for path in (tmp_path / "training" / "mask").iterdir():
        path.unlink()
    listing = find_samples(tmp_path)
    assert listing.samples[0].field is None
    assert "There is no folder 'mask' with the field of view: every pixel counts." in listing.notes


def test_chase_db1_groups_the_eyes_of_a_child_and_learns_from_the_first_observer(tmp_path: Path) -> None:
    listing = find_samples(chase(tmp_path))
    assert listing.layout == "chase_db1"
    assert [(sample.name, sample.group) for sample in listing.samples] == [
        ("Image_01L", "01"), ("Image_01R", "01"), ("Image_02L", "02"), ("Image_02R", "02"),
    ]  # fmt: skip
    assert listing.samples[0].masks == (tmp_path / "Image_01L_1stHO.png",)
    assert listing.samples[0].second == tmp_path / "Image_01L_2ndHO.png"
    assert listing.notes[-1].endswith("stay in one part: 2 children, 4 images.")


def test_of_chase_db1_only_photographs_are_predicted(tmp_path: Path) -> None:
    assert [path.name for path in find_images(chase(tmp_path, children=("01",)))] == ["Image_01L.jpg", "Image_01R.jpg"]


def test_an_eye_of_chase_db1_without_the_first_observer_is_refused(tmp_path: Path) -> None:
    (chase(tmp_path) / "Image_02R_1stHO.png").unlink()
    assert "without a '_1stHO' of its name: 'Image_02R.jpg'" in refusal(find_samples, tmp_path)


def test_frames_with_gold_truth_are_object_numbers_grouped_by_sequence(tmp_path: Path) -> None:
    listing = find_samples(tracking(tmp_path, {"01_GT": (0, 2), "02_GT": (1,), "01_ST": (0, 1, 2, 3)}))
    assert listing.layout == "ctc"
    assert [(sample.name, sample.group, sample.truth) for sample in listing.samples] == [
        ("01-t000", "01", "instances"), ("01-t002", "01", "instances"), ("02-t001", "02", "instances"),
    ]  # fmt: skip
    assert listing.samples[0].masks == (tmp_path / "01_GT" / "SEG" / "man_seg000.tif",)
    assert listing.notes == (
        "Object numbers of a mask are united into one foreground; the objects stay known.",
        "Frames of one sequence stay in one part: 2 sequences.",
        "2 of 4 frames of '01' have no truth; left out.",
        (
            "The gold truth of '01' need not outline every cell of a frame: cells that it leaves out are background, or "
            "with --set data.unmarked=ignore count for nothing but 5 pixels around the others, "
            "or take '01_GT' out so that the silver truth is read."
        ),
        "3 of 4 frames of '02' have no truth; left out.",
        (
            "The gold truth of '02' need not outline every cell of a frame: cells that it leaves out are background, or "
            "with --set data.unmarked=ignore count for nothing but 5 pixels around the others."
        ),
    )


def test_object_numbers_are_read_as_objects_and_as_classes(tmp_path: Path) -> None:
    sample = find_samples(tracking(tmp_path, {"01_GT": (0,)})).samples[0]
    assert np.unique(read_objects(sample)).tolist() == [0, 3, 300]
    assert np.unique(read_truth(sample)).tolist() == [0, 1]
    assert look(tmp_path).classes.names == ("background", "foreground")


@pytest.mark.parametrize("value", [-1, 2**40])
def test_object_numbers_that_cannot_be_are_refused(tmp_path: Path, value: int) -> None:
    tracking(tmp_path, {"01_GT": (0,)})
    save(tmp_path / "01_GT" / "SEG" / "man_seg000.tif", np.full((12, 10), value, dtype=np.int64))
    with pytest.raises(DataError, match="accepted as object numbers: 0, where there is no object"):
        read_objects(find_samples(tmp_path).samples[0])


def test_silver_truth_is_read_where_there_is_no_gold(tmp_path: Path) -> None:
    listing = find_samples(tracking(tmp_path, {"01_GT": (), "01_ST": (0, 1, 2, 3)}))
    assert len(listing.samples) == 4
    assert "'01' has no gold truth: the silver truth, made by programs, is read instead." in listing.notes
    assert any(note.startswith("Only the sequence '01' has truth") for note in listing.notes)
    assert {sample.group for sample in listing.samples} == {None}


def test_a_sequence_without_truth_is_left_out_and_said_so(tmp_path: Path) -> None:
    listing = find_samples(tracking(tmp_path, {"01_GT": (0,), "02_GT": ()}))
    assert "'02' has no segmentation truth; its 4 frames are left out." in listing.notes


def test_sequences_without_any_truth_are_refused(tmp_path: Path) -> None:
    assert "no sequence has segmentation truth" in refusal(find_samples, tracking(tmp_path, {"01_GT": ()}))


def test_a_mask_without_its_frame_is_refused(tmp_path: Path) -> None:
    (tracking(tmp_path, {"01_GT": (0, 3)}) / "01" / "t003.tif").unlink()
    assert "'man_seg003.tif'. Add the partner" in refusal(find_samples, tmp_path)


def test_planes_of_volumes_are_refused(tmp_path: Path) -> None:
    save(tracking(tmp_path, {"01_GT": ()}) / "01_GT" / "SEG" / "man_seg_000_005.tif", mask())
    assert "masks of single planes of volumes, as 'man_seg_000_005.tif'" in refusal(find_samples, tmp_path)


@pytest.mark.parametrize("inside", ["", "stack1"])
def test_the_nine_values_of_drosophila_vnc_are_four_classes(tmp_path: Path, inside: str) -> None:
    listing = find_samples(nerve_cord(tmp_path) / inside)
    assert listing.layout == "drosophila_vnc"
    assert [sample.name for sample in listing.samples] == ["00", "01", "02"]
    assert list(listing.classes) == ["background", "membrane", "mitochondria", "synapse"]
    assert listing.notes[0].startswith(
        "The nine values of the labels are read as the four classes of the paper frem (Ando and Hotta, 2021)"
    )
    assert listing.notes[-1].endswith("'labels' having them all: 'membranes'.")
    assert any("Without labels and left out: 'stack2'." in note for note in listing.notes) == (inside == "")
    assert look(tmp_path / inside).classes.names == ("background", "membrane", "mitochondria", "synapse")


def test_a_section_of_drosophila_vnc_without_labels_is_refused(tmp_path: Path) -> None:
    (nerve_cord(tmp_path) / "stack1" / "labels" / "labels00000002.png").unlink()
    assert "without labels of its number" in refusal(find_samples, tmp_path)


def test_in_crack_forest_2_is_crack_and_all_else_is_not(tmp_path: Path) -> None:
    listing = find_samples(crack_forest(tmp_path, pngs=("001", "002"), mats=("001", "002")))
    assert listing.layout == "cfd"
    assert listing.classes == {"background": (1, 3, 4), "crack": (2,)}
    assert listing.notes == (
        "2 is crack; 1, 3 and 4 (other regions) are background. data.classes says otherwise.",
        "The masks are read from 'segmentation_png'; 'groundTruth' is left out.",
    )
    table = look(tmp_path).classes
    assert (table.labels(regions(), source="") == (regions() == 2)).all()


def test_regions_of_crack_forest_without_a_png_are_read_from_matlab_files(tmp_path: Path) -> None:
    listing = find_samples(crack_forest(tmp_path, pngs=("001",), mats=("001", "002")))
    assert [sample.masks[0].name for sample in listing.samples] == ["001.png", "002.mat"]
    assert listing.notes[1] == "1 of the masks are read from 'groundTruth', having no PNG."
    assert (read_truth(listing.samples[1]) == regions()).all()
    assert find_samples(crack_forest(tmp_path / "only", mats=("001", "002"))).layout == "cfd"


def test_a_crack_photograph_without_regions_is_refused(tmp_path: Path) -> None:
    save(crack_forest(tmp_path, pngs=("001",)) / "image" / "002.jpg", noise(12, 10, 3))
    assert "without regions of its name" in refusal(find_samples, tmp_path)


def test_tiles_of_a_photograph_are_a_group_and_photographs_in_two_parts_are_said(tmp_path: Path) -> None:
    siblings(tmp_path, {"train": ("11116-1-1", "11116-1-2", "7Q-3"), "test": ("11116-4-1", "99-1")}, suffix=".jpg")
    listing = find_samples(tmp_path)
    assert listing.layout == "deepcrack_tiles"
    assert [(sample.group, sample.part) for sample in listing.samples] == [
        ("11116-1", "train"), ("11116-1", "train"), ("7Q", "train"), ("11116-4", "test"), ("99", "test"),
    ]  # fmt: skip
    assert listing.notes == ("Tiles of one photograph (the name before the last '-') stay in one part: 4 photographs.",)
    assert listing.doubts == (
        (
            "Perhaps a leak: images of one source (by the name before the first '-') lie in several of the folders train, val and "
            "test, so their score may be too good: '11116'. Move them together."
        ),
    )


@pytest.mark.parametrize("names", [("image-1", "image-2"), ("p1-1", "p1-2")])
def test_names_that_only_count_are_no_tiles(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert find_samples(siblings(tmp_path, {"train": names})).layout == "split pairs"


def test_a_layout_may_be_forced_by_its_name(tmp_path: Path) -> None:
    isbi(tmp_path)
    assert find_samples(tmp_path, "split pairs").layout == "split pairs"
    with pytest.raises(DataError, match=r"is not of the layout 'drive'\. Leave --layout out, or name another\."):
        find_samples(tmp_path, "drive")
    with pytest.raises(ConfigError, match="There is no layout 'drife'"):
        find_samples(tmp_path, "drife")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_layout_takes_an_empty_folder(tmp_path: Path, layout: str) -> None:
    with pytest.raises(DataError, match="is not of the layout"):
        find_samples(tmp_path, layout)
