"""Outlines of objects as polygons along the edges of their pixels.

Coordinates are (x, y): the upper left corner of the image's first pixel is (0, 0), and the lower right one (1, 1). Only
corners are kept. Each part of an object whose pixels share sides is a polygon of its own; parts that meet at a corner are
two polygons that touch there, as geometry demands of polygons that are to be valid.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Integer
from scipy import ndimage

# A closed line of corners (x, y); the first is not repeated at its end.
Ring = list[tuple[int, int]]
RIGHT, DOWN, LEFT, UP = range(4)


@dataclass(frozen=True)
class Polygon:
    """An outer ring, clockwise on the screen (counterclockwise by its numbers, as y grows downwards), and holes the other way."""

    shell: Ring
    holes: list[Ring]


def outlines(instances: Integer[np.ndarray, "h w"]) -> list[list[Polygon]]:
    """The polygons of the objects 1 to n of an instance map, in their order."""
    found: list[list[Polygon]] = []
    for number, place in enumerate(ndimage.find_objects(instances), start=1):
        if place is None:  # no pixel has this number
            found.append([])
            continue
        rows, columns = place
        found.append(list(_polygons(instances[place] == number, columns.start, rows.start)))
    return found


def _polygons(mask: Bool[np.ndarray, "h w"], left: int, top: int) -> Iterator[Polygon]:
    """Those of one object, each from the box of its part."""
    parts, _ = ndimage.label(mask)
    for part, (rows, columns) in enumerate(ndimage.find_objects(parts), start=1):
        yield _polygon(parts[rows, columns] == part, left + columns.start, top + rows.start)


def _polygon(part: Bool[np.ndarray, "h w"], left: int, top: int) -> Polygon:
    """One part whose pixels are connected by their sides, in a frame at a place of the image."""
    width = part.shape[1] + 1
    rings = [
        [(place % width + left, place // width + top) for place in _corners(loop)]
        for loop in _loops(_edges(part), width)
    ]
    shells = [ring for ring in rings if _doubled_area(ring) > 0]
    (shell,) = shells
    return Polygon(shell, [ring for ring in rings if ring is not shell])


def _edges(part: Bool[np.ndarray, "h w"]) -> dict[int, list[int]]:
    """The sides of pixels that are outline: by the corner where each begins, its directions, with the part on the right.

    A corner's number counts along rows of one more than the part's width.
    """
    padded = np.pad(part, 1)
    width = part.shape[1] + 1
    sides = (
        (part & ~padded[:-2, 1:-1], 0, RIGHT),
        (part & ~padded[1:-1, 2:], 1, DOWN),
        (part & ~padded[2:, 1:-1], width + 1, LEFT),
        (part & ~padded[1:-1, :-2], width, UP),
    )
    found: dict[int, list[int]] = {}
    for open_side, corner, direction in sides:
        y, x = np.nonzero(open_side)
        for start in (y * width + x + corner).tolist():
            found.setdefault(start, []).append(direction)
    return found


def _loops(edges: dict[int, list[int]], width: int) -> list[list[int]]:
    """Closed lines through corners, each once in its line: `edges` is used up."""
    loops: list[list[int]] = []
    while edges:
        loops += _parted(_walk(edges, (1, width, -1, -width)))
    return loops


def _walk(edges: dict[int, list[int]], steps: tuple[int, ...]) -> list[int]:
    """A closed line from the first corner that is left, until there is no way on."""
    corner = next(iter(edges))
    direction = edges[corner][0]
    line: list[int] = []
    while corner in edges:
        directions = edges[corner]
        if len(directions) == 1:
            direction = directions[0]
        elif line:
            direction = (direction + 1) % 4  # to the right, which keeps to the same pixel
        directions.remove(direction)
        if not directions:
            del edges[corner]
        line.append(corner)
        corner += steps[direction]
    return line


def _parted(line: list[int]) -> list[list[int]]:
    """A closed line as rings: where it meets a corner again, at which two pixels touch, what lies between is a ring of its own."""
    rings: list[list[int]] = []
    way: list[int] = []
    met: dict[int, int] = {}
    for corner in (*line, line[0]):
        if corner in met:
            start = met[corner]
            rings.append(way[start:])
            for passed in way[start:]:
                del met[passed]
            del way[start:]
        met[corner] = len(way)
        way.append(corner)
    return rings


def _corners(loop: list[int]) -> list[int]:
    """A loop without the points at which it goes straight on."""
    return [
        corner
        for before, corner, after in zip([loop[-1], *loop[:-1]], loop, [*loop[1:], loop[0]], strict=True)
        if after - corner != corner - before
    ]


def _doubled_area(ring: Ring) -> int:
    return sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in zip(ring, [*ring[1:], ring[0]], strict=True))
