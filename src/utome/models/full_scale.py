"""UNet 3+ (Huang et al. 2020, arXiv 2004.08790): each level of the decoder takes maps of all scales.

Finer encoder maps come by max pooling, the level's own as it is, coarser decoder maps by bilinear enlargement; each
through a 3x3 convolution to the same channels, with norm and ReLU, then all through one more. The classification-guided
module, which the paper calls optional, is left out.
"""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from utome.config.architectures import FullScaleUNetSettings
from utome.models.blocks import Style, convolution
from utome.models.heads import Answer, head
from utome.models.network import Parts
from utome.models.parts import Decoder, Node, place
from utome.models.resampling import Enlarge
from utome.models.unet import level_widths, u_encoder


class AllScales(nn.Module):
    """One level of the decoder, from the maps of all levels: the encoder's down to its own, the decoder's below."""

    def __init__(self, level: int, widths: Sequence[int], source_width: int, style: Style) -> None:
        super().__init__()
        deepest = len(widths) - 1
        joined = source_width * len(widths)
        self.sources = nn.ModuleList()
        for other, width in enumerate(widths):
            decoded = level < other < deepest
            change: list[nn.Module] = []
            if other < level:
                change = [nn.MaxPool2d(2 ** (level - other))]
            elif other > level:
                change = [Enlarge(2 ** (other - level))]
            self.sources.append(nn.Sequential(*change, *convolution(joined if decoded else width, source_width, style)))
        self.join = nn.Sequential(*convolution(joined, joined, style))

    def forward(self, maps: list[Tensor]) -> Float[Tensor, "n c h w"]:
        """The level's map, from one map of each level, finest first."""
        return self.join(torch.cat([source(each) for source, each in zip(self.sources, maps, strict=True)], dim=1))


class FullScaleDecoder(Decoder):
    """Deepest level first; each takes the encoder's maps down to its own level, and the decoder's below."""

    def __init__(self, widths: Sequence[int], source_width: int, style: Style) -> None:
        super().__init__()
        self._levels = list(reversed(range(len(widths) - 1)))
        self.blocks = nn.ModuleList(AllScales(level, widths, source_width, style) for level in self._levels)
        self.widths = tuple(source_width * len(widths) for _ in self._levels)

    def steps(self, maps: list[Tensor]) -> Iterator[Tensor]:
        """The map of each level, deepest first."""
        current = list(maps)
        for level, block in zip(self._levels, self.blocks, strict=True):
            current[level] = block(current)
            yield current[level]

    def nodes(self, down: Sequence[Node]) -> list[Node]:
        """A node a level, deepest first."""
        current, found = list(down), []
        for level in self._levels:
            below, others = current[level + 1].name, [*current[: level + 1], *current[level + 2 :]]
            reads = (below, *(node.name for node in others))
            current[level] = Node(f"up {place(down[level].stride)}", down[level].stride, reads, "all scales")
            found.append(current[level])
        return found


def full_scale_unet(settings: FullScaleUNetSettings, in_channels: int, classes: int) -> Parts:
    """UNet 3+; with supervision an answer from every level, the bottom among them."""
    style, widths = Style(bias=settings.bias), level_widths(settings)
    encoder = u_encoder(in_channels, widths, style, {})
    decoder = FullScaleDecoder(widths, settings.source_width, style)
    answers = _further_answers(settings, [*widths, *decoder.widths], classes) if settings.supervision else []
    last = head(decoder.widths[-1], classes, one_logit=settings.one_logit, kernel=3)
    return Parts(encoder, decoder, last, answers)


def _further_answers(settings: FullScaleUNetSettings, widths: Sequence[int], classes: int) -> list[Answer]:
    """From the bottom and every level of the decoder but the finest, whose answer is the head's; `widths` of all maps."""
    bottom = settings.depth
    return [
        Answer(
            source,
            head(widths[source], classes, one_logit=settings.one_logit, kernel=3),
            # From the bottom on, each map is twice as large as the one before.
            factor=2 ** (2 * settings.depth - source),
        )
        for source in range(bottom, bottom + settings.depth)
    ]
