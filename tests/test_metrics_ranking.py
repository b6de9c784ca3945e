"""The areas under the ROC and the precision-recall curve, beside scikit-learn."""

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from utome.errors import DataError
from utome.metrics.ranking import LEVELS, Ranking, ranking

DRAWS = np.random.default_rng(4)
TRUTH = DRAWS.integers(0, 2, (50, 41), dtype=np.uint8)
# Few levels, so that there are many ties.
TIED = ((DRAWS.integers(0, 20, TRUTH.shape) + 6 * TRUTH) * 1000 / (LEVELS - 1)).astype(np.float32)


def test_the_areas_are_those_of_scikit_learn_with_ties() -> None:
    found, flat = ranking(TRUTH, TIED), (TRUTH.ravel(), TIED.ravel())
    assert found.roc_area == pytest.approx(roc_auc_score(*flat), rel=1e-12)
    assert found.average_precision == pytest.approx(average_precision_score(*flat), rel=1e-12)


def test_the_curves_pass_through_scikit_learns_points() -> None:
    found, flat = ranking(TRUTH, TIED), (TRUTH.ravel(), TIED.ravel())
    false_rate, recall, _ = roc_curve(*flat, drop_intermediate=False)
    np.testing.assert_allclose(found.roc_curve, [false_rate[1:], recall[1:]])
    precision, recall, _ = precision_recall_curve(*flat)
    np.testing.assert_allclose(found.precision_recall_curve, [recall[-2::-1], precision[-2::-1]])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_rounding_changes_the_area_by_no_more_than_it_says(dtype: type[np.floating]) -> None:
    draws = np.random.default_rng(5)
    probability = (1 / (1 + np.exp(-5 * (draws.random(TRUTH.shape) + 0.3 * TRUTH)))).astype(dtype)
    found = ranking(TRUTH, probability)
    assert 0 < found.roc_area_error < 0.02
    exact = roc_auc_score(TRUTH.ravel(), probability.ravel())
    assert found.roc_area == pytest.approx(exact, abs=found.roc_area_error + 1e-12)


def test_the_counts_of_two_images_rank_all_their_pixels_together() -> None:
    halves = [ranking(TRUTH[part], TIED[part]) for part in (slice(20), slice(20, None))]
    both, whole = halves[0] + halves[1], ranking(TRUTH, TIED)
    assert both.positives.tolist() == whole.positives.tolist()
    assert both.roc_area == whole.roc_area != halves[0].roc_area


def test_a_perfect_and_a_reversed_ranking_have_areas_one_and_zero() -> None:
    assert ranking(TRUTH, TRUTH.astype(np.float64)).roc_area == 1
    assert ranking(TRUTH, TRUTH.astype(np.float64)).average_precision == 1
    assert ranking(TRUTH, 1 - TRUTH.astype(np.float64)).roc_area == 0


def test_an_image_of_one_probability_ranks_as_chance_does() -> None:
    found = ranking(TRUTH, np.full(TRUTH.shape, 0.3))
    assert found.roc_area == found.roc_area_error == 0.5
    assert found.average_precision == pytest.approx(TRUTH.mean())


def test_unknown_pixels_do_not_count_and_other_classes_are_negative() -> None:
    truth = np.asarray([[1, 1, 0, 2, 255]], dtype=np.uint8)
    found = ranking(truth, np.asarray([[1, 0.5, 0, 0.7, 1]]))
    assert (found.positives.sum(), found.negatives.sum()) == (2, 2)
    assert found.roc_area == 3 / 4
    assert ranking(truth, np.asarray([[0.1, 0.5, 0, 0.7, 1]]), positive=2).roc_area == 1


@pytest.mark.parametrize("label", [0, 1])
def test_without_positives_or_negatives_there_is_no_roc_area(label: int) -> None:
    found = ranking(np.full((2, 2), label, dtype=np.uint8), np.full((2, 2), 0.5))
    assert math.isnan(found.roc_area)
    assert found.average_precision == 1 if label else math.isnan(found.average_precision)


def test_no_pixels_have_no_area() -> None:
    nothing = np.zeros(LEVELS, dtype=np.int64)
    assert math.isnan(Ranking(nothing, nothing).roc_area)
    assert math.isnan(Ranking(nothing, nothing).average_precision)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (-0.1, "reach from -0.1 to 0.5"),
        (255.0, "reach from 0.5 to 255, but they must lie from 0 to 1"),
        (math.nan, "NaN"),
    ],
)
def test_what_is_no_probability_is_refused(value: float, sentence: str) -> None:
    probability = np.full((3, 3), 0.5)
    probability[1, 1] = value
    with pytest.raises(DataError, match=sentence):
        ranking(np.zeros((3, 3), dtype=np.uint8), probability)


def test_another_size_is_refused() -> None:
    with pytest.raises(DataError, match="The truth is 3x3 pixels, but the map of probabilities 2x3"):
        ranking(np.zeros((3, 3), dtype=np.uint8), np.zeros((2, 3)))
