"""How far every pixel is from the nearest and from the second nearest object.

Each object is measured in its own bounding box, grown by how far distances matter, so that the cost follows the area
of the objects and not their number times the image. Large boxes are cut into blocks, and blocks that the object
does not come near are skipped: a long thin object across the image costs its length, not the image. Squared distances
are whole numbers until the end, so the order of the objects changes no bit.
"""

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float64, Int32, Integer
from scipy import ndimage

Objects = Integer[np.ndarray, "h w"]
Distances = Float64[np.ndarray, "h w"]
Box = tuple[slice, slice]

# Blocks have about this side in pixels, or four times the reach where that is more: each is measured with its surroundings.
BLOCK = 256


def nearest_two(objects: Objects, *, reach: float = math.inf) -> tuple[Distances, Distances]:
    """Euclidean distances in pixels to the nearest and the second nearest object, infinite beyond `reach`.

    Objects are the pixels with one number above 0. The distance is that to an object's nearest pixel: 0 inside it, 1 beside
    it. Where there is no first or second object, its distance is infinite.
    """
    objects = _counted(objects)
    first, second = (np.full(objects.shape, math.inf) for _ in range(2))
    margin = math.floor(min(reach, max(objects.shape)))
    for number, box in enumerate(ndimage.find_objects(objects), start=1):
        if box is None:
            continue
        area = _grown(box, margin, _everything(objects))
        for block in _blocks(area, max(BLOCK, 4 * margin)):
            _measure(objects, number, (block, _grown(block, margin, area)), (first, second))
    for squares in (first, second):
        squares[squares > reach * reach] = math.inf
        np.sqrt(squares, out=squares)
    return first, second


def _counted(objects: Objects) -> Int32[np.ndarray, "h w"]:
    """The objects under numbers that are no larger than the image, since all numbers up to the largest are looked for."""
    if objects.max(initial=0) > objects.size:
        values, places = np.unique(objects.clip(min=0), return_inverse=True)
        objects = places.reshape(objects.shape) + int(values[0] > 0)
    return objects.astype(np.int32, copy=False)


def _measure(objects: Objects, number: int, areas: tuple[Box, Box], nearest: tuple[np.ndarray, np.ndarray]) -> None:
    """Enters an object's squared distances in the first of the areas; all that is near enough to it lies in the second."""
    block, around = areas
    elsewhere: Bool[np.ndarray, "y x"] = objects[around] != number
    if elsewhere.all():
        return
    first, second = (distances[block] for distances in nearest)
    rows, columns = ndimage.distance_transform_edt(elsewhere, return_distances=False, return_indices=True)
    inner = tuple(slice(b.start - a.start, b.stop - a.start) for b, a in zip(block, around, strict=True))
    down = rows[inner] - np.arange(inner[0].start, inner[0].stop, dtype=np.float64)[:, None]
    right = columns[inner] - np.arange(inner[1].start, inner[1].stop, dtype=np.float64)
    down *= down
    right *= right
    squares = np.add(down, right, out=down)
    np.minimum(second, np.maximum(first, squares), out=second)
    np.minimum(first, squares, out=first)


def _everything(objects: Objects) -> Box:
    return slice(0, objects.shape[0]), slice(0, objects.shape[1])


def _grown(box: Box, margin: int, limits: Box) -> Box:
    rows, columns = (
        slice(max(side.start - margin, limit.start), min(side.stop + margin, limit.stop))
        for side, limit in zip(box, limits, strict=True)
    )
    return rows, columns


def _blocks(area: Box, side: int) -> Iterator[Box]:
    """The area in blocks of equal size, as near to `side` as that goes."""
    rows, columns = (_cuts(each, side) for each in area)
    return ((down, right) for down in rows for right in columns)


def _cuts(span: slice, side: int) -> list[slice]:
    length = span.stop - span.start
    count = max(1, round(length / side))
    edges = [span.start + length * number // count for number in range(count + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]
