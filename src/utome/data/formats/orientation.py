"""Turning an image as its EXIF says: the eight ways in which a camera may have been held."""

from collections.abc import Callable

import numpy as np

# By the number in the EXIF: what makes the stored rows and columns stand upright.
TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: np.swapaxes(pixels, 0, 1),
    6: lambda pixels: np.rot90(pixels, 3),
    7: lambda pixels: np.rot90(np.swapaxes(pixels, 0, 1), 2),
    8: np.rot90,
}
# Those that exchange height and width.
ON_ITS_SIDE = range(5, 9)
# The others undo themselves.
OPPOSITES = {6: 8, 8: 6}


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels (h, w) or (h, w, c) as stored, turned upright; for 5 to 8 height and width change places.

    >>> turned(np.array([[1, 2]]), 6).tolist()
    [[1], [2]]
    """
    return np.ascontiguousarray(TURNS[orientation](pixels)) if orientation in TURNS else pixels


def turned_back(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels that were turned upright, as they are stored."""
    return turned(pixels, OPPOSITES.get(orientation, orientation))
