"""Scores of thin structures: cracks within a tolerance, centrelines (clDice), and both sides by width."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Integer
from scipy import ndimage

from utome.errors import ConfigError
from utome.metrics.checks import Mask, OtherMask, check_addable, check_same_size, check_tolerance, known_or_all
from utome.metrics.skeleton import skeleton
from utome.metrics.twosided import TwoSided, two_sided

# Widths in pixels that part thin from thick: under 3, 3 to under 6, 6 to under 12, and from 12 on.
WIDTH_LIMITS = (3.0, 6.0, 12.0)


@dataclass(frozen=True)
class WidthScores:
    """Centreline precision and recall of each class of widths, from the thinnest; those of several images add up.

    Widths of the first class lie under `limits[0]`, and of the last at `limits[-1]` or more.
    """

    limits: tuple[float, ...]
    widths: tuple[TwoSided, ...]

    def __add__(self, other: "WidthScores") -> "WidthScores":
        check_addable(self.limits, other.limits, what="width limits")
        return WidthScores(self.limits, tuple(a + b for a, b in zip(self.widths, other.widths, strict=True)))

    @property
    def together(self) -> TwoSided:
        """All widths: its `f1` is clDice."""
        return sum(self.widths, start=TwoSided())


def near(mask: Mask, tolerance: float) -> Mask:
    """Where the centre of a pixel of the mask is at most `tolerance` pixels away, by the Euclidean distance."""
    if not mask.any():
        return np.zeros_like(mask)
    return ndimage.distance_transform_edt(~mask) <= tolerance


def tolerant_counts(truth: Mask, predicted: OtherMask, *, tolerance: float, known: OtherMask | None = None) -> TwoSided:
    """Crack precision and recall: pixels of either mask that lie within `tolerance` pixels of the other.

    State the tolerance beside the score: 2 and 5 pixels are usual for cracks. DataError where sizes differ or the
    tolerance is no distance.
    """
    check_same_size(truth, predicted, name="the prediction")
    check_tolerance(tolerance)
    inside = known_or_all(known, truth)
    truth, predicted = truth & inside, predicted & inside
    return two_sided(predicted, near(truth, tolerance), truth, near(predicted, tolerance))


def centreline_counts(truth: Mask, predicted: OtherMask, *, known: OtherMask | None = None) -> TwoSided:
    """The two sides of clDice (Shit et al. 2021), which is their `f1`.

    Precision is the share of the predicted mask's skeleton that lies in the truth, recall the share of the truth's
    skeleton that lies in the prediction.
    """
    return width_scores(truth, predicted, limits=(), known=known).together


def width_scores(
    truth: Mask,
    predicted: OtherMask,
    *,
    limits: Sequence[float] = WIDTH_LIMITS,
    known: OtherMask | None = None,
) -> WidthScores:
    """The two sides of clDice, part by part: each pixel of a skeleton counts for the width of its structure there.

    The width is twice the distance transform: the distance from a skeleton's pixel to the nearest pixel outside its
    own mask, in pixels. So a structure of 1 or 2 pixels has width 2, and one of 3 or 4 has width 4. Recall tells it
    by the truth's widths and precision by the prediction's. A skeleton is that of the whole mask, of which only the
    known pixels count. DataError where sizes differ, and ConfigError where the limits do not rise.
    """
    check_same_size(truth, predicted, name="the prediction")
    edges = tuple(float(limit) for limit in limits)
    if not all(low < high for low, high in zip((0.0, *edges), edges, strict=False)):
        raise ConfigError(f"The limits of widths are {list(edges)}, but they must rise from above 0, as 3, 6, 12 do.")
    inside = known_or_all(known, truth)
    right, predicted_all = _by_width(predicted, truth, inside, edges)
    found, truth_all = _by_width(truth, predicted, inside, edges)
    counts = zip(right, predicted_all, found, truth_all, strict=True)
    return WidthScores(edges, tuple(TwoSided(*(int(count) for count in each)) for each in counts))


def _by_width(
    mask: Mask, other: OtherMask, known: OtherMask, edges: tuple[float, ...]
) -> tuple[Integer[np.ndarray, " c"], Integer[np.ndarray, " c"]]:
    """Skeleton pixels of the mask by class of width: those that lie in the other mask, and all."""
    line = skeleton(mask) & known
    classes = np.digitize(_widths(mask)[line], edges)
    inside, every = (np.bincount(chosen, minlength=len(edges) + 1) for chosen in (classes[other[line]], classes))
    return inside, every


def _widths(mask: Mask) -> Float64[np.ndarray, "h w"]:
    if mask.all():
        # Nothing outside: as wide as can be. Any other mask has a pixel to measure to.
        return np.full(mask.shape, np.inf)
    return 2 * ndimage.distance_transform_edt(mask)
