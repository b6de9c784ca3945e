"""U-Net and its attention relatives, put together from their parts.

U-Net: Ronneberger, Fischer, Brox 2015, figure 1. Choices: the skip is concatenated behind the up-sampled map, as the
released network does; dropout comes after the last ReLU of the two deepest levels, and the skip of the upper of these
carries the dropped map, as there; no ReLU follows an up-convolution, as in the figure. `phseg_v5` is the released
network, which differs from the figure: its last up-convolution has twice the channels, and a ReLU follows each.
"""

from collections.abc import Callable, Sequence

from torch import nn

from utome.config.architectures import AttentionUNetSettings, UNetSettings, UShape
from utome.errors import ConfigError
from utome.models.attention import GateEach, OneGate, Sources
from utome.models.blocks import Style, double_convolution
from utome.models.network import SegmentationNetwork
from utome.models.parts import CropConcat, Decoder, Encoder, OneLogit, Skip
from utome.tiling import Geometry

# Each level has two 3x3 convolutions on the way down and two on the way up; each needs one pixel on either side.
PIXELS_A_BLOCK = 4
# level, channels that come up, channels of the level's own map -> the skip of that level
MakeSkip = Callable[[int, int, int], Skip]


def unet(settings: UNetSettings, in_channels: int, classes: int) -> SegmentationNetwork:
    """U-Net of this width and depth: `in_channels` in, one logit a class out."""
    style = Style(settings.convolution, settings.norm, settings.bias)
    released = settings.variant == "phseg_v5"
    widths = _widths(settings)
    ups = [*widths[:-1]]
    if released:
        ups[0] *= 2
    decoder = _decoder(widths, ups, style, lambda level, up, width: CropConcat(level, up=up, width=width))
    if released:
        decoder.ups = nn.ModuleList(nn.Sequential(up, nn.ReLU(inplace=True)) for up in decoder.ups)
    encoder = _encoder(in_channels, widths, style, dropout=settings.dropout)
    geometry = unet_geometry(settings.depth, valid=settings.convolution == "valid")
    return SegmentationNetwork(encoder, decoder, _head(settings, classes), geometry, unet_field(settings.depth))


def attention_unet(settings: AttentionUNetSettings, in_channels: int, classes: int) -> SegmentationNetwork:
    """A U-Net with batch norm whose skips pass attention gates, in the form that `settings.architecture` names."""
    style = Style(bias=settings.bias)
    widths = _widths(settings)
    alone = settings.architecture == "attention-unet"
    gated = GateEach if settings.architecture == "full-attention-unet" else OneGate

    def skip(level: int, up: int, width: int) -> Skip:
        sources = Sources(level, tuple(widths), style, pooled=not alone)
        return gated(sources, width=width, inner=max(1, round(settings.gate_share * up)))

    decoder = _decoder(widths, widths[:-1], style, skip)
    encoder = _encoder(in_channels, widths, style, dropout=0.0)
    geometry = unet_geometry(settings.depth, valid=False)
    return SegmentationNetwork(encoder, decoder, _head(settings, classes), geometry, unet_field(settings.depth))


def unet_geometry(depth: int, *, valid: bool) -> Geometry:
    """What sizes a U-Net takes; with valid convolutions and depth 4, sides 16k + 60, smaller by 184 at the output.

    The halo of a same-padded one: what lies beyond the border is felt in at most 4 pixels of the bottom map (2 more a
    level, halved and rounded up between levels) and in 2 more of each map on the way up, 6·stride - 2 in all. Gates
    look at one pixel, and a pooled source sees less than the level's own map, so neither widens it.
    """
    stride = 2**depth
    if not valid:
        return Geometry(stride, offset=0, shrink=0, halo=6 * stride)
    offset = PIXELS_A_BLOCK * (stride - 1)
    return Geometry(stride, offset, shrink=2 * offset + PIXELS_A_BLOCK * stride, halo=0)


def unet_field(depth: int) -> int:
    """The largest side, in pixels, of what one output pixel of a U-Net can depend on: 204 for depth 4.

    Followed back from the output: a block adds two pixels on either side, an up-convolution halves the positions, and
    a pooling doubles them. How wide that is depends on where the pixel lies on the pooling grid; the widest counts.
    """
    widest = 0
    for pixel in range(2**depth):
        first = last = pixel
        for _ in range(depth):
            first, last = (first - 2) // 2, (last + 2) // 2
        first, last = first - 2, last + 2
        for _ in range(depth):
            first, last = 2 * first - 2, 2 * last + 3
        widest = max(widest, last - first + 1)
    return widest


def _widths(settings: UShape) -> list[int]:
    return [settings.width * 2**level for level in range(settings.depth + 1)]


def _encoder(in_channels: int, widths: Sequence[int], style: Style, *, dropout: float) -> Encoder:
    deepest = {len(widths) - 2, len(widths) - 1}
    blocks = [
        double_convolution(before, after, style, dropout=dropout if level in deepest else 0.0)
        for level, (before, after) in enumerate(zip([in_channels, *widths[:-1]], widths, strict=True))
    ]
    return Encoder(blocks, widths)


def _decoder(widths: Sequence[int], ups: Sequence[int], style: Style, skip: MakeSkip) -> Decoder:
    """Deepest level first; `ups` are the channels out of each level's up-convolution, finest first."""
    levels = list(reversed(range(len(ups))))
    skips = [skip(level, ups[level], widths[level]) for level in levels]
    return Decoder(
        ups=[nn.ConvTranspose2d(widths[level + 1], ups[level], 2, stride=2) for level in levels],
        skips=skips,
        blocks=[
            double_convolution(join.channels, widths[level], style) for level, join in zip(levels, skips, strict=True)
        ],
    )


def _head(settings: UShape, classes: int) -> nn.Module:
    """A 1x1 convolution to the classes, or to one logit; `ConfigError` where one logit meets more than two classes."""
    if settings.one_logit:
        if classes != 2:
            raise ConfigError(
                f"model.one_logit is for two classes, but the masks have {classes}. Set model.one_logit=false."
            )
        return nn.Sequential(nn.Conv2d(settings.width, 1, 1), OneLogit())
    return nn.Conv2d(settings.width, classes, 1)
