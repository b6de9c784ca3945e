"""U-Net++ (Zhou et al. 2018, arXiv 1807.10165): nested nodes between a U-Net's encoder and its answer.

X(i, j) is the node j steps along level i: X(i, 0) is the encoder's map, and X(i, j) a block over all X(i, 0..j-1) and
the up-sampled X(i+1, j-1). Choices: 2x2 up-convolutions, as in the U-Net beside it; batch norm in each block.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from utome.config.architectures import NestedUNetSettings
from utome.models.blocks import Style, double_convolution
from utome.models.heads import Answer, head
from utome.models.network import Parts
from utome.models.parts import Decoder, Node
from utome.models.unet import level_widths, u_encoder


class NestedDecoder(Decoder):
    """All nodes with j > 0, diagonal after diagonal; each diagonal ends at full resolution."""

    def __init__(self, widths: Sequence[int], style: Style) -> None:
        super().__init__()
        depth = len(widths) - 1
        # Diagonal d holds the nodes that the encoder's level d makes possible: X(d-1, 1) to X(0, d).
        self.places = [(d - j, j) for d in range(1, depth + 1) for j in range(1, d + 1)]
        self.widths = tuple(widths[i] for i, _ in self.places)
        self.ups = nn.ModuleList(nn.ConvTranspose2d(widths[i + 1], widths[i], 2, stride=2) for i, _ in self.places)
        self.blocks = nn.ModuleList(double_convolution((j + 1) * widths[i], widths[i], style) for i, j in self.places)

    def steps(self, maps: list[Tensor]) -> Iterator[Tensor]:
        """The map of each node."""
        rows = [[each] for each in maps]
        for (i, j), up, block in zip(self.places, self.ups, self.blocks, strict=True):
            rows[i].append(block(torch.cat([*rows[i], up(rows[i + 1][j - 1])], dim=1)))
            yield rows[i][j]

    def nodes(self, down: Sequence[Node]) -> list[Node]:
        """A node each."""
        found = {(i, 0): node for i, node in enumerate(down)}
        for i, j in self.places:
            reads = [found[i + 1, j - 1].name, *(found[i, before].name for before in range(j))]
            found[i, j] = Node(f"X({i}, {j})", down[i].stride, tuple(reads), "concatenated")
        return [found[place] for place in self.places]


def nested_unet(settings: NestedUNetSettings, in_channels: int, classes: int) -> Parts:
    """U-Net++; with supervision an answer from every node at full resolution."""
    style, widths = Style(bias=settings.bias), level_widths(settings)
    encoder, decoder = u_encoder(in_channels, widths, style, {}), NestedDecoder(widths, style)
    earlier = [len(widths) + number for number, (i, j) in enumerate(decoder.places) if i == 0 and j < settings.depth]
    answers = [
        Answer(source, head(settings.width, classes, one_logit=settings.one_logit), factor=1) for source in earlier
    ]
    last = head(settings.width, classes, one_logit=settings.one_logit)
    if not settings.supervision:
        return Parts(encoder, decoder, last)
    return Parts(encoder, decoder, last, answers, mean=settings.answer == "mean")
