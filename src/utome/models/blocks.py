"""The convolution block that every level of a U-Net repeats."""

from dataclasses import dataclass
from typing import Literal

from torch import nn


@dataclass(frozen=True)
class Style:
    """How the convolutions of a network are made; a norm stands between each and its ReLU."""

    convolution: Literal["valid", "same"] = "same"
    norm: Literal["none", "batch"] = "batch"
    bias: bool = True


def convolution(in_channels: int, out_channels: int, style: Style) -> list[nn.Module]:
    """A 3x3 convolution, its norm and ReLU. Without a norm there is always a bias."""
    padding = 0 if style.convolution == "valid" else 1
    bias = style.bias or style.norm == "none"
    norms: list[nn.Module] = [nn.BatchNorm2d(out_channels)] if style.norm == "batch" else []
    return [nn.Conv2d(in_channels, out_channels, 3, padding=padding, bias=bias), *norms, nn.ReLU(inplace=True)]


def double_convolution(in_channels: int, out_channels: int, style: Style, *, dropout: float = 0.0) -> nn.Sequential:
    """Twice a 3x3 convolution, its norm and ReLU; dropout after the last one where a rate is given.

    Ronneberger et al. 2015, figure 1.
    """
    dropouts = [nn.Dropout(dropout)] if dropout else []
    twice = [*convolution(in_channels, out_channels, style), *convolution(out_channels, out_channels, style)]
    return nn.Sequential(*twice, *dropouts)
