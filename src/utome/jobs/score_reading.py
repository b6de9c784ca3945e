"""One pair of a truth and a prediction as arrays that can be scored, read as it was decided."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float32, Int64, Shaped, UInt8

from utome.data.classes import WHITE, ClassTable
from utome.data.formats import COLOURED, is_lossy, read_map
from utome.data.samples import Sample
from utome.data.truth import THRESHOLD, UNKNOWN, read_objects, read_truth
from utome.errors import DataError
from utome.evaluation.case import Case, Numbers, Probability
from utome.jobs.score_looking import How, has_fractions
from utome.metrics import confusion
from utome.metrics.isbi2012.sections import from_bytes

Map = Shaped[np.ndarray, "h w"]
Labels = UInt8[np.ndarray, "h w"]
LARGEST = {"uint8": 255, "uint16": 65535}


def read_case(sample: Sample, how: How) -> Case:
    """The pair; `DataError` names the file that holds what it should not."""
    truth, true_objects = _truth(sample, how)
    pixels = read_map(sample.image, page=sample.page)
    known = truth != confusion.UNKNOWN
    if how.prediction == "probability":
        probability = _probability(pixels, sample, how)
        labels = (probability > np.float32(0.5)).astype(np.uint8)
        return Case(truth, labels, probability, true_objects)
    if how.prediction == "objects":
        objects = _objects(pixels, sample)
        return Case(truth, (objects > 0).astype(np.uint8), None, true_objects, objects)
    return Case(truth, _predicted(pixels, known, sample, how), None, true_objects)


def _truth(sample: Sample, how: How) -> tuple[Labels, Numbers | None]:
    if how.truth == "labels":
        return _alone(how.table.labels(read_truth(sample), source=sample.truth_source), how.positive), None
    numbered = replace(sample, truth="instances")
    objects = read_objects(numbered)
    ignored = np.isin(objects, how.ignore)
    if sample.field is not None:
        ignored |= read_truth(numbered) == UNKNOWN
    labels = np.where(ignored, confusion.UNKNOWN, objects > 0).astype(np.uint8)
    return labels, objects


def _predicted(pixels: Map, known: Bool[np.ndarray, "h w"], sample: Sample, how: How) -> Labels:
    """Class numbers; what is predicted where nothing is known may be anything, and becomes the first class."""
    if has_fractions(pixels):
        raise DataError(
            f"The prediction '{sample.source}' holds fractions; accepted as classes: whole numbers. If they are probabilities: "
            "--prediction probability."
        )
    table: ClassTable = replace(how.table, ignored=())
    if table.count == 2 and is_lossy(sample.image):
        table = replace(table, threshold=THRESHOLD)
    some = next(value for values in table.values for value in values)
    pixels = np.where(known, pixels, some).astype(np.int64)
    try:
        labels = table.labels(pixels, source=sample.source)
    except DataError as error:
        raise DataError(f"A prediction does not fit the truths. {error} {_advice(pixels, how)}") from error
    return _alone(labels, how.positive)


def _advice(pixels: Int64[np.ndarray, "h w"], how: How) -> str:
    two = how.table.count == 2 or how.positive is not None
    if not two:
        return "Give its classes the values that the truths have."
    grey = f"If the values up to {WHITE} are grey levels of a probability: --prediction probability. "
    return f"{grey if pixels.max() <= WHITE else ''}If they number objects: --prediction objects."


def _alone(labels: Labels, positive: int | None) -> Labels:
    """The class that counts as foreground as 1, all others as 0."""
    if positive is None:
        return labels
    return np.where(labels == confusion.UNKNOWN, labels, labels == positive).astype(np.uint8)


def _objects(pixels: Map, sample: Sample) -> Numbers:
    """Object numbers from 1; in a coloured map each colour but black is an object."""
    if is_lossy(sample.image):
        raise DataError(
            f"'{sample.source}' is a JPEG, which cannot hold object numbers: its compression changes them. Save the numbers as "
            "PNG or TIFF."
        )
    lowest = float(pixels.min())
    if lowest < 0 or has_fractions(pixels):
        what = f"the value {lowest:g}" if lowest < 0 else "fractions"
        raise DataError(
            f"The prediction '{sample.source}' holds {what}; accepted as object numbers: whole numbers, 0 where there is no object."
        )
    numbers = pixels.astype(np.int64)
    return numbers - COLOURED if lowest >= COLOURED else numbers


def _probability(pixels: Map, sample: Sample, how: How) -> Probability:
    """Probabilities from 0 to 1; whole numbers of 8 or 16 bits are divided by the largest there can be.

    But where no prediction holds more than 1, they are 0 and 1 themselves.
    """
    kind = str(pixels.dtype)
    if kind in LARGEST and how.largest[kind] > 1:
        return from_bytes(pixels) if kind == "uint8" else _scaled(pixels, LARGEST[kind])
    low, high = float(pixels.min()), float(pixels.max())
    if low < 0 or high > 1:
        raise DataError(
            f"The prediction '{sample.source}' reaches from {low:g} to {high:g}, but probabilities must lie from 0 to 1. Give the "
            "softmax or sigmoid of logits, or grey values of 8 or 16 bits."
        )
    return pixels.astype(np.float32)


def _scaled(pixels: Map, largest: int) -> Float32[np.ndarray, "h w"]:
    return (pixels / np.float64(largest)).astype(np.float32)
