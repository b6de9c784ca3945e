"""Flips, quarter turns, brightness, contrast and colour of one tile."""

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
        if self._settings.quarter_turns:
            image, labels = np.rot90(image, turns, (1, 2)), np.rot90(labels, turns)
        if self._settings.flips and flip:
            image, labels = image[:, :, ::-1], labels[:, ::-1]
        return self._intensities(np.ascontiguousarray(image), draws), np.ascontiguousarray(labels)

    def _intensities(self, image: Image, draws: np.random.Generator) -> Image:
        """One factor and offset for all channels, and one for each channel of a colour image."""
        settings = self._settings
        image = _scaled(image, draws, contrast=settings.contrast, brightness=settings.brightness, channels=1)
        channels = image.shape[0]
        if channels == 1:
            return image
        return _scaled(image, draws, contrast=settings.colour, brightness=settings.colour, channels=channels)


def _scaled(image: Image, draws: np.random.Generator, *, contrast: float, brightness: float, channels: int) -> Image:
    shape = (channels, 1, 1)
    factor = np.exp(draws.normal(0.0, contrast, shape)).astype(np.float32)
    return image * factor + draws.normal(0.0, brightness, shape).astype(np.float32)
