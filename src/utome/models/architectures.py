"""The table of architectures. A new one is an entry here and its new part."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch

from utome.config.architectures import (
    AttentionUNetSettings,
    EfficientUNetSettings,
    FullScaleUNetSettings,
    ModelSettings,
    NestedUNetSettings,
    ResNetUNetSettings,
    SEUNetSettings,
    UNetSettings,
)
from utome.models.attention_unet import attention_unet
from utome.models.encoder_unet import efficient_unet, resnet_unet
from utome.models.full_scale import full_scale_unet
from utome.models.nested import nested_unet
from utome.models.network import Parts, SegmentationNetwork, initialise, measure
from utome.models.se_unet import se_unet
from utome.models.unet import unet
from utome.randomness import key
from utome.tiling import Geometry


@dataclass(frozen=True)
class Architecture:
    """Its settings, how its parts are made of them, input channels and classes; its paper, and that paper's channels."""

    settings: type[ModelSettings]
    build: Callable[[Any, int, int], Parts]
    paper: str
    channels: int = 1


LIN = "Lin, Yang, Shu, Scherer: Crack Semantic Segmentation using the U-Net with Full Attention Strategy, 2021, arXiv 2104.14586"
OKTAY = "Oktay et al.: Attention U-Net, 2018, arXiv 1804.03999"
MACEDO = "Borin Macedo, Florindo: Efficient-Unet study, 2021"
ARCHITECTURES = {
    "unet": Architecture(UNetSettings, unet, "Ronneberger, Fischer, Brox: U-Net, MICCAI 2015, arXiv 1505.04597"),
    "attention-unet": Architecture(AttentionUNetSettings, attention_unet, f"{LIN}; {OKTAY}"),
    "advanced-attention-unet": Architecture(AttentionUNetSettings, attention_unet, LIN),
    "full-attention-unet": Architecture(AttentionUNetSettings, attention_unet, LIN),
    "se-unet": Architecture(
        SEUNetSettings,
        se_unet,
        "Ando, Hotta: Cell Image Segmentation by Feature Random Enhancement Module, VISAPP 2021, arXiv 2101.07983",
    ),
    "efficient-unet": Architecture(
        EfficientUNetSettings, efficient_unet, f"{MACEDO}; Baheti et al.: Eff-UNet, CVPRW 2020", channels=3
    ),
    "resnet50-unet": Architecture(
        ResNetUNetSettings,
        resnet_unet,
        f"{MACEDO}; He et al.: Deep Residual Learning, CVPR 2016, arXiv 1512.03385",
        channels=3,
    ),
    "unet-plus-plus": Architecture(
        NestedUNetSettings, nested_unet, "Zhou et al.: UNet++, DLMIA 2018, arXiv 1807.10165"
    ),
    "unet-3-plus": Architecture(
        FullScaleUNetSettings, full_scale_unet, "Huang et al.: UNet 3+, ICASSP 2020, arXiv 2004.08790"
    ),
}


def assemble(settings: ModelSettings, *, in_channels: int, classes: int) -> SegmentationNetwork:
    """The network of these settings, its weights as torch leaves them."""
    geometry, field = _measured(settings, in_channels)
    build = ARCHITECTURES[settings.architecture].build
    return SegmentationNetwork(build(settings, in_channels, classes), geometry, field)


def build_network(settings: ModelSettings, *, in_channels: int, classes: int, seed: int) -> SegmentationNetwork:
    """A network with fresh weights that follow from `seed` alone."""
    network = assemble(settings, in_channels=in_channels, classes=classes)
    initialise(network, torch.Generator().manual_seed(key(seed, "weights")))
    network.reselect(seed, epoch=0)
    return network


@lru_cache
def _measured(settings: ModelSettings, in_channels: int) -> tuple[Geometry, int | None]:
    with torch.device("meta"):
        return measure(ARCHITECTURES[settings.architecture].build(settings, in_channels, 2), in_channels)
