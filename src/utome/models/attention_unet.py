"""U-Net with batch norm whose skips pass attention gates (Lin et al. 2021, after Oktay et al. 2018)."""

from utome.config.architectures import AttentionUNetSettings
from utome.models.attention import GateEach, OneGate, Sources
from utome.models.blocks import Style
from utome.models.heads import head
from utome.models.network import Parts
from utome.models.parts import Skip
from utome.models.unet import level_widths, u_decoder, u_encoder


def attention_unet(settings: AttentionUNetSettings, in_channels: int, classes: int) -> Parts:
    """The form that `settings.architecture` names."""
    style = Style(bias=settings.bias)
    widths = level_widths(settings)
    alone = settings.architecture == "attention-unet"
    gated = GateEach if settings.architecture == "full-attention-unet" else OneGate

    def skip(level: int, up: int, width: int) -> Skip:
        sources = Sources(level, tuple(widths), style, pooled=not alone)
        return gated(sources, width=width, inner=max(1, round(settings.gate_share * up)))

    decoder = u_decoder(widths, widths[:-1], style, skip)
    encoder = u_encoder(in_channels, widths, style, {})
    return Parts(encoder, decoder, head(settings.width, classes, one_logit=settings.one_logit))
