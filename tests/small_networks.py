"""A small member of every architecture, and of every option that changes how a network is put together."""

from typing import Any

import torch
from torch import Tensor

from utome.config.architectures import (
    AttentionUNetSettings,
    EfficientUNetSettings,
    FullScaleUNetSettings,
    ModelSettings,
    NestedUNetSettings,
    ResNetUNetSettings,
    SEUNetSettings,
    UNetSettings,
)
from utome.models.architectures import build_network
from utome.models.network import SegmentationNetwork

# Limits that open within a test.
SOON = {"rate": 0.1, "warmup_steps": 2, "r_steps": 6, "d_steps": 4}
NARROW = (8, 8, 8, 8, 8)
SE_UNETS: dict[str, dict[str, Any]] = {
    "plain": {},
    "with-biases": {"bias": True},
    "batchnorm": {"norm": "batch"},
    "without-norm": {"norm": "none"},
    "without-excitation": {"reduction": None},
    "enhanced": {"enhancement": {"mode": "random", "maps": 4, "factor": 20.0}},
    "enhanced-at-0": {"enhancement": {"mode": "fixed", "maps": 2, "factor": 20.0, "at": 0}},
    "enhanced-at-1": {"enhancement": {"mode": "all", "factor": 20.0, "at": 1, "in_test": True}},
    "matched": {"enhancement": {"mode": "match_skip", "in_test": True}},
    "dropout": {"dropout": 0.1},
    "supervised": {"supervision": True, "one_logit": True},
}
SMALL: dict[str, ModelSettings] = {
    "unet": UNetSettings(width=4, depth=2),
    "unet-valid": UNetSettings(width=4, depth=2, convolution="valid", dropout=0.1),
    "phseg_v5": UNetSettings(width=4, depth=2, variant="phseg_v5", norm="none", convolution="valid"),
    "unet-batchnorm": UNetSettings(width=4, depth=2, bias=True, one_logit=True),
    **{
        name: AttentionUNetSettings(architecture=name, width=4, depth=3, one_logit=True)
        for name in ("attention-unet", "advanced-attention-unet", "full-attention-unet")
    },
    **{
        f"se-unet-{name}": SEUNetSettings.model_validate(
            {"width": 4, "depth": 2, "reduction": 2, "renorm": SOON, **options}
        )
        for name, options in SE_UNETS.items()
    },
    "efficient-unet-expansion": EfficientUNetSettings(decoder=NARROW, drop_connect=0.0, one_logit=True, head_kernel=1),
    "efficient-unet-block": EfficientUNetSettings(
        decoder=NARROW, drop_connect=0.0, taps="block", top=False, padding="tensorflow", bias=True
    ),
    "resnet50-unet": ResNetUNetSettings(decoder=NARROW),
    "unet-plus-plus": NestedUNetSettings(width=4, depth=2),
    "unet-plus-plus-last": NestedUNetSettings(width=4, depth=3, answer="last", bias=False),
    "unet-plus-plus-unsupervised": NestedUNetSettings(width=4, depth=2, supervision=False, one_logit=True),
    "unet-3-plus": FullScaleUNetSettings(width=4, depth=2, source_width=4),
    "unet-3-plus-unsupervised": FullScaleUNetSettings(width=4, depth=3, source_width=4, supervision=False, bias=False),
}


def small(name: str, *, seed: int = 0) -> SegmentationNetwork:
    return build_network(SMALL[name], in_channels=1, classes=2, seed=seed)


def picture(network: SegmentationNetwork, *, side: int = 40, images: int = 2) -> Tensor:
    """Noise with at least `side` labelled pixels a side."""
    fits = network.geometry.input_side(side)
    return torch.randn(images, 1, fits, fits, generator=torch.Generator().manual_seed(1))


def inside(network: SegmentationNetwork, image: Tensor) -> Tensor:
    """The pixels that the network labels."""
    border = network.geometry.border
    return image[..., border : image.shape[-2] - border, border : image.shape[-1] - border]
