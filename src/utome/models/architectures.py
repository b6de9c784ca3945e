"""The table of architectures. A new one is an entry here and its new part."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from utome.config.architectures import AttentionUNetSettings, ModelSettings, UNetSettings
from utome.models.network import SegmentationNetwork, initialise
from utome.models.unet import attention_unet, unet
from utome.randomness import key


@dataclass(frozen=True)
class Architecture:
    """The settings that it has, how a network is put together from them, input channels and classes; and its paper."""

    settings: type[ModelSettings]
    build: Callable[[Any, int, int], SegmentationNetwork]
    paper: str


LIN = "Lin, Yang, Shu, Scherer: Crack Semantic Segmentation using the U-Net with Full Attention Strategy, 2021, arXiv 2104.14586"
ARCHITECTURES = {
    "unet": Architecture(UNetSettings, unet, "Ronneberger, Fischer, Brox: U-Net, MICCAI 2015, arXiv 1505.04597"),
    "attention-unet": Architecture(
        AttentionUNetSettings, attention_unet, f"{LIN}; Oktay et al.: Attention U-Net, 2018"
    ),
    "advanced-attention-unet": Architecture(AttentionUNetSettings, attention_unet, LIN),
    "full-attention-unet": Architecture(AttentionUNetSettings, attention_unet, LIN),
}


def assemble(settings: ModelSettings, *, in_channels: int, classes: int) -> SegmentationNetwork:
    """The network of these settings, its weights as torch leaves them."""
    return ARCHITECTURES[settings.architecture].build(settings, in_channels, classes)


def build_network(settings: ModelSettings, *, in_channels: int, classes: int, seed: int) -> SegmentationNetwork:
    """A network with fresh weights that follow from `seed` alone."""
    network = assemble(settings, in_channels=in_channels, classes=classes)
    initialise(network, torch.Generator().manual_seed(key(seed, "weights")))
    return network
