"""The table of architectures. A new one is an entry here and its new part."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from utome.config.sections import UNetSettings
from utome.models.network import SegmentationNetwork, initialise
from utome.models.unet import unet
from utome.randomness import key


@dataclass(frozen=True)
class Architecture:
    """How a network is put together from its settings, input channels and classes; and its paper."""

    build: Callable[[UNetSettings, int, int], SegmentationNetwork]
    paper: str


ARCHITECTURES = {"unet": Architecture(unet, "Ronneberger, Fischer, Brox: U-Net, MICCAI 2015")}


def build_network(settings: UNetSettings, *, in_channels: int, classes: int, seed: int) -> SegmentationNetwork:
    """A network with fresh weights that follow from `seed` alone."""
    network = ARCHITECTURES[settings.architecture].build(settings, in_channels, classes)
    initialise(network, torch.Generator().manual_seed(key(seed, "weights")))
    return network
