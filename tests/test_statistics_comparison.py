"""Verdicts in words, for many images and for very few."""

import math

import numpy as np
import pytest

from tests.simulated_studies import MEAN, MEAN_IOU, World
from utome.errors import DataError
from utome.randomness import generator
from utome.statistics.comparison import Comparison, compare
from utome.statistics.scores import Score, mean_over_images
from utome.statistics.units import Arm, Result, arms

BASE = [0.61, 0.72, 0.55, 0.8, 0.67, 0.7, 0.59, 0.75, 0.66, 0.71, 0.63, 0.69]
GAINS = [0.05, 0.04, 0.07, 0.03, 0.06, 0.05, 0.02, 0.04, 0.06, 0.05, 0.03, 0.04]


def arm(name: str, values: list[float]) -> Arm:
    return arms([Result(name, f"image {number:02d}", value) for number, value in enumerate(values)])[0]


def against(values: list[float], *, count: int = 12, score: Score = MEAN) -> Comparison:
    return compare(arm("unet", BASE[:count]), [arm("se-unet", values[:count])], score, seed=0)[0]


def plus(gains: list[float]) -> list[float]:
    return [value + gain for value, gain in zip(BASE, gains, strict=True)]


def test_an_arm_that_wins_everywhere_is_better() -> None:
    found = against(plus(GAINS))
    assert found.outcome == "better"
    assert found.difference == pytest.approx(np.mean(GAINS))
    assert found.corrected_p == found.test.p == 2 / 2**12
    assert found.verdict == (
        "'se-unet' is better than 'unet' (12 images): difference +0.045, 95 % interval +0.0358 to +0.0542, "
        "p = 0.000488 (smallest possible 0.000488)."
    )


def test_an_arm_that_loses_everywhere_is_worse() -> None:
    found = against(plus([-gain for gain in GAINS]))
    assert found.outcome == "worse"
    assert "'se-unet' is worse than 'unet' (12 images): difference -0.045" in found.verdict


def test_where_lower_is_better_a_lower_score_is_better() -> None:
    distance = Score(mean_over_images, bounds=None, higher_is_better=False)
    found = against(plus([-gain for gain in GAINS]), score=distance)
    assert (found.outcome, found.effect.won, found.effect.superiority) == ("better", 12, 1)
    assert found.effect.standardised is not None
    assert found.effect.standardised > 0


def test_a_difference_that_chance_explains_is_not_distinguishable() -> None:
    found = against(plus([gain * (-1) ** number for number, gain in enumerate(GAINS)]))
    assert found.outcome == "not distinguishable"
    assert found.verdict.startswith(
        "'se-unet' is not distinguishable from 'unet' with this many images (12 images): difference +0.00333, "
    )
    assert found.interval is not None
    assert 0.0 in found.interval


def test_two_images_give_a_sentence() -> None:
    found = against(plus(GAINS), count=2)
    assert found.outcome == "not distinguishable"
    assert found.verdict == (
        "'se-unet' is not distinguishable from 'unet' with this many images (2 images): difference +0.045, "
        "95 % interval -0.0186 to +0.108, p = 0.5 (smallest possible 0.5). No difference, however large, could have "
        "been told apart: that takes at least 6 images on which the two differ."
    )


def test_one_image_gives_a_sentence() -> None:
    assert against(plus(GAINS), count=1).verdict == (
        "'se-unet' is not distinguishable from 'unet' with this many images (1 image): difference +0.05, without an "
        "interval, because these do not tell its width, p = 1 (smallest possible 1). No difference, however large, "
        "could have been told apart: that takes at least 6 images on which the two differ."
    )


@pytest.mark.parametrize("count", [1, 2, 12])
def test_the_same_results_give_a_sentence(count: int) -> None:
    found = against(BASE, count=count)
    assert found.verdict.endswith("both gave the same result on every one.")
    assert (found.outcome, found.interval, found.effect.standardised) == ("not distinguishable", None, None)
    assert found.effect.superiority == 0.5


