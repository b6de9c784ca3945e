"""The class table: which mask values are which class, and which values cannot be classes."""

import numpy as np
import pytest

from utome.data.classes import IGNORED, ClassTable, Declared, class_table
from utome.data.formats import COLOURED
from utome.data.truth import UNKNOWN
from utome.errors import DataError


def table(*values: int) -> ClassTable:
    return class_table(dict.fromkeys(values, 10), lossy=False)[0]


def refusal(values: dict[int, int], *, lossy: bool = False) -> str:
    with pytest.raises(DataError) as caught:
        class_table(values, lossy=lossy)
    return str(caught.value)


@pytest.mark.parametrize("high", [1, 7, 255, 65535])
def test_masks_of_0_and_one_other_value_are_background_and_foreground(high: int) -> None:
    classes, note = class_table({0: 10, high: 5}, lossy=False)
    assert classes == ClassTable(("background", "foreground"), ((0,), (high,)))
    assert classes.count == 2
    assert note == f"Masks hold 0 and {high}: read as two classes, background (0) and foreground ({high})."


@pytest.mark.parametrize("trained", [1, 255])
@pytest.mark.parametrize("given", [1, 255])
def test_masks_of_0_and_1_and_of_0_and_255_have_the_same_labels(trained: int, given: int) -> None:
    mask = np.asarray([[0, given], [given, 0]], dtype=np.uint8)
    labels = table(0, trained).labels(mask, source="a")
    assert labels.dtype == np.uint8
    assert labels.tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize("trained", [1, 255])
def test_an_empty_mask_is_all_background(trained: int) -> None:
    assert not table(0, trained).labels(np.zeros((2, 3), dtype=np.uint8), source="a").any()


def test_each_of_several_values_is_a_class_in_ascending_order() -> None:
    classes, note = class_table({100: 1, 0: 5, 7: 2}, lossy=False)
    assert classes.names == ("class 0", "class 7", "class 100")
    assert classes.labels(np.asarray([[100, 7], [0, 7]], dtype=np.uint16), source="a").tolist() == [[2, 1], [0, 1]]
    assert [classes.number(value) for value in (0, 7, 100)] == [0, 1, 2]
    assert note == "Masks hold 3 values (0, 7, 100): each is read as a class."


def test_two_values_without_0_keep_their_numbers_as_names() -> None:
    assert table(1, 2).names == ("class 1", "class 2")


@pytest.mark.parametrize("value", [1, 50, 200])
def test_a_value_that_is_no_class_is_refused_with_the_file_and_the_classes(value: int) -> None:
    with pytest.raises(DataError) as caught:
        table(0, 7, 100).labels(np.asarray([[0, value]], dtype=np.uint8), source="mask.png")
    assert str(caught.value) == f"The mask 'mask.png' holds the value {value}, which is no class; accepted: 0, 7, 100."


def test_a_mask_with_both_1_and_255_is_no_mask_of_two_classes() -> None:
    with pytest.raises(DataError, match="holds the value 1, which is no class; accepted: 0, 255"):
        table(0, 255).labels(np.asarray([[0, 1, 255]], dtype=np.uint8), source="a")


def test_a_negative_value_is_refused() -> None:
    assert refusal({-1: 3, 0: 5}) == (
        "A mask holds the value -1; classes are numbered from 0 upwards. Export the masks again, or say what it means: "
        "--set data.ignore=[-1] leaves its pixels out."
    )


@pytest.mark.parametrize("value", [0, 3, 255])
def test_masks_of_a_single_value_are_refused(value: int) -> None:
    assert refusal({value: 100}).startswith(f"Every mask holds the value {value} alone, so there is nothing to learn.")


def test_32_values_are_classes_and_33_are_not() -> None:
    assert table(*range(32)).count == 32
    assert "33 different values" in refusal(dict.fromkeys(range(0, 99, 3), 10))


def test_masks_with_too_many_values_are_refused_with_what_is_accepted() -> None:
    sentence = refusal(dict.fromkeys(range(256), 10))
    assert "The masks hold 256 different values" in sentence
    assert "accepted: at most 32 values, one for each class, or black and white with at least 98%" in sentence
    assert "(here 25.8%)" in sentence


def test_masks_of_object_numbers_above_255_are_refused() -> None:
    assert "look like photographs or object numbers" in refusal({0: 10**6, **dict.fromkeys(range(1, 300), 1)})


