"""Objects in files or numbers of their own: coloured, grey and mixed; and what a JPEG can and cannot hold."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.builders import look, noise, save, save_pairs
from tests.layout_trees import bowl, coco_document, coco_folder, drive_set
from utome.config.sections import DataSettings
from utome.data.samples import Sample, TruthKind
from utome.data.truth import UNKNOWN, read_objects, read_truth
from utome.errors import DataError
from utome.events import silent
from utome.jobs.reading import read_data

# Two objects and nothing between them, by number.
NUMBERS = np.zeros((16, 16), dtype=np.uint8)
NUMBERS[:5], NUMBERS[10:, 4:] = 1, 2
RED, BLUE = (255, 0, 0), (0, 0, 255)


def painted(*colours: tuple[int, int, int], numbers: np.ndarray = NUMBERS) -> np.ndarray:
    """The objects in these colours, on black."""
    return np.array([(0, 0, 0), *colours], dtype=np.uint8)[numbers]


def sample_of(path: Path, *masks: tuple[str, np.ndarray], truth: TruthKind = "instances") -> Sample:
    image = save(path / "image.png", noise(16, 16))
    return Sample("a", image, tuple(save(path / name, mask) for name, mask in masks), truth)


@pytest.mark.parametrize(
    "mask",
    [
        painted(BLUE, RED), painted((0, 0, 1), (1, 0, 0)), painted((7, 7, 7), (9, 0, 0)), NUMBERS,
        np.dstack([painted(BLUE, RED), np.full((16, 16), 255, np.uint8)]),
    ],
    ids=["colours", "dark colours", "grey and colour", "numbers", "a transparency that says nothing"],
)  # fmt: skip
def test_each_colour_of_a_mask_is_an_object_and_black_is_none(tmp_path: Path, mask: np.ndarray) -> None:
    sample = sample_of(tmp_path, ("mask.png", mask))
    objects = read_objects(sample)
    assert objects.dtype == np.int32
    assert objects.tolist() == NUMBERS.tolist()
    assert read_truth(sample).tolist() == (NUMBERS > 0).astype(int).tolist()


def test_a_coloured_mask_without_black_is_full_of_objects(tmp_path: Path) -> None:
    mask = painted(RED, BLUE, numbers=NUMBERS.clip(1))
    expected = np.where(NUMBERS.clip(1) == 1, 2, 1)
    assert read_objects(sample_of(tmp_path, ("mask.png", mask))).tolist() == expected.tolist()


@pytest.mark.parametrize("large", [2**24, 2**24 + 255, 2**31 - 1])
def test_object_numbers_as_large_as_colours_are_numbers(tmp_path: Path, large: int) -> None:
    numbers = np.where(NUMBERS == 2, large, NUMBERS).astype(np.int32)
    assert read_objects(sample_of(tmp_path, ("mask.tif", numbers))).tolist() == numbers.tolist()


def test_one_file_an_object_may_be_grey_or_coloured(tmp_path: Path) -> None:
    files = (
        ("1.png", painted(RED, numbers=(NUMBERS == 1).astype(int))),
        ("2.png", (NUMBERS == 2).astype(np.uint8)),
    )
    assert read_objects(sample_of(tmp_path, *files, truth="objects")).tolist() == NUMBERS.tolist()


def test_a_folder_of_coloured_and_grey_instances_has_two_classes(tmp_path: Path) -> None:
    def mask(number: int) -> np.ndarray:
        return np.roll(painted(RED, BLUE) if number % 2 else NUMBERS, number, axis=1)

    save_pairs(tmp_path, {f"{number}": (noise(16, 16, seed=number), mask(number)) for number in range(6)})
    found = read_data(tmp_path, DataSettings(truth="instances"), silent)
    assert found.classes.names == ("background", "foreground")
    assert {tuple(fact.values.values()) for fact in found.facts} == {
        (int((NUMBERS == 0).sum()), int((NUMBERS > 0).sum()))
    }


def test_a_coloured_field_of_view_ends_where_it_is_black(tmp_path: Path) -> None:
    drive_set(tmp_path)
    inside = np.zeros((12, 10, 3), dtype=np.uint8)
    inside[2:, :, 0] = 200
    for path in tmp_path.rglob("*_mask.gif"):
        path.unlink()
        save(path.with_suffix(".png"), inside)
    for fact in look(tmp_path).facts:
        assert np.array_equal(read_truth(fact.sample) == UNKNOWN, inside[:, :, 0] == 0)


@pytest.mark.parametrize("mask", [NUMBERS * 127, painted(RED, BLUE)], ids=["grey", "coloured"])
def test_object_numbers_in_a_jpeg_are_refused(tmp_path: Path, mask: np.ndarray) -> None:
    sample = sample_of(tmp_path, ("mask.jpg", mask))
    with pytest.raises(DataError, match=r"is a JPEG, which cannot hold object numbers: .* as PNG or TIFF\.$"):
        read_objects(sample)


@pytest.mark.parametrize("colour", [(255, 255, 255), RED, (240, 250, 0)])
def test_an_object_in_a_jpeg_is_what_lies_above_its_noise(tmp_path: Path, colour: tuple[int, int, int]) -> None:
    blocks = np.zeros_like(NUMBERS)
    blocks[:8, 8:] = 1
    sample = sample_of(tmp_path, ("1.jpg", painted(colour, numbers=blocks)), truth="objects")
    assert read_objects(sample).tolist() == blocks.tolist()


def test_a_folder_of_jpegs_an_object_is_read_as_two_classes_with_noise_left_out(tmp_path: Path) -> None:
    bowl(tmp_path)
    for path in list(tmp_path.rglob("masks/*.png")):
        path.unlink()
        nucleus = np.zeros((8, 8), dtype=np.uint8)
        nucleus[:3, int(path.stem) :][:, :3] = 255
        save(path.with_suffix(".jpg"), nucleus, quality=60)
    found = look(tmp_path)
    assert found.classes.names == ("background", "foreground")
    assert found.classes.threshold is None
    assert any("a JPEG, which blurs black and white" in note for note in found.notes)
    assert all(0 < fact.values[1] < 24 for fact in found.facts)


def test_a_jpeg_in_which_an_object_is_dark_is_refused(tmp_path: Path) -> None:
    sample = sample_of(tmp_path, ("1.jpg", (NUMBERS == 1).astype(np.uint8) * 4), truth="objects")
    with pytest.raises(
        DataError, match="is a JPEG whose brightest value is 4; accepted in a JPEG: black, and what lies above 127"
    ):
        read_objects(sample)


def test_a_black_jpeg_is_an_object_without_pixels(tmp_path: Path) -> None:
    assert not read_objects(sample_of(tmp_path, ("1.jpg", NUMBERS * 0), truth="objects")).any()


@pytest.mark.parametrize(("layout", "what"), [("coco", "an outline"), ("dsb2018", "one file")])
def test_a_kind_of_truth_that_the_layout_knows_better_is_said_to_have_no_effect(
    tmp_path: Path, layout: str, what: str
) -> None:
    if layout == "coco":
        square = [2.0, 3.0, 5.0, 3.0, 5.0, 7.0, 2.0, 7.0]
        coco_folder(tmp_path, coco_document([{"category_id": 1, "segmentation": [square]}]))
    else:
        bowl(tmp_path)
    found = read_data(tmp_path, DataSettings(truth="instances"), silent)
    said = f"data.truth=instances has no effect: the layout '{layout}' says itself that there is {what} an object."
    assert said in found.notes
    assert not any("The masks hold object numbers" in note for note in found.notes)
    assert said not in read_data(tmp_path, DataSettings(), silent).notes


def test_what_is_said_of_masks_has_an_effect_on_pairs(tmp_path: Path) -> None:
    save_pairs(tmp_path, {name: (noise(16, 16, seed=ord(name)), NUMBERS) for name in "abc"})
    notes = read_data(tmp_path, DataSettings(truth="instances"), silent).notes
    assert "The masks hold object numbers: objects are united into one foreground." in notes
    assert not any("has no effect" in note for note in notes)


def test_what_a_mask_of_objects_leaves_unmarked_is_background_or_unknown_but_close_around_them(tmp_path: Path) -> None:
    numbers = np.zeros((30, 40), dtype=np.uint16)
    numbers[10:14, 10:16] = 7
    sample = Sample("a", tmp_path / "a.png", (save(tmp_path / "a_gt.tif", numbers),), "instances")
    assert (read_truth(sample) == (numbers > 0)).all()
    partly = read_truth(replace(sample, complete=False))
    assert (partly[numbers > 0] == 1).all()
    assert (partly[10:14, 5:10] == 0).all()
    assert (partly[10:14, :5] == UNKNOWN).all()
    assert partly[9 - 4, 10] == 0
    assert partly[9 - 5, 10] == UNKNOWN
    empty = save(tmp_path / "b_gt.tif", np.zeros((30, 40), dtype=np.uint16))
    assert (read_truth(replace(sample, masks=(empty,), complete=False)) == UNKNOWN).all()
