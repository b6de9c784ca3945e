"""Scoring a predictor on images with truth, read one at a time."""

from collections.abc import Callable, Mapping, Sequence

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


def score(
    facts: Sequence[Facts],
    predict: Predict,
    classes: ClassTable,
    seen: Mapping[str, Seen],
    *,
    fit_truth: FitTruth,
    listen: Listener,
) -> Scores:
    """Predict and compare every image.

    `predict` takes pixels and the name to use in errors; `fit_truth` brings the truth to the prediction's size;
    `seen` tells by content hash what training knew.
    """
    rows = []
    for done, fact in enumerate(facts, start=1):
        sample = fact.sample
        truth = fit_truth(classes.labels(read_truth(sample), source=sample.truth_source))
        predicted = predict(read_pixels(sample), sample.source)
        matrix = confusion(truth, predicted, classes=classes.count)
        rows.append(ImageScore(sample, seen.get(fact.content, "never"), matrix))
        listen(Progressed("scoring", done, len(facts)))
    return Scores(classes.names, tuple(rows))
