"""A table of objects: a row each that was predicted, with its measures and the true object that it fits best."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64

from utome.data.classes import IGNORED
from utome.data.truth import read_objects
from utome.evaluation.scoring import Labelled
from utome.metrics.overlaps import Overlaps, connected_objects, overlaps
from utome.metrics.shapes import described, shapes

# Above this a true and a predicted object match: each matches one at most.
MATCH = 0.5
TOLD_APART = ("objects", "instances", "coco")


@dataclass(frozen=True)
class ObjectRow:
    """One predicted object: a connected part of a class, corners included.

    Lengths of what is thin are those along (`length_along`) the "skeleton", of all else the "major axis". `truth_id` is the number of the
    true object with the highest `iou`, none where no true object shares a pixel; the two are `matched` where that is over a half. µm
    are none where the size of a pixel is not known.
    """

    image: str
    object_id: int
    class_name: str
    area_px: int
    area_um2: float | None
    length_px: float
    length_um: float | None
    length_along: Literal["skeleton", "major axis"]
    diameter_px: float
    diameter_um: float | None
    centroid_y_px: float
    centroid_x_px: float
    at_edge: bool
    truth_id: int | None
    iou: float
    matched: bool


@dataclass(frozen=True)
class CountRow:
    """The objects of one class in one image: how many there are, predicted and in truth, and how many of both match."""

    image: str
    class_name: str
    predicted: int
    truth: int
    matched: int


@dataclass(frozen=True)
class ImageObjects:
    """The objects of one image."""

    rows: tuple[ObjectRow, ...]
    counts: tuple[CountRow, ...]


def measure_objects(labelled: Labelled, name: str, classes: Sequence[str], pixel_um: float | None) -> ImageObjects:
    """The objects of all classes but the first, numbered from 1 over all of them.

    True objects are those that the truth tells apart, by its own numbers, else connected parts, numbered in each class in reading
    order. What nothing is known of counts as background.
    """
    sample = labelled.score.sample
    numbers = read_objects(sample).astype(np.int64) if sample.truth in TOLD_APART else None
    rows: list[ObjectRow] = []
    counts: list[CountRow] = []
    for number, class_name in enumerate(classes[1:], start=1):
        found, measures = shapes((labelled.predicted == number) & (labelled.truth != IGNORED))
        true_mask = labelled.truth == number
        true = connected_objects(true_mask) if numbers is None else numbers * true_mask
        pairs = overlaps(true, found)
        partners, ious = _best(pairs)
        counts.append(CountRow(name, class_name, len(ious), pairs.truth.ids.size, int(np.count_nonzero(ious > MATCH))))
        ids = pairs.predicted.ids + len(rows)
        fits = zip(partners, ious.tolist(), pairs.predicted.at_edge.tolist(), strict=True)
        for place, (partner, iou, at_edge) in enumerate(fits):
            rows.append(
                ObjectRow(
                    image=name,
                    object_id=int(ids[place]),
                    class_name=class_name,
                    **described(measures, place, pixel_um),
                    at_edge=at_edge,
                    truth_id=partner,
                    iou=iou,
                    matched=iou > MATCH,
                )
            )
    return ImageObjects(tuple(rows), tuple(counts))


def table_csv(kind: type[Any], rows: Iterable[Any]) -> str:
    """Dataclasses of one kind as a line of column names, and one a row; numbers to the last digit, what is not known empty."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([_column(field.name) for field in fields(kind)])
    table.writerows([_cell(value) for value in astuple(row)] for row in rows)
    return text.getvalue()


def count_json(row: CountRow) -> dict[str, Any]:
    """A row for JSON, without the image's name."""
    return {_column(name): value for name, value in asdict(row).items() if name != "image"}


def _best(pairs: Overlaps) -> tuple[list[int | None], Float64[np.ndarray, " m"]]:
    """For each predicted object the number of the true one with the highest IoU, of equals the first, and that IoU."""
    count = pairs.predicted.ids.size
    partners: list[int | None] = [None] * count
    best = np.zeros(count)
    for row, column, iou in zip(pairs.rows.tolist(), pairs.columns.tolist(), pairs.iou.tolist(), strict=True):
        if iou > best[column]:
            best[column], partners[column] = iou, int(pairs.truth.ids[row])
    return partners, best


def _column(field: str) -> str:
    return "class" if field == "class_name" else field


def _cell(value: Any) -> Any:
    """A value for CSV, whose truth values are words."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
