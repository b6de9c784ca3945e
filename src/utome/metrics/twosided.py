"""Precision and recall that come from two different sets of pixels, and their harmonic mean.

Where a place may be off by a tolerance, the predicted pixels that are right and the true pixels that are found differ
in number. Boundaries, cracks and centrelines are all scored this way.
"""

from dataclasses import dataclass

import numpy as np

from utome.metrics.checks import Mask

NAN = float("nan")


@dataclass(frozen=True)
class TwoSided:
    """Predicted pixels and how many of them are right, true pixels and how many of them are found; images add up."""

    predicted_right: int = 0
    predicted: int = 0
    truth_found: int = 0
    truth: int = 0

    def __add__(self, other: "TwoSided") -> "TwoSided":
        return TwoSided(
            self.predicted_right + other.predicted_right,
            self.predicted + other.predicted,
            self.truth_found + other.truth_found,
            self.truth + other.truth,
        )

    @property
    def precision(self) -> float:
        """Share of the predicted pixels that are right; NaN where nothing is predicted."""
        return self.predicted_right / self.predicted if self.predicted else NAN

    @property
    def recall(self) -> float:
        """Share of the true pixels that are found; NaN where there are none."""
        return self.truth_found / self.truth if self.truth else NAN

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; NaN without any pixels, and 0 where only one side has some.

        >>> TwoSided(predicted_right=1, predicted=2, truth_found=1, truth=1).f1
        0.6666666666666666
        """
        if not self.predicted_right or not self.truth_found:
            return 0.0 if self.predicted or self.truth else NAN
        return 2 * self.precision * self.recall / (self.precision + self.recall)


def two_sided(predicted: Mask, right: Mask, truth: Mask, found: Mask) -> TwoSided:
    """Count the predicted pixels and those at places where one is `right`, the true pixels and those `found`."""
    return TwoSided(
        predicted_right=int(np.count_nonzero(predicted & right)),
        predicted=int(np.count_nonzero(predicted)),
        truth_found=int(np.count_nonzero(truth & found)),
        truth=int(np.count_nonzero(truth)),
    )
