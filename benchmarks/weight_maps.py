"""How fast the border term of U-Net's weight map is: against one distance transform of the whole image a cell.

Both take turns on the same cells, and must agree to 1e-6. The cells are discs and ellipses about 51 pixels apart, some
touching. Then the same cells lie in a frame of four times the area, and then twice the cells: our time should follow the
cells' area, while that of the brute force follows the cells times the frame.
"""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from scipy import ndimage

from benchmarks.table import Cell, Row, at_least, at_most
from utome.augmentation.weight_maps import border_term
from utome.randomness import generator

SIDE, CELLS_A_ROW, SPACING = 512, 10, 51
W0, SIGMA = 10.0, 5.0
ROUNDS = 5
TOLERANCE = 1e-6
# How many times faster than brute force, and how many times slower the larger frame and twice the cells there may be.
FASTER = 35.0
FRAME, TWICE = 2.0, 3.0


def weight_maps() -> list[Row]:
    """One row for the cells, one for the same in a larger frame, one for twice the cells in that frame."""
    cells = _cells()
    wide = np.zeros((2 * SIDE, 2 * SIDE), dtype=np.int32)
    wide[:SIDE, :SIDE] = cells
    twice = wide.copy()
    twice[SIDE:, SIDE:] = np.where(cells > 0, cells + cells.max(), 0)
    measured = [_measured(objects) for objects in (cells, wide, twice)]
    first = median(measured[0][0])
    limits = (None, FRAME, TWICE)
    return [
        _row(objects, seconds, first, limit)
        for objects, seconds, limit in zip((cells, wide, twice), measured, limits, strict=True)
    ]


def _row(objects: np.ndarray, seconds: tuple[list[float], list[float]], first: float, limit: float | None) -> Row:
    ours, theirs = seconds
    ratio = median(slow / fast for fast, slow in zip(ours, theirs, strict=True))
    growth = median(ours) / first
    cells: dict[str, Cell] = {
        "frame": f"{objects.shape[0]}x{objects.shape[1]}",
        "cells": int(objects.max()),
        "ours, ms": 1000 * median(ours),
        "brute force, ms": 1000 * median(theirs),
        "times faster": at_least(ratio, FASTER),
        "ours, times the first row": growth if limit is None else at_most(growth, limit),
    }
    return Row(cells, {"ours_seconds": ours, "brute_force_seconds": theirs})


def _measured(objects: np.ndarray) -> tuple[list[float], list[float]]:
    """Seconds of each round; the first is a warm-up and compares the two."""
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS + 1):
        found, fast = _timed(border_term, objects)
        expected, slow = _timed(_brute_force, objects)
        worst = float(np.abs(found - expected).max())
        if worst > TOLERANCE:
            raise RuntimeError(
                f"The border term differs from brute force by {worst:.2g}, which is more than {TOLERANCE}."
            )
        ours.append(fast)
        theirs.append(slow)
    return ours[1:], theirs[1:]


def _timed(term: Callable[[np.ndarray], Any], objects: np.ndarray) -> tuple[Any, float]:
    started = time.perf_counter()
    found = term(objects)
    return found, time.perf_counter() - started


def _brute_force(objects: np.ndarray) -> np.ndarray:
    first = np.full(objects.shape, np.inf)
    second = first.copy()
    for number in range(1, int(objects.max()) + 1):
        distances = ndimage.distance_transform_edt(objects != number)
        np.minimum(second, np.maximum(first, distances), out=second)
        np.minimum(first, distances, out=first)
    return W0 * np.exp(-((first + second) ** 2) / (2 * SIGMA**2))


def _cells() -> np.ndarray:
    """A hundred ellipses, each near its place in a grid; half axes of 9 to 19 pixels."""
    draws, (y, x) = generator("benchmark", "weight maps"), np.indices((SIDE, SIDE))
    objects = np.zeros((SIDE, SIDE), dtype=np.int32)
    for number in range(CELLS_A_ROW**2):
        row, column = divmod(number, CELLS_A_ROW)
        down, right = SPACING // 2 + SPACING * np.array([row, column]) + draws.integers(-8, 9, 2)
        tall, wide = draws.integers(9, 20, 2)
        objects[((y - down) / tall) ** 2 + ((x - right) / wide) ** 2 <= 1] = number + 1
    return objects
