"""Connected objects of an image that is larger than memory, from regions that are read one after another, twice.

On the first reading each region is labelled alone, and only its outermost pixels are kept. Where they touch those of another
region and are of the same class, the two objects are one. On the second reading, pixels get their final numbers.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int32, Int64
from scipy import sparse

from utome.metrics.overlaps import connected_objects
from utome.prediction.basins import FORWARD
from utome.prediction.objects import LabelMap, class_by_class

# A pixel's place as one number that grows in reading order: rows of up to so many columns.
ROW = 1 << 31


class Joining:
    """The first reading: regions are added in any order; each pixel of the image lies in one."""

    def __init__(self) -> None:
        self._count = 0
        self._offsets: list[int] = []
        self._first: list[Int64[np.ndarray, " n"]] = []
        self._areas: list[Int64[np.ndarray, " n"]] = []
        self._classes: list[Int64[np.ndarray, " n"]] = []
        self._edges: list[tuple[Int64[np.ndarray, " m"], Int64[np.ndarray, " m"]]] = []

    def add(self, labels: LabelMap, *, top: int, left: int) -> None:
        """A region, and the row and column of its first pixel in the whole image."""
        parts, classes = region_components(labels)
        inside = np.flatnonzero(parts)
        owners = parts.ravel()[inside].astype(np.int64) - 1
        y, x = np.divmod(inside, labels.shape[1])
        places = (y + top) * ROW + x + left
        _, first = np.unique(owners, return_index=True)
        outermost = (y == 0) | (x == 0) | (y == labels.shape[0] - 1) | (x == labels.shape[1] - 1)
        self._offsets.append(self._count)
        self._first.append(places[first])
        self._areas.append(np.bincount(owners, minlength=classes.size).astype(np.int64))
        self._classes.append(classes)
        self._edges.append((places[outermost], owners[outermost] + self._count))
        self._count += int(classes.size)

    def finish(self, *, smallest: float = 0.0) -> "Joined":
        """The numbers of all objects of the whole image, but those of fewer than `smallest` pixels."""
        nothing = np.zeros(0, dtype=np.int64)
        first, areas, classes = (np.concatenate([nothing, *each]) for each in (self._first, self._areas, self._classes))
        places, owners = (np.concatenate([nothing, *(each[side] for each in self._edges)]) for side in (0, 1))
        objects = _joined(places, owners, classes)
        count = int(objects.max(initial=-1)) + 1
        # Objects by their first pixel: that of the part that comes first in the whole image.
        order = np.argsort(first)
        _, foremost = np.unique(objects[order], return_index=True)
        large = np.bincount(objects, weights=areas, minlength=count) >= smallest
        ranked = np.argsort(foremost)
        ranked = ranked[large[ranked]]
        numbers = np.zeros(count, dtype=np.int32)
        numbers[ranked] = np.arange(1, ranked.size + 1)
        return Joined(tuple(self._offsets), numbers[objects], classes[order][foremost][ranked])


@dataclass(frozen=True)
class Joined:
    """The second reading. `classes` has the class of each object of the whole image, from object 1 on."""

    _offsets: tuple[int, ...]
    _numbers: Int32[np.ndarray, " p"]
    classes: Int64[np.ndarray, " n"]

    def instances(self, region: int, labels: LabelMap) -> Int32[np.ndarray, "h w"]:
        """The final object numbers of the region that was added as number `region`, from 0, and is the same as it was."""
        parts, classes = region_components(labels)
        start = self._offsets[region]
        table = np.concatenate([np.zeros(1, dtype=np.int32), self._numbers[start : start + classes.size]])
        return table[parts]


def region_components(labels: LabelMap) -> tuple[Int32[np.ndarray, "h w"], Int64[np.ndarray, " n"]]:
    """The connected parts of each class but the first, corners included, class by class from 1, and the class of each."""
    return class_by_class(labels, lambda number: connected_objects(labels == number))


def _joined(
    places: Int64[np.ndarray, " m"], owners: Int64[np.ndarray, " m"], classes: Int64[np.ndarray, " p"]
) -> Int64[np.ndarray, " p"]:
    """The object of each part, in any order: parts are one object where outermost pixels of one class touch."""
    order = np.argsort(places)
    places, owners = places[order], owners[order]
    ours, theirs = [], []
    for down, right in FORWARD:
        neighbours = places + down * ROW + right
        found = np.minimum(np.searchsorted(places, neighbours), places.size - 1)
        touch = np.flatnonzero(places[found] == neighbours) if places.size else found
        touch = touch[classes[owners[touch]] == classes[owners[found[touch]]]]
        ours.append(owners[touch])
        theirs.append(owners[found[touch]])
    first, second = np.concatenate(ours), np.concatenate(theirs)
    links = sparse.coo_array((np.ones(first.size, dtype=np.int8), (first, second)), shape=(classes.size,) * 2)
    if not classes.size:
        return np.zeros(0, dtype=np.int64)
    return sparse.csgraph.connected_components(links, directed=False)[1].astype(np.int64)
