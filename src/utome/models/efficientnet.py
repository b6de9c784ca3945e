"""EfficientNet as an encoder: B0 to B7 without the classifier (Tan and Le 2019, tables 1 and 2).

Widths and depths of B1 to B7 and their rounding follow the authors' released code, which the paper leaves out. So do
the choices that the paper does not name: the width inside squeeze-and-excitation is a quarter of the block's input,
and drop-connect (Huang et al. 2016, stochastic depth) rises from 0 by an equal step a block.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from math import ceil

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from utome.config.architectures import EfficientUNetSettings
from utome.models.excitation import SqueezeExcitation
from utome.models.normalisation import BatchNorm2d
from utome.models.parts import Encoder

# By how much each network is wider and deeper than B0.
SCALES = {
    "b0": (1.0, 1.0), "b1": (1.0, 1.1), "b2": (1.1, 1.2), "b3": (1.2, 1.4),
    "b4": (1.4, 1.8), "b5": (1.6, 2.2), "b6": (1.8, 2.6), "b7": (2.0, 3.1),
}  # fmt: skip
STEM, TOP = 32, 1280
STRIDES = (2, 4, 8, 16, 32)
# The stages, counted from 1, whose first block halves the map: its expansion is the last map at the finer stride.
EXPANSION_TAPS = (2, 3, 4, 6)
# The stages whose output is the last one at its stride; the stem, at stride 2, comes before them.
BLOCK_TAPS = (2, 3, 5)


@dataclass(frozen=True)
class Stage:
    """One row of table 1: blocks of the same kernel and width, of which the first strides."""

    repeats: int
    channels: int
    kernel: int
    stride: int
    expansion: int


STAGES = (
    Stage(1, 16, 3, 1, 1), Stage(2, 24, 3, 2, 6), Stage(2, 40, 5, 2, 6), Stage(3, 80, 3, 2, 6),
    Stage(3, 112, 5, 1, 6), Stage(4, 192, 5, 2, 6), Stage(1, 320, 3, 1, 6),
)  # fmt: skip


class DepthwiseConv2d(nn.Conv2d):
    """A convolution of each channel alone, on a processor always in float32.

    It is few multiply-accumulates, but with 5x5 kernels its gradient in bfloat16 takes a tenth of a whole step there.
    """

    def forward(self, input: Float[Tensor, "n a h w"]) -> Float[Tensor, "n b y x"]:  # noqa: A002 - torch's name
        """The convolved map, of the input's type."""
        if not input.is_cpu or input.dtype == torch.float32:
            return super().forward(input)
        with torch.autocast("cpu", enabled=False):
            return super().forward(input.float()).to(input.dtype)


class EndPaddedConv2d(nn.Conv2d):
    """A convolution of stride 2 with TensorFlow's padding for an even side: k - 2 pixels, the odd one at the end."""

    def forward(self, input: Float[Tensor, "n a h w"]) -> Float[Tensor, "n b y x"]:  # noqa: A002 - torch's name
        """The convolved map, of half the side."""
        total = self.kernel_size[0] - self.stride[0]
        first, last = total // 2, total - total // 2
        return super().forward(functional.pad(input, (first, last, first, last)))


class EndPaddedDepthwiseConv2d(EndPaddedConv2d, DepthwiseConv2d):
    """Both."""


# By whether the padding is TensorFlow's, and whether each channel is convolved alone.
CONVOLUTIONS: dict[tuple[bool, bool], type[nn.Conv2d]] = {
    (False, False): nn.Conv2d, (False, True): DepthwiseConv2d,
    (True, False): EndPaddedConv2d, (True, True): EndPaddedDepthwiseConv2d,
}  # fmt: skip


