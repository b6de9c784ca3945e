"""Flips, quarter turns, brightness and contrast of one tile."""

import numpy as np
from jaxtyping import Float32, UInt8

from utome.config.sections import AugmentationSettings

Image = Float32[np.ndarray, "c h w"]
LabelMap = UInt8[np.ndarray, "y x"]


class TileAugmentation:
    """Changes a square tile and its labels alike; every draw comes from the generator handed in."""

    def __init__(self, settings: AugmentationSettings) -> None:
        self._settings = settings

    def __call__(self, image: Image, labels: LabelMap, draws: np.random.Generator) -> tuple[Image, LabelMap]:
        """The changed tile and labels; labels are moved but never altered."""
        turns, flip = int(draws.integers(4)), bool(draws.integers(2))
        factor, offset = (
            np.float32(np.exp(draws.normal(0.0, self._settings.contrast))),
            np.float32(draws.normal(0.0, self._settings.brightness)),
        )
        if self._settings.quarter_turns:
            image, labels = np.rot90(image, turns, (1, 2)), np.rot90(labels, turns)
        if self._settings.flips and flip:
            image, labels = image[:, :, ::-1], labels[:, ::-1]
        return np.ascontiguousarray(image) * factor + offset, np.ascontiguousarray(labels)
