"""Intervals for few images: Student's t about the score, with the jackknife's standard error.

The score is recomputed with each unit left out once. What leaving a unit out does is its pull; the spread of the n
pulls gives the standard error (Tukey 1958; Efron & Stein 1981). t has n - 1 degrees of freedom, or fewer where the
pulls have heavier tails than the normal distribution, as when one large object weighs as much as all others: so many
that the variance of the squared error is matched (Satterthwaite 1946). For a mean of scores without heavy tails this
is Student's interval to the last digit. Between bounds it is worked on the logit scale with the delta method, so that
it keeps within them and leans towards the middle as the score's distribution does.

Why no bootstrap: in simulation (`make soak` prints the table) this interval covers at least 93 % of studies for means
and for scores of summed confusion matrices, of symmetric and of left-skewed scores, where BCa reaches 88 to 92 % with
15 images. What no interval mends: where one image in ten fails badly, 15 images may hold no failure, and nothing
computed from them can know.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy import special, stats

from utome.statistics.scores import Score, weighted
from utome.statistics.units import Sums, holds_anything

ROUNDING = 1e-10  # of the scores: what is nearer than this is the same


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`: in 1 - alpha of all studies such an interval holds the population's value."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return bool(self.low <= value <= self.high)

    @property
    def width(self) -> float:
        """From end to end."""
        return self.high - self.low

    def says_nothing(self, bounds: tuple[float, float] | None) -> bool:
        """Whether it holds more than half of all values that there can be: the units are then too few, or too unlike."""
        return bounds is not None and 2 * self.width > bounds[1] - bounds[0]


@dataclass(frozen=True)
class Estimate:
    """A data set's score, or the difference of two.

    `interval` is none where the units do not tell how sure the value is: fewer than two, no spread between them, or a
    score that does not exist without one of them. `deviation` is the standard deviation between units (for a pooled
    score, of their pull on it); NaN where unknown. `units` is how many were counted.
    """

    value: float
    interval: Interval | None
    deviation: float
    units: int


def estimate(sums: Sums, score: Score, *, alpha: float = 0.05) -> Estimate:
    """One arm's score with its interval; units that hold nothing to count are left out."""
    counted = sums[holds_anything(sums)]
    whole, without = _scores(counted, score)
    return _estimate(whole, without, np.max(np.abs(without), initial=0.0), score.bounds, alpha)


def estimate_difference(baseline: Sums, other: Sums, score: Score, *, alpha: float = 0.05) -> Estimate:
    """The score of `other` minus that of `baseline` on the same units, unit by unit in the same order."""
    (first, first_without), (second, second_without) = _scores(baseline, score), _scores(other, score)
    size = np.max(np.abs(np.concatenate([first_without, second_without])), initial=0.0)
    return _estimate(second - first, second_without - first_without, size, of_differences(score.bounds), alpha)


def of_differences(bounds: tuple[float, float] | None) -> tuple[float, float] | None:
    """Between which bounds the difference of two scores lies."""
    return None if bounds is None else (bounds[0] - bounds[1], bounds[1] - bounds[0])


def _scores(sums: Sums, score: Score) -> tuple[float, Float64[np.ndarray, " n"]]:
    """The score of all units, and those with each unit left out."""
    count = len(sums)
    if not count:
        return math.nan, np.empty(0)
    values = score.of(weighted(sums, np.vstack([np.ones((1, count)), 1 - np.eye(count)])))
    return float(values[0]), values[1:]


def _estimate(
    whole: float,
    without: Float64[np.ndarray, " n"],
    size: float,
    bounds: tuple[float, float] | None,
    alpha: float,
) -> Estimate:
    """`size` is how large the scores are, against which rounding is told from spread."""
    count = len(without)
    if count < 2 or math.isnan(whole) or np.isnan(without).any():
        return Estimate(whole, None, math.nan, count)
    pulls = without - without.mean()
    deviation = math.sqrt((count - 1) * float(np.sum(pulls**2)))
    if deviation <= ROUNDING * count * size:
        return Estimate(whole, None, 0.0, count)
    reach = float(stats.t.ppf(1 - alpha / 2, _degrees_of_freedom(pulls))) * deviation / math.sqrt(count)
    return Estimate(whole, _within(whole, reach, bounds), deviation, count)


def _degrees_of_freedom(pulls: Float64[np.ndarray, " n"]) -> float:
    """Of an estimated variance whose own variance is 2 / (n - 1) + kurtosis / n of its square; n - 1 at most."""
    count = len(pulls)
    if count < 4:
        return float(count - 1)
    heavy = max(float(stats.kurtosis(pulls, bias=False)), 0.0)  # above the normal distribution's
    return 2 / (2 / (count - 1) + heavy / count)


def _within(value: float, reach: float, bounds: tuple[float, float] | None) -> Interval:
    """Value ± reach; between bounds, the same on the logit scale."""
    if bounds is None:
        return Interval(value - reach, value + reach)
    low, high = bounds
    share = (value - low) / (high - low)
    if not 0 < share < 1:
        return Interval(max(value - reach, low), min(value + reach, high))
    slope = reach / (high - low) / (share * (1 - share))
    ends = special.expit(special.logit(share) + np.asarray([-slope, slope]))
    return Interval(*(float(end) for end in low + (high - low) * ends))