@dataclass(frozen=True)
class Convolutions:
    """What all convolutions of one network share: the norm behind them, and where the strided ones are padded."""

    rate: float
    epsilon: float
    tensorflow: bool

    def layer(self, before: int, after: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
        """A convolution that keeps the side, or halves it, and its norm."""
        asymmetric, depthwise = self.tensorflow and stride > 1, groups > 1
        kind, padding = CONVOLUTIONS[asymmetric, depthwise], 0 if asymmetric else (kernel - 1) // 2
        convolution = kind(before, after, kernel, stride=stride, padding=padding, groups=groups, bias=False)
        return nn.Sequential(convolution, BatchNorm2d(after, self.epsilon, self.rate))


class InvertedBottleneck(nn.Module):
    """MBConv: widened by a 1x1 convolution, convolved channel by channel, weighed, and narrowed (table 1).

    Where the input has the shape of the output it is added to it; in training that is sometimes all, see `drop`.
    """

    def __init__(self, before: int, stage: Stage, stride: int, style: Convolutions, *, drop: float) -> None:
        super().__init__()
        inner = before * stage.expansion
        if stage.expansion > 1:
            self.expand = nn.Sequential(*style.layer(before, inner, 1), nn.SiLU(inplace=True))
        else:
            self.expand = nn.Sequential()
        depthwise = style.layer(inner, inner, stage.kernel, stride=stride, groups=inner)
        self.depthwise = nn.Sequential(*depthwise, nn.SiLU(inplace=True))
        self.excitation = SqueezeExcitation(inner, before // 4, nn.SiLU(inplace=True))
        self.project = style.layer(inner, stage.channels, 1)
        self.drop = drop if stride == 1 and before == stage.channels else None

    def forward(self, image: Float[Tensor, "n a h w"]) -> tuple[Float[Tensor, "n b h w"], Float[Tensor, "n c y x"]]:
        """The widened map, at the input's size, and the output."""
        expanded = self.expand(image)
        branch = self.project(self.excitation(self.depthwise(expanded)))
        return expanded, branch if self.drop is None else image + self._sometimes(branch, self.drop)

    def _sometimes(self, branch: Float[Tensor, "n c h w"], drop: float) -> Float[Tensor, "n c h w"]:
        """In training, zeros in place of a sample's branch at rate `drop`, the others scaled so that the mean stays."""
        if not self.training or drop == 0:
            return branch
        kept = torch.rand(len(branch), 1, 1, 1, device=branch.device) >= drop
        return branch * (kept / (1 - drop)).to(branch.dtype)


class Blocks(nn.ModuleList):
    """The blocks of one stage: the first strides and changes the width. `drops` are taken from, one a block."""

    def __init__(self, before: int, stage: Stage, style: Convolutions, drops: Iterator[float]) -> None:
        first = InvertedBottleneck(before, stage, stage.stride, style, drop=next(drops))
        others = (
            InvertedBottleneck(stage.channels, stage, 1, style, drop=next(drops)) for _ in range(1, stage.repeats)
        )
        super().__init__([first, *others])

    def forward(self, image: Float[Tensor, "n a h w"]) -> tuple[Float[Tensor, "n b h w"], Float[Tensor, "n c y x"]]:
        """The widened map inside the first block, and the output of the last."""
        first, *others = self
        expanded, current = first(image)
        for block in others:
            current = block(current)[1]
        return expanded, current


class EfficientNetEncoder(Encoder):
    """EfficientNet down to stride 32, for sides that are multiples of 32; five maps.

    `settings.taps` says which maps: `expansion`, the last ones at strides 2 to 16, inside the first block of the stage
    that halves them; `block`, the last outputs of stages there. The bottom is the top convolution's where
    `settings.top`, else the last stage's.
    """

    def __init__(self, settings: EfficientUNetSettings, in_channels: int) -> None:
        super().__init__()
        epsilon = 1e-3 if settings.epsilon is None else settings.epsilon
        style = Convolutions(settings.norm_rate, epsilon, settings.padding == "tensorflow")
        stages, top = scaled(settings.scale)
        stem = rounded(STEM * SCALES[settings.scale][0])
        befores = (stem, *(stage.channels for stage in stages))
        self.stem = nn.Sequential(*style.layer(in_channels, stem, 3, stride=2), nn.SiLU(inplace=True))
        # The released code divides by the number of blocks, so the last block is one step short of the rate.
        step = settings.drop_connect / sum(stage.repeats for stage in stages)
        drops = (step * number for number in count())
        self.stages = nn.ModuleList(
            Blocks(before, stage, style, drops) for before, stage in zip(befores, stages, strict=False)
        )
        if settings.top:
            self.top = nn.Sequential(*style.layer(befores[-1], top, 1), nn.SiLU(inplace=True))
        else:
            self.top = nn.Sequential()
        self._expansions = settings.taps == "expansion"
        if self._expansions:
            taps = [befores[stage - 1] * stages[stage - 1].expansion for stage in EXPANSION_TAPS]
        else:
            taps = [stem, *(befores[stage] for stage in BLOCK_TAPS)]
        self.widths = (*taps, top if settings.top else befores[-1])
        self.strides = STRIDES

    def forward(self, image: Float[Tensor, "n c h w"]) -> list[Tensor]:
        """The five maps, finest first, the bottom last."""
        current = self.stem(image)
        maps = [] if self._expansions else [current]
        for number, stage in enumerate(self.stages, start=1):
            expanded, current = stage(current)
            if self._expansions and number in EXPANSION_TAPS:
                maps.append(expanded)
            elif not self._expansions and number in BLOCK_TAPS:
                maps.append(current)
        return [*maps, self.top(current)]


def scaled(scale: str) -> tuple[list[Stage], int]:
    """The stages of B0 to B7, and the channels of the top: compound scaling, rounded as in the released code."""
    width, depth = SCALES[scale]
    stages = [
        Stage(ceil(depth * each.repeats), rounded(width * each.channels), each.kernel, each.stride, each.expansion)
        for each in STAGES
    ]
    return stages, rounded(width * TOP)


def rounded(channels: float) -> int:
    """The multiple of 8 nearest to `channels`, or the next one where that takes away more than a tenth.

    >>> [rounded(channels) for channels in (1.0, 32 * 1.1, 40 * 1.1, 28.0)]
    [8, 32, 48, 32]
    """
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest
