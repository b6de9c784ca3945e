"""Encoder, skip and decoder: the parts that a segmentation network is put together from."""

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


class CropConcat(nn.Module):
    """The skip of Ronneberger et al. 2015: the encoder's map, cropped at its centre, behind the up-sampled one."""

    def forward(self, up: Float[Tensor, "n a h w"], skip: Float[Tensor, "n b y x"]) -> Float[Tensor, "n c h w"]:
        """Both maps, channel behind channel, at the size of `up`."""
        height, width = up.shape[-2:]
        top, left = (skip.shape[-2] - height) // 2, (skip.shape[-1] - width) // 2
        return torch.cat([up, skip[..., top : top + height, left : left + width]], dim=1)


class Decoder(nn.Module):
    """A way up: at each level an up-sampling, a skip that joins the encoder's map, and a block. Deepest level first."""

    def __init__(self, ups: Sequence[nn.Module], skips: Sequence[nn.Module], blocks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.ups, self.skips, self.blocks = nn.ModuleList(ups), nn.ModuleList(skips), nn.ModuleList(blocks)

    def forward(self, maps: list[Tensor]) -> Float[Tensor, "n c h w"]:
        """From the encoder's maps, finest first, to one map at the finest level."""
        *skipped, current = maps
        for up, skip, block, joined in zip(self.ups, self.skips, self.blocks, reversed(skipped), strict=True):
            current = block(skip(up(current), joined))
        return current
