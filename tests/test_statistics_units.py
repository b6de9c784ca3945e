"""Results become units: the image or the group, with seeds and folds nested in it."""

import math

import numpy as np
import pytest

from utome.errors import DataError
from utome.statistics.scores import mean_over_images, weighted
from utome.statistics.units import Result, Unit, arms, holds_anything, paired

ONE = np.asarray([[8, 1], [2, 4]])
TWO = np.asarray([[6, 3], [0, 6]])


def test_an_image_is_a_unit_and_seeds_and_folds_are_not() -> None:
    runs = [
        Result("unet", image, ONE, seed=seed, fold=fold) for image in "ab" for seed in range(3) for fold in range(2)
    ]
    (arm,) = arms(runs)
    assert [unit.name for unit in arm.units] == ["a", "b"]
    assert arm.sums.tolist() == [ONE.tolist(), ONE.tolist()]


def test_seeds_are_averaged_count_by_count() -> None:
    (arm,) = arms([Result("unet", "a", ONE, seed=0), Result("unet", "a", TWO, seed=1)])
    assert arm.sums.tolist() == [[[7, 2], [1, 5]]]


def test_an_image_with_more_seeds_than_another_weighs_no_more() -> None:
    (arm,) = arms([*(Result("unet", "a", ONE, seed=seed) for seed in range(5)), Result("unet", "b", TWO)])
    assert arm.sums.sum(axis=0).tolist() == (ONE + TWO).tolist()


def test_the_images_of_a_group_are_one_unit_and_their_counts_add_up() -> None:
    (arm,) = arms(
        [
            Result("unet", "child-1-left", ONE, group="child 1"),
            Result("unet", "child-1-right", TWO, group="child 1"),
            Result("unet", "alone", ONE),
        ]
    )
    assert arm.units == (
        Unit("alone", ("alone",), is_group=False),
        Unit("child 1", ("child-1-left", "child-1-right"), is_group=True),
    )
    assert arm.sums.tolist() == [ONE.tolist(), (ONE + TWO).tolist()]


def test_a_group_and_an_image_of_the_same_name_are_two_units() -> None:
    (arm,) = arms([Result("unet", "1", ONE), Result("unet", "2", ONE, group="1")])
    assert len(arm.units) == 2


def test_scores_become_their_sum_and_number_and_the_mean_is_over_images() -> None:
    (arm,) = arms(
        [
            Result("unet", "a", 0.2, group="child"),
            Result("unet", "b", 0.4, group="child"),
            Result("unet", "c", 0.9),
        ]
    )
    assert arm.sums == pytest.approx(np.asarray([[0.9, 1], [0.6, 2]]))
    assert mean_over_images(arm.sums.sum(axis=0, keepdims=True)).tolist() == pytest.approx([0.5])


def test_a_score_that_does_not_exist_is_left_out() -> None:
    (arm,) = arms(
        [
            Result("unet", "a", 0.5, seed=0),
            Result("unet", "a", math.nan, seed=1),
            Result("unet", "b", math.nan),
        ]
    )
    assert arm.sums.tolist() == [[0.5, 1], [0, 0]]
    assert holds_anything(arm.sums).tolist() == [True, False]
    assert mean_over_images(arm.sums)[0] == 0.5
    assert math.isnan(mean_over_images(arm.sums)[1])


def test_the_order_of_results_changes_nothing_but_the_order_of_arms() -> None:
    rows = [Result(arm, image, value) for arm in ("x", "y") for image, value in (("a", ONE), ("b", TWO))]
    forth, back = arms(rows), arms(rows[::-1])
    assert [arm.name for arm in forth] == ["x", "y"]
    assert [arm.name for arm in back] == ["y", "x"]
    assert forth[0].units == back[1].units
    assert forth[0].sums.tolist() == back[1].sums.tolist()


def test_units_in_which_neither_arm_has_a_score_are_left_out_of_a_pair() -> None:
    one, other = arms(
        [
            *(Result("x", image, value) for image, value in (("a", 0.5), ("b", math.nan), ("c", math.nan))),
            *(Result("y", image, value) for image, value in (("a", 0.6), ("b", math.nan), ("c", 0.0))),
        ]
    )
    assert [sums.tolist() for sums in paired(one, other)] == [[[0.5, 1], [0, 0]], [[0.6, 1], [0, 1]]]


def test_a_resample_is_weights_times_sums_and_what_is_in_no_chosen_unit_counts_exactly_nothing() -> None:
    sums = np.asarray([[[0.1, 0.2], [0.3, 1 / 3]], [[0.7, 0], [0, 0]], [[0.1, 0], [0, 0]]])
    drawn = weighted(sums, np.asarray([[1.0, 1, 1], [0, 2, 1], [0, 0, 0]]))
    assert drawn[0] == pytest.approx(sums.sum(axis=0))
    assert drawn[1].tolist() == [[1.5, 0], [0, 0]]
    assert not drawn[2].any()


def test_arms_scored_on_other_images_are_refused_with_an_example() -> None:
    one, other = arms([Result("x", "a", 0.5), Result("x", "b", 0.5), Result("y", "a", 0.5)])
    with pytest.raises(DataError, match=r"'x' and 'y' have not the same images.*'b', for example, is in only one"):
        paired(one, other)


def test_arms_of_other_classes_are_refused() -> None:
    (one,) = arms([Result("x", "a", ONE)])
    (other,) = arms([Result("y", "a", np.eye(3))])
    with pytest.raises(DataError, match=r"shape \(2, 2\) and 'y' of \(3, 3\)"):
        paired(one, other)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([], "There are no results to compare"),
        ([Result("x", "a", 0.5), Result("x", "a", 0.6)], "'x' has two results of image 'a' with seed 0 and fold 0"),
        ([Result("x", "a", 0.5, group="g"), Result("y", "a", 0.6, group="h")], "in group 'g' and in 'h'"),
        ([Result("x", "a", 0.5), Result("x", "b", ONE)], r"image 'b' has shape \(2, 2\), that of 'a' \(\)"),
    ],
)
def test_results_that_contradict_each_other_are_refused(rows: list[Result], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        arms(rows)
