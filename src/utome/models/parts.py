"""Encoder, skips and decoder: the parts that a segmentation network is put together from.

Every part also tells its wiring: which node reads which, for tables and drawings.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from utome.models.enhancement import Enhancement


@dataclass(frozen=True)
class Node:
    """One map of a network: its name, how often it is smaller than the image, what it reads, and how they are joined."""

    name: str
    stride: int
    reads: tuple[str, ...] = ()
    how: str = ""


class Encoder(nn.Module):
    """A way down, finest map first; abstract. Publishes `widths` (channels) and `strides` (shrink against the image)."""

    widths: tuple[int, ...]
    strides: tuple[int, ...]

    def forward(self, image: Float[Tensor, "n c h w"]) -> list[Tensor]:
        """The map of every level, finest first, the bottom last."""
        raise AssertionError("an encoder says how it goes down")

    @property
    def nodes(self) -> list[Node]:
        """A node a level; each reads the one before it, the first the image."""
        names = ["image", *(f"down {place(stride)}" for stride in self.strides)]
        return [
            Node(name, stride, (before,)) for before, name, stride in zip(names, names[1:], self.strides, strict=False)
        ]


class PoolingEncoder(Encoder):
    """A U-Net's way down: one block a level, halved by 2x2 max pooling between levels."""

    def __init__(self, blocks: Sequence[nn.Module], widths: Sequence[int]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.pool = nn.MaxPool2d(2)
        self.widths = tuple(widths)
        self.strides = tuple(2**level for level in range(len(widths)))
        self.enhancement: Enhancement | None = None
        self._enhanced = -1

    @property
    def nodes(self) -> list[Node]:
        """A node a level, with what is done to its map in training alone."""
        return [
            replace(node, how=", ".join(self._in_training(level, block)))
            for level, (node, block) in enumerate(zip(super().nodes, self.blocks, strict=True))
        ]

    def _in_training(self, level: int, block: nn.Module) -> list[str]:
        dropout = any(isinstance(layer, nn.Dropout) for layer in block.modules())
        enhanced = self.enhancement is not None and level == self._enhanced
        return [what for what, there in (("dropout", dropout), ("enhanced", enhanced)) if there]

    def enhance(self, level: int, enhancement: Enhancement) -> None:
        """Put an enhancement at the end of one level's block."""
        self.enhancement, self._enhanced = enhancement, level

    def forward(self, image: Float[Tensor, "n c h w"]) -> list[Tensor]:
        """The map of every level, finest first, the bottom last."""
        maps: list[Tensor] = []
        for level, block in enumerate(self.blocks):
            current = block(self.pool(maps[-1]) if maps else image)
            if self.enhancement is not None and level == self._enhanced:
                current = self.enhancement(current, maps[-1] if maps else None)
            maps.append(current)
        return maps


class Skip(nn.Module):
    """What joins the way down to one level of the way up; abstract.

    Publishes how many `channels` it returns, the encoder's `levels` that it reads, and `how` it joins them.
    """

    channels: int
    levels: tuple[int, ...]
    how: str

    def forward(self, up: Float[Tensor, "n a h w"], maps: list[Tensor]) -> Float[Tensor, "n c h w"]:
        """From the up-sampled map of this level and all maps of the encoder, finest first."""
        raise AssertionError("a skip says how it joins")


class CropConcat(Skip):
    """The skip of Ronneberger et al. 2015: the encoder's map, cropped at its centre, behind the up-sampled one."""

    how = "concatenated"

    def __init__(self, level: int, *, up: int, width: int) -> None:
        super().__init__()
        self.levels = (level,)
        self.channels = up + width

    def forward(self, up: Float[Tensor, "n a h w"], maps: list[Tensor]) -> Float[Tensor, "n c h w"]:
        """Both maps, channel behind channel, at the size of `up`."""
        height, width = up.shape[-2:]
        skip = maps[self.levels[0]]
        top, left = (skip.shape[-2] - height) // 2, (skip.shape[-1] - width) // 2
        return torch.cat([up, skip[..., top : top + height, left : left + width]], dim=1)


class NoSkip(Skip):
    """Nothing joins: for a level where the encoder has no map."""

    how = ""

    def __init__(self, *, up: int) -> None:
        super().__init__()
        self.levels = ()
        self.channels = up

    def forward(self, up: Float[Tensor, "n a h w"], maps: list[Tensor]) -> Float[Tensor, "n c h w"]:
        """The up-sampled map alone."""
        del maps
        return up


class Decoder(nn.Module):
    """A way up; abstract. `widths` are the channels of its maps in the order in which they are made, the finest last."""

    blocks: nn.ModuleList
    widths: tuple[int, ...]

    def steps(self, maps: list[Tensor]) -> Iterator[Tensor]:
        """Its maps one after another, from the encoder's maps, finest first; a map is freed as soon as nobody needs it."""
        raise AssertionError("a decoder says how it goes up")

    def forward(self, maps: list[Tensor]) -> Float[Tensor, "n c h w"]:
        """The last of its maps, at the finest level."""
        current = maps[-1]
        for step in self.steps(maps):
            current = step
        return current

    def nodes(self, down: Sequence[Node]) -> list[Node]:
        """A node a map, in their order; `down` are the encoder's, finest first."""
        raise AssertionError("a decoder says what it reads")


class UDecoder(Decoder):
    """A U-Net's way up: at each level an up-sampling, a skip that joins the encoder's maps, and a block. Deepest first."""

    def __init__(
        self, ups: Sequence[nn.Module], skips: Sequence[Skip], blocks: Sequence[nn.Module], widths: Sequence[int]
    ) -> None:
        super().__init__()
        self.ups, self.skips, self.blocks = nn.ModuleList(ups), nn.ModuleList(skips), nn.ModuleList(blocks)
        self._joins, self.widths = tuple(skips), tuple(widths)

    def steps(self, maps: list[Tensor]) -> Iterator[Tensor]:
        """The map of each level, deepest first."""
        current = maps[-1]
        for up, skip, block in zip(self.ups, self.skips, self.blocks, strict=True):
            current = block(skip(up(current), maps))
            yield current

    def nodes(self, down: Sequence[Node]) -> list[Node]:
        """A node a level, deepest first."""
        found = [down[-1]]
        for skip in self._joins:
            stride = found[-1].stride // 2
            reads = (found[-1].name, *(down[level].name for level in skip.levels))
            found.append(Node(f"up {place(stride)}", stride, reads, skip.how))
        return found[1:]


def place(stride: int) -> str:
    """Where a map stands, in words: `1`, `1/2`, `1/16` of the image's side."""
    return "1" if stride == 1 else f"1/{stride}"
