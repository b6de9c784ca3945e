"""Pixels: what follows from one confusion matrix."""

from collections.abc import Callable, Sequence

import numpy as np

from utome.evaluation.case import Case
from utome.evaluation.measures import Family, Measure, Sums, counted
from utome.metrics.confusion import Confusion, confusion

SMOOTH = 1e-5
CONVENTIONS = {
    "iou": "TP / (TP + FP + FN); 0 where only the prediction has the class, none where neither has",
    "dice": "2 TP / (2 TP + FP + FN)",
    "precision": "TP / (TP + FP)",
    "recall": "TP / (TP + FN), also called sensitivity",
    "specificity": "TN / (TN + FP)",
    "smoothed_iou": f"(TP + s) / (TP + FP + FN + s) with s = {SMOOTH:g}; 1 where neither has the class",
}
MEAN = "unweighted mean over the classes, the background included; a class absent from truth and prediction is left out"


class Pixels(Family[Confusion]):
    """IoU, Dice and their kin, of each class and on average."""

    name = "pixels"

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self.about = "one confusion matrix over the pixels of all images"
        binary = len(self.classes) == 2
        self.headline = f"{self.classes[1]}.iou" if binary else "mean_iou"
        of_classes = [
            self._of_class(number, score, shown=score != "smoothed_iou" and not (binary and number == 0))
            for number in range(len(self.classes))
            for score in CONVENTIONS
        ]
        self.measures = (
            Measure("mean_iou", lambda counts: counts.mean_iou, MEAN),
            Measure("mean_dice", lambda counts: counts.mean_dice, MEAN),
            Measure("accuracy", lambda counts: counts.pixel_accuracy, "share of all known pixels that are right"),
            counted("classes_counted", lambda counts: counts.classes_counted, f"of {len(self.classes)} classes"),
            *of_classes,
        )

    def count(self, case: Case) -> Confusion:
        """The confusion matrix."""
        return confusion(case.truth, case.predicted, classes=len(self.classes))

    def pack(self, counts: Confusion) -> Sums:
        """The matrix row by row."""
        return counts.counts.astype(np.float64).ravel()

    def unpack(self, sums: Sums) -> Confusion:
        """The matrix."""
        return Confusion(np.rint(sums).astype(np.int64).reshape(2 * [len(self.classes)]))

    def _of_class(self, number: int, score: str, *, shown: bool) -> Measure[Confusion]:
        of: Callable[[Confusion], float]
        if score == "smoothed_iou":
            of = lambda counts: float(counts.smoothed_iou(SMOOTH)[number])  # noqa: E731
        else:
            of = lambda counts: float(getattr(counts, score)[number])  # noqa: E731
        return Measure(f"{self.classes[number]}.{score}", of, CONVENTIONS[score], shown=shown)
