"""How far apart the boundaries of two masks lie: boundary F, Hausdorff distance, mean surface distance.

The boundary of a mask is made of its pixels that share a side with a pixel outside the mask. Where a mask leaves the
image, or meets pixels whose truth is not known, it has no boundary there. Distances are Euclidean, from the centre of
each boundary pixel to the nearest centre of one of the other boundary. All scores come from the two lists of distances.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy import ndimage
from scipy.spatial import KDTree

from utome.errors import DataError
from utome.metrics.checks import Mask, OtherMask, check_addable, check_same_size, check_tolerance, known_or_all
from utome.metrics.twosided import TwoSided

NAN = float("nan")


@dataclass(frozen=True)
class BoundaryDistances:
    """Distances from each predicted boundary pixel to the true boundary, and from each true one to the predicted.

    They are in `unit`, and infinite where the other mask has no boundary. Those of several images add up: scores are
    then over all their boundary pixels. With no boundary in either mask all scores are NaN.
    """

    to_truth: Float64[np.ndarray, " n"]
    to_predicted: Float64[np.ndarray, " m"]
    unit: str

    def __add__(self, other: "BoundaryDistances") -> "BoundaryDistances":
        check_addable(self.unit, other.unit, what="unit")
        return BoundaryDistances(
            np.concatenate([self.to_truth, other.to_truth]),
            np.concatenate([self.to_predicted, other.to_predicted]),
            self.unit,
        )

    def within(self, tolerance: float) -> TwoSided:
        """Boundary pixels that lie at most `tolerance` from the other boundary; its `f1` is the boundary F.

        A pixel may be near several: none is paired with another, as the Berkeley benchmark does.
        """
        check_tolerance(tolerance)
        return TwoSided(
            predicted_right=int(np.count_nonzero(self.to_truth <= tolerance)),
            predicted=self.to_truth.size,
            truth_found=int(np.count_nonzero(self.to_predicted <= tolerance)),
            truth=self.to_predicted.size,
        )

    @property
    def hausdorff(self) -> float:
        """The largest of all distances in either direction."""
        return max((float(each.max()) for each in self._sides), default=NAN)

    @property
    def hausdorff_95(self) -> float:
        """The larger of the two directions' 95th percentiles, each interpolated between the nearest two ranks.

        Other programs take one percentile over both directions together, which is less or equal.
        """
        return max((_percentile(each, 95) for each in self._sides), default=NAN)

    @property
    def mean_distance(self) -> float:
        """The mean over all boundary pixels of both masks, also called the average symmetric surface distance."""
        distances = np.concatenate([self.to_truth, self.to_predicted])
        return float(distances.mean()) if distances.size else NAN

    @property
    def _sides(self) -> list[Float64[np.ndarray, " n"]]:
        return [each for each in (self.to_truth, self.to_predicted) if each.size]


def boundary_distances(
    truth: Mask,
    predicted: OtherMask,
    *,
    known: OtherMask | None = None,
    pixel_size_um: tuple[float, float] | None = None,
) -> BoundaryDistances:
    """The distances between the boundaries of one image's masks of one class.

    They are in µm where the height and width of a pixel are given, else in pixels. DataError where sizes differ or
    a pixel has no size.
    """
    check_same_size(truth, predicted, name="the prediction")
    if pixel_size_um is not None and not all(0 < side < np.inf for side in pixel_size_um):
        raise DataError(
            f"A pixel of {pixel_size_um[0]} by {pixel_size_um[1]} µm has no size. Give both in µm, above 0."
        )
    inside = known_or_all(known, truth)
    scale = np.asarray(pixel_size_um or (1.0, 1.0))
    true_points, predicted_points = (np.argwhere(boundary(mask, inside)) * scale for mask in (truth, predicted))
    return BoundaryDistances(
        _nearest(predicted_points, true_points),
        _nearest(true_points, predicted_points),
        "px" if pixel_size_um is None else "µm",
    )


def boundary(mask: Mask, known: OtherMask) -> Mask:
    """The known pixels of a mask that share a side with a known pixel outside it."""
    return mask & known & ndimage.binary_dilation(~mask & known)


def _nearest(points: Float64[np.ndarray, "n 2"], others: Float64[np.ndarray, "m 2"]) -> Float64[np.ndarray, " n"]:
    if not len(points) or not len(others):
        return np.full(len(points), np.inf)
    return np.asarray(KDTree(others).query(points)[0], dtype=np.float64)


def _percentile(values: Float64[np.ndarray, " n"], percent: int) -> float:
    """The percentile as NumPy interpolates it, but infinite values are no obstacle."""
    ordered = np.sort(values)
    rank = percent / 100 * (ordered.size - 1)
    below, above = float(ordered[int(rank)]), float(ordered[int(np.ceil(rank))])
    return below if below == above else below + (above - below) * (rank - int(rank))
