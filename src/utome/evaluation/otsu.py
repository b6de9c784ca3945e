"""Otsu's threshold: what can be had without learning, for every comparison of two classes.

Otsu 1979: the grey level that parts an image's histogram with the largest variance between the two sides. Which side
is the foreground is chosen once, on the training images; or, with no training at all, it is the smaller side of each
image.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64, Integer, UInt8

from utome.data.classes import ClassTable
from utome.data.formats import Pixels
from utome.data.survey import Facts
from utome.data.truth import read_pixels, read_truth
from utome.evaluation.scoring import FitTruth, Method, as_it_is, score
from utome.evaluation.table import Scores, Seen
from utome.events import Listener
from utome.metrics.confusion import confusion, empty_confusion

BINS = 256
LabelMap = UInt8[np.ndarray, "h w"]
Side = Literal["bright", "dark", "smaller"]


class Otsu:
    """A predictor of two classes by one threshold an image.

    `side` is the foreground: what is bright, what is dark, or the smaller of the two in each image by itself.
    """

    def __init__(self, *, side: Side) -> None:
        self.side = side

    def labels(self, pixels: Pixels) -> LabelMap:
        """1 where the grey value lies on the foreground's side of the image's own threshold.

        In a constant image all is dark and nothing bright, so the smaller side is empty. Of two sides of the same
        size the bright one counts as the smaller.
        """
        grey = pixels.mean(axis=2, dtype=np.float64)
        above = grey >= otsu_threshold(grey)
        bright = self.side == "bright" or (self.side == "smaller" and 2 * above.sum() <= above.size)
        return (above if bright else ~above).astype(np.uint8)


def fit_otsu(facts: Sequence[Facts], classes: ClassTable) -> Otsu:
    """The side, bright or dark, with the higher foreground IoU over the pixels of the training images."""
    return fit_side(
        (read_pixels(fact.sample), classes.labels(read_truth(fact.sample), source=fact.sample.truth_source))
        for fact in facts
    )


def fit_side(pairs: Iterable[tuple[Pixels, LabelMap]]) -> Otsu:
    """The same for images and their truths, looked at one by one."""
    bright, dark = empty_confusion(2), empty_confusion(2)
    for pixels, truth in pairs:
        above = Otsu(side="bright").labels(pixels)
        bright += confusion(truth, above, classes=2)
        dark += confusion(truth, 1 - above, classes=2)
    return Otsu(side="bright" if bright.iou[1] >= dark.iou[1] else "dark")


@dataclass(frozen=True)
class WithoutLearning:
    """The scores of Otsu's threshold, and in words which side of it is the foreground, and why."""

    scores: Scores
    side: Side
    about: str


def score_otsu(
    otsu: Otsu,
    facts: Sequence[Facts],
    classes: ClassTable,
    seen: Mapping[str, Seen],
    *,
    listen: Listener,
    fit_truth: FitTruth = as_it_is,
) -> Scores:
    """What can be had without learning on these images, at the size that `fit_truth` brings label maps to."""
    method = Method(lambda pixels, source: fit_truth(otsu.labels(pixels)), fit_truth)
    return score(facts, method, classes, seen, listen=listen)


def otsu_threshold(grey: Float64[np.ndarray, "h w"]) -> float:
    """The grey value that parts an image best: the bright side is what equals or exceeds it.

    It is an edge between two of `BINS` bins, each of which holds its lower edge but not its upper. Infinity where the
    image is constant: nothing lies above.
    """
    if grey.min() == grey.max():
        return np.inf
    counts: Integer[np.ndarray, " b"]
    counts, edges = np.histogram(grey, bins=BINS)
    centres = (edges[:-1] + edges[1:]) / 2
    below, total = np.cumsum(counts)[:-1], counts.sum()
    sums = np.cumsum(counts * centres)
    mean_below, mean_above = sums[:-1] / below.clip(min=1), (sums[-1] - sums[:-1]) / (total - below).clip(min=1)
    between = below * (total - below) * (mean_below - mean_above) ** 2
    return float(edges[1 + int(between.argmax())])
