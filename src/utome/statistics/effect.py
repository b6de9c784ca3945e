"""How large a difference is beside the spread between images, in two numbers that need no table.

`standardised` is the paired d_z (Cohen 1988): the difference divided by the standard deviation of the units'
differences; for pooled scores, of the units' pull on the difference. 0.2 is called small, 0.5 medium, 0.8 large.
`superiority` is the chance that the arm is the better one on an image, a tie counting half (Grissom & Kim 2012).
"""

import math
from dataclasses import dataclass

import numpy as np

from utome.statistics.intervals import ROUNDING, Estimate
from utome.statistics.scores import Score
from utome.statistics.units import Sums


@dataclass(frozen=True)
class Effect:
    """Positive, or above a half, where the arm is better than the baseline.

    `standardised` is none without spread between units. Units on which either arm has no score of its own count
    neither as won, tied nor lost.
    """

    standardised: float | None
    won: int
    tied: int
    lost: int

    @property
    def superiority(self) -> float | None:
        """The share of units that are won, ties counting half; none where no unit has a score."""
        count = self.won + self.tied + self.lost
        return (self.won + self.tied / 2) / count if count else None


def effect(baseline: Sums, other: Sums, score: Score, difference: Estimate) -> Effect:
    """The effect behind `difference`, the estimate that `estimate_difference` gives of these sums."""
    sign = 1 if score.higher_is_better else -1
    first, second = score.of(baseline), score.of(other)
    known = ~np.isnan(first) & ~np.isnan(second)
    gain = sign * (second - first)[known]
    rounding = ROUNDING * np.max(np.abs([first[known], second[known]]), initial=0.0)
    spread = difference.deviation
    return Effect(
        standardised=None if math.isnan(spread) or spread == 0 else sign * difference.value / spread,
        won=int(np.sum(gain > rounding)),
        tied=int(np.sum(np.abs(gain) <= rounding)),
        lost=int(np.sum(gain < -rounding)),
    )
