"""The bootstrap's BCa interval (Efron 1987), for those who must report one.

Data sets of n units are drawn from the n units with replacement and the score is recomputed from each one's summed
counts. With few images it is too narrow, the more so for pooled scores (the table of `make soak` shows by how much):
`intervals.estimate` is what verdicts print.
"""

import numpy as np
from jaxtyping import Float64
from scipy import special

from utome.statistics.intervals import ROUNDING, Interval
from utome.statistics.scores import Score, weighted
from utome.statistics.units import Sums, holds_anything


def bca_interval(
    sums: Sums, score: Score, *, generator: np.random.Generator, resamples: int = 10_000, alpha: float = 0.05
) -> Interval | None:
    """The interval of one arm's score; none with fewer than two units, without spread, or without a score.

    Units that hold nothing to count are left out, and so are resamples in which the score does not exist.
    """
    sums = sums[holds_anything(sums)]
    count = len(sums)
    if count < 2:
        return None
    leave_one_out = score.of(weighted(sums, 1 - np.eye(count)))
    value = score.of(sums.sum(axis=0, keepdims=True))[0]
    drawn = _resampled(sums, score, generator, resamples)
    if np.isnan([value, *leave_one_out]).any() or np.ptp(leave_one_out) <= ROUNDING * np.abs(leave_one_out).max():
        return None
    pull = leave_one_out.mean() - leave_one_out
    acceleration = np.sum(pull**3) / (6 * np.sum(pull**2) ** 1.5)
    below = (np.mean(drawn < value) + np.mean(drawn <= value)) / 2
    bias = special.ndtri(np.clip(below, 1 / len(drawn), 1 - 1 / len(drawn)))
    ends = bias + special.ndtri([alpha / 2, 1 - alpha / 2])
    low, high = np.quantile(drawn, special.ndtr(bias + ends / (1 - acceleration * ends)))
    return Interval(float(low), float(high))


def _resampled(sums: Sums, score: Score, generator: np.random.Generator, resamples: int) -> Float64[np.ndarray, " b"]:
    count = len(sums)
    weights = generator.multinomial(count, np.full(count, 1 / count), resamples).astype(np.float64)
    values = score.of(weighted(sums, weights))
    return values[~np.isnan(values)]
