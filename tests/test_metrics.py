"""The metrics, worked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from utome.metrics.confusion import confusion, empty_confusion

TRUTH = np.asarray([[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 0, 2], [0, 0, 2, 2]], dtype=np.uint8)
PREDICTED = np.asarray([[0, 0, 0, 1], [0, 1, 1, 1], [0, 0, 0, 2], [0, 0, 2, 1]], dtype=np.uint8)


def test_rows_are_the_truth_and_columns_the_prediction() -> None:
    assert confusion(TRUTH, PREDICTED, classes=3).counts.tolist() == [[8, 1, 0], [1, 3, 0], [0, 1, 2]]


def test_the_scores_are_those_worked_by_hand() -> None:
    score = confusion(TRUTH, PREDICTED, classes=3)
    assert score.iou.tolist() == pytest.approx([8 / 10, 3 / 6, 2 / 3])
    assert score.dice.tolist() == pytest.approx([16 / 18, 6 / 9, 4 / 5])
    assert score.precision.tolist() == pytest.approx([8 / 9, 3 / 5, 1])
    assert score.recall.tolist() == pytest.approx([8 / 9, 3 / 4, 2 / 3])
    assert score.mean_iou == pytest.approx((0.8 + 0.5 + 2 / 3) / 3)
    assert score.pixel_accuracy == pytest.approx(13 / 16)


def test_a_perfect_answer_scores_one() -> None:
    score = confusion(TRUTH, TRUTH, classes=3)
    assert score.iou.tolist() == score.dice.tolist() == score.precision.tolist() == score.recall.tolist() == [1, 1, 1]
    assert score.mean_iou == score.pixel_accuracy == 1


def test_a_class_absent_from_both_has_no_score_and_is_left_out_of_the_mean() -> None:
    score = confusion(TRUTH, PREDICTED, classes=4)
    assert all(math.isnan(values[3]) for values in (score.iou, score.dice, score.precision, score.recall))
    assert score.mean_iou == pytest.approx(confusion(TRUTH, PREDICTED, classes=3).mean_iou)


def test_a_class_that_is_predicted_but_absent_from_the_truth_has_iou_zero() -> None:
    predicted = TRUTH.copy()
    predicted[0, 0] = 3
    score = confusion(TRUTH, predicted, classes=4)
    assert (score.iou[3], score.dice[3], score.precision[3]) == (0, 0, 0)
    assert math.isnan(score.recall[3])
    assert score.mean_iou == pytest.approx((8 / 9 + 1 + 1 + 0) / 4)


def test_a_class_that_is_never_found_has_iou_zero_and_no_precision() -> None:
    score = confusion(TRUTH, np.zeros_like(TRUTH), classes=3)
    assert score.iou[1:].tolist() == score.recall[1:].tolist() == [0, 0]
    assert math.isnan(score.precision[1])


def test_the_matrices_of_several_images_add_up_to_that_of_all_their_pixels() -> None:
    total = confusion(TRUTH, PREDICTED, classes=3) + confusion(PREDICTED[:2], TRUTH[:2], classes=3)
    together = confusion(np.vstack([TRUTH, PREDICTED[:2]]), np.vstack([PREDICTED, TRUTH[:2]]), classes=3)
    assert total.counts.tolist() == together.counts.tolist()


def test_the_empty_matrix_adds_nothing_and_has_no_score() -> None:
    score = confusion(TRUTH, PREDICTED, classes=3)
    assert (empty_confusion(3) + score).counts.tolist() == score.counts.tolist()
    assert math.isnan(empty_confusion(3).mean_iou)
    assert math.isnan(empty_confusion(3).pixel_accuracy)


@given(st.integers(0, 1000), st.integers(2, 20))
def test_dice_and_iou_tell_the_same_and_every_pixel_is_counted(seed: int, classes: int) -> None:
    draws = np.random.default_rng(seed)
    truth, predicted = draws.integers(0, classes, (2, 9, 11), dtype=np.uint8)
    score = confusion(truth, predicted, classes=classes)
    assert score.counts.sum() == 99
    assert score.pixel_accuracy == pytest.approx((truth == predicted).mean())
    np.testing.assert_allclose(score.dice, 2 * score.iou / (1 + score.iou))


def test_pixels_whose_truth_is_no_class_are_not_counted() -> None:
    truth = np.asarray([[0, 1, 255], [1, 255, 0]], dtype=np.uint8)
    predicted = np.asarray([[0, 0, 1], [1, 0, 0]], dtype=np.uint8)
    assert confusion(truth, predicted, classes=2).counts.tolist() == [[2, 0], [1, 1]]
