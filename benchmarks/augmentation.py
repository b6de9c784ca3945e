"""What augmentation costs: an elastic field and warp against SciPy's, and a batch with all changes against a training step.

The sides take turns in one process, so that what else the machine does slows both; figures are medians. SciPy's side is
written as a user would: cubic `zoom` of the 3x3 grid and `map_coordinates`, mirrored, linear for the image and nearest for the
mask. The first pair is a warm-up and not counted.
"""

import time
from collections.abc import Callable
from itertools import starmap
from operator import truediv
from statistics import median

import numpy as np
import torch
from scipy.ndimage import map_coordinates, zoom

from benchmarks.practice import Practice
from benchmarks.table import Cell, Row, at_least, at_most
from utome.augmentation.fields import coordinate_field, draw_motion
from utome.augmentation.tiles import TileAugmentation
from utome.augmentation.warping import Warper
from utome.config.sections import AugmentationSettings
from utome.randomness import generator
from utome.recipes.library import load_recipe
from utome.tiling import Place

DEVIATION, NODES = 10.0, 3
SIDE, PAIRS, TIMES_AS_FAST = 512, 30, 10.0
TILE, TILES, CHANNELS, STEPS, SHARE = 256, 8, 3, 8, 10.0
ELASTIC = AugmentationSettings(flips=False, quarter_turns=False, elastic=DEVIATION, elastic_grid=NODES)
GEOMETRY = AugmentationSettings(rotation=15, scale=0.2, shift=10, elastic=DEVIATION)
EVERYTHING = GEOMETRY.model_copy(
    update={"brightness": 0.2, "contrast": 0.2, "colour": 0.1, "gamma": 0.2, "blur": 1.0, "noise": 0.1}
)


def augmentation() -> list[Row]:
    """The elastic warp, and a batch with all geometry and then with all changes."""
    return [
        _elastic(),
        _batch("geometry of a batch", GEOMETRY),
        _batch("geometry and grey values of a batch", EVERYTHING),
    ]


def _elastic() -> Row:
    place, warper = _place(SIDE, 1), Warper(torch.device("cpu"))
    ours, theirs = _seconds(
        lambda draws: warper([place], coordinate_field(draw_motion(ELASTIC, (), draws), SIDE)[None], border=0),
        lambda draws: _as_scipy_does(place, draws),
        PAIRS,
    )
    ratios = list(starmap(truediv, zip(theirs, ours, strict=True)))
    return _row(
        f"elastic field and warp, image and mask of {SIDE}x{SIDE}",
        "SciPy",
        (ours, theirs),
        ("times as fast", at_least(median(ratios), TIMES_AS_FAST)),
    )


def _batch(what: str, settings: AugmentationSettings) -> Row:
    places = [_place(2 * TILE, CHANNELS)] * TILES
    change = TileAugmentation(settings, torch.device("cpu"))
    practice = Practice(load_recipe("unet").config, side=TILE, images=TILES)
    ours, theirs = _seconds(
        lambda draws: change(places, draws.spawn(TILES), side=TILE, border=0), lambda _: practice.step(), STEPS
    )
    share = at_most(100 * median(ours) / median(theirs), SHARE)
    return _row(
        f"{what}, {TILES} of {TILE}x{TILE}x{CHANNELS}", "a step of recipe unet", (ours, theirs), ("share, %", share)
    )


def _row(what: str, beside: str, seconds: tuple[list[float], list[float]], verdict: tuple[str, Cell]) -> Row:
    ours, theirs = seconds
    cells: dict[str, Cell] = {
        "what": what,
        "threads": torch.get_num_threads(),
        "ms": 1000 * median(ours),
        "beside": beside,
        "its ms": 1000 * median(theirs),
        "result": verdict[0],
        "value": verdict[1],
    }
    return Row(cells, {"utome_seconds": ours, "other_seconds": theirs})


def _seconds(
    ours: Callable[[np.random.Generator], object], theirs: Callable[[np.random.Generator], object], pairs: int
) -> tuple[list[float], list[float]]:
    """The time of each, in turns, without the first pair."""
    taken: tuple[list[float], list[float]] = ([], [])
    for pair in range(1 + pairs):
        for contestant, seconds in zip((ours, theirs), taken, strict=True):
            draws = generator("benchmark", pair)
            started = time.perf_counter()
            contestant(draws)
            seconds.append(time.perf_counter() - started)
    return taken[0][1:], taken[1][1:]


def _as_scipy_does(place: Place, draws: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    grid = draws.normal(0.0, DEVIATION, (2, NODES, NODES))
    displacement = np.stack([zoom(vectors, SIDE / NODES, order=3) for vectors in grid])
    places = np.mgrid[:SIDE, :SIDE] + displacement
    image = map_coordinates(place.image[0], places, order=1, mode="mirror")
    return image, map_coordinates(place.labels, places, order=0, mode="mirror")


def _place(side: int, channels: int) -> Place:
    draws = generator("place", side, channels)
    image = draws.standard_normal((channels, side, side), dtype=np.float32)
    labels = draws.integers(0, 2, (side, side)).astype(np.uint8)
    return Place(image, labels, None, ((side - 1) / 2, (side - 1) / 2))
