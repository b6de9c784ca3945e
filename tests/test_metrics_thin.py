"""Cracks within a tolerance, clDice, scores by width, and ODS and OIS."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from skimage.morphology import disk

from utome.errors import ConfigError, DataError
from utome.metrics.skeleton import skeleton
from utome.metrics.thin import centreline_counts, near, tolerant_counts, width_scores
from utome.metrics.thresholds import threshold_counts
from utome.metrics.twosided import TwoSided

EMPTY = np.zeros((40, 60), dtype=bool)


def bar(top: int, bottom: int, left: int = 0, right: int = 60) -> np.ndarray:
    mask = EMPTY.copy()
    mask[top:bottom, left:right] = True
    return mask


def noisy(seed: int, share: float = 0.1) -> np.ndarray:
    return np.random.default_rng(seed).random((40, 60)) < share


@given(st.integers(0, 1000), st.sampled_from([0, 1, 2, 5]))
def test_what_is_near_is_a_dilation_by_a_disc(seed: int, tolerance: int) -> None:
    mask = noisy(seed, share=0.01)
    assert near(mask, float(tolerance)).tolist() == ndimage.binary_dilation(mask, disk(tolerance)).tolist()


def test_a_crack_two_pixels_off_is_found_at_a_tolerance_of_two_alone() -> None:
    truth, predicted = bar(10, 11), bar(12, 13)
    assert [tolerant_counts(truth, predicted, tolerance=limit).f1 for limit in (0.0, 1.9, 2.0)] == [0, 0, 1]


def test_precision_and_recall_come_from_their_own_pixels() -> None:
    truth, predicted = bar(10, 11), bar(10, 13, 0, 30)
    found = tolerant_counts(truth, predicted, tolerance=1.0)
    # Of three predicted rows two are near; 30 true pixels are covered and the 31st touches the prediction.
    assert found == TwoSided(predicted_right=60, predicted=90, truth_found=31, truth=60)
    assert (found.precision, found.recall) == (60 / 90, 31 / 60)


def test_unknown_pixels_count_on_neither_side() -> None:
    known = ~bar(0, 40, 30, 60)
    found = tolerant_counts(bar(10, 11), bar(12, 13, 20, 60), tolerance=2.0, known=known)
    assert found == TwoSided(predicted_right=10, predicted=10, truth_found=10, truth=30)


@pytest.mark.parametrize(
    ("truth", "predicted", "f1"),
    [
        (EMPTY, EMPTY, math.nan),
        (EMPTY, ~EMPTY, 0),
        (~EMPTY, EMPTY, 0),
        (~EMPTY, ~EMPTY, 1),
        (bar(3, 4), bar(30, 31), 0),
    ],
)
def test_empty_and_full_masks(truth: np.ndarray, predicted: np.ndarray, f1: float) -> None:
    counted = [
        tolerant_counts(truth, predicted, tolerance=2.0),
        centreline_counts(truth, predicted),
        threshold_counts(truth, predicted.astype(np.float32), tolerance=2.0).at[50],
    ]
    np.testing.assert_array_equal([each.f1 for each in counted], [f1] * 3)


def test_cldice_is_that_of_its_definition() -> None:
    vessels = [ndimage.binary_dilation(noisy(seed, share=0.005), iterations=3) for seed in (1, 2)]
    truth, predicted = vessels[0], vessels[0] & ~bar(20, 24) | vessels[1] & bar(0, 10)
    found = centreline_counts(truth, predicted)
    lines = skeleton(truth), skeleton(predicted)
    assert found.precision == (lines[1] & truth).sum() / lines[1].sum()
    assert found.recall == (lines[0] & predicted).sum() / lines[0].sum()
    assert found.f1 == pytest.approx(2 / (1 / found.precision + 1 / found.recall))
    assert 0 < found.f1 < 1


def test_cldice_forgives_width_but_no_gap() -> None:
    truth = bar(10, 17)
    assert centreline_counts(truth, bar(12, 15)).f1 == 1
    gap = bar(10, 17) & ~bar(0, 40, 25, 35)
    assert centreline_counts(truth, gap).precision == 1
    assert centreline_counts(truth, gap).recall < 0.85


def test_a_lost_thin_vessel_and_an_invented_one_show_in_their_widths() -> None:
    thick, thin, invented = bar(4, 13), bar(20, 21), bar(30, 31, 0, 20)
    found = width_scores(thick | thin, thick | invented)
    assert found.limits == (3, 6, 12)
    thinnest, _, thickest, _ = found.widths
    assert (thinnest.recall, thinnest.precision) == (0, 0)
    assert (thinnest.truth, thinnest.predicted) == (60, 20)
    assert (thickest.recall, thickest.precision) == (1, 1)
    assert found.together == centreline_counts(thick | thin, thick | invented)


@pytest.mark.parametrize(("pixels", "width"), [(1, 2), (2, 2), (3, 4), (4, 4), (9, 10)])
def test_a_width_is_twice_the_distance_to_the_outside(pixels: int, width: int) -> None:
    mask = bar(10, 10 + pixels) & bar(0, 40, 20, 60) | bar(10, 10 + pixels)
    found = width_scores(mask, mask, limits=(float(width), width + 0.5))
    shares = [each.truth for each in found.widths]
    assert shares[1] > 0.7 * sum(shares)
    assert shares[2] == 0


def test_scores_by_width_add_up() -> None:
    a, b = width_scores(bar(4, 13), bar(4, 13)), width_scores(bar(20, 21), EMPTY)
    both = a + b
    assert both.together == a.together + b.together
    assert both.widths[0].recall == 0
    with pytest.raises(DataError, match="Scores of width limits"):
        a + width_scores(EMPTY, EMPTY, limits=(4.0,))


@given(st.integers(0, 1000), st.sampled_from([0.0, 1.0, 1.5, 3.0]))
def test_all_thresholds_at_once_are_each_threshold_by_itself(seed: int, tolerance: float) -> None:
    draws = np.random.default_rng(seed)
    truth, known = noisy(seed, 0.03), draws.random((40, 60)) < 0.9
    probability = (draws.random((40, 60)) * 0.99).round(2).astype(np.float64)
    limits = (0.0, 0.13, 0.5, 0.97, 1.0)
    found = threshold_counts(truth, probability, tolerance=tolerance, thresholds=limits, known=known)
    for limit, counted in zip(limits, found.at, strict=True):
        assert counted == tolerant_counts(truth, probability >= limit, tolerance=tolerance, known=known)


def test_ods_takes_one_threshold_for_all_images_and_ois_one_for_each() -> None:
    truth = bar(10, 11)
    # The first image's crack stands out at 0.3 from 0.2, the second's at 0.8 from 0.6.
    images = [np.where(truth, high, low).astype(np.float32) for high, low in ((0.3, 0.2), (0.8, 0.6))]
    counted = [threshold_counts(truth, image, tolerance=0.0) for image in images]
    assert [each.ods for each in counted] == [each.ois for each in counted] == [1, 1]
    assert [each.best_threshold for each in counted] == [0.3, 0.8]
    both = counted[0] + counted[1]
    assert both.ois == 1
    # From 0.61 to 0.8 the first crack is lost and the second found without error.
    assert both.ods == pytest.approx(2 / 3)
    assert both.best_threshold == 0.8


def test_in_an_image_without_a_crack_predicting_nothing_is_best() -> None:
    found = threshold_counts(EMPTY, np.full(EMPTY.shape, 0.6), tolerance=2.0)
    assert math.isnan(found.ois)
    assert found.at_best_of_image.predicted == 0
    always = threshold_counts(EMPTY, np.full(EMPTY.shape, 1.0), tolerance=2.0)
    assert (always.ois, always.best_threshold) == (0, 0.99)


def test_bad_input_is_refused() -> None:
    grey = np.full(EMPTY.shape, 0.5)
    for refused in (
        lambda: tolerant_counts(EMPTY, EMPTY[1:], tolerance=2.0),
        lambda: width_scores(EMPTY, EMPTY[1:]),
        lambda: threshold_counts(EMPTY, grey[1:], tolerance=2.0),
        lambda: threshold_counts(EMPTY, grey * 4, tolerance=2.0),
        lambda: threshold_counts(EMPTY, grey * math.nan, tolerance=2.0),
        lambda: threshold_counts(EMPTY, grey, tolerance=math.inf),
        lambda: tolerant_counts(EMPTY, EMPTY, tolerance=math.nan),
        lambda: threshold_counts(EMPTY, grey, tolerance=1.0) + threshold_counts(EMPTY, grey, tolerance=2.0),
    ):
        with pytest.raises(DataError):
            refused()
    with pytest.raises(ConfigError, match="must rise from above 0"):
        width_scores(EMPTY, EMPTY, limits=(3.0, 3.0))
    with pytest.raises(ConfigError, match="one or more, rising"):
        threshold_counts(EMPTY, grey, tolerance=1.0, thresholds=(0.5, 0.4))
