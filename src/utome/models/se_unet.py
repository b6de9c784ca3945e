"""U-Net with squeeze-and-excitation, batch renormalisation and the Feature Random Enhancement Module.

Ando and Hotta 2021 (VISAPP; arXiv 2101.07983). Published: 512 channels at the bottom, batch renormalisation before each
ReLU also after the concatenation, and the module at the end of the encoder. Choices: excitation follows the second
convolution of every block; the module comes after it; the supervised answer is a 1x1 convolution of the bottom,
enlarged bilinearly.
"""

from utome.config.architectures import EnhancementSettings, SEUNetSettings
from utome.errors import ConfigError
from utome.models.blocks import AsPrecise, Style, precise_until_its_norm
from utome.models.enhancement import Enhancement
from utome.models.heads import Answer, head
from utome.models.network import Parts
from utome.models.parts import PoolingEncoder, UDecoder
from utome.models.unet import concatenated, level_widths, u_decoder, u_encoder


def se_unet(settings: SEUNetSettings, in_channels: int, classes: int) -> Parts:
    """SE U-Net, with the enhancement, dropout and supervision that its settings ask for."""
    style = Style(norm=settings.norm, bias=settings.bias, renorm=settings.renorm, reduction=settings.reduction)
    widths = level_widths(settings)
    level = _level(settings)
    encoder = u_encoder(in_channels, widths, style, {level: settings.dropout})
    decoder = u_decoder(widths, widths[:-1], style, concatenated)
    if settings.enhancement.mode != "none":
        _enhance(encoder, decoder, level, settings.enhancement)
    answers = []
    if settings.supervision:
        bottom = head(widths[-1], classes, one_logit=settings.one_logit)
        answers.append(Answer(len(widths) - 1, bottom, encoder.strides[-1]))
    return Parts(encoder, decoder, head(settings.width, classes, one_logit=settings.one_logit), answers)


def _enhance(encoder: PoolingEncoder, decoder: UDecoder, level: int, settings: EnhancementSettings) -> None:
    """Put the module at the end of a level, and keep each sum over its maps as precise as they are."""
    if settings.mode == "match_skip" and level == 0:
        raise ConfigError(
            "model.enhancement.mode=match_skip takes mean and deviation from the level above, and level 0 has none. "
            "Set model.enhancement.at=bottom."
        )
    encoder.enhance(level, Enhancement(encoder.widths[level], settings))
    deepest = len(encoder.widths) - 1
    if level == deepest:
        # An up-convolution adds up all maps without a norm behind it, so the join that follows stays precise, too.
        decoder.ups[0] = AsPrecise(decoder.ups[0])
        decoder.blocks[0] = precise_until_its_norm(decoder.blocks[0])
    else:
        encoder.blocks[level + 1] = precise_until_its_norm(encoder.blocks[level + 1])
        join = deepest - 1 - level  # the decoder counts from the deepest
        decoder.blocks[join] = precise_until_its_norm(decoder.blocks[join])


def _level(settings: SEUNetSettings) -> int:
    """The encoder's level of enhancement and dropout, 0 the finest."""
    at = settings.enhancement.at
    if at == "bottom":
        return settings.depth
    if at > settings.depth:
        raise ConfigError(
            f"model.enhancement.at is {at}, but the levels of this network are 0 to {settings.depth} (its bottom)."
        )
    return at
