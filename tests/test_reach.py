"""How far networks look: what is followed back against what the output reacts to, and tiles against whole images."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.small_networks import SMALL, small
from utome.config.architectures import (
    AttentionUNetSettings,
    EfficientUNetSettings,
    FullScaleUNetSettings,
    ModelSettings,
    NestedUNetSettings,
    SEUNetSettings,
    UNetSettings,
)
from utome.device import Device
from utome.models.architectures import assemble, build_network
from utome.models.efficientnet import EndPaddedConv2d
from utome.models.network import SegmentationNetwork
from utome.models.reach import reach
from utome.models.resampling import Enlarge
from utome.models.resnet import Bottleneck, ResNetEncoder
from utome.prediction.tiled import predict_tiled

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = Device(torch.device("cpu"), torch.float32)
with torch.device("meta"):
    BARE = {name: assemble(settings, in_channels=1, classes=2) for name, settings in SMALL.items()}
LOCAL = sorted(name for name, network in BARE.items() if network.receptive_field is not None)
SAME = [name for name in LOCAL if BARE[name].geometry.shrink == 0]
MEASURED: dict[str, ModelSettings] = {
    **{f"unet-{depth}": UNetSettings(width=1, depth=depth) for depth in (1, 2, 3, 4)},
    "unet-valid": UNetSettings(width=1, depth=2, convolution="valid", norm="none"),
    "phseg_v5": UNetSettings(width=1, depth=2, variant="phseg_v5"),
    "attention-unet": AttentionUNetSettings(architecture="attention-unet", width=2, depth=2),
    "advanced-attention-unet": AttentionUNetSettings(architecture="advanced-attention-unet", width=1, depth=3),
    "full-attention-unet": AttentionUNetSettings(architecture="full-attention-unet", width=1, depth=3),
    "se-unet": SEUNetSettings(width=1, depth=2, reduction=None),
    **{f"unet-plus-plus-{depth}": NestedUNetSettings(width=1, depth=depth, answer="last") for depth in (2, 3)},
    **{f"unet-3-plus-{depth}": FullScaleUNetSettings(width=1, depth=depth, source_width=1) for depth in (2, 3)},
}


class PadAndCut(nn.Module):
    """Zeros around the map, more of them at its beginning, and the map out of them again."""

    def forward(self, maps: Tensor) -> Tensor:
        return nn.functional.pad(maps, (5, 3, 5, 3))[..., 5:-3, 5:-3]


def smoothed(module: nn.Module) -> nn.Module:
    """In eval mode and float64, with small positive weights and means in place of maxima: all that is seen has a slope."""
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.MaxPool2d):
                setattr(parent, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding))
    for parameter in module.parameters():
        nn.init.constant_(parameter, 0.1)
    return module.double().eval()


def seen_by(module: nn.Module, image: Tensor, *, stride: int) -> tuple[int, int]:
    """The widest side that a pixel of the output reacts to, and how far pixels on one stride look beyond it at most."""
    image = image.clone().requires_grad_()
    output = module(image)
    border = (image.shape[-1] - output.shape[-1]) // 2
    # The stride that the middle lies in, in the input's columns.
    first = (image.shape[-1] // 2 - border) // stride * stride
    field, halo = 0, 0
    for pixel in range(first, first + stride):
        (slope,) = torch.autograd.grad(output[0, -1, 0, pixel], image, retain_graph=True)
        columns = slope[0].abs().sum(dim=(0, 1)).nonzero().flatten()
        left, right = int(columns.min()), int(columns.max())
        assert left > 0, "the image must be larger than what is seen"
        assert right < image.shape[-1] - 1
        field = max(field, right - left + 1)
        halo = max(halo, first - left, right - (first + stride - 1))
    return field, halo


@pytest.mark.parametrize("name", sorted(MEASURED))
def test_receptive_field_and_halo_are_what_the_output_reacts_to(name: str) -> None:
    network = build_network(MEASURED[name], in_channels=1, classes=2, seed=0)
    geometry, expected = network.geometry, network.receptive_field
    assert expected is not None
    side = geometry.input_side(expected + 8 * geometry.stride)
    image = torch.rand(1, 1, geometry.input_side(1), side, dtype=torch.double)
    field, halo = seen_by(smoothed(network), image, stride=geometry.stride)
    assert field == expected
    if geometry.shrink:
        assert geometry.halo == 0
    else:
        assert halo <= geometry.halo < halo + geometry.stride


@pytest.mark.parametrize(
    "layers",
    [
        [nn.Conv2d(1, 2, 7, stride=2, padding=3), nn.MaxPool2d(3, stride=2, padding=1), Enlarge(4)],
        [nn.Conv2d(1, 4, 7, stride=2, padding=3), Bottleneck(4, 2, 2, 0.1), Bottleneck(8, 2, 1, 0.1), Enlarge(4)],
        [EndPaddedConv2d(1, 1, 3, stride=2), EndPaddedConv2d(1, 1, 5, stride=2), Enlarge(2), Enlarge(2)],
        [EndPaddedConv2d(1, 1, 3, stride=2), nn.Conv2d(1, 1, 5, stride=2, padding=2), Enlarge(4), PadAndCut()],
        [nn.Conv2d(1, 1, 3, stride=2, padding=1), nn.ConvTranspose2d(1, 1, 2, stride=2), nn.Conv2d(1, 1, 3, padding=1)],
        [nn.MaxPool2d(4), nn.ConvTranspose2d(1, 1, 4, stride=2, padding=1), nn.ConvTranspose2d(1, 1, 2, stride=2)],
        [nn.Conv2d(1, 1, 3, dilation=2, padding=2), nn.MaxPool2d(4), Enlarge(4), nn.ConvTranspose2d(1, 1, 3, padding=1)],
    ],
    ids=["stem", "bottlenecks", "end-padded", "cut", "up-convolution", "wider-up-convolution", "dilated"],
)  # fmt: skip
def test_each_kind_of_layer_is_followed_back_to_what_it_reacts_to(layers: list[nn.Module]) -> None:
    chain = nn.Sequential(*layers)
    found = reach(copy.deepcopy(chain).to("meta").eval(), channels=1, side=64, stride=4)
    image = torch.rand(1, 1, 8, 96, dtype=torch.double)
    assert seen_by(smoothed(chain), image, stride=4) == (found.field, found.halo)
    assert not found.is_global


def test_a_published_network_looks_as_far_as_is_known() -> None:
    unet = assemble(UNetSettings(), in_channels=1, classes=2)
    assert (unet.receptive_field, unet.geometry.halo) == (204, 96)
    with torch.device("meta"):
        encoder = ResNetEncoder(3, 0.1).eval()
    # Seven pixels in the stem, two of its own in the pool, then two at the stride that each of 16 blocks begins with.
    strides = [2, 4, 4, 4, 4, 8, 8, 8, 8, 16, 16, 16, 16, 16, 16, 32, 32]
    found = reach(lambda image: encoder(image)[-1], channels=3, side=64, stride=1)
    assert found.field == 7 + 2 * sum(strides) == 427


@pytest.mark.parametrize(
    "settings", [SEUNetSettings(width=2, depth=2, reduction=2), EfficientUNetSettings()], ids=["se-unet", "efficient"]
)
def test_a_network_that_averages_over_the_image_looks_at_all_of_it(settings: ModelSettings) -> None:
    network = assemble(settings, in_channels=1, classes=2)
    assert network.receptive_field is None
    assert 0 < network.geometry.halo <= 6 * network.geometry.stride


def looking_to(side: str, network: SegmentationNetwork) -> SegmentationNetwork:
    """With weights that carry each pixel as far to that side as its convolutions reach."""
    for part in network.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.zeros_(part.weight)
            column = 0 if side == "left" else -1
            nn.init.constant_(part.weight[:, :, part.kernel_size[0] // 2, column], 1 / part.weight.shape[1])
        elif isinstance(part, nn.ConvTranspose2d):
            nn.init.constant_(part.weight, 1 / part.weight.shape[0])
    for part in nn.ModuleList([network.head, network.answers]).modules():
        if isinstance(part, nn.Conv2d) and part.out_channels == 2:
            part.weight.data[0].neg_()  # equal logits would say nothing
    return network.eval()


def tiled_against_whole(name: str, *, strides_less: int) -> float:
    """The largest difference, over the range of the logits, between smallest tiles and the whole of a strip."""
    largest = 0.0
    for side in ("left", "right"):
        network = looking_to(side, small(name))
        geometry = network.geometry
        length = 2 * geometry.halo + 5 * geometry.stride
        image = np.random.default_rng(0).uniform(size=(1, geometry.stride, length)).astype(np.float32)
        with torch.inference_mode():
            whole = network(torch.from_numpy(image)[None])[0]
        network.geometry = replace(geometry, halo=geometry.halo - strides_less * geometry.stride)
        tiled = predict_tiled(network, image, CPU, tile=1)
        values = whole.max() - whole.min()
        assert values > 0.1
        largest = max(largest, ((tiled - whole).abs().max() / values).item())
    return largest


@pytest.mark.parametrize("name", SAME)
def test_tiles_a_halo_apart_give_what_the_whole_image_gives_and_tiles_a_stride_closer_do_not(name: str) -> None:
    assert tiled_against_whole(name, strides_less=0) < 2e-5
    assert tiled_against_whole(name, strides_less=1) > 1e-4


@pytest.mark.parametrize("name", [name for name in LOCAL if name not in SAME])
def test_a_valid_network_on_tiles_that_start_on_its_stride_gives_what_it_gives_of_the_whole_image(name: str) -> None:
    network = small(name).eval()
    stride, side = network.geometry.stride, network.geometry.input_side(16)
    image = torch.randn(1, 1, side + 6 * stride, side + 3 * stride, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        whole = network(image)
        differences = {}
        for top, left in ((0, 0), (stride, 3 * stride), (6 * stride, stride), (1, 0), (stride, 2)):
            tile = network(image[..., top : top + side, left : left + side])
            part = whole[..., top : top + tile.shape[-2], left : left + tile.shape[-1]]
            differences[top, left] = (tile - part).abs().max() / whole.abs().max()
    for (top, left), difference in differences.items():
        on_the_grid = top % stride == left % stride == 0
        assert difference < 1e-6 if on_the_grid else difference > 1e-2, (top, left)
