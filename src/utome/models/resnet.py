"""ResNet-50 as an encoder, without the classifier (He, Zhang, Ren, Sun 2016, table 1).

The stride stands on the 3x3 convolution of a block, where torchvision and timm have it, and not on its first 1x1 as in
the paper: published weights are of that form.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from utome.models.normalisation import BatchNorm2d
from utome.models.parts import Encoder

STEM = 64
# How many blocks each stage has, and the channels inside one; four times as many come out.
STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))
WIDENING = 4


class Bottleneck(nn.Module):
    """Narrowed by a 1x1 convolution, convolved, widened, and added to the input, or to a 1x1 convolution of it."""

    def __init__(self, before: int, inner: int, stride: int, rate: float) -> None:
        super().__init__()
        after = WIDENING * inner
        self.first = _layer(before, inner, 1, rate=rate)
        self.second = _layer(inner, inner, 3, stride=stride, rate=rate)
        self.third = _layer(inner, after, 1, rate=rate)
        alike = stride == 1 and before == after
        self.shortcut = nn.Sequential() if alike else _layer(before, after, 1, stride=stride, rate=rate)

    def forward(self, image: Float[Tensor, "n a h w"]) -> Float[Tensor, "n b y x"]:
        """The block's map, after its last ReLU."""
        inner = torch.relu(self.second(torch.relu(self.first(image))))
        return torch.relu(self.third(inner) + self.shortcut(image))


class ResNetEncoder(Encoder):
    """ResNet-50 down to stride 32, for sides that are multiples of 32; five maps, of the stem and of each stage.

    `norm_rate` is the share of the newest batch in the norms' moving statistics.
    """

    def __init__(self, in_channels: int, norm_rate: float) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_layer(in_channels, STEM, 7, stride=2, rate=norm_rate), nn.ReLU(inplace=True))
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.widths = (STEM, *(WIDENING * inner for _, inner in STAGES))
        self.strides = (2, 4, 8, 16, 32)
        self.stages = nn.ModuleList()
        for number, (before, (repeats, inner)) in enumerate(zip(self.widths, STAGES, strict=False)):
            # The pool has halved for the first stage.
            first = Bottleneck(before, inner, 2 if number else 1, norm_rate)
            others = [Bottleneck(WIDENING * inner, inner, 1, norm_rate) for _ in range(repeats - 1)]
            self.stages.append(nn.Sequential(first, *others))

    def forward(self, image: Float[Tensor, "n c h w"]) -> list[Tensor]:
        """The five maps, finest first, the bottom last."""
        maps = [self.stem(image)]
        current = self.pool(maps[0])
        for stage in self.stages:
            current = stage(current)
            maps.append(current)
        return maps


def _layer(before: int, after: int, kernel: int, *, rate: float, stride: int = 1) -> nn.Sequential:
    """A convolution that keeps the side, or halves it, and its norm."""
    convolution = nn.Conv2d(before, after, kernel, stride=stride, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, BatchNorm2d(after, momentum=rate))
