"""Simple points: pixels that change sides without any cell or border being made, lost, joined or parted.

By the classical definition for cells that hang together over sides (4) and borders over corners too (8): a pixel is
simple when, among its eight neighbours, exactly one 4-connected group of white ones touches its sides (T4 = 1) and
the black ones form exactly one 8-connected group (T̄8 = 1). The pixel's own colour does not matter.

The eight neighbours are numbered row by row, and "the ring" of a pixel is a byte whose bit k is set where neighbour k
is white.
"""

from collections.abc import Callable, Collection, Iterator

import numpy as np
from jaxtyping import Bool, UInt8

NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
SIDES = frozenset({1, 3, 4, 6})


def rings(image: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """The ring of every pixel; beyond the image all is black."""
    height, width = image.shape
    padded = np.pad(image, 1).view(np.uint8)
    ring = np.zeros(image.shape, dtype=np.uint8)
    for bit, (down, right) in enumerate(NEIGHBOURS):
        ring |= padded[1 + down : 1 + down + height, 1 + right : 1 + right + width] << np.uint8(bit)
    return ring


def is_simple(ring: int) -> bool:
    """Whether a pixel with this ring is a simple point.

    >>> is_simple(0b00011111), is_simple(0b00011000)  # below a white half; between white on the left and on the right
    (True, False)
    """
    white = [group for group in _groups(_members(ring, white=True), _beside) if SIDES & group]
    return len(white) == 1 and len(black_groups(ring)) == 1


def black_groups(ring: int) -> list[frozenset[int]]:
    """The 8-connected groups of the black neighbours, by number."""
    return list(_groups(_members(ring, white=False), _beside_or_corner))


def _members(ring: int, *, white: bool) -> list[int]:
    return [number for number in range(8) if bool(ring >> number & 1) is white]


def _groups(members: Collection[int], connected: Callable[[int, int], bool]) -> Iterator[frozenset[int]]:
    left = set(members)
    while left:
        group: set[int] = set()
        edge = {min(left)}
        while edge:
            group |= edge
            left -= edge
            edge = {other for other in left if any(connected(one, other) for one in group)}
        yield frozenset(group)


def _beside(one: int, other: int) -> bool:
    return sum(_distances(one, other)) == 1


def _beside_or_corner(one: int, other: int) -> bool:
    return max(_distances(one, other)) == 1


def _distances(one: int, other: int) -> tuple[int, int]:
    (row, column), (other_row, other_column) = NEIGHBOURS[one], NEIGHBOURS[other]
    return abs(row - other_row), abs(column - other_column)


# Of all 256 rings.
SIMPLE = tuple(map(is_simple, range(256)))