def test_black_and_white_masks_with_the_noise_of_compression_are_cut_in_the_middle() -> None:
    values = {0: 5000, 255: 4900} | dict.fromkeys(range(1, 33), 1) | {100: 10, 150: 10}
    classes, note = class_table(values, lossy=False)
    assert classes == ClassTable(("background", "foreground"), ((0,), (255,)), threshold=127)
    assert "black and white with noise" in note
    assert "above 127 is foreground" in note
    assert classes.labels(np.asarray([[0, 127], [128, 250]], dtype=np.uint8), source="a").tolist() == [[0, 0], [1, 1]]
    assert [classes.number(value) for value in (3, 127, 128, 255)] == [0, 0, 1, 1]


def test_jpeg_masks_are_cut_in_the_middle_however_few_values_they_hold() -> None:
    assert class_table({0: 90, 255: 10}, lossy=True)[0].threshold == 127


def test_grey_jpeg_masks_are_refused() -> None:
    assert "look like photographs" in refusal({0: 90, 128: 10}, lossy=True)


@pytest.mark.parametrize("values", [{0: 100}, {255: 100}, {0: 90, 1: 10}, {230: 1, 255: 9}])
def test_jpeg_masks_without_both_black_and_white_are_refused(values: dict[int, int]) -> None:
    assert "nothing to learn" in refusal(values, lossy=True)


def test_a_few_object_numbers_on_much_background_are_not_taken_for_black_and_white() -> None:
    values = {0: 99_000} | dict.fromkeys(range(1, 41), 25)
    with pytest.raises(DataError):
        class_table(values, lossy=False)


def test_several_values_may_be_one_class_and_the_order_is_as_declared() -> None:
    declared = Declared((("road", (1, 3)), ("crack", (2,))))
    classes, note = class_table({1: 5, 2: 1, 3: 2}, lossy=False, declared=declared)
    assert classes.names == ("road", "crack")
    assert classes.labels(np.asarray([[1, 2, 3]], dtype=np.uint8), source="a").tolist() == [[0, 1, 0]]
    assert note == "Classes: road (1, 3), crack (2)."


def test_a_value_outside_the_declared_classes_is_refused_with_where_to_put_it() -> None:
    with pytest.raises(
        DataError, match=r"The masks hold 4, which belongs to no class of data.classes. Add it to a class"
    ):
        class_table({1: 5, 4: 1}, lossy=False, declared=Declared((("road", (1,)), ("field", (2,)))))


def test_ignored_values_and_unknown_pixels_have_the_label_of_none() -> None:
    classes, note = class_table({0: 5, 255: 5, 128: 1, UNKNOWN: 9}, lossy=False, declared=Declared(ignored=(128,)))
    assert classes.names == ("background", "foreground")
    mask = np.asarray([[0, 128, 255, UNKNOWN]])
    assert classes.labels(mask, source="a").tolist() == [[0, IGNORED, 1, IGNORED]]
    assert [classes.number(value) for value in (0, 128, 255, UNKNOWN)] == [0, None, 1, None]
    assert note.endswith("Ignored: 128.")


def test_ignored_pixels_are_ignored_in_noisy_black_and_white_too() -> None:
    values = dict.fromkeys(range(40), 1) | {0: 9000, 255: 9000, 100: 3}
    classes, _ = class_table(values, lossy=False, declared=Declared(ignored=(100,)))
    assert classes.threshold == 127
    assert classes.labels(np.asarray([[3, 100, 250]]), source="a").tolist() == [[0, IGNORED, 1]]


def test_colours_are_shown_as_colours() -> None:
    classes, note = class_table({COLOURED: 9, COLOURED + 0xFF0000: 2}, lossy=False)
    assert classes.names == ("background", "foreground")
    assert "#ff0000" in note


def test_a_black_mask_among_coloured_ones_is_of_their_black_class() -> None:
    classes, _ = class_table({0: 9, COLOURED: 5, COLOURED + 0xFF0000: 2}, lossy=False)
    assert classes.names == ("background", "foreground")
    assert classes.labels(np.zeros((1, 2), dtype=np.uint8), source="a").tolist() == [[0, 0]]
    assert classes.labels(np.asarray([[COLOURED + 0xFF0000, COLOURED]]), source="b").tolist() == [[1, 0]]
    assert [classes.number(value) for value in (0, COLOURED, COLOURED + 0xFF0000)] == [0, 0, 1]
