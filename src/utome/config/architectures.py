"""The settings of each architecture: the forms that the section `model` can take."""

from typing import Annotated, Literal

from pydantic import Field

from utome.config.section import Section, Share


class UShape(Section):
    """What every network with an encoder and a decoder of levels has; abstract."""

    width: int = Field(64, ge=1, description="channels of the first level; each level below doubles them")
    depth: int = Field(4, ge=1, le=8, description="how often the image is halved")
    one_logit: bool = Field(
        False, description="two classes by one logit against zero, whose cross entropy is the binary one"
    )


class UNetSettings(UShape):
    """U-Net: an encoder that halves, a decoder that doubles, and skips between them."""

    architecture: Literal["unet"] = "unet"
    variant: Literal["figure", "phseg_v5"] = Field(
        "figure",
        description="the paper's figure, or the released network: 2·width channels out of the last up-convolution, and a "
        "ReLU after each",
    )
    convolution: Literal["valid", "same"] = Field("same", description="3x3 convolutions without padding, or with zeros")
    norm: Literal["none", "batch"] = Field("batch", description="normalisation between a convolution and its ReLU")
    bias: bool = Field(
        False, description="biases also where a norm follows, which cancels them; published counts have them"
    )
    dropout: Share = Field(0.0, description="dropout rate at the end of the two deepest levels")


class AttentionUNetSettings(UShape):
    """U-Net with batch norm whose skips pass attention gates (Lin et al. 2021, after Oktay et al. 2018)."""

    architecture: Literal["attention-unet", "advanced-attention-unet", "full-attention-unet"] = "attention-unet"
    bias: bool = Field(
        True, description="biases also where a norm follows, which cancels them; published counts have them"
    )
    gate_share: Annotated[float, Field(gt=0, le=4)] = Field(
        0.5, description="channels inside a gate, as a share of those of the decoder's map"
    )


ModelSettings = UNetSettings | AttentionUNetSettings
