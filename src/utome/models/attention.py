"""Attention gates on the skips: Attention, Advanced Attention and Full Attention U-Net.

Lin, Yang, Shu, Scherer 2021 (arXiv 2104.14586), after Oktay et al. 2018. Choices where the paper is open or contradicts
itself: the encoder's map is the one that is filtered, and the decoder's the one that gates, as in Oktay et al. (the
paper swaps the two letters); both inputs have the same size, so the gate stands after the up-convolution; it has 1x1
convolutions with bias and batch norm, the form that most two-dimensional code shares. Finer encoder maps are pooled
and convolved to the level's width each ("to satisfy the required depth of each decoding layer"), with norm and ReLU
as everywhere; only the three finest levels are pooled, and the bottom is not (text and figure 4 name those alone).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from utome.models.blocks import Style, convolution
from utome.models.normalisation import BatchNorm2d
from utome.models.parts import Skip

# The finest levels whose maps are pooled for coarser ones: encoder layers 1 to 3.
POOLED_LEVELS = 3


class AttentionGate(nn.Module):
    """Scales each pixel of a map by how much a gating map of the same size asks for it, between 0 and 1."""

    def __init__(self, channels: int, gating: int, inner: int) -> None:
        super().__init__()
        self.of_map = nn.Sequential(nn.Conv2d(channels, inner, 1), BatchNorm2d(inner))
        self.of_gating = nn.Sequential(nn.Conv2d(gating, inner, 1), BatchNorm2d(inner))
        self.score = nn.Sequential(nn.Conv2d(inner, 1, 1), BatchNorm2d(1))

    def forward(self, skip: Float[Tensor, "n c h w"], gating: Float[Tensor, "n g h w"]) -> Float[Tensor, "n c h w"]:
        """The map times its attention: sigmoid(ψ(relu(W_x·map + W_g·gating)))."""
        return skip * torch.sigmoid(self.score(torch.relu(self.of_map(skip) + self.of_gating(gating))))


class Sources(nn.Module):
    """The encoder's map of one level and, where `pooled`, those of finer levels brought to its size and width."""

    def __init__(self, level: int, widths: tuple[int, ...], style: Style, *, pooled: bool) -> None:
        super().__init__()
        finest = min(level, POOLED_LEVELS) if pooled else 0
        self.levels = (level, *range(finest))
        self.finer = nn.ModuleList(
            nn.Sequential(nn.MaxPool2d(2 ** (level - finer)), *convolution(widths[finer], widths[level], style))
            for finer in range(finest)
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """All maps of the level's size and width, its own first."""
        return [maps[self.levels[0]], *(pool(maps[finer]) for finer, pool in enumerate(self.finer))]


class OneGate(Skip):
    """One gate over all sources together: Attention U-Net with one source, Advanced Attention U-Net with several."""

    how = "one gate"

    def __init__(self, sources: Sources, *, width: int, inner: int) -> None:
        super().__init__()
        joined = width * (1 + len(sources.finer))
        self.sources, self.gate = sources, AttentionGate(joined, width, inner)
        self.levels, self.channels = sources.levels, width + joined

    def forward(self, up: Float[Tensor, "n a h w"], maps: list[Tensor]) -> Float[Tensor, "n c h w"]:
        """The up-sampled map and the gated sources."""
        return torch.cat([up, self.gate(torch.cat(self.sources(maps), dim=1), up)], dim=1)


class GateEach(Skip):
    """A gate for each source: Full Attention U-Net."""

    how = "a gate each"

    def __init__(self, sources: Sources, *, width: int, inner: int) -> None:
        super().__init__()
        count = 1 + len(sources.finer)
        self.sources, self.gates = sources, nn.ModuleList(AttentionGate(width, width, inner) for _ in range(count))
        self.levels, self.channels = sources.levels, width * (1 + count)

    def forward(self, up: Float[Tensor, "n a h w"], maps: list[Tensor]) -> Float[Tensor, "n c h w"]:
        """The up-sampled map and each gated source."""
        gated = [gate(source, up) for gate, source in zip(self.gates, self.sources(maps), strict=True)]
        return torch.cat([up, *gated], dim=1)
