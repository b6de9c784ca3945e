"""What every metric refuses, in sentences for whoever brought the images."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Integer, Shaped

from utome.errors import DataError

# A second image of any size; what compares two images refuses another size itself.
Mask = Bool[np.ndarray, "h w"]
OtherMask = Bool[np.ndarray, "_ _"]


def check_same_size(truth: Shaped[np.ndarray, "..."], other: Shaped[np.ndarray, "..."], *, name: str) -> None:
    """DataError unless both are images of one size; `name` is what the other is, as in "the prediction"."""
    if truth.shape != other.shape or truth.ndim != 2:
        raise DataError(
            f"The truth is {_size(truth)} pixels, but {name} {_size(other)}: both must be images of one size. "
            "Bring them to the same size first."
        )


def check_probability(probability: Float[np.ndarray, "h w"]) -> None:
    """DataError unless every value is a number from 0 to 1."""
    if not probability.size:
        return
    low, high = float(probability.min()), float(probability.max())
    if np.isnan(low):
        raise DataError("The probabilities hold values that are no numbers (NaN). Find out what computed them.")
    if low < 0 or high > 1:
        raise DataError(
            f"The probabilities reach from {low:g} to {high:g}, but they must lie from 0 to 1. "
            "Give the softmax or sigmoid of logits, or divide grey values by their largest possible value."
        )


def check_instances(instances: Integer[np.ndarray, "h w"], *, name: str) -> None:
    """DataError where an object has a negative number."""
    if instances.size and instances.min() < 0:
        raise DataError(
            f"{name[:1].upper()}{name[1:]} numbers an object {int(instances.min())}, but objects are numbered "
            "from 1, and 0 is the background. Number them anew."
        )


def check_tolerance(tolerance: float) -> None:
    """DataError unless the tolerance is a distance."""
    if not 0 <= tolerance < np.inf:
        raise DataError(f"The tolerance is {tolerance}, but it must be a distance of 0 pixels or more.")


def check_addable(ours: Any, theirs: Any, *, what: str) -> None:
    """DataError where the scores of two images were not counted alike; `what` names what must be equal."""
    if ours != theirs:
        raise DataError(f"Scores of {what} {ours} and {theirs} cannot be added. Score all images in the same way.")


def known_or_all(known: OtherMask | None, like: Shaped[np.ndarray, "h w"]) -> Mask:
    """The mask of what is known, which is everything where none is given."""
    if known is None:
        return np.ones(like.shape, dtype=bool)
    check_same_size(like, known, name="the mask of what is known")
    return known


def _size(image: Shaped[np.ndarray, "..."]) -> str:
    sides: list[Any] = list(image.shape)
    return "x".join(str(side) for side in sides) or "a single number of"
