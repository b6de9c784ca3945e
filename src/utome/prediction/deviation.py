"""How far a tiled prediction is from that of the whole image, or of the largest pieces that memory allows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32
from torch import Tensor

from utome.config.prediction import PredictionSettings
from utome.device import Device
from utome.models.network import SegmentationNetwork
from utome.prediction.manner import planned
from utome.prediction.memory import largest_tile
from utome.prediction.tiled import Tiles, in_one_piece, largest_side, predict_tiled

Logits = Float32[Tensor, "k h w"]


@dataclass(frozen=True)
class Deviation:
    """What tiles change. `tile` is their side as it was, which may be another than the setting, and `halo` the context that each
    kept pixel had at least; of several models each is the smallest. `blend` is as the setting.

    `reference` is the side, as it was, of the larger pieces that the tiles were compared with, none where that was the whole image, and
    `tile` is none where the image was predicted in one piece, so that there was nothing to compare. `largest` and `mean` are differences
    of a class's probability, `labels_changed` is the share of pixels whose class differs.
    """

    tile: int | None
    halo: int
    blend: int
    reference: int | None
    largest: float
    mean: float
    labels_changed: float

    @property
    def sentence(self) -> str:
        """The comparison in words."""
        if self.tile is None:
            return "in one piece, so there are no tiles."
        other = "the whole image" if self.reference is None else f"larger tiles of {self.reference}"
        return (
            f"tiles of {self.tile} with a halo of {self.halo} against {other}: probabilities differ by {self.largest:.2g} at most and by "
            f"{self.mean:.2g} on average, {self.labels_changed:.3%} of the pixels get another class."
        )

    def as_json(self) -> dict[str, Any]:
        """The figures by name."""
        return asdict(self)


@dataclass(frozen=True)
class Comparison:
    """Which tiles are compared with which larger pieces, as changes of the settings."""

    tile: int | None
    halo: int
    blend: int
    reference: int | None
    whole: Mapping[str, Any]

    def of(self, tiled: Logits, larger: Logits) -> Deviation:
        """The deviation of these logits from those."""
        ours, theirs = tiled.softmax(dim=0), larger.softmax(dim=0)
        changed = (tiled.argmax(dim=0) != larger.argmax(dim=0)).float().mean().item()
        ours -= theirs
        ours.abs_()
        return Deviation(
            self.tile, self.halo, self.blend, self.reference, ours.max().item(), ours.double().mean().item(), changed
        )

    @property
    def none_needed(self) -> Deviation:
        """What is said of an image that is no larger than a tile."""
        return Deviation(None, self.halo, self.blend, None, 0.0, 0.0, 0.0)


def comparison(
    network: SegmentationNetwork, settings: PredictionSettings, shape: tuple[int, ...], device: Device
) -> Comparison:
    """What an image of this shape (channels, height, width) can be compared with on this machine as it is now."""
    channels, size = shape[0], (shape[1], shape[2])
    halo = planned(network, halo=settings.halo, blend=0).halo
    tile = largest_side(network, size, Tiles(settings.piece, settings.halo, settings.blend))
    whole = {"average": "none", "halo": None, "blend": 0}
    if in_one_piece(network, size, tile=settings.piece, halo=settings.halo, blend=settings.blend):
        return Comparison(None, halo, settings.blend, None, {**whole, "tile": settings.piece})
    reference = largest_tile(network, channels, size, device)
    # The whole image needs at most a stride more than its own size.
    side = max(size) + network.geometry.stride if reference is None else max(reference, tile)
    reference = None if reference is None else largest_side(network, size, Tiles(side, None, 0))
    return Comparison(tile, halo, settings.blend, reference, {**whole, "tile": side})


def deviation_of(
    network: SegmentationNetwork, settings: PredictionSettings, image: Float32[np.ndarray, "c h w"], device: Device
) -> Deviation:
    """The deviation on an image as the network sees it; without averaging, which tiles do not change."""
    compared = comparison(network, settings, image.shape, device)
    if compared.tile is None:
        return compared.none_needed
    tiled = predict_tiled(network, image, device, tile=settings.piece, halo=settings.halo, blend=settings.blend)
    return compared.of(tiled, predict_tiled(network, image, device, tile=compared.whole["tile"]))
