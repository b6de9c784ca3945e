"""What a network consists of, in numbers: parameters, multiply-accumulates, shapes level by level, sizes that fit.

It is built without memory for its weights (torch's `meta` device), so that the largest is counted at once.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from utome.config.architectures import ModelSettings
from utome.models.architectures import ARCHITECTURES, assemble
from utome.models.network import SegmentationNetwork


@dataclass(frozen=True)
class Anatomy:
    """The numbers of one network; shapes are channels x height x width, finest level first on the way down."""

    architecture: str
    paper: str
    in_channels: int
    out_channels: int
    parameters: int
    multiply_accumulates: int
    input_size: tuple[int, int]
    output_size: tuple[int, int]
    down: tuple[tuple[int, ...], ...]
    up: tuple[tuple[int, ...], ...]
    stride: int
    receptive_field: int | str
    sizes: str

    def as_json(self) -> dict[str, Any]:
        """The document of `utome models NAME --json`."""
        return vars(self)


def anatomy(settings: ModelSettings, *, in_channels: int, classes: int, size: int) -> Anatomy:
    """Look into the network of these settings, with an input of at least `size` pixels a side."""
    with torch.device("meta"):
        network = assemble(settings, in_channels=in_channels, classes=classes).eval()
        geometry = network.geometry
        side = geometry.input_side(max(1, size - geometry.shrink))
        image = torch.empty(1, in_channels, side, side)
    shapes, logits, multiply_accumulates = _run(network, image)
    down = shapes[: len(network.encoder.widths)]
    return Anatomy(
        architecture=settings.architecture,
        paper=ARCHITECTURES[settings.architecture].paper,
        in_channels=in_channels,
        out_channels=1 if settings.one_logit else classes,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        multiply_accumulates=multiply_accumulates,
        input_size=(side, side),
        output_size=(logits.shape[-2], logits.shape[-1]),
        down=tuple(down),
        up=tuple(shapes[len(down) :]),
        stride=geometry.stride,
        receptive_field=network.receptive_field or "global",
        sizes=_sizes(network),
    )


def _run(network: SegmentationNetwork, image: Tensor) -> tuple[list[tuple[int, ...]], Tensor, int]:
    """The shape after each block, the logits, and the multiply-accumulates of one pass."""
    shapes: list[tuple[int, ...]] = []

    def note(module: nn.Module, inputs: object, output: Tensor) -> None:
        del module, inputs
        shapes.append(tuple(output.shape[1:]))

    handles = [
        block.register_forward_hook(note) for part in (network.encoder, network.decoder) for block in part.blocks
    ]
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        logits = network(image)
    for handle in handles:
        handle.remove()
    return shapes, logits, counter.get_total_flops() // 2


def _sizes(network: SegmentationNetwork) -> str:
    """Which sides the network takes, in words."""
    geometry = network.geometry
    smallest = geometry.input_side(1)
    if geometry.offset == 0:
        return f"sides divisible by {geometry.stride}"
    remainder = geometry.offset % geometry.stride
    return f"sides from {smallest} that leave {remainder} when divided by {geometry.stride}; the output is {geometry.shrink} smaller"
