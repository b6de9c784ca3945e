"""How long the scores of the ISBI 2012 challenge take for one map of the challenge's size, on one core.

Maps: one made up and good, one without any structure, and, where UTOME_DATA names the folder of data sets, a real
section blurred into probabilities.
"""

import os
import time
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.spatial import cKDTree

from benchmarks.table import Cell, Row, at_most
from utome.metrics.isbi2012.challenge import isbi2012
from utome.randomness import generator

SIDE, CELLS = 512, 400
RUNS = 5
# Of wall time; the challenge's own scripts took 56 s on a machine such as the one that the target was set on.
SECONDS = 6.0

Pair = tuple[np.ndarray, np.ndarray]


def isbi2012_scores() -> list[Row]:
    """One row a map: all scores over all thresholds."""
    maps = {"cells made up": _cells(), "noise": _noise()}
    section = Path(os.environ.get("UTOME_DATA", "")) / "isbi2012" / "train" / "label" / "0.png"
    if "UTOME_DATA" in os.environ and section.is_file():
        maps["a section of the challenge, blurred"] = _blurred(section)
    return [_row(name, pair) for name, pair in maps.items()]


def _row(name: str, pair: Pair) -> Row:
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        scores = isbi2012(*pair)
        seconds.append(time.perf_counter() - started)
    cells: dict[str, Cell] = {
        "map": name,
        "size": "x".join(map(str, pair[0].shape)),
        "V_Rand": scores.v_rand.value,
        "V_Info": scores.v_info.value,
        "warping error": scores.warping_error.value,
        "runs": RUNS,
        "median seconds": at_most(median(seconds), SECONDS),
    }
    return Row(cells, {"seconds": seconds})


def _cells() -> Pair:
    """Cells around random points, and a map of them that is shifted here and there, and uncertain at the borders."""
    draws = generator(0, "isbi2012 benchmark")
    places = np.moveaxis(np.mgrid[:SIDE, :SIDE], 0, -1).astype(np.float64)
    nearest = cKDTree(draws.random((CELLS, 2)) * SIDE)
    shift = ndimage.gaussian_filter(draws.normal(size=places.shape), (10, 10, 0)) * 60
    uncertain = ndimage.gaussian_filter(draws.normal(size=(SIDE, SIDE)), 2) * 12
    return _depth(nearest, places) > 3, _logistic((_depth(nearest, places + shift) - 4 + uncertain) / 1.5)


def _depth(points: cKDTree, places: np.ndarray) -> np.ndarray:
    """0 on the border between the cells of two points, in pixels."""
    first, second = np.moveaxis(points.query(places, 2)[0], -1, 0)
    depth: np.ndarray = second - first
    return depth


def _noise() -> Pair:
    draws = generator(1, "isbi2012 benchmark")
    return draws.random((SIDE, SIDE)) < 0.5, draws.random((SIDE, SIDE))


def _blurred(section: Path) -> Pair:
    truth = np.asarray(Image.open(section).convert("L")) > 127
    noise = ndimage.gaussian_filter(generator(2, "isbi2012 benchmark").normal(size=truth.shape), 2) * 3
    return truth, _logistic(ndimage.gaussian_filter(truth * 8.0, 1.5) - 4 + noise)


def _logistic(value: np.ndarray) -> np.ndarray:
    probability: np.ndarray = 1 / (1 + np.exp(-value))
    return probability
