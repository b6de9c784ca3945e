"""How large features are at the bottom and at the deepest skip: what the enhancement module is about.

Ando and Hotta 2021 (arXiv 2101.07983), figure 2: the mean of the maps after ReLU over the training; figure 9: the sum of the
enhanced and of the other maps, before the multiplication. Choices: the network is in eval mode, so that measuring leaves its
statistics and draws as they are; the sums are over maps, and then means over pixels and images.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from utome.data.dataset import Dataset
from utome.device import Device
from utome.models.enhancement import Enhancement
from utome.models.network import SegmentationNetwork
from utome.tiling import mirror

TILES = 4


def fixed_tiles(dataset: Dataset, side: int) -> Float[Tensor, "n c h w"]:
    """The middle of the first few images by the hash of their content, mirrored where an image is smaller: the same each epoch."""
    numbers = sorted(range(len(dataset)), key=lambda number: dataset.facts[number].content)[:TILES]
    return torch.from_numpy(np.stack([_middle(dataset[number].image, side) for number in numbers]))


def magnitudes(network: SegmentationNetwork, tiles: Float[Tensor, "n c h w"], device: Device) -> dict[str, float]:
    """Means after ReLU of the bottom and of the deepest skip; with an enhancement that chooses maps, the sums of both kinds.

    The tiles have a side that the network takes. Where the enhancement works in test, too, the bottom is the enhanced one; the
    sums never are. Weights, statistics and mode stay as they were.
    """
    training = network.training
    network.eval()
    with _entering(network) as entered, torch.inference_mode(), device.autocast():
        maps = network.encoder(device.place(tiles))
    network.train(training)
    found = {"bottom_mean": _mean(maps[-1]), "skip_mean": _mean(maps[-2])}
    for enhancement, each in entered:
        if enhancement.chosen is not None:
            found["enhanced_sum"] = _sum(each[:, enhancement.chosen])
            found["not_enhanced_sum"] = _sum(each[:, ~enhancement.chosen])
    return found


@contextmanager
def _entering(network: nn.Module) -> Iterator[list[tuple[Enhancement, Tensor]]]:
    """Each enhancement and the maps that enter it, from a pass within the block."""
    entered: list[tuple[Enhancement, Tensor]] = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if isinstance(module, Enhancement):
            entered.append((module, inputs[0]))

    hooks = [each.register_forward_pre_hook(note) for each in network.modules() if isinstance(each, Enhancement)]
    try:
        yield entered
    finally:
        for hook in hooks:
            hook.remove()


def _middle(image: np.ndarray, side: int) -> np.ndarray:
    rows, columns = (mirror((size - side) // 2, (size - side) // 2 + side, size) for size in image.shape[1:])
    return image[:, rows[:, None], columns]


def _mean(maps: Float[Tensor, "n c h w"]) -> float:
    return torch.relu(maps.float()).mean().item()


def _sum(maps: Float[Tensor, "n c h w"]) -> float:
    return torch.relu(maps.float()).sum(dim=1).mean().item()
