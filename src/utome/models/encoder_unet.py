"""A U-Net whose encoder is EfficientNet or ResNet-50, with a bilinear decoder.

Baheti et al. 2020 (Eff-UNet, figure 5) and Borin Macedo, Florindo 2021: at each level the map is enlarged bilinearly,
joined with the encoder's, and passes two 3x3 convolutions with batch norm and ReLU; the last level has no skip.
"""

from utome.config.architectures import EfficientUNetSettings, EncoderUNet, ResNetUNetSettings
from utome.models.blocks import Style, double_convolution
from utome.models.efficientnet import EfficientNetEncoder
from utome.models.heads import head
from utome.models.network import Parts
from utome.models.parts import CropConcat, Encoder, NoSkip, Skip, UDecoder
from utome.models.resampling import Enlarge
from utome.models.resnet import ResNetEncoder


def efficient_unet(settings: EfficientUNetSettings, in_channels: int, classes: int) -> Parts:
    """Eff-UNet of the scale and taps in the settings."""
    return _with_decoder(EfficientNetEncoder(settings, in_channels), settings, classes)


def resnet_unet(settings: ResNetUNetSettings, in_channels: int, classes: int) -> Parts:
    """U-Net on ResNet-50."""
    return _with_decoder(ResNetEncoder(in_channels, settings.norm_rate), settings, classes)


def _with_decoder(encoder: Encoder, settings: EncoderUNet, classes: int) -> Parts:
    before = [encoder.widths[-1], *settings.decoder[:-1]]
    skips: list[Skip] = [
        CropConcat(level, up=up, width=encoder.widths[level])
        for level, up in zip(reversed(range(len(encoder.widths) - 1)), before, strict=False)
    ]
    skips.append(NoSkip(up=before[-1]))
    style = Style(bias=settings.bias)
    decoder = UDecoder(
        ups=[Enlarge(2) for _ in skips],
        skips=skips,
        blocks=[
            double_convolution(skip.channels, after, style) for skip, after in zip(skips, settings.decoder, strict=True)
        ],
        widths=settings.decoder,
    )
    last = head(settings.decoder[-1], classes, one_logit=settings.one_logit, kernel=settings.head_kernel)
    return Parts(encoder, decoder, last)
