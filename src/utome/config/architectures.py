"""The settings of each architecture: the forms that the section `model` can take."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from utome.config.section import NotNegative, Positive, Section, Share

Count = Annotated[int, Field(ge=1)]
BIAS = "biases also where a norm follows, which cancels them; published counts have them"


class Network(Section):
    """What every segmentation network has; abstract."""

    one_logit: bool = Field(
        False, description="two classes by one logit against zero, whose cross entropy is the binary one"
    )

    @property
    def supervised(self) -> bool:
        """Whether it answers in more than one place in training; only then has `loss.supervision` a meaning."""
        return bool(getattr(self, "supervision", False))


class UShape(Network):
    """A network whose levels each halve the image and double the channels; abstract."""

    width: Count = Field(64, description="channels of the first level; each level below doubles them")
    depth: int = Field(4, ge=1, le=8, description="how often the image is halved")


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
    bias: bool = Field(False, description=BIAS)
    dropout: Share = Field(0.0, description="dropout rate at the end of the two deepest levels")


class AttentionUNetSettings(UShape):
    """U-Net with batch norm whose skips pass attention gates (Lin et al. 2021, after Oktay et al. 2018)."""

    architecture: Literal["attention-unet", "advanced-attention-unet", "full-attention-unet"] = "attention-unet"
    bias: bool = Field(True, description=BIAS)
    gate_share: Annotated[float, Field(gt=0, le=4)] = Field(
        0.5, description="channels inside a gate, as a share of those of the decoder's map"
    )


class RenormSettings(Section):
    """Batch renormalisation's schedule (Ioffe 2017): it is batch norm at first, and its limits then widen linearly."""

    rate: Share = Field(0.01, description="share of the newest batch in the moving statistics")
    warmup_steps: int = Field(5000, ge=0, description="steps of plain batch norm")
    r_max: Annotated[float, Field(ge=1)] = Field(3.0, description="limit of the correction of scale, in the end")
    r_steps: int = Field(40000, ge=0, description="step from which r_max holds")
    d_max: NotNegative = Field(5.0, description="limit of the correction of shift, in the end")
    d_steps: int = Field(25000, ge=0, description="step from which d_max holds")


class EnhancementSettings(Section):
    """The Feature Random Enhancement Module (Ando and Hotta 2021): some maps of one level are multiplied."""

    mode: Literal["none", "random", "fixed", "all", "match_skip"] = Field(
        "none",
        description="which maps: `random` are chosen anew each epoch, `fixed` once, `all` are all of them; `match_skip` "
        "gives the level the mean and deviation of the skip above it",
    )
    maps: Count = Field(1, description="how many maps are multiplied, for `random` and `fixed`")
    factor: Positive = Field(1.0, description="what they are multiplied by")
    at: Annotated[int, Field(ge=0)] | Literal["bottom"] = Field(
        "bottom", description="the level of the encoder, 0 at full resolution"
    )
    in_test: bool = Field(False, description="also after training, for ablations; the last choice then stays")

    @model_validator(mode="after")
    def _matching_holds_always(self) -> Self:
        if self.mode == "match_skip" and not self.in_test:
            raise ValueError("`in_test: true` with `mode: match_skip`, since a normalisation must hold in test too")
        return self


class SEUNetSettings(UShape):
    """U-Net with squeeze-and-excitation and batch renormalisation, and what Ando and Hotta 2021 compare on it."""

    architecture: Literal["se-unet"] = "se-unet"
    norm: Literal["none", "batch", "batch_renorm"] = Field(
        "batch_renorm", description="normalisation between a convolution and its ReLU"
    )
    renorm: RenormSettings = RenormSettings()
    bias: bool = Field(False, description=BIAS)
    reduction: Count | None = Field(
        16, description="channels of a block over those inside its squeeze-and-excitation; none leaves it out"
    )
    enhancement: EnhancementSettings = EnhancementSettings()
    dropout: Share = Field(0.0, description="dropout rate at the level of the enhancement")
    supervision: bool = Field(False, description="a second answer, from the end of the encoder, for `loss.supervision`")


class EncoderUNet(Network):
    """A U-Net whose encoder is a network for whole images, with a bilinear decoder; abstract."""

    decoder: tuple[Count, Count, Count, Count, Count] = Field(
        (256, 128, 64, 32, 16), description="channels of the decoder's levels, coarsest first"
    )
    bias: bool = Field(False, description="biases in the decoder's convolutions, which batch norm cancels")
    head_kernel: Literal[1, 3] = Field(3, description="side of the last convolution")
    norm_rate: Share = Field(
        0.1,
        description="share of the newest batch in the encoder's moving statistics; the usual 0.01 needs long training",
    )
    weights: str | None = Field(
        None,
        description="ImageNet weights to begin with: a file of torchvision's or timm's names, or `hf:timm/NAME` to "
        "download one; none begins with random weights",
    )


class EfficientUNetSettings(EncoderUNet):
    """Eff-UNet: EfficientNet (Tan and Le 2019) as encoder (Baheti et al. 2020)."""

    architecture: Literal["efficient-unet"] = "efficient-unet"
    scale: Literal["b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7"] = Field(
        "b0", description="EfficientNet's compound scaling"
    )
    taps: Literal["expansion", "block"] = Field(
        "expansion", description="skips from the expanded maps before each halving, or from the stages' outputs"
    )
    top: bool = Field(True, description="EfficientNet's last 1x1 convolution, which widens the bottom")
    drop_connect: Share = Field(0.2, description="rate at which the deepest block is skipped; rises linearly from zero")
    epsilon: Positive | None = Field(None, description="of the encoder's norms; none: the weights' own, or 0.001")
    padding: Literal["symmetric", "tensorflow"] | None = Field(
        None, description="of the encoder's strided convolutions; none: the weights' own, or symmetric"
    )


class ResNetUNetSettings(EncoderUNet):
    """U-Net with ResNet-50 (He et al. 2016) as encoder."""

    architecture: Literal["resnet50-unet"] = "resnet50-unet"


class NestedUNetSettings(UShape):
    """U-Net++ (Zhou et al. 2018): nested nodes between encoder and decoder."""

    architecture: Literal["unet-plus-plus"] = "unet-plus-plus"
    bias: bool = Field(True, description=BIAS)
    supervision: bool = Field(True, description="an answer from every node at full resolution, for `loss.supervision`")
    answer: Literal["mean", "last"] = Field(
        "mean", description="what is predicted: the mean probability of all answers, or the last one"
    )


class FullScaleUNetSettings(UShape):
    """UNet 3+ (Huang et al. 2020): each level of the decoder takes maps of all scales."""

    architecture: Literal["unet-3-plus"] = "unet-3-plus"
    bias: bool = Field(True, description=BIAS)
    source_width: Count = Field(64, description="channels that each scale gives to a level of the decoder")
    supervision: bool = Field(True, description="an answer from every level, for `loss.supervision`")


ModelSettings = (
    UNetSettings
    | AttentionUNetSettings
    | SEUNetSettings
    | EfficientUNetSettings
    | ResNetUNetSettings
    | NestedUNetSettings
    | FullScaleUNetSettings
)
