"""Objects: which were found, missed, invented, merged or split; the same for those at the image's edge."""

from collections.abc import Callable
from dataclasses import fields

import numpy as np

from utome.evaluation.case import Case
from utome.evaluation.measures import Family, Measure, Sums, counted
from utome.metrics.objects import IOU_THRESHOLDS, ObjectCounts, ObjectScores, score_objects

Side = Callable[[ObjectScores], ObjectCounts]
# At these places of the thresholds (0.5, 0.75 and 0.9) scores are shown, at all others they are in the JSON alone.
SHOWN = (0, 5, 8)
PLAIN = {
    "seg": "mean Jaccard index over true objects, each with the predicted one that has over half of it; else 0",
    "mean_average_precision": "TP / (TP + FN + FP), mean over IoU thresholds 0.5, 0.55, ..., 0.95",
    "aggregated_jaccard": "aggregated Jaccard index: pixels shared over pixels united, with all that found no partner",
}
AT_THRESHOLD = {
    "average_precision": "TP / (TP + FN + FP) of objects that match by IoU above {0:g}",
    "f1": "2 TP / (2 TP + FP + FN) of objects that match by IoU above {0:g}",
    "precision": "TP / (TP + FP) of objects that match by IoU above {0:g}",
    "recall": "TP / (TP + FN) of objects that match by IoU above {0:g}",
    "panoptic_quality": "f1 times the matches' mean IoU, at IoU above {0:g}",
}
NUMBERS = {
    "truth": "true objects",
    "predicted": "predicted objects",
    "number_errors": "sum over images of |predicted - true|",
    "merges": "true objects that lie by over half in one predicted object, each but one of these",
    "splits": "predicted objects that lie by over half in one true object, each but one of these",
    "missed": "true objects that share over half, of either, with no predicted one",
    "invented": "predicted objects that share over half, of either, with no true one",
}


class Objects(Family[ObjectScores]):
    """Scores of matched objects."""

    name = "objects"
    headline = f"f1.{IOU_THRESHOLDS[0]:g}"

    def __init__(self, *, told_apart: tuple[bool, bool] = (True, True)) -> None:
        sides = [name for name, told in zip(("truth", "prediction"), told_apart, strict=True) if not told]
        parts = f"; objects of the {' and the '.join(sides)} are connected parts, corners included" if sides else ""
        self.about = f"counts summed over the objects of all images{parts}"
        self.measures = (
            *_measures("", lambda scores: scores.everywhere),
            *_measures("at_edge.", lambda scores: scores.at_edge),
        )

    def count(self, case: Case) -> ObjectScores:
        """The counts, everywhere and at the edge."""
        truth, predicted = case.objects
        known = case.known
        return score_objects(truth, predicted, known=None if known.all() else known)

    def pack(self, counts: ObjectScores) -> Sums:
        """All fields of both sides in their order."""
        return np.concatenate(
            [
                np.atleast_1d(np.asarray(getattr(side, field.name), dtype=np.float64))
                for side in (counts.everywhere, counts.at_edge)
                for field in fields(side)[1:]
            ]
        )

    def unpack(self, sums: Sums) -> ObjectScores:
        """The counts of both sides."""
        everywhere, at_edge = map(_counts, np.split(sums, 2))
        return ObjectScores(everywhere, at_edge)


def _counts(sums: Sums) -> ObjectCounts:
    many, place = len(IOU_THRESHOLDS), 0
    values: list[object] = []
    for field in fields(ObjectCounts)[1:]:
        whole, width = field.name not in {"matched_iou", "seg_sum"}, 1
        if field.name in {"true_positives", "false_negatives", "false_positives", "matched_iou"}:
            width = many
        taken = sums[place : place + width]
        place += width
        taken = np.rint(taken).astype(np.int64) if whole else taken
        values.append(taken if width > 1 else taken[0].item())
    return ObjectCounts(IOU_THRESHOLDS, *values)  # type: ignore[arg-type]


def _measures(prefix: str, side: Side) -> list[Measure[ObjectScores]]:
    of_all = not prefix
    return [
        *(
            Measure(prefix + name, _plain(side, name), told, shown=of_all or name == "seg")
            for name, told in PLAIN.items()
        ),
        *(
            Measure(
                f"{prefix}{name}.{limit:g}",
                _at(side, name, place),
                told.format(limit),
                shown=place in (SHOWN if name in {"average_precision", "f1"} else SHOWN[:1])
                and (of_all or name == "f1"),
            )
            for name, told in AT_THRESHOLD.items()
            for place, limit in enumerate(IOU_THRESHOLDS)
        ),
        *(counted(prefix + name, _plain(side, name), told) for name, told in NUMBERS.items()),
    ]


def _plain(side: Side, name: str) -> Callable[[ObjectScores], float]:
    return lambda scores: float(getattr(side(scores), name))


def _at(side: Side, name: str, place: int) -> Callable[[ObjectScores], float]:
    return lambda scores: float(getattr(side(scores), name)[place])
