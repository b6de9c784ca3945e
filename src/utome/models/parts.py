"""Encoder, decoder and head: the parts that a segmentation network is put together from; and what a skip must be."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Encoder(nn.Module):
    """A way down: one block a level, halved by 2x2 max pooling between levels.

    Publishes `widths` (channels) and `strides` (shrink against the input) of its maps, finest first.
    """

    def __init__(self, blocks: Sequence[nn.Module], widths: Sequence[int]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.pool = nn.MaxPool2d(2)
        self.widths = tuple(widths)
        self.strides = tuple(2**level for level in range(len(widths)))

    def forward(self, image: Float[Tensor, "n c h w"]) -> list[Tensor]:
        """The map of every level, finest first, the bottom last."""
        maps: list[Tensor] = []
        for block in self.blocks:
            maps.append(block(self.pool(maps[-1]) if maps else image))
        return maps


class Skip(nn.Module):
    """What joins the way down to one level of the way up; abstract. Publishes how many `channels` it returns."""

    channels: int

    def forward(self, up: Float[Tensor, "n a h w"], maps: list[Tensor]) -> Float[Tensor, "n c h w"]:
        """From the up-sampled map of this level and all maps of the encoder, finest first."""
        raise AssertionError("a skip says how it joins")


class CropConcat(Skip):
    """The skip of Ronneberger et al. 2015: the encoder's map, cropped at its centre, behind the up-sampled one."""

    def __init__(self, level: int, *, up: int, width: int) -> None:
        super().__init__()
        self._level = level
        self.channels = up + width

    def forward(self, up: Float[Tensor, "n a h w"], maps: list[Tensor]) -> Float[Tensor, "n c h w"]:
        """Both maps, channel behind channel, at the size of `up`."""
        height, width = up.shape[-2:]
        skip = maps[self._level]
        top, left = (skip.shape[-2] - height) // 2, (skip.shape[-1] - width) // 2
        return torch.cat([up, skip[..., top : top + height, left : left + width]], dim=1)


class Decoder(nn.Module):
    """A way up: at each level an up-sampling, a skip that joins the encoder's maps, and a block. Deepest level first."""

    def __init__(self, ups: Sequence[nn.Module], skips: Sequence[Skip], blocks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.ups, self.skips, self.blocks = nn.ModuleList(ups), nn.ModuleList(skips), nn.ModuleList(blocks)

    def forward(self, maps: list[Tensor]) -> Float[Tensor, "n c h w"]:
        """From the encoder's maps, finest first, to one map at the finest level."""
        current = maps[-1]
        for up, skip, block in zip(self.ups, self.skips, self.blocks, strict=True):
            current = block(skip(up(current), maps))
        return current


class OneLogit(nn.Module):
    """One logit for two classes: the first class stands at zero, so softmax is the sigmoid and cross entropy the binary one."""

    def forward(self, logit: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n 2 h w"]:
        """The logit behind a plane of zeros."""
        return torch.cat([torch.zeros_like(logit), logit], dim=1)
