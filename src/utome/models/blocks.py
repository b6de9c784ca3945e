"""The convolution block that every level of a U-Net repeats."""

from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from utome.config.architectures import RenormSettings
from utome.models.excitation import SqueezeExcitation
from utome.models.normalisation import BatchNorm2d, BatchRenorm2d


@dataclass(frozen=True)
class Style:
    """How the blocks of a network are made: a norm between each convolution and its ReLU, excitation at the end.

    `reduction` is the channels of a block over those inside its squeeze-and-excitation; none leaves it out.
    """

    convolution: Literal["valid", "same"] = "same"
    norm: Literal["none", "batch", "batch_renorm"] = "batch"
    bias: bool = True
    renorm: RenormSettings = field(default_factory=RenormSettings)
    reduction: int | None = None


def convolution(in_channels: int, out_channels: int, style: Style) -> list[nn.Module]:
    """A 3x3 convolution, its norm and ReLU. Without a norm there is always a bias."""
    padding = 0 if style.convolution == "valid" else 1
    bias = style.bias or style.norm == "none"
    norms: list[nn.Module] = []
    if style.norm == "batch":
        norms = [BatchNorm2d(out_channels)]
    elif style.norm == "batch_renorm":
        norms = [BatchRenorm2d(out_channels, style.renorm)]
    return [nn.Conv2d(in_channels, out_channels, 3, padding=padding, bias=bias), *norms, nn.ReLU(inplace=True)]


def double_convolution(in_channels: int, out_channels: int, style: Style, *, dropout: float = 0.0) -> nn.Sequential:
    """Twice a 3x3 convolution, its norm and ReLU; then excitation and dropout where the network has them.

    Ronneberger et al. 2015, figure 1.
    """
    twice = [*convolution(in_channels, out_channels, style), *convolution(out_channels, out_channels, style)]
    if style.reduction is not None:
        inner = max(1, out_channels // style.reduction)
        twice.append(SqueezeExcitation(out_channels, inner, nn.ReLU(inplace=True)))
    return nn.Sequential(*twice, *([nn.Dropout(dropout)] if dropout else []))


class AsPrecise(nn.Sequential):
    """Computes in float32 where its input is float32, also where autocast would not."""

    def forward(self, maps: Float[Tensor, "n a h w"]) -> Float[Tensor, "n c y x"]:
        """The layers in turn."""
        if maps.dtype != torch.float32 or not torch.amp.is_autocast_available(maps.device.type):
            return super().forward(maps)  # type: ignore[no-untyped-call]
        with torch.autocast(maps.device.type, enabled=False):
            return super().forward(maps)  # type: ignore[no-untyped-call]


def precise_until_its_norm(block: nn.Module) -> nn.Sequential:
    """The block with its first convolution and norm as precise as what comes in: after the norm all maps are alike in size."""
    layers = list(block.children())
    first_relu = next(number for number, layer in enumerate(layers) if isinstance(layer, nn.ReLU))
    return nn.Sequential(AsPrecise(*layers[:first_relu]), *layers[first_relu:])
