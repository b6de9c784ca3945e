"""Scores of a labelling against the truth, all from one confusion matrix.

A class that is absent from truth and prediction has no IoU (it is NaN and left out of the mean); one that is absent
from the truth but predicted has IoU 0. Other conventions stand beside it: smoothed IoU, and the mean over images.

Counting is made of NumPy's fast loops. Each pixel becomes a code, (true class, predicted class) in base k+1, where
the last digit stands for all that is no class. For up to 15 classes a code fits a byte, so two neighbours together
are one number of 16 bits, and a histogram of half as many numbers tells how often each code came first and second.
Chunks stay in the processor's cache.
"""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64, Num, UInt8

from utome.errors import ConfigError, DataError
from utome.metrics.checks import check_same_size

LabelMap = UInt8[np.ndarray, "h w"]
OtherLabelMap = UInt8[np.ndarray, "_ _"]
# The label of a pixel whose truth is not known: an ignored value, or outside the field of view.
UNKNOWN = 255
MOST_CLASSES = UNKNOWN
CHUNK = 1 << 17


@dataclass(frozen=True)
class Confusion:
    """Pixels by true class (rows) and predicted class (columns). Matrices of several images add up."""

    counts: Int64[np.ndarray, "k k"]

    def __add__(self, other: "Confusion") -> "Confusion":
        return Confusion(self.counts + other.counts)

    @property
    def iou(self) -> Float64[np.ndarray, " k"]:
        """Intersection over union of each class: TP / (TP + FP + FN)."""
        return _share(self._hits, self._union)

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
        """Share of the true pixels of each class that are found, its sensitivity: TP / (TP + FN)."""
        return _share(self._hits, self._true)

    @property
    def specificity(self) -> Float64[np.ndarray, " k"]:
        """Share of the pixels of all other classes that are not taken for this one: TN / (TN + FP)."""
        others = self.counts.sum() - self._true
        return _share(others - (self._predicted - self._hits), others)

    @property
    def mean_iou(self) -> float:
        """Unweighted mean of the classes' IoU, the background included."""
        return _mean(self.iou)

    @property
    def mean_dice(self) -> float:
        """Unweighted mean of the classes' Dice coefficients, the background included."""
        return _mean(self.dice)

    @property
    def classes_counted(self) -> int:
        """How many classes the two means are over: those that truth or prediction have."""
        return int(np.count_nonzero(self._union))

    @property
    def pixel_accuracy(self) -> float:
        """Share of all pixels that are right."""
        total = int(self.counts.sum())
        return float(self._hits.sum() / total) if total else float("nan")

    def smoothed_iou(self, smooth: float) -> Float64[np.ndarray, " k"]:
        """(TP + s) / (TP + FP + FN + s): a class that is absent from both has 1. Many programs take s = 1e-5."""
        return _share(self._hits + smooth, self._union + smooth)

    @property
    def _hits(self) -> Int64[np.ndarray, " k"]:
        return np.diagonal(self.counts)

    @property
    def _true(self) -> Int64[np.ndarray, " k"]:
        return self.counts.sum(axis=1)

    @property
    def _predicted(self) -> Int64[np.ndarray, " k"]:
        return self.counts.sum(axis=0)

    @property
    def _union(self) -> Int64[np.ndarray, " k"]:
        return self._true + self._predicted - self._hits


@dataclass(frozen=True)
class PerImage:
    """The mean over images of each class's IoU, and over how many images it is."""

    iou: Float64[np.ndarray, " k"]
    images: Int64[np.ndarray, " k"]


def confusion(truth: LabelMap, predicted: OtherLabelMap, *, classes: int) -> Confusion:
    """The confusion matrix of two label maps of the same size; where the truth is no class, nothing is counted.

    DataError where the sizes differ, or where the prediction is no class but the truth is one.
    """
    check_same_size(truth, predicted, name="the prediction")
    if not 1 <= classes <= MOST_CLASSES:
        raise ConfigError(f"There are {classes} classes, but a label map has 1 to {MOST_CLASSES} of them.")
    base = classes + 1
    table = _code_counts(truth.ravel(), predicted.ravel(), classes=classes).reshape(base, base)
    strays = int(table[:classes, classes].sum())
    if strays:
        raise DataError(
            f"The prediction has {strays} pixels of label {classes} or more, but there are {classes} classes, "
            f"labelled 0 to {classes - 1}. Was it made with another class table?"
        )
    return Confusion(table[:classes, :classes].copy())


def empty_confusion(classes: int) -> Confusion:
    """The confusion matrix of no image, to add others to."""
    return Confusion(np.zeros((classes, classes), dtype=np.int64))


def only_at_edge(truth: LabelMap, *, pixels: int) -> LabelMap:
    """The truth with all but a band along the image's edge made unknown, to score what lies there by itself."""
    band = truth.copy()
    band[pixels : truth.shape[0] - pixels, pixels : truth.shape[1] - pixels] = UNKNOWN
    return band


def per_image(matrices: Iterable[Confusion]) -> PerImage:
    """Each class's IoU image by image, averaged over the images where truth or prediction have it."""
    values = np.stack([matrix.iou for matrix in matrices])
    known = ~np.isnan(values)
    images = np.count_nonzero(known, axis=0).astype(np.int64)
    return PerImage(_share(np.where(known, values, 0).sum(axis=0), images), images)


def _code_counts(
    truth: UInt8[np.ndarray, " n"], predicted: UInt8[np.ndarray, " n"], *, classes: int
) -> Int64[np.ndarray, " b"]:
    base = classes + 1
    in_pairs = base**2 <= 256
    counts = np.zeros(1 << 16, dtype=np.int64)
    for start in range(0, truth.size, CHUNK):
        piece = slice(start, start + CHUNK)
        codes = np.minimum(truth[piece], classes).astype(np.uint8 if in_pairs else np.uint16, copy=False)
        codes *= base
        codes += np.minimum(predicted[piece], classes)
        if in_pairs and codes.size % 2:
            codes = np.append(codes, codes.dtype.type(classes * base))  # a partner whose truth is no class
        found = np.bincount(codes.view(np.uint16))
        counts[: found.size] += found
    if in_pairs:
        firsts_and_seconds = counts.reshape(256, 256)
        counts = firsts_and_seconds.sum(axis=0) + firsts_and_seconds.sum(axis=1)
    return counts[: base**2]


def _share(part: Num[np.ndarray, " k"], whole: Num[np.ndarray, " k"]) -> Float64[np.ndarray, " k"]:
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def _mean(values: Float64[np.ndarray, " k"]) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of nothing is NaN, which is what is meant
        return float(np.nanmean(values))
