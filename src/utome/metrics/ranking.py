"""How well probabilities rank pixels: the areas under the ROC and the precision-recall curve.

Probabilities are rounded to 65,536 levels, so that the counts of several images add up. Rounding makes ties, and of
two tied pixels, one positive and one negative, ROC counts half as ranked right; the areas are exact for probabilities
that are multiples of 1/65535, and `roc_area_error` bounds what the rounding can have changed for all others.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int64, UInt8

from utome.metrics.checks import check_probability, check_same_size
from utome.metrics.confusion import UNKNOWN

LEVELS = 1 << 16
NAN = float("nan")


@dataclass(frozen=True)
class Ranking:
    """Positive and negative pixels by level of probability, the lowest first. Those of several images add up."""

    positives: Int64[np.ndarray, " levels"]
    negatives: Int64[np.ndarray, " levels"]

    def __add__(self, other: "Ranking") -> "Ranking":
        return Ranking(self.positives + other.positives, self.negatives + other.negatives)

    @property
    def roc_area(self) -> float:
        """Chance that a positive pixel has a higher probability than a negative one, a tie counting half.

        NaN where positives or negatives are missing.
        """
        below = np.cumsum(self.negatives) - self.negatives
        return self._of_all_pairs(float((self.positives * (below + self.negatives / 2.0)).sum()))

    @property
    def roc_area_error(self) -> float:
        """By how much rounding to levels can have changed `roc_area` at most: half the share of tied pairs."""
        return self._of_all_pairs(float((self.positives.astype(np.float64) * self.negatives).sum() / 2))

    @property
    def average_precision(self) -> float:
        """Area under the precision-recall curve: the sum over levels of the step in recall times the precision.

        Steps and no straight lines between points, since those lie above what any threshold can reach (Davis and
        Goadrich 2006). NaN where positives are missing.
        """
        recall, precision = self.precision_recall_curve
        return float((np.diff(recall, prepend=0.0) * precision).sum()) if self.positives.any() else NAN

    @property
    def roc_curve(self) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
        """False positive rate and recall at each level that occurs, from the highest down; NaN without such pixels."""
        found, invented = self._from_the_top
        positives, negatives = self.positives.sum(), self.negatives.sum()
        return invented / (negatives or NAN), found / (positives or NAN)

    @property
    def precision_recall_curve(self) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " m"]]:
        """Recall and precision at each level that occurs, from the highest down; recall is NaN without positives."""
        found, invented = self._from_the_top
        return found / (self.positives.sum() or NAN), found / (found + invented)

    @property
    def _from_the_top(self) -> tuple[Int64[np.ndarray, " m"], Int64[np.ndarray, " m"]]:
        taken = (self.positives + self.negatives)[::-1] > 0
        return np.cumsum(self.positives[::-1])[taken], np.cumsum(self.negatives[::-1])[taken]

    def _of_all_pairs(self, pairs: float) -> float:
        every = float(self.positives.sum()) * float(self.negatives.sum())
        return pairs / every if every else NAN


def ranking(truth: UInt8[np.ndarray, "h w"], probability: Float[np.ndarray, "_ _"], *, positive: int = 1) -> Ranking:
    """Rank the pixels of one image by the probability of the class `positive`.

    Pixels of all other classes are negative, and those whose truth is 255 do not count. DataError where the sizes
    differ or a probability does not lie from 0 to 1.
    """
    check_same_size(truth, probability, name="the map of probabilities")
    check_probability(probability)
    levels = np.rint(np.multiply(probability, LEVELS - 1, dtype=np.float32)).astype(np.uint16)
    positives, known = (np.bincount(levels[of], minlength=LEVELS) for of in (truth == positive, truth != UNKNOWN))
    return Ranking(positives.astype(np.int64), (known - positives).astype(np.int64))