@pytest.mark.parametrize("count", [1, 2, 3])
def test_no_score_at_all_gives_a_sentence(count: int) -> None:
    found = against([math.nan] * 12, count=count)
    assert found.verdict.endswith("one of them has no score on these.")
    assert (found.outcome, found.effect.superiority) == ("not distinguishable", None)


def test_five_images_cannot_reach_p_and_the_sentence_says_so_although_the_interval_leaves_out_zero() -> None:
    found = against(plus(GAINS), count=5)
    assert found.outcome == "not distinguishable"
    assert "The interval does not hold zero; the p decides" in found.verdict
    assert "at least 6 images" in found.verdict


def test_more_arms_need_more_images() -> None:
    base = arm("unet", BASE[:6])
    others = [arm(name, plus(GAINS)[:6]) for name in ("a", "b", "c")]
    found = compare(base, others, MEAN, seed=0)
    assert [one.corrected_p for one in found] == pytest.approx([3 * 2 / 2**6] * 3)
    assert all(one.smallest_corrected_p == one.corrected_p for one in found)
    assert "p = 0.0938 after Holm's correction over 3 arms" in found[0].verdict
    assert "at least 7 images" in found[0].verdict


def test_holm_is_over_the_arms() -> None:
    base = arm("unet", BASE)
    weak = plus([gain - 0.035 for gain in GAINS])
    alone = compare(base, [arm("weak", weak)], MEAN, seed=0)[0]
    both = compare(base, [arm("weak", weak), arm("strong", plus(GAINS))], MEAN, seed=0)
    assert [one.arm for one in both] == ["weak", "strong"]
    assert both[1].corrected_p == pytest.approx(2 * both[1].test.p)
    assert both[0].corrected_p == alone.corrected_p  # the last rank pays nothing


def test_groups_are_named_and_counted_and_not_their_images() -> None:
    rows = [
        Result(name, f"{child}-{eye}", BASE[child] + gain, group=f"child {child}")
        for name, gain in (("unet", 0.0), ("se-unet", 0.1))
        for child in range(4)
        for eye in ("left", "right")
    ]
    base, other = arms(rows)
    found = compare(base, [other], MEAN, seed=0)[0]
    assert (found.units, found.test.smallest_p) == (4, 2 / 2**4)
    assert "(4 groups)" in found.verdict
    assert "at least 6 groups" in found.verdict


def test_the_effect_of_a_mean_is_the_mean_difference_by_its_deviation() -> None:
    gains = [0.05, -0.01, 0.03, 0, 0.08, 0.02]
    found = compare(arm("a", BASE[:6]), [arm("b", [BASE[n] + gains[n] for n in range(6)])], MEAN, seed=0)[0].effect
    assert found.standardised == pytest.approx(np.mean(gains) / np.std(gains, ddof=1))
    assert (found.won, found.tied, found.lost, found.superiority) == (4, 1, 1, 4.5 / 6)


def test_pooled_scores_are_compared_and_drawn_by_key() -> None:
    one, other = World("mean IoU, pooled", "left-skewed", gain=0.5).draw(generator(0, "pooled"), 1, 20)[0]
    base, better = arms(
        [Result("a", str(n), counts) for n, counts in enumerate(one)]
        + [Result("b", str(n), counts) for n, counts in enumerate(other)]
    )
    first = compare(base, [better], MEAN_IOU, seed=0)
    assert first[0].outcome == "better"
    assert first == compare(base, [better], MEAN_IOU, seed=0)
    assert first[0].test != compare(base, [better], MEAN_IOU, seed=1)[0].test


def test_no_other_arm_gives_no_comparison() -> None:
    assert compare(arm("unet", BASE), [], MEAN, seed=0) == []


def test_arms_on_other_images_are_refused() -> None:
    with pytest.raises(DataError, match="same images"):
        compare(arm("unet", BASE), [arm("se-unet", BASE[:5])], MEAN, seed=0)
