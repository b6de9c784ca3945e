"""The paired test against brute force and SciPy, and Holm's correction against an example worked by hand."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.simulated_studies import MEAN, MEAN_IOU, World
from utome.randomness import generator
from utome.statistics import permutation
from utome.statistics.permutation import EXACT_LIMIT, MOST, PairedTest, corrected, holm, paired_test
from utome.statistics.units import Sums


def test_all_exchanges_of_three_images_by_brute_force() -> None:
    one, other = World("mean IoU, pooled", "left-skewed").draw(generator(0, "brute force"), 1, 3)[0]

    def difference(swaps: tuple[int, ...]) -> float:
        first = sum((other if swap else one)[unit] for unit, swap in enumerate(swaps))
        second = sum((one if swap else other)[unit] for unit, swap in enumerate(swaps))
        return abs(float(MEAN_IOU.of(second[None])[0] - MEAN_IOU.of(first[None])[0]))

    seen = difference((0, 0, 0))
    as_large = sum(difference(swaps) >= seen - 1e-12 for swaps in itertools.product((0, 1), repeat=3))
    test = paired_test(one, other, MEAN_IOU, generator=generator(0))
    assert test.p == as_large / 8
    assert (test.smallest_p, test.exchanges, test.exact) == (1 / 4, 4, True)


def scores(values: np.ndarray) -> Sums:
    return np.stack([values, np.ones(len(values))], axis=1)


@given(st.lists(st.integers(-9, 9), min_size=2, max_size=9))
def test_of_means_it_is_scipys_exact_test_ties_included(steps: list[int]) -> None:
    gain = np.asarray(steps) / 30
    test = paired_test(scores(np.full(len(gain), 0.4)), scores(0.4 + gain), MEAN, generator=generator(0))
    expected = stats.permutation_test(
        (np.asarray(steps, dtype=np.float64),), np.sum, permutation_type="samples", n_resamples=np.inf
    )
    assert test.p == pytest.approx(expected.pvalue)


def test_drawn_exchanges_agree_with_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = World("mean IoU, pooled", "left-skewed", gain=0.2).draw(generator(3, "drawn"), 1, 12)[0]
    exact = paired_test(one, other, MEAN_IOU, generator=generator(0))
    monkeypatch.setattr(permutation, "EXACT_LIMIT", 100)
    drawn = paired_test(one, other, MEAN_IOU, generator=generator(0), draws=20_000)
    assert (exact.exact, drawn.exact) == (True, False)
    assert 0.01 < exact.p < 0.6
    assert drawn.p == pytest.approx(exact.p, abs=5 * np.sqrt(exact.p * (1 - exact.p) / 20_000))


def test_a_drawn_p_is_never_zero() -> None:
    values = np.linspace(0.2, 0.5, 40)
    test = paired_test(scores(values), scores(values + 0.3), MEAN, generator=generator(0), draws=999)
    assert (test.p, test.smallest_p, test.exact) == (1 / 1000, 1 / 1000, False)


@pytest.mark.parametrize(("units", "smallest"), [(1, 1), (2, 1 / 2), (5, 1 / 16), (6, 1 / 32), (15, 1 / 16384)])
def test_the_smallest_p_is_reached_where_one_arm_wins_on_every_image(units: int, smallest: float) -> None:
    values = np.linspace(0.2, 0.5, units)
    test = paired_test(scores(values), scores(values + 0.1), MEAN, generator=generator(0))
    assert test.p == test.smallest_p == smallest


def test_units_without_any_difference_cannot_make_p_smaller() -> None:
    values = np.linspace(0.2, 0.5, 40)
    other = values + 0.1 * (np.arange(40) < 3)
    test = paired_test(scores(values), scores(other), MEAN, generator=generator(0))
    assert (test.p, test.smallest_p, test.differing, test.exact) == (1 / 4, 1 / 4, 3, True)


def test_two_arms_with_the_same_results_have_p_one() -> None:
    test = paired_test(scores(np.full(5, 0.3)), scores(np.full(5, 0.3)), MEAN, generator=generator(0))
    assert (test.p, test.smallest_p, test.differing) == (1, 1, 0)


def test_the_direction_changes_nothing() -> None:
    one, other = World("mean IoU, pooled", "symmetric", gain=0.4).draw(generator(1, "mirror"), 1, 9)[0]
    forth, back = (paired_test(*pair, MEAN_IOU, generator=generator(0)) for pair in ((one, other), (other, one)))
    assert forth == back


@pytest.mark.parametrize("count", [0, 3])
def test_arms_without_a_score_have_p_one(count: int) -> None:
    nothing = np.zeros((count, 2))
    assert paired_test(nothing, nothing, MEAN, generator=generator(0)).p == 1


def test_drawn_exchanges_of_the_same_key_are_the_same() -> None:
    one, other = World("mean over images", "symmetric").draw(generator(2, "key"), 1, 25)[0]
    first, second, third = (
        paired_test(one, other, MEAN, generator=generator(0, key), draws=500).p for key in ("a", "a", "b")
    )
    assert first == second
    assert first != third


def test_holm_worked_by_hand() -> None:
    # Ranked: 0.005 × 4 = 0.02; 0.01 × 3 = 0.03; 0.03 × 2 = 0.06; 0.04 × 1 = 0.04, raised to 0.06.
    assert holm(np.asarray([0.01, 0.04, 0.03, 0.005])) == pytest.approx(np.asarray([0.03, 0.06, 0.06, 0.02]))


def test_holm_never_passes_one_and_leaves_a_single_p_and_none_alone() -> None:
    assert holm(np.asarray([0.7, 0.8])).tolist() == [1, 1]
    assert holm(np.asarray([0.04])).tolist() == [0.04]
    assert holm(np.asarray([])).tolist() == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_the_order_and_lies_between_p_and_bonferroni(values: list[float]) -> None:
    p = np.asarray(values)
    corrected = holm(p)
    assert (corrected >= p).all()
    assert (corrected <= np.minimum(1, p * len(p)) + 1e-12).all()
    assert (np.diff(corrected[np.argsort(p, kind="stable")]) >= 0).all()


def test_more_exchanges_are_drawn_where_chance_in_drawing_may_decide() -> None:
    drawn: list[int] = []

    def near(draws: int) -> PairedTest:
        drawn.append(draws)
        return PairedTest(0.0260 if draws == EXACT_LIMIT else 0.0230, 1 / draws, 40, draws, exact=False)

    (_, corrected_p, least), (_, other, _) = corrected(
        [near, lambda draws: PairedTest(0.9, 1 / draws, 40, draws, exact=False)], alpha=0.05
    )
    assert drawn == [EXACT_LIMIT, 4 * EXACT_LIMIT, 16 * EXACT_LIMIT]
    assert (corrected_p, other) == (0.046, 0.9)
    assert least == pytest.approx(2 / (16 * EXACT_LIMIT))


def test_a_p_of_all_exchanges_or_of_most_draws_is_final() -> None:
    asked: list[int] = []

    def exact(draws: int) -> PairedTest:
        asked.append(draws)
        return PairedTest(0.05, 0.01, 5, 16, exact=True)

    def knife_edge(draws: int) -> PairedTest:
        asked.append(draws)
        return PairedTest(0.05, 1 / draws, 40, draws, exact=False)

    corrected([exact], alpha=0.05)
    assert asked == [EXACT_LIMIT]
    corrected([knife_edge], alpha=0.05)
    assert asked[-1] == MOST
