"""Scoring a predictor on images with truth, read one at a time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from utome.data.classes import ClassTable
from utome.data.formats import Pixels
from utome.data.survey import Facts
from utome.data.truth import read_pixels, read_truth
from utome.evaluation.table import ImageScore, Scores, Seen
from utome.events import Listener, Progressed
from utome.metrics.confusion import confusion

LabelMap = UInt8[np.ndarray, "h w"]
Predict = Callable[[Pixels, str], LabelMap]
FitTruth = Callable[[LabelMap], LabelMap]


def as_it_is(labels: LabelMap) -> LabelMap:
    """The same label map."""
    return labels


@dataclass(frozen=True)
class Method:
    """How an image is labelled: from its pixels and the name to use in errors.

    `fit_truth` brings a truth of the image's size to the prediction's.
    """

    predict: Predict
    fit_truth: FitTruth = as_it_is


@dataclass(frozen=True)
class Labelled:
    """One image with its truth and what was predicted of it, and their confusion matrix."""

    score: ImageScore
    pixels: Pixels
    truth: LabelMap
    predicted: LabelMap


Watch = Callable[[Labelled], None]


def unwatched(labelled: Labelled) -> None:
    """Look at nothing."""


def score(
    facts: Sequence[Facts],
    method: Method,
    classes: ClassTable,
    seen: Mapping[str, Seen],
    *,
    listen: Listener,
    watch: Watch = unwatched,
) -> Scores:
    """Predict and compare every image; `seen` tells by content hash what training knew.

    `watch` is shown every image once, while it is in memory.
    """
    rows = []
    for done, fact in enumerate(facts, start=1):
        sample, pixels = fact.sample, read_pixels(fact.sample)
        truth = method.fit_truth(classes.labels(read_truth(sample), source=sample.truth_source))
        predicted = method.predict(pixels, sample.source)
        row = ImageScore(sample, seen.get(fact.content, "never"), confusion(truth, predicted, classes=classes.count))
        rows.append(row)
        watch(Labelled(row, pixels, truth, predicted))
        listen(Progressed("scoring", done, len(facts)))
    return Scores(classes.names, tuple(rows))
