"""Arms against a baseline: difference, interval, corrected p, effect, and a verdict in words.

The corrected p of the permutation test decides the verdict, because it is true for any number of images. The interval
says how large the difference may be; it is of one difference and knows of no other arm, so the two may disagree, and
then the verdict says so.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from utome.randomness import generator
from utome.statistics.effect import Effect, effect
from utome.statistics.intervals import Interval, estimate_difference
from utome.statistics.permutation import PairedTest, corrected, paired_test
from utome.statistics.scores import Score
from utome.statistics.units import Arm, noun, paired

Outcome = Literal["better", "worse", "not distinguishable"]


@dataclass(frozen=True)
class Comparison:
    """One arm beside the baseline: `difference` is the arm's score minus the baseline's.

    `units` counts what `noun` names. `corrected_p` is Holm's over `arms` arms, `smallest_corrected_p` the smallest
    one that these units could have given.
    """

    arm: str
    baseline: str
    difference: float
    interval: Interval | None
    test: PairedTest
    corrected_p: float
    smallest_corrected_p: float
    effect: Effect
    units: int
    noun: str
    arms: int
    alpha: float
    higher_is_better: bool

    @property
    def outcome(self) -> Outcome:
        """What the corrected p tells."""
        if self.corrected_p > self.alpha:  # a difference of zero, or of no score, has p 1
            return "not distinguishable"
        return "better" if (self.difference > 0) == self.higher_is_better else "worse"

    @property
    def verdict(self) -> str:
        """The outcome in a sentence or two, with what it rests on."""
        if self.outcome == "not distinguishable":
            opening = f"'{self.arm}' is not distinguishable from '{self.baseline}' with this many images"
        else:
            opening = f"'{self.arm}' is {self.outcome} than '{self.baseline}'"
        return f"{opening} ({self.units} {self.noun}): {self._figures}.{self._remark}"

    @property
    def _figures(self) -> str:
        if math.isnan(self.difference):
            return "one of them has no score on these"
        if self.test.differing == 0:
            return "both gave the same result on every one"
        return f"difference {self.difference:+.3g}, {self._spread}, {self._p}"

    @property
    def _spread(self) -> str:
        if self.interval is None:
            return "without an interval, because these do not tell its width"
        return f"{100 * (1 - self.alpha):g} % interval {self.interval.low:+.3g} to {self.interval.high:+.3g}"

    @property
    def _p(self) -> str:
        correction = "" if self.arms == 1 else f" after Holm's correction over {self.arms} arms"
        return f"p = {p_text(self.corrected_p, self.alpha)}{correction} (smallest possible {self.smallest_corrected_p:.3g})"

    @property
    def _remark(self) -> str:
        if math.isnan(self.difference) or self.test.differing == 0:
            return ""
        remark = ""
        if self.interval is not None and (0.0 in self.interval) != (self.outcome == "not distinguishable"):
            side = "holds" if 0.0 in self.interval else "does not hold"
            remark += f" The interval {side} zero; the p decides, since it assumes nothing about the scores."
        if self.smallest_corrected_p > self.alpha:
            remark += (
                f" No difference, however large, could have been told apart: that takes at least {self._needed} "
                f"{self.noun.removesuffix('s')}s on which the two differ."
            )
        return remark

    @property
    def _needed(self) -> int:
        """Units at which the smallest p, times all arms, falls to alpha: arms * 2 / 2**n <= alpha."""
        return math.ceil(math.log2(2 * self.arms / self.alpha) - 1e-9)


def p_text(p: float, alpha: float) -> str:
    """Three digits of `p`, and more where these would not show on which side of `alpha` it lies.

    >>> p_text(0.03125, 0.05), p_text(0.05, 0.05), p_text(0.050047, 0.05)
    ('0.0312', '0.05', '0.05005')
    """
    rounded = (f"{p:.{digits}g}" for digits in range(3, 17))
    return next((text for text in rounded if (float(text) <= alpha) == (p <= alpha)), repr(p))


def exchanged(baseline: Arm, other: Arm, score: Score, seed: int, draws: int) -> PairedTest:
    """The permutation test of two arms; what it draws is keyed by `seed` and their names."""
    drawn = generator(seed, "paired test", baseline.name, other.name)
    return paired_test(*paired(baseline, other), score, generator=drawn, draws=draws)


def compare(baseline: Arm, others: Sequence[Arm], score: Score, *, seed: int, alpha: float = 0.05) -> list[Comparison]:
    """Every other arm against the baseline, in the order given; the p are corrected over these arms.

    Any number of units gives an answer, one included. `DataError` where arms have not the same units.
    """
    tests = corrected([partial(exchanged, baseline, other, score, seed) for other in others], alpha=alpha)
    return [
        beside(baseline, other, score, test, arms=len(others), alpha=alpha)
        for other, test in zip(others, tests, strict=True)
    ]


def beside(
    baseline: Arm, other: Arm, score: Score, tested: tuple[PairedTest, float, float], *, arms: int, alpha: float
) -> Comparison:
    """One arm against the baseline as `tested`: its test with its corrected p and the smallest there could be, over so many `arms`."""
    pair = paired(baseline, other)
    difference = estimate_difference(*pair, score, alpha=alpha)
    test, p, least = tested
    return Comparison(
        arm=other.name,
        baseline=baseline.name,
        difference=difference.value,
        interval=difference.interval,
        test=test,
        corrected_p=p,
        smallest_corrected_p=least,
        effect=effect(*pair, score, difference),
        units=difference.units,
        noun=noun(baseline.units, difference.units),
        arms=arms,
        alpha=alpha,
        higher_is_better=score.higher_is_better,
    )
