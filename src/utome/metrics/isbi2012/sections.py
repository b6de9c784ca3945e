"""What is compared: a true outline and a probability map, as a stack of sections that is fit to be scored."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Shaped, UInt8

from utome.errors import DataError


@dataclass(frozen=True)
class Sections:
    """A stack of at least one section: where the cells truly are, and how probable a cell is."""

    truth: Bool[np.ndarray, "n h w"]
    probability: Float32[np.ndarray, "n h w"]


def sections(truth: Shaped[np.ndarray, "..."], probability: Shaped[np.ndarray, "..."]) -> Sections:
    """One image or a stack of them, checked: DataError says what is wrong.

    The truth is 0 on borders and one other number (or True) in cells. Probabilities are kept as float32, since the
    challenge compares and sorts them so.
    """
    if truth.shape != probability.shape:
        raise DataError(
            f"The truth is {_shape(truth)} and the probabilities are {_shape(probability)}: give two of the same shape."
        )
    if truth.ndim not in {2, 3} or not truth.size:
        raise DataError(
            f"The truth and the probabilities are {_shape(truth)}: give one image (height, width) or a stack of them "
            f"(sections, height, width), with at least one pixel."
        )
    stack = (-1, *truth.shape[-2:])
    return Sections(_cells(truth).reshape(stack), _probabilities(probability).reshape(stack))


def from_bytes(grey: UInt8[np.ndarray, "..."]) -> Float32[np.ndarray, "..."]:
    """Probabilities from 8-bit grey, rounded as the challenge rounds: times the float32 nearest to 1/255."""
    return grey.astype(np.float32) * np.float32(1 / 255)


def _cells(truth: Shaped[np.ndarray, "..."]) -> Bool[np.ndarray, "..."]:
    if truth.dtype == np.bool_:
        return truth
    if truth.dtype.kind not in "iuf":
        raise DataError(f"The truth is of type {truth.dtype}: give booleans or numbers.")
    if not np.isfinite(truth).all():
        raise DataError("The truth holds values that are no finite numbers: give 0 for borders and 1 or 255 for cells.")
    cells = truth != 0
    if cells.any() and truth[cells].min() != truth[cells].max():
        raise DataError(
            f"The truth holds values other than 0 and one more: {_some(np.unique(truth))}. Give 0 for borders and 1 or "
            f"255 for cells; of labelled cells, give `labels > 0`."
        )
    return cells


def _probabilities(probability: Shaped[np.ndarray, "..."]) -> Float32[np.ndarray, "..."]:
    if probability.dtype == np.bool_:
        return probability.astype(np.float32)
    if probability.dtype.kind != "f":
        raise DataError(
            f"The probabilities are of type {probability.dtype}: give floating-point numbers from 0 to 1, or booleans; "
            f"`from_bytes` turns 8-bit grey into them."
        )
    low, high = probability.min(), probability.max()
    if np.isnan(low):
        raise DataError("The probabilities hold values that are no numbers (NaN): give numbers from 0 to 1.")
    if low < 0 or high > 1:
        raise DataError(f"The probabilities reach from {low:g} to {high:g}: give numbers from 0 to 1.")
    return probability.astype(np.float32)


def _shape(array: Shaped[np.ndarray, "..."]) -> str:
    return "x".join(map(str, array.shape)) or "a single number"


def _some(values: Shaped[np.ndarray, " n"]) -> str:
    return ", ".join(f"{value:g}" for value in values[:4]) + (", ..." if len(values) > 4 else "")
