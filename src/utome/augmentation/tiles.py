"""From places in whole images to a batch of tiles, each moved and changed by draws of its own."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from utome.augmentation.fields import coordinate_field, draw_motion
from utome.augmentation.intensity import change_intensities
from utome.augmentation.warping import Warped, Warper
from utome.config.sections import AugmentationSettings
from utome.tiling import Place


class TileAugmentation:
    """Cuts and changes the tiles of a batch on a device; every draw comes from the tile's own generator."""

    def __init__(self, settings: AugmentationSettings, device: torch.device) -> None:
        self._settings = settings
        self._warper = Warper(device)

    @torch.no_grad()
    def __call__(
        self, places: Sequence[Place], draws: Sequence[np.random.Generator], *, side: int, border: int
    ) -> Warped:
        """Tiles of `side` pixels, of which the labels and weights lack the `border` that the network consumes."""
        motions = [draw_motion(self._settings, place.mirrored, own) for place, own in zip(places, draws, strict=True)]
        fields = torch.stack([coordinate_field(motion, side) for motion in motions])
        warped = self._warper(places, fields, border=border)
        return replace(warped, image=change_intensities(warped.image, self._settings, draws))
