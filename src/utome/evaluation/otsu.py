"""Otsu's threshold: what can be had without learning, for every comparison of two classes.

Otsu 1979: the grey level that parts an image's histogram with the largest variance between the two sides. Which side
is the foreground is chosen once, on the training images.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Integer, UInt8

from utome.data.classes import ClassTable
from utome.data.formats import Pixels, read_image
from utome.data.survey import Facts
from utome.data.truth import read_truth
from utome.metrics.confusion import confusion, empty_confusion

BINS = 256
LabelMap = UInt8[np.ndarray, "h w"]


class Otsu:
    """A predictor of two classes by one threshold an image."""

    def __init__(self, *, bright: bool) -> None:
        self.bright = bright

    def labels(self, pixels: Pixels) -> LabelMap:
        """1 where the grey value lies on the foreground's side of the image's own threshold."""
        grey = pixels.mean(axis=2, dtype=np.float64)
        above = grey > otsu_threshold(grey)
        return (above if self.bright else ~above).astype(np.uint8)


def fit_otsu(facts: Sequence[Facts], classes: ClassTable) -> Otsu:
    """The side, bright or dark, with the higher foreground IoU over the pixels of the training images."""
    totals = {bright: empty_confusion(2) for bright in (True, False)}
    for fact in facts:
        truth = classes.labels(read_truth(fact.sample), source=str(fact.sample.masks[0]))
        pixels = read_image(fact.sample.image)
        for bright in totals:
            totals[bright] += confusion(truth, Otsu(bright=bright).labels(pixels), classes=2)
    return Otsu(bright=bool(totals[True].iou[1] >= totals[False].iou[1]))


def otsu_threshold(grey: Float64[np.ndarray, "h w"]) -> float:
    """The grey value that parts an image best; its own value where the image is constant."""
    counts: Integer[np.ndarray, " b"]
    counts, edges = np.histogram(grey, bins=BINS)
    centres = (edges[:-1] + edges[1:]) / 2
    below, total = np.cumsum(counts)[:-1], counts.sum()
    sums = np.cumsum(counts * centres)
    mean_below, mean_above = sums[:-1] / below.clip(min=1), (sums[-1] - sums[:-1]) / (total - below).clip(min=1)
    between = below * (total - below) * (mean_below - mean_above) ** 2
    return float(edges[1 + int(between.argmax())])
