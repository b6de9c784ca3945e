"""Measures as functions of counts added up, for many data sets at once: what a permutation test works thousands of times.

Each is the measure of the same name in `utome.evaluation`, whose families pack an image's counts into a row of numbers; tests hold
them to be the same. Counts may be fractions, as means over seeds are.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float64

from utome.evaluation.isbi2012_sums import AT, AT_HALF
from utome.metrics.isbi2012.labelling import THINNED_THRESHOLDS, THRESHOLDS
from utome.metrics.objects import IOU_THRESHOLDS

Rows = Float64[np.ndarray, "b s"]
Values = Float64[np.ndarray, "b"]
Of = Callable[[Rows], Values]
# How many numbers of `ObjectCounts` stand before those of each threshold, and how these follow on each other.
BEFORE, TP, FN, FP, MATCHED = 3, 0, 1, 2, 3
SIDES = frozenset({"f1", "precision", "recall"})
WIDTHS = 4


def pooled(family: str, measure: str, classes: Sequence[str]) -> Of | None:
    """The measure of a family as a function of rows of packed counts; none where there is no such form."""
    makers: dict[str, Callable[[str, Sequence[str]], Of | None]] = {
        "pixels": _pixels, "thin": _thin, "boundaries": _boundaries, "objects": _objects, "isbi2012": _isbi2012,
    }  # fmt: skip
    maker = makers.get(family)
    return None if maker is None else maker(measure, classes)


def chooses_threshold(family: str, measure: str) -> bool:
    """Whether the measure is that at the best of several thresholds, which is another for each training."""
    return family == "isbi2012" and measure != "squared_error"


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(np.broadcast(part, whole).shape, np.nan), where=whole > 0)


def _pixels(measure: str, classes: Sequence[str]) -> Of | None:
    """Of a confusion matrix row by row."""
    table: Callable[[Rows], np.ndarray] = lambda rows: rows.reshape(len(rows), len(classes), len(classes))  # noqa: E731
    if measure in WHOLE:
        whole = WHOLE[measure]
        return lambda rows: whole(table(rows))
    name, _, score = measure.rpartition(".")
    if name not in classes or score not in OF_CLASS:
        return None
    place, of = list(classes).index(name), OF_CLASS[score]
    return lambda rows: of(table(rows))[:, place]


def _hits(table: np.ndarray) -> np.ndarray:
    return np.einsum("bii->bi", table)


def _iou(table: np.ndarray) -> np.ndarray:
    return _share(_hits(table), table.sum(axis=2) + table.sum(axis=1) - _hits(table))


def _dice(table: np.ndarray) -> np.ndarray:
    return _share(2 * _hits(table), table.sum(axis=2) + table.sum(axis=1))


def _mean(values: np.ndarray) -> Values:
    """The mean over the classes that have a value."""
    known = ~np.isnan(values)
    return _share(np.where(known, values, 0).sum(axis=1), known.sum(axis=1))


OF_CLASS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "iou": _iou,
    "dice": _dice,
    "precision": lambda table: _share(_hits(table), table.sum(axis=1)),
    "recall": lambda table: _share(_hits(table), table.sum(axis=2)),
}
WHOLE: dict[str, Callable[[np.ndarray], Values]] = {
    "mean_iou": lambda table: _mean(_iou(table)),
    "mean_dice": lambda table: _mean(_dice(table)),
    "accuracy": lambda table: _share(_hits(table).sum(axis=1), table.sum(axis=(1, 2))),
}


def _two_sided(table: np.ndarray, score: str) -> Values:
    """Of predicted and right, all predicted, true and found, all true: see `utome.metrics.twosided`."""
    right, predicted, found, true = table.T
    precision, recall = _share(right, predicted), _share(found, true)
    if score != "f1":
        return precision if score == "precision" else recall
    both = (right > 0) & (found > 0)
    harmonic = np.divide(2 * precision * recall, precision + recall, out=np.zeros(len(table)), where=both)
    return np.where((predicted > 0) | (true > 0), harmonic, np.nan)


def _thin(measure: str, classes: Sequence[str]) -> Of | None:
    del classes
    if measure in SIDES:
        return lambda rows: _two_sided(rows[:, :4], measure)
    along = {"cldice": "f1", "centreline_precision": "precision", "centreline_recall": "recall"}
    if measure in along:
        end = 4 + 4 * WIDTHS
        return lambda rows: _two_sided(rows[:, 4:end].reshape(len(rows), WIDTHS, 4).sum(axis=1), along[measure])
    widths = ("under_3_px", "3_to_6_px", "6_to_12_px", "from_12_px")
    name, _, score = measure.rpartition(".")
    if name not in widths or score not in SIDES:
        return None
    start = 4 + 4 * widths.index(name)
    return lambda rows: _two_sided(rows[:, start : start + 4], score)


def _boundaries(measure: str, classes: Sequence[str]) -> Of | None:
    chosen = list(classes)[1 if len(classes) == 2 else 0 :]
    name, _, score = measure.rpartition(".")
    if name not in chosen or score not in SIDES:
        return None
    start = 4 * chosen.index(name)
    return lambda rows: _two_sided(rows[:, start : start + 4], score)


def _objects(measure: str, classes: Sequence[str]) -> Of | None:
    """Of the fields of `ObjectCounts`, everywhere and then at the edge."""
    del classes
    name = measure.removeprefix("at_edge.")
    half = int(name != measure)
    if name in OF_OBJECTS:
        of = OF_OBJECTS[name]
        return lambda rows: of(np.split(rows, 2, axis=1)[half])
    score, _, limit = name.partition(".")
    places = {f"{each:g}": place for place, each in enumerate(IOU_THRESHOLDS)}
    if score not in AT_LIMIT or limit not in places:
        return None
    at, place = AT_LIMIT[score], places[limit]
    return lambda rows: at(np.split(rows, 2, axis=1)[half])[:, place]


def _block(side: np.ndarray, number: int) -> np.ndarray:
    """One of the numbers of objects that there are for each threshold."""
    start = BEFORE + number * len(IOU_THRESHOLDS)
    return side[:, start : start + len(IOU_THRESHOLDS)]


def _halves(side: np.ndarray) -> np.ndarray:
    return _block(side, TP) + (_block(side, FN) + _block(side, FP)) / 2


def _precise(side: np.ndarray) -> np.ndarray:
    return _share(_block(side, TP), _block(side, TP) + _block(side, FN) + _block(side, FP))


# The sums of SEG and of the aggregated Jaccard index follow on those of the thresholds.
AFTER = BEFORE + 4 * len(IOU_THRESHOLDS)
OF_OBJECTS: dict[str, Of] = {
    "seg": lambda side: _share(side[:, AFTER], side[:, 0]),
    "aggregated_jaccard": lambda side: _share(side[:, AFTER + 1], side[:, AFTER + 2]),
    "mean_average_precision": lambda side: _precise(side).mean(axis=1),
}
AT_LIMIT: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "average_precision": _precise,
    "f1": lambda side: _share(_block(side, TP), _halves(side)),
    "panoptic_quality": lambda side: _share(_block(side, MATCHED), _halves(side)),
}


def _isbi2012(measure: str, classes: Sequence[str]) -> Of | None:
    """Of the sums at each threshold; the best threshold is that of the stack."""
    del classes
    if measure == "squared_error":
        return lambda rows: _share(rows[:, -len(AT_HALF)], _column(rows, "pixels")[:, 0])
    found: dict[str, Of] = {
        "pixel_error": lambda rows: (1 - _f_of_pixels(rows)[:, : len(THRESHOLDS)]).min(axis=1),
        "rand_error": lambda rows: (1 - _f_of_rand(rows)[:, : len(THRESHOLDS)]).min(axis=1),
        "warping_error": lambda rows: _mismatches(rows)[:, : len(THRESHOLDS)].min(axis=1),
        "v_rand": lambda rows: _mean_of(rows, "v_rand").max(axis=1),
        "v_info": lambda rows: _mean_of(rows, "v_info").max(axis=1),
    }
    return found.get(measure)


def _column(rows: Rows, name: str) -> np.ndarray:
    table = rows[:, : -len(AT_HALF)].reshape(len(rows), len(THINNED_THRESHOLDS), len(AT))
    return table[:, :, AT.index(name)]


def _f_of_pixels(rows: Rows) -> np.ndarray:
    either = _column(rows, "cells") + _column(rows, "found")
    return np.where(either > 0, _share(2 * _column(rows, "hits"), either), 1.0)


def _f_of_rand(rows: Rows) -> np.ndarray:
    either = _column(rows, "rand.same_cell") + _column(rows, "rand.same_segment")
    return _share(2 * _column(rows, "rand.same_both"), either)


def _mismatches(rows: Rows) -> np.ndarray:
    return _share(_column(rows, "merges") + _column(rows, "splits"), _column(rows, "pixels"))


def _mean_of(rows: Rows, name: str) -> np.ndarray:
    return _share(_column(rows, name), _column(rows, f"{name}.sections"))
