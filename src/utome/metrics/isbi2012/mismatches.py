"""The six kinds of mismatch that warping may leave, told by the cells around the pixel in the warped truth.

The neighbours are the eight around the pixel, and "cells" are 4-connected. What changing the pixel would do:

- all neighbours border: a white pixel is an object that the proposal lacks, a black one an object that it adds;
- all neighbours in one cell: a white pixel is a hole that the proposal adds, a black one a hole that it fills;
- one cell and border: a black pixel would close a hole (hole addition); a white one would part its cell (split) or open
  a hole to the outside (hole deletion);
- several cells: a black pixel would merge them, a white one holds together what the proposal splits.
"""

from collections.abc import Mapping
from enum import Enum

import numpy as np
from jaxtyping import Bool, Int, UInt8
from scipy import ndimage

from utome.metrics.isbi2012.labelling import components
from utome.metrics.isbi2012.simple_points import NEIGHBOURS, black_groups, rings
from utome.metrics.isbi2012.warping import Warped


class Mismatch(Enum):
    """What the proposal does wrong at a pixel; the values are those in a map of kinds."""

    MERGE = 1
    SPLIT = 2
    HOLE_ADDITION = 3
    HOLE_DELETION = 4
    OBJECT_ADDITION = 5
    OBJECT_DELETION = 6


Kinds = UInt8[np.ndarray, "h w"]

# The 8 neighbours may touch at most four groups of border; here is one neighbour of each, by ring, and -1 for none.
_GROUPS = np.asarray([([min(group) for group in black_groups(ring)] + 4 * [-1])[:4] for ring in range(256)])
_CORNERS = np.ones((3, 3), dtype=np.bool_)


def kinds(warped: Warped) -> Kinds:
    """The kind of every mismatch, 0 elsewhere."""
    rows, columns = np.nonzero(warped.mismatch)
    image = np.pad(warped.image, 1)
    around = np.sort(_around(components(image), rows, columns), axis=1)
    several = 1 + (np.diff(around, axis=1) != 0).sum(axis=1)
    white = warped.image[rows, columns]
    parts = _parts_its_cell(warped.image, rows, columns)
    found = np.select(
        [several > 2, (several == 2) & ~white, several == 2, around[:, 0] > 0],
        [
            _either(white, Mismatch.SPLIT, Mismatch.MERGE),
            np.full(rows.size, Mismatch.HOLE_ADDITION.value, dtype=np.uint8),
            _either(parts, Mismatch.SPLIT, Mismatch.HOLE_DELETION),
            _either(white, Mismatch.HOLE_ADDITION, Mismatch.HOLE_DELETION),
        ],
        _either(white, Mismatch.OBJECT_DELETION, Mismatch.OBJECT_ADDITION),
    )
    answer = np.zeros(warped.image.shape, dtype=np.uint8)
    answer[rows, columns] = found
    return answer


def counts(found: Kinds) -> Mapping[Mismatch, int]:
    """Pixels of each kind."""
    sizes = np.bincount(found.ravel(), minlength=len(Mismatch) + 1)
    return {kind: int(sizes[kind.value]) for kind in Mismatch}


def clusters(found: Kinds) -> Mapping[Mismatch, int]:
    """Mistakes of each kind: pixels of one kind that hang together over sides or corners are one."""
    return {kind: int(ndimage.label(found == kind.value, _CORNERS)[1]) for kind in Mismatch}


def _around(
    labels: Int[np.ndarray, "h w"], rows: Int[np.ndarray, " n"], columns: Int[np.ndarray, " n"]
) -> Int[np.ndarray, "n 8"]:
    """The labels of the eight neighbours; the map of labels has a margin of one pixel."""
    down, right = np.transpose(NEIGHBOURS)
    return labels[rows[:, np.newaxis] + 1 + down, columns[:, np.newaxis] + 1 + right]


def _parts_its_cell(
    image: Bool[np.ndarray, "h w"], rows: Int[np.ndarray, " n"], columns: Int[np.ndarray, " n"]
) -> Bool[np.ndarray, " n"]:
    """Whether a cell falls apart when this white pixel of it turns black.

    It does when two groups of border around the pixel belong to the same border: with the pixel, that closes a curve
    around a part of the cell.
    """
    borders = ndimage.label(np.pad(~image, 1, constant_values=True), _CORNERS)[0]
    groups = _GROUPS[rings(image)[rows, columns]]
    around = np.take_along_axis(_around(borders, rows, columns), np.maximum(groups, 0), axis=1)
    # Groups that are none become different numbers, all of them below those of borders.
    around = np.sort(np.where(groups < 0, -1 - np.arange(4), around), axis=1)
    return (np.diff(around, axis=1) == 0).any(axis=1)


def _either(where: Bool[np.ndarray, " n"], then: Mismatch, otherwise: Mismatch) -> UInt8[np.ndarray, " n"]:
    return np.where(where, np.uint8(then.value), np.uint8(otherwise.value))
