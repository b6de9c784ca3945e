"""U-Net (Ronneberger, Fischer, Brox 2015, figure 1), put together from its parts.

Choices: the skip is concatenated behind the up-sampled map, as the released network does; dropout comes after the
last ReLU of the two deepest levels, and the skip of the upper of these carries the dropped map, as there; no ReLU
follows an up-convolution, as in the figure.
"""

from torch import nn

from utome.config.sections import UNetSettings
from utome.models.blocks import double_convolution
from utome.models.network import SegmentationNetwork
from utome.models.parts import CropConcat, Decoder, Encoder
from utome.tiling import Geometry

# Each level has two 3x3 convolutions on the way down and two on the way up; each needs one pixel on either side.
PIXELS_A_BLOCK = 4


def unet(settings: UNetSettings, in_channels: int, classes: int) -> SegmentationNetwork:
    """U-Net of this width and depth: `in_channels` in, one logit a class out."""
    widths = [settings.width * 2**level for level in range(settings.depth + 1)]
    deepest = {settings.depth - 1, settings.depth}
    down = [
        double_convolution(before, after, settings, dropout=settings.dropout if level in deepest else 0.0)
        for level, (before, after) in enumerate(zip([in_channels, *widths], widths, strict=False))
    ]
    upwards = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
    decoder = Decoder(
        ups=[nn.ConvTranspose2d(below, above, 2, stride=2) for below, above in upwards],
        skips=[CropConcat() for _ in upwards],
        blocks=[double_convolution(2 * above, above, settings) for _, above in upwards],
    )
    head = nn.Conv2d(settings.width, classes, 1)
    return SegmentationNetwork(Encoder(down, widths), decoder, head, unet_geometry(settings))


def unet_geometry(settings: UNetSettings) -> Geometry:
    """What sizes a U-Net takes; with valid convolutions and depth 4, sides 16k + 60, smaller by 184 at the output.

    The halo of a same-padded one: what lies beyond the border is felt in at most 4 pixels of the bottom map (2 more a
    level, halved and rounded up between levels) and in 2 more of each map on the way up, 6·stride - 2 in all.
    """
    stride = 2**settings.depth
    offset = PIXELS_A_BLOCK * (stride - 1)
    shrink = 2 * offset + PIXELS_A_BLOCK * stride
    if settings.convolution == "valid":
        return Geometry(stride, offset, shrink, halo=0)
    return Geometry(stride, offset=0, shrink=0, halo=6 * stride)
