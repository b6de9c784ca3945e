"""Intervals against closed forms, against SciPy, and at their edges."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.simulated_studies import MEAN, MEAN_IOU, World
from utome.randomness import generator
from utome.statistics.bootstrap import bca_interval
from utome.statistics.intervals import Interval, estimate, estimate_difference, of_differences
from utome.statistics.scores import Score, mean_over_images
from utome.statistics.units import Sums

UNBOUNDED = Score(mean_over_images, bounds=None)
VALUES = [0.81, 0.62, 0.9, 0.77, 0.54, 0.88, 0.71]


def sums_of(values: list[float]) -> np.ndarray:
    """The sums of images with these scores."""
    return np.stack([np.asarray(values), np.ones(len(values))], axis=1)


def ends(interval: Interval | None) -> tuple[float, float]:
    assert interval is not None
    return interval.low, interval.high


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=30).filter(lambda values: np.ptp(values) > 1e-3))
def test_of_a_plain_mean_it_is_students_interval_with_fewer_degrees_for_heavy_tails(values: list[float]) -> None:
    count = len(values)
    heavy = max(stats.kurtosis(values, bias=False), 0) if count > 3 else 0
    expected = stats.t.interval(0.95, 2 / (2 / (count - 1) + heavy / count), np.mean(values), stats.sem(values))
    found = estimate(sums_of(values), UNBOUNDED)
    assert ends(found.interval) == pytest.approx(expected, rel=1e-4)
    assert found.value == pytest.approx(np.mean(values))
    assert found.deviation == pytest.approx(np.std(values, ddof=1))
    assert found.units == len(values)


def test_without_heavy_tails_it_is_students_interval_itself() -> None:
    found = estimate(sums_of(VALUES), UNBOUNDED)
    assert ends(found.interval) == pytest.approx(stats.t.interval(0.95, 6, np.mean(VALUES), stats.sem(VALUES)))


def test_one_image_that_weighs_as_much_as_all_others_widens_it() -> None:
    matrix = np.asarray([[90.0, 2], [3, 20]])
    counts = np.stack([matrix + np.diag([number, 0]) for number in range(14)] + [20 * matrix[::-1, ::-1]])
    found = estimate(counts, Score(MEAN_IOU.of, bounds=None))
    low, high = ends(found.interval)
    assert (high - low) / 2 > 1.5 * stats.t.ppf(0.975, 14) * found.deviation / math.sqrt(15)


def test_of_a_difference_it_is_students_interval_of_the_differences() -> None:
    other = [value + 0.03 + 0.02 * math.sin(number) for number, value in enumerate(VALUES)]
    found = estimate_difference(sums_of(VALUES), sums_of(other), UNBOUNDED, alpha=0.1)
    expected = stats.ttest_rel(other, VALUES).confidence_interval(0.9)
    assert ends(found.interval) == pytest.approx((expected.low, expected.high))


def test_between_bounds_it_is_worked_on_the_logit_scale() -> None:
    low, high = ends(estimate(sums_of(VALUES), MEAN).interval)
    mean, reach = np.mean(VALUES), stats.t.ppf(0.975, 6) * stats.sem(VALUES) / (np.mean(VALUES) * (1 - np.mean(VALUES)))
    logit = math.log(mean / (1 - mean))
    assert low == pytest.approx(1 / (1 + math.exp(reach - logit)))
    assert high == pytest.approx(1 / (1 + math.exp(-reach - logit)))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12))
def test_it_never_leaves_the_bounds(values: list[float]) -> None:
    found = estimate(sums_of(values), MEAN)
    if found.interval is not None:
        assert 0 <= found.interval.low <= found.value <= found.interval.high <= 1


def test_other_units_of_measurement_give_the_same_interval() -> None:
    tenfold = Score(lambda sums: 10 * mean_over_images(sums), bounds=(0.0, 10.0))
    low, high = ends(estimate(sums_of(VALUES), MEAN).interval)
    assert ends(estimate(sums_of(VALUES), tenfold).interval) == pytest.approx((10 * low, 10 * high))


def test_a_pooled_score_is_recomputed_with_each_unit_left_out() -> None:
    counts = World("mean IoU, pooled", "left-skewed").draw(generator(1, "jackknife"), 1, 6)[0, 0]
    without = [MEAN_IOU.of(np.delete(counts, unit, axis=0).sum(axis=0, keepdims=True))[0] for unit in range(6)]
    error = math.sqrt(5 / 6 * np.sum((np.asarray(without) - np.mean(without)) ** 2))
    found = estimate(counts, Score(MEAN_IOU.of, bounds=None))
    assert found.value == pytest.approx(MEAN_IOU.of(counts.sum(axis=0, keepdims=True))[0])
    assert found.deviation == pytest.approx(error * math.sqrt(6))
    reach = stats.t.ppf(0.975, 5) * error
    assert ends(found.interval) == pytest.approx((found.value - reach, found.value + reach))


def test_two_eyes_with_the_same_result_tell_no_more_than_one() -> None:
    one = estimate(sums_of(VALUES), MEAN)
    both = estimate(2 * sums_of(VALUES), MEAN)
    assert ends(both.interval) == pytest.approx(ends(one.interval))


@pytest.mark.parametrize("values", [[], [0.7], [math.nan]])
def test_fewer_than_two_units_have_a_value_at_most_but_no_interval(values: list[float]) -> None:
    sums = np.nan_to_num(sums_of(values)) * ~np.isnan(values)[:, None]
    found = estimate(sums, MEAN)
    assert found.interval is None
    assert found.value == 0.7 if values == [0.7] else math.isnan(found.value)


@pytest.mark.parametrize("value", [0, 0.1, 1 / 3, 1])
def test_without_spread_between_units_there_is_no_interval_of_no_width(value: float) -> None:
    found = estimate(sums_of([value] * 7), MEAN)
    assert (found.interval, found.deviation) == (None, 0)
    assert found.value == pytest.approx(value)


def test_two_arms_a_constant_apart_have_no_interval_either() -> None:
    found = estimate_difference(sums_of(VALUES), sums_of([value + 0.05 for value in VALUES]), MEAN)
    assert (found.interval, found.deviation) == (None, 0)


def test_units_without_a_score_are_not_counted() -> None:
    with_gap = np.insert(sums_of(VALUES), 3, 0, axis=0)
    found = estimate(with_gap, UNBOUNDED)
    assert found == estimate(sums_of(VALUES), UNBOUNDED)
    assert found.units == 7


def foreground_iou(counts: Sums) -> np.ndarray:
    union = counts[:, 1, 1] + counts[:, 0, 1] + counts[:, 1, 0]
    return np.divide(counts[:, 1, 1], union, out=np.full(len(counts), np.nan), where=union > 0)


def test_a_class_in_a_single_image_has_a_score_but_no_interval() -> None:
    counts = np.asarray([[[9, 0], [0, 0]], [[5, 1], [1, 3]], [[9, 0], [0, 0]]]) / 3
    found = estimate(counts, Score(foreground_iou))
    assert found.value == pytest.approx(3 / 5)
    assert found.interval is None
    assert math.isnan(found.deviation)


def test_where_not_a_pixel_is_wrong_there_is_no_interval() -> None:
    assert estimate(np.asarray([[[5.0, 0], [0, n]] for n in range(4)]), MEAN_IOU).interval is None


def test_bca_agrees_with_scipy() -> None:
    values = stats.beta(8, 2).rvs(15, random_state=3)
    found = ends(bca_interval(sums_of(list(values)), MEAN, generator=generator(0, "bca"), resamples=50_000))
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=50_000, method="BCa", rng=np.random.default_rng(1)
    ).confidence_interval
    width = expected.high - expected.low
    assert found == pytest.approx((expected.low, expected.high), abs=0.02 * width)
    percentile = stats.bootstrap(
        (values,), np.mean, n_resamples=50_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert found[0] < percentile.low - 0.03 * width  # the tolerance tells them apart


def test_bca_of_the_same_key_is_the_same() -> None:
    assert bca_interval(sums_of(VALUES), MEAN, generator=generator(5), resamples=500) == bca_interval(
        sums_of(VALUES), MEAN, generator=generator(5), resamples=500
    )


@pytest.mark.parametrize("values", [[0.7], [0.7, 0.7, 0.7], [1 / 3] * 7])
def test_bca_needs_two_units_and_spread(values: list[float]) -> None:
    assert bca_interval(sums_of(values), MEAN, generator=generator(0)) is None


def test_bca_leaves_out_resamples_without_a_score() -> None:
    counts = np.asarray([[[9, 0], [0, 0]], [[5, 1], [1, 3]], [[9, 2], [2, 4]], [[9, 0], [0, 0]]], dtype=np.float64)
    low, high = ends(bca_interval(counts, Score(foreground_iou), generator=generator(0)))
    assert 0.5 <= low < high <= 0.6
    assert bca_interval(counts[:2], Score(foreground_iou), generator=generator(0)) is None


def test_an_interval_over_more_than_half_of_all_values_says_nothing() -> None:
    assert Interval(0.007, 0.999).says_nothing((0.0, 1.0))
    assert not Interval(0.3, 0.7).says_nothing((0.0, 1.0))
    assert not Interval(-0.5, 0.4).says_nothing(of_differences((0.0, 1.0)))
    assert not Interval(0.0, 100.0).says_nothing(None)
