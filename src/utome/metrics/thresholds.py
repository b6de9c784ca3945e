"""Thin structures over all thresholds of a probability: ODS and OIS, as the Berkeley benchmark names them.

ODS (optimal data-set scale) is the F of the one threshold that is best for the data set, from counts summed over its
images. OIS (optimal image scale) is the F of counts summed over images, each at its own best threshold. A pixel is
predicted at a threshold where its probability is as high or higher. It is right where a true pixel lies within the
tolerance, and a true pixel is found where a predicted one does; no pixels are paired and nothing is interpolated
between thresholds, both of which the Berkeley benchmark does.

A true pixel is found at a threshold just where the highest probability around it reaches that threshold. So one look
at each true pixel's surroundings answers for all thresholds at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np
from jaxtyping import Float, Float64, Int64

from utome.errors import ConfigError
from utome.metrics.checks import (
    Mask,
    OtherMask,
    check_addable,
    check_probability,
    check_same_size,
    check_tolerance,
    known_or_all,
)
from utome.metrics.thin import near
from utome.metrics.twosided import TwoSided

# 0.01, 0.02, ..., 0.99.
THRESHOLDS = tuple(step / 100 for step in range(1, 100))


@dataclass(frozen=True)
class ThresholdCounts:
    """Counts at each threshold, and at each image's best one; those of several images add up."""

    thresholds: tuple[float, ...]
    tolerance: float
    at: tuple[TwoSided, ...]
    at_best_of_image: TwoSided

    def __add__(self, other: "ThresholdCounts") -> "ThresholdCounts":
        check_addable(self.thresholds, other.thresholds, what="thresholds")
        check_addable(self.tolerance, other.tolerance, what="tolerance")
        at = tuple(a + b for a, b in zip(self.at, other.at, strict=True))
        return ThresholdCounts(self.thresholds, self.tolerance, at, self.at_best_of_image + other.at_best_of_image)

    @property
    def best_threshold(self) -> float:
        """The threshold of ODS; of equals the highest."""
        return self.thresholds[_best(self.at)]

    @property
    def ods(self) -> float:
        """The best F at one threshold for all images."""
        return self.at[_best(self.at)].f1

    @property
    def ois(self) -> float:
        """F with each image at its own best threshold; of equals the highest."""
        return self.at_best_of_image.f1


def threshold_counts(
    truth: Mask,
    probability: Float[np.ndarray, "_ _"],
    *,
    tolerance: float,
    thresholds: Sequence[float] = THRESHOLDS,
    known: OtherMask | None = None,
) -> ThresholdCounts:
    """Count one image's right and found pixels at each threshold; `tolerance` is in pixels, by Euclidean distance.

    DataError where sizes differ, a probability does not lie from 0 to 1, or the tolerance is no distance; ConfigError
    where thresholds do not rise.
    """
    check_same_size(truth, probability, name="the map of probabilities")
    check_probability(probability)
    check_tolerance(tolerance)
    limits = tuple(float(threshold) for threshold in thresholds)
    if not limits or sorted(set(limits)) != list(limits):
        raise ConfigError(f"The thresholds are {list(limits)}, but there must be one or more, rising.")
    inside = known_or_all(known, truth)
    truth = truth & inside
    values = np.where(inside, probability, -1).astype(np.float64)
    predicted = _reached(values[inside], limits)
    right = _reached(values[inside & near(truth, tolerance)], limits)
    found = _reached(_highest_around(values, truth, tolerance), limits)
    true_pixels = int(np.count_nonzero(truth))
    at = tuple(TwoSided(int(right[n]), int(predicted[n]), int(found[n]), true_pixels) for n in range(len(limits)))
    return ThresholdCounts(limits, float(tolerance), at, at[_best(at)])


def _reached(values: Float64[np.ndarray, " n"], limits: tuple[float, ...]) -> Int64[np.ndarray, " t"]:
    """How many values reach each threshold."""
    reached = np.searchsorted(limits, values, side="right")  # how many thresholds each value reaches
    counts = np.bincount(reached, minlength=len(limits) + 1)
    return np.cumsum(counts[::-1])[::-1][1:].astype(np.int64)


def _highest_around(values: Float64[np.ndarray, "h w"], truth: Mask, tolerance: float) -> Float64[np.ndarray, " n"]:
    """The highest value within the tolerance of each true pixel."""
    reach = int(tolerance)
    padded = np.pad(values, reach, constant_values=-1)
    rows, columns = np.nonzero(truth)
    highest = np.full(rows.size, -1.0)
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            if dy**2 + dx**2 <= tolerance**2:
                np.maximum(highest, padded[rows + (dy + reach), columns + (dx + reach)], out=highest)
    return highest


def _best(counts: Sequence[TwoSided]) -> int:
    """The place of the best F, of equals the last; where nothing is there to find, predicting nothing is best."""
    scores = [2.0 if isnan(each.f1) else each.f1 for each in counts]
    return len(scores) - 1 - scores[::-1].index(max(scores))
