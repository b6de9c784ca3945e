"""How the objects of two maps overlap: who shares how many pixels with whom, and who touches the image's edge.

An instance map numbers objects from 1; 0 is the background. Numbers need not be consecutive, and an object is all
pixels of one number, connected or not. Only pairs that share a pixel are kept. They are found from runs of pixels
whose two numbers stay the same, which are hundreds of times fewer than pixels.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64, Int64, Integer
from scipy import ndimage

from utome.metrics.checks import Mask, OtherMask, check_instances, check_same_size, known_or_all

Instances = Integer[np.ndarray, "h w"]
OtherInstances = Integer[np.ndarray, "_ _"]


@dataclass(frozen=True)
class Objects:
    """The objects of one map in the order of their numbers: numbers, pixels, and which touch the image's edge."""

    ids: Int64[np.ndarray, " n"]
    sizes: Int64[np.ndarray, " n"]
    at_edge: Bool[np.ndarray, " n"]


@dataclass(frozen=True)
class Overlaps:
    """All pairs of a true and a predicted object that share pixels, by true object and then by predicted object.

    `rows` and `columns` are places in `truth` and `predicted`, and `shared` the pixels that the two share.
    """

    truth: Objects
    predicted: Objects
    rows: Int64[np.ndarray, " m"]
    columns: Int64[np.ndarray, " m"]
    shared: Int64[np.ndarray, " m"]

    @property
    def iou(self) -> Float64[np.ndarray, " m"]:
        """Intersection over union of each pair."""
        return self.shared / self.unions

    @property
    def unions(self) -> Int64[np.ndarray, " m"]:
        """Pixels that either of each pair has."""
        return self.truth.sizes[self.rows] + self.predicted.sizes[self.columns] - self.shared


def overlaps(truth: Instances, predicted: OtherInstances, *, known: OtherMask | None = None) -> Overlaps:
    """Compare two instance maps of one size.

    Where `known` is false, both maps count as background, so an object is what of it is known. DataError where sizes
    differ or a number is negative.
    """
    check_same_size(truth, predicted, name="the prediction")
    check_instances(truth, name="the truth")
    check_instances(predicted, name="the prediction")
    if known is not None:
        inside = known_or_all(known, truth)
        truth, predicted = truth * inside, predicted * inside
    true_ids, predicted_ids, lengths = _runs(truth.ravel(), predicted.ravel())
    true_side, rows = _objects(truth, true_ids, lengths)
    predicted_side, columns = _objects(predicted, predicted_ids, lengths)
    both = (rows >= 0) & (columns >= 0)
    width = max(1, predicted_side.ids.size)
    pairs, runs = np.unique(rows[both] * width + columns[both], return_inverse=True)
    shared = _sums(runs, lengths[both], pairs.size)
    return Overlaps(true_side, predicted_side, pairs // width, pairs % width, shared)


def connected_objects(mask: Mask, *, connectivity: Literal[4, 8] = 8) -> Int64[np.ndarray, "h w"]:
    """The connected parts of a mask as an instance map, numbered in reading order.

    With `connectivity` 8 pixels that touch at a corner belong together, with 4 only those that share a side.
    """
    structure = np.ones((3, 3), dtype=bool) if connectivity == 8 else None
    return ndimage.label(mask, structure)[0].astype(np.int64)


def _runs(
    truth: Integer[np.ndarray, " n"], predicted: Integer[np.ndarray, " n"]
) -> tuple[Int64[np.ndarray, " r"], Int64[np.ndarray, " r"], Int64[np.ndarray, " r"]]:
    if not truth.size:
        nothing = np.zeros(0, dtype=np.int64)
        return nothing, nothing, nothing
    changes = (truth[1:] != truth[:-1]) | (predicted[1:] != predicted[:-1])
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
    lengths = np.diff(starts, append=truth.size)
    return truth[starts].astype(np.int64), predicted[starts].astype(np.int64), lengths


def _objects(
    instances: Instances, ids: Int64[np.ndarray, " r"], lengths: Int64[np.ndarray, " r"]
) -> tuple[Objects, Int64[np.ndarray, " r"]]:
    """The objects of a map, and the place of each run's object among them; -1 is the background."""
    names, places = np.unique(ids, return_inverse=True)
    sizes = _sums(places, lengths, names.size)
    background = int(names.size > 0 and names[0] == 0)
    edges = [instances[:1], instances[-1:], instances[:, :1], instances[:, -1:]]
    at_edge = np.isin(names, np.unique(np.concatenate([edge.ravel() for edge in edges])))
    kept = slice(background, None)
    return Objects(names[kept], sizes[kept], at_edge[kept]), places - background


def _sums(places: Int64[np.ndarray, " r"], lengths: Int64[np.ndarray, " r"], count: int) -> Int64[np.ndarray, " n"]:
    # Sums in float64 are exact far beyond any image's number of pixels.
    return np.bincount(places, weights=lengths, minlength=count).astype(np.int64)
