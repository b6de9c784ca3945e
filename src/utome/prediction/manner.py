"""How a whole image is predicted by a network that was trained on tiles: what suits it, and whether its tiles are exact."""

from dataclasses import replace

from utome.config.prediction import PredictionSettings
from utome.models.network import SegmentationNetwork
from utome.prediction.segmenter import Segmenter
from utome.tiling import Geometry

# Of a network that averages over the whole image no halo makes tiles exact. A quarter of the tile costs four times its pixels.
SHARE = 4


def suited(settings: PredictionSettings, network: SegmentationNetwork, *, tile: int) -> PredictionSettings:
    """The settings with a tile where none is set; `tile` is that of training.

    A network that averages over the whole image does best on pieces as large as those that it learned from. Their halo is then a
    share of them, unless it is set.
    """
    if settings.tile is not None or network.receptive_field is not None:
        return settings.model_copy(update={"tile": settings.piece})
    stride = network.geometry.stride
    halo = tile // SHARE // stride * stride if settings.halo is None else settings.halo
    return settings.model_copy(update={"tile": tile, "halo": halo})


def planned(network: Segmenter, *, halo: int | None, blend: int) -> Geometry:
    """The network's geometry with the halo that tiles are planned with: that of each pixel that counts, and room to blend.

    More than what the network looks at is not needed; valid convolutions bring their own context.
    """
    geometry = network.geometry
    if halo is None:
        halo = geometry.halo
    elif network.receptive_field is not None:
        halo = min(halo, geometry.halo)
    return replace(geometry, halo=halo + blend)


def is_exact(settings: PredictionSettings, network: SegmentationNetwork) -> bool:
    """Whether tiles give what the whole image gives, up to rounding."""
    if network.receptive_field is None:
        return False
    return settings.halo is None or settings.halo >= network.geometry.halo
