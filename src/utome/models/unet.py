"""U-Net, put together from its parts.

Ronneberger, Fischer, Brox 2015, figure 1. Choices: the skip is concatenated behind the up-sampled map, as the released
network does; dropout comes after the last ReLU of the two deepest levels, and the skip of the upper of these carries
the dropped map, as there; no ReLU follows an up-convolution, as in the figure. `phseg_v5` is the released network,
which differs from the figure: its last up-convolution has twice the channels, and a ReLU follows each.
"""

from collections.abc import Callable, Sequence

from torch import nn

from utome.config.architectures import UNetSettings, UShape
from utome.models.blocks import Style, double_convolution
from utome.models.heads import head
from utome.models.network import Parts
from utome.models.parts import CropConcat, PoolingEncoder, Skip, UDecoder

# Each level has two 3x3 convolutions on the way down and two on the way up; each needs one pixel on either side.
PIXELS_A_BLOCK = 4
# level, channels that come up, channels of the level's own map -> the skip of that level
MakeSkip = Callable[[int, int, int], Skip]


def unet(settings: UNetSettings, in_channels: int, classes: int) -> Parts:
    """U-Net of this width and depth: `in_channels` in, one logit a class out."""
    style = Style(settings.convolution, settings.norm, settings.bias)
    released = settings.variant == "phseg_v5"
    widths = level_widths(settings)
    ups = [*widths[:-1]]
    if released:
        ups[0] *= 2
    decoder = u_decoder(widths, ups, style, concatenated)
    if released:
        decoder.ups = nn.ModuleList(nn.Sequential(up, nn.ReLU(inplace=True)) for up in decoder.ups)
    deepest = {settings.depth - 1: settings.dropout, settings.depth: settings.dropout}
    encoder = u_encoder(in_channels, widths, style, deepest)
    answer = head(settings.width, classes, one_logit=settings.one_logit)
    if settings.convolution == "same":
        return Parts(encoder, decoder, answer)
    offset, shrink = valid_sizes(settings.depth)
    return Parts(encoder, decoder, answer, offset=offset, shrink=shrink)


def valid_sizes(depth: int) -> tuple[int, int]:
    """What sides a valid U-Net takes, less multiples of its stride, and how much it shrinks them: 60 and 184 at depth 4."""
    offset = PIXELS_A_BLOCK * (2**depth - 1)
    return offset, 2 * offset + PIXELS_A_BLOCK * 2**depth


def level_widths(settings: UShape) -> list[int]:
    """The channels of each level, finest first."""
    return [settings.width * 2**level for level in range(settings.depth + 1)]


def u_encoder(in_channels: int, widths: Sequence[int], style: Style, dropout: dict[int, float]) -> PoolingEncoder:
    """A way down with these channels a level; `dropout` is the rate at the end of the levels that have one."""
    blocks = [
        double_convolution(before, after, style, dropout=dropout.get(level, 0.0))
        for level, (before, after) in enumerate(zip([in_channels, *widths[:-1]], widths, strict=True))
    ]
    return PoolingEncoder(blocks, widths)


def u_decoder(widths: Sequence[int], ups: Sequence[int], style: Style, skip: MakeSkip) -> UDecoder:
    """A way up by 2x2 up-convolutions; `ups` are the channels out of each level's, finest first."""
    levels = list(reversed(range(len(ups))))
    skips = [skip(level, ups[level], widths[level]) for level in levels]
    return UDecoder(
        ups=[nn.ConvTranspose2d(widths[level + 1], ups[level], 2, stride=2) for level in levels],
        skips=skips,
        blocks=[
            double_convolution(join.channels, widths[level], style) for level, join in zip(levels, skips, strict=True)
        ],
        widths=[widths[level] for level in levels],
    )


def concatenated(level: int, up: int, width: int) -> Skip:
    """The skip of the original."""
    return CropConcat(level, up=up, width=width)
