"""Scores of a labelling against the truth, all from one confusion matrix.

A class that is absent from truth and prediction has no IoU (it is NaN and left out of the mean); one that is absent
from the truth but predicted has IoU 0.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64, UInt8

LabelMap = UInt8[np.ndarray, "h w"]


@dataclass(frozen=True)
class Confusion:
    """Pixels by true class (rows) and predicted class (columns). Matrices of several images add up."""

    counts: Int64[np.ndarray, "k k"]

    def __add__(self, other: "Confusion") -> "Confusion":
        return Confusion(self.counts + other.counts)

    @property
    def iou(self) -> Float64[np.ndarray, " k"]:
        """Intersection over union of each class: TP / (TP + FP + FN)."""
        return _share(self._hits, self._true + self._predicted - self._hits)

    @property
    def dice(self) -> Float64[np.ndarray, " k"]:
        """Dice coefficient of each class: 2·TP / (2·TP + FP + FN)."""
        return _share(2 * self._hits, self._true + self._predicted)

    @property
    def precision(self) -> Float64[np.ndarray, " k"]:
        """Share of the predicted pixels of each class that are right: TP / (TP + FP)."""
        return _share(self._hits, self._predicted)

    @property
    def recall(self) -> Float64[np.ndarray, " k"]:
        """Share of the true pixels of each class that are found: TP / (TP + FN)."""
        return _share(self._hits, self._true)

    @property
    def mean_iou(self) -> float:
        """Unweighted mean of the classes' IoU, the background included."""
        return _mean(self.iou)

    @property
    def pixel_accuracy(self) -> float:
        """Share of all pixels that are right."""
        total = int(self.counts.sum())
        return float(self._hits.sum() / total) if total else float("nan")

    @property
    def _hits(self) -> Int64[np.ndarray, " k"]:
        return np.diagonal(self.counts)

    @property
    def _true(self) -> Int64[np.ndarray, " k"]:
        return self.counts.sum(axis=1)

    @property
    def _predicted(self) -> Int64[np.ndarray, " k"]:
        return self.counts.sum(axis=0)


def confusion(truth: LabelMap, predicted: LabelMap, *, classes: int) -> Confusion:
    """The confusion matrix of two label maps of the same size; where the truth is no class, nothing is counted."""
    known = truth < classes
    pairs = truth[known].astype(np.int64) * classes + predicted[known]
    return Confusion(np.bincount(pairs, minlength=classes**2).reshape(classes, classes).astype(np.int64))


def empty_confusion(classes: int) -> Confusion:
    """The confusion matrix of no image, to add others to."""
    return Confusion(np.zeros((classes, classes), dtype=np.int64))


def _share(part: Int64[np.ndarray, " k"], whole: Int64[np.ndarray, " k"]) -> Float64[np.ndarray, " k"]:
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def _mean(values: Float64[np.ndarray, " k"]) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of nothing is NaN, which is what is meant
        return float(np.nanmean(values))
