"""What a network consists of, in numbers: parameters, multiply-accumulates, its maps and what each reads, sizes that fit.

It is built without memory for its weights (torch's `meta` device), so that the largest is counted at once.
"""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from utome.config.architectures import ModelSettings
from utome.models.architectures import ARCHITECTURES, assemble
from utome.models.network import SegmentationNetwork
from utome.models.parts import Node


@dataclass(frozen=True)
class Map:
    """One map: its name, how often it is smaller than the image, channels x height x width, what it reads and how."""

    name: str
    stride: int
    shape: tuple[int, ...]
    reads: tuple[str, ...]
    how: str


@dataclass(frozen=True)
class Anatomy:
    """The numbers of one network; the encoder's maps finest first, the decoder's in the order in which they are made.

    `answers` names the maps that logits are made of: the last, and those of further answers in training.
    """

    architecture: str
    paper: str
    in_channels: int
    out_channels: int
    parameters: int
    multiply_accumulates: int
    input_size: tuple[int, int]
    output_size: tuple[int, int]
    encoder: tuple[Map, ...]
    decoder: tuple[Map, ...]
    answers: tuple[str, ...]
    stride: int
    receptive_field: int | str
    sizes: str

    def as_json(self) -> dict[str, Any]:
        """The document of `utome models NAME --json`."""
        return asdict(self)


def anatomy(settings: ModelSettings, *, in_channels: int, classes: int, size: int) -> Anatomy:
    """Look into the network of these settings, with an input of at least `size` pixels a side."""
    with torch.device("meta"):
        network = assemble(settings, in_channels=in_channels, classes=classes).eval()
        geometry = network.geometry
        side = geometry.input_side(max(1, size - geometry.shrink))
        image = torch.empty(1, in_channels, side, side)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        logits = network(image)
    with torch.no_grad():
        down = network.encoder(image)
        up = list(network.decoder.steps(down))
    nodes = network.encoder.nodes
    maps = (_maps(nodes, down), _maps(network.decoder.nodes(nodes), up))
    names = [each.name for part in maps for each in part]
    return Anatomy(
        architecture=settings.architecture,
        paper=ARCHITECTURES[settings.architecture].paper,
        in_channels=in_channels,
        out_channels=1 if settings.one_logit else classes,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        multiply_accumulates=counter.get_total_flops() // 2,
        input_size=(side, side),
        output_size=(logits.shape[-2], logits.shape[-1]),
        encoder=maps[0],
        decoder=maps[1],
        answers=(names[-1], *(names[answer.source] for answer in network.further_answers)),
        stride=geometry.stride,
        receptive_field=network.receptive_field or "global",
        sizes=_sizes(network),
    )


def _maps(nodes: list[Node], tensors: list[Tensor]) -> tuple[Map, ...]:
    return tuple(
        Map(node.name, node.stride, tuple(tensor.shape[1:]), node.reads, node.how)
        for node, tensor in zip(nodes, tensors, strict=True)
    )


def _sizes(network: SegmentationNetwork) -> str:
    """Which sides the network takes, in words."""
    geometry = network.geometry
    smallest = geometry.input_side(1)
    if geometry.offset == 0:
        return f"sides divisible by {geometry.stride}"
    remainder = geometry.offset % geometry.stride
    return f"sides from {smallest} that leave {remainder} when divided by {geometry.stride}; the output is {geometry.shrink} smaller"
