"""How fast the metrics are, one process and one thread, on maps that look like results.

Pixel metrics count a confusion matrix over blobs; the classes' number should not matter up to 15. Objects are 2,000
discs, of which the prediction moved some and lost others. Each figure is the best of several runs, since whatever else
the machine does can only make a run slower.
"""

import time
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Integer, UInt8
from scipy import ndimage

from benchmarks.table import Cell, Row, at_least, at_most
from utome.metrics.boundaries import boundary_distances
from utome.metrics.confusion import confusion
from utome.metrics.objects import score_objects
from utome.metrics.ranking import ranking
from utome.metrics.thin import centreline_counts, tolerant_counts
from utome.metrics.thresholds import threshold_counts
from utome.randomness import generator

SIDE, RUNS = 2048, 5
PIXELS_SECOND, OBJECT_SECONDS = 200.0, 2.0
# Discs on a grid of 45 by 45 places, the last 25 of which stay empty.
PLACES, RADIUS, OBJECTS = 45, 18, 2000


def metrics() -> list[Row]:
    """A row for each metric with what it costs."""
    rows = [_pixels(classes) for classes in (2, 3, 4, 8, 20)]
    truth = _discs()
    moved = np.where(truth % 10 > 0, np.roll(truth, (3, 2), axis=(0, 1)), 0)
    seconds = _best_of(lambda: score_objects(truth, moved))
    rows.append(
        _row("objects at 10 thresholds", f"{np.unique(truth).size - 1} objects", truth.size, seconds, OBJECT_SECONDS)
    )
    blobs = _blobs(2, SIDE) == 1
    lines = np.abs(_noise(SIDE)) < 0.0015
    shifted = np.roll(lines, 2, axis=0)
    probability = generator(0, "probability").random((SIDE, SIDE), dtype=np.float32)
    others: dict[str, tuple[str, Callable[[], object]]] = {
        "ROC and precision-recall areas": ("blobs", lambda: ranking(blobs.astype(np.uint8), probability)),
        "boundary distances": ("blobs", lambda: boundary_distances(blobs, np.roll(blobs, 3, axis=0))),
        "within 2 pixels": ("thin lines", lambda: tolerant_counts(lines, shifted, tolerance=2)),
        "ODS and OIS, 99 thresholds": ("thin lines", lambda: threshold_counts(lines, probability, tolerance=2)),
        "clDice": ("thin lines", lambda: centreline_counts(lines, shifted)),
    }
    for name, (image, work) in others.items():
        rows.append(_row(name, image, SIDE * SIDE, _best_of(work)))
    return rows


def _pixels(classes: int) -> Row:
    truth = np.tile(_blobs(classes, SIDE), (2, 2))
    predicted = np.roll(truth, 5, axis=1)
    seconds = _best_of(lambda: confusion(truth, predicted, classes=classes))
    row = _row("confusion matrix", f"{classes} classes", truth.size, seconds)
    speed = at_least(truth.size / min(seconds) / 1e6, PIXELS_SECOND)
    return Row({**row.cells, "million pixels a second": speed}, row.measurements)


def _row(metric: str, image: str, pixels: int, seconds: list[float], limit: float | None = None) -> Row:
    best = min(seconds)
    cells: dict[str, Cell] = {
        "metric": metric,
        "image": image,
        "million pixels": pixels / 1e6,
        "seconds": best if limit is None else at_most(best, limit),
        "million pixels a second": pixels / best / 1e6,
    }
    return Row(cells, {"seconds": seconds})


def _best_of(work: Callable[[], object]) -> list[float]:
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return seconds


def _noise(side: int) -> np.ndarray:
    return ndimage.gaussian_filter(generator(0, "noise").standard_normal((side, side)), 8)


def _blobs(classes: int, side: int) -> UInt8[np.ndarray, "h w"]:
    noise = _noise(side)
    return np.digitize(noise, np.quantile(noise, np.linspace(0, 1, classes + 1)[1:-1])).astype(np.uint8)


def _discs() -> Integer[np.ndarray, "h w"]:
    y, x = np.mgrid[:SIDE, :SIDE]
    place = SIDE // PLACES
    disc: Bool[np.ndarray, "h w"] = (y % place - place // 2) ** 2 + (x % place - place // 2) ** 2 <= RADIUS**2
    number = y // place * PLACES + x // place + 1
    return np.where(disc & (x // place < PLACES) & (number <= OBJECTS), number, 0).astype(np.int32)
