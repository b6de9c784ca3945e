"""One image as all families of scores see it: arrays of one size, wherever they come from."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Integer, UInt8

from utome.metrics.confusion import UNKNOWN
from utome.metrics.overlaps import connected_objects

Labels = UInt8[np.ndarray, "h w"]
Probability = Float32[np.ndarray, "h w"]
Numbers = Integer[np.ndarray, "h w"]


@dataclass(frozen=True)
class Case:
    """The truth of an image, and what was predicted.

    `truth` and `predicted` are class numbers; where the truth is 255 nothing is known and nothing counts. `probability`
    is that of class 1. Object numbers are given where files tell objects apart.
    """

    truth: Labels
    predicted: Labels
    probability: Probability | None = None
    true_objects: Numbers | None = None
    predicted_objects: Numbers | None = None

    @property
    def known(self) -> Bool[np.ndarray, "h w"]:
        """Where something is known of the truth."""
        return self.truth != UNKNOWN

    @property
    def objects(self) -> tuple[Numbers, Numbers]:
        """The true and the predicted objects; where a side has no numbers, the connected parts of its class 1."""
        return _numbered(self.true_objects, self.truth), _numbered(self.predicted_objects, self.predicted)


def _numbered(objects: Numbers | None, labels: Labels) -> Numbers:
    return connected_objects(labels == 1) if objects is None else objects
