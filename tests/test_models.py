"""U-Net: the published parameters and sizes, and the contract of every network."""

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from utome.config.architectures import UNetSettings
from utome.errors import ModelError
from utome.models.architectures import build_network
from utome.models.network import SegmentationNetwork
from utome.models.parts import CropConcat
from utome.recipes.library import load_recipe

# Per layer of the figure: channels in, channels out, parameters; the way down, the way up, the head.
DOWN = [
    (1, 64, 640), (64, 64, 36_928), (64, 128, 73_856), (128, 128, 147_584), (128, 256, 295_168), (256, 256, 590_080),
    (256, 512, 1_180_160), (512, 512, 2_359_808), (512, 1024, 4_719_616), (1024, 1024, 9_438_208),
]  # fmt: skip
UPWARDS = [(1024, 512, 2_097_664), (512, 256, 524_544), (256, 128, 131_200), (128, 64, 32_832)]
UP = [
    (1024, 512, 4_719_104), (512, 512, 2_359_808), (512, 256, 1_179_904), (256, 256, 590_080),
    (256, 128, 295_040), (128, 128, 147_584), (128, 64, 73_792), (64, 64, 36_928),
]  # fmt: skip
HEAD = [(64, 2, 130)]


def build(
    *, in_channels: int = 1, classes: int = 2, width: int = 4, depth: int = 2, convolution: str = "same",
    norm: str = "none", dropout: float = 0.0, seed: int = 0,
) -> SegmentationNetwork:  # fmt: skip
    settings = UNetSettings.model_validate(
        {"width": width, "depth": depth, "convolution": convolution, "norm": norm, "dropout": dropout}
    )
    return build_network(settings, in_channels=in_channels, classes=classes, seed=seed)


def image_for(network: SegmentationNetwork, *, images: int = 2, channels: int = 1) -> Tensor:
    """A random batch, higher than wide, at small sizes that the network takes."""
    height, width = network.geometry.input_side(20), network.geometry.input_side(8)
    return torch.randn(images, channels, height, width, generator=torch.Generator().manual_seed(0))


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def layers(module: nn.Module, kind: type[nn.Conv2d | nn.ConvTranspose2d]) -> Iterator[tuple[int, int, int]]:
    for part in module.modules():
        if isinstance(part, kind):
            yield part.in_channels, part.out_channels, parameters(part)


@pytest.fixture(scope="module")
def original() -> SegmentationNetwork:
    return build_network(load_recipe("unet-2015").config.model, in_channels=1, classes=2, seed=0)


def test_the_original_network_has_31_030_658_parameters(original: SegmentationNetwork) -> None:
    assert parameters(original) == 31_030_658


def test_the_original_network_has_31_031_810_parameters_for_colour_images() -> None:
    model = load_recipe("unet-2015").config.model
    assert parameters(build_network(model, in_channels=3, classes=2, seed=0)) == 31_031_810


def test_the_original_network_has_23_convolution_layers(original: SegmentationNetwork) -> None:
    kinds = [type(part) for part in original.modules() if isinstance(part, nn.Conv2d | nn.ConvTranspose2d)]
    assert len(kinds) == 23
    assert kinds.count(nn.ConvTranspose2d) == 4


def test_the_original_network_has_the_published_channels_layer_by_layer(original: SegmentationNetwork) -> None:
    assert list(layers(original.encoder, nn.Conv2d)) == DOWN
    assert list(layers(original.decoder, nn.ConvTranspose2d)) == UPWARDS
    assert list(layers(original.decoder, nn.Conv2d)) == UP
    assert list(layers(original.head, nn.Conv2d)) == HEAD


def test_the_original_network_has_no_norm_and_dropout_at_its_two_deepest_levels(original: SegmentationNetwork) -> None:
    names = [name for name, part in original.named_modules() if isinstance(part, nn.Dropout)]
    assert names == ["encoder.blocks.3.4", "encoder.blocks.4.4"]
    assert not [part for part in original.modules() if isinstance(part, nn.BatchNorm2d)]


def test_the_weights_begin_with_the_deviation_of_the_paper_and_the_biases_at_zero(
    original: SegmentationNetwork,
) -> None:
    for part in original.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            inputs = part.in_channels * (math.prod(part.kernel_size) if isinstance(part, nn.Conv2d) else 1)
            error = 5 / math.sqrt(2 * part.weight.numel())
            assert part.weight.std().item() == pytest.approx(math.sqrt(2 / inputs), rel=error)
            assert abs(part.weight.mean().item()) < 5 * math.sqrt(2 / inputs / part.weight.numel())
            assert part.bias is not None
            assert not part.bias.any()


@pytest.mark.parametrize(("side", "output"), [(188, 4), (572, 388), (700, 516)])
def test_a_valid_network_of_depth_4_returns_the_published_sizes(side: int, output: int) -> None:
    network = build(width=1, depth=4, convolution="valid").eval()
    with torch.inference_mode():
        assert network(torch.zeros(1, 1, side, 188)).shape == (1, 2, output, 4)


def test_every_map_of_a_valid_network_has_the_published_side() -> None:
    network = build(width=1, depth=4, convolution="valid").eval()
    sides: list[int] = []
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d | nn.MaxPool2d):
            part.register_forward_hook(lambda _part, _given, returned: sides.append(returned.shape[-1]))
    with torch.inference_mode():
        network(torch.zeros(1, 1, 188, 572))
    assert sides == [
        570, 568, 284, 282, 280, 140, 138, 136, 68, 66, 64, 32, 30, 28,
        56, 54, 52, 104, 102, 100, 200, 198, 196, 392, 390, 388, 388,
    ]  # fmt: skip


def test_the_skip_is_cropped_at_its_centre_and_lies_behind_the_map_from_below() -> None:
    skip = torch.arange(64.0).reshape(1, 1, 8, 8)
    up = -torch.ones(1, 2, 4, 2)
    joined = CropConcat(0, up=2, width=1)(up, [skip])
    assert joined.shape == (1, 3, 4, 2)
    assert (joined[:, :2] == -1).all()
    assert torch.equal(joined[0, 2], skip[0, 0, 2:6, 3:5])


@pytest.mark.parametrize("convolution", ["valid", "same"])
@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("depth", [1, 2, 3])
class TestContract:
    def test_the_output_has_the_side_that_the_geometry_says(self, convolution: str, norm: str, depth: int) -> None:
        network = build(in_channels=3, classes=5, convolution=convolution, norm=norm, depth=depth)
        image = image_for(network, channels=3)
        height, width = image.shape[-2:]
        shrink = network.geometry.shrink
        assert network(image).shape == (2, 5, height - shrink, width - shrink)

    def test_every_parameter_has_a_finite_gradient(self, convolution: str, norm: str, depth: int) -> None:
        network = build(convolution=convolution, norm=norm, depth=depth)
        torch.autograd.backward(network(image_for(network)).square().mean())
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name
            if norm == "none":
                assert parameter.grad.any(), name

    def test_evaluation_repeats_bit_for_bit(self, convolution: str, norm: str, depth: int) -> None:
        network = build(convolution=convolution, norm=norm, depth=depth, dropout=0.5).eval()
        image = image_for(network)
        with torch.inference_mode():
            assert torch.equal(network(image), network(image))

    def test_the_same_seed_gives_the_same_weights_whatever_was_drawn_before(
        self, convolution: str, norm: str, depth: int
    ) -> None:
        one = build(convolution=convolution, norm=norm, depth=depth, seed=3)
        torch.rand(100)
        other = build(convolution=convolution, norm=norm, depth=depth, seed=3)
        assert all(torch.equal(one.state_dict()[name], value) for name, value in other.state_dict().items())

    def test_another_seed_gives_other_weights(self, convolution: str, norm: str, depth: int) -> None:
        one, other = (build(convolution=convolution, norm=norm, depth=depth, seed=seed) for seed in (0, 1))
        assert not torch.equal(next(one.parameters()), next(other.parameters()))

    def test_a_size_that_is_not_taken_is_refused_with_the_size_that_is(
        self, convolution: str, norm: str, depth: int
    ) -> None:
        network = build(convolution=convolution, norm=norm, depth=depth)
        geometry = network.geometry
        height, width = geometry.input_side(20), geometry.input_side(8)
        with pytest.raises(ModelError) as caught:
            network(torch.zeros(1, 1, height - 1, width))
        assert str(caught.value) == (
            f"The image is {height - 1}x{width}, which this network does not take; the next size that fits is "
            f"{height}x{width}. Pad it, or use `utome predict`, which does."
        )


def test_an_image_too_small_for_any_output_is_refused_with_the_smallest_size() -> None:
    network = build(width=1, depth=4, convolution="valid")
    with pytest.raises(ModelError, match=r"The image is 172x1, .*; the next size that fits is 188x188"):
        network(torch.zeros(1, 1, 172, 1))


def test_a_convolution_before_batch_norm_has_no_bias() -> None:
    network = build(norm="batch")
    blocks = [*network.encoder.modules(), *network.decoder.modules()]
    assert all(part.bias is None for part in blocks if isinstance(part, nn.Conv2d))
    assert sum(isinstance(part, nn.BatchNorm2d) for part in blocks) == 10


def test_dropout_works_in_training_alone() -> None:
    network = build(dropout=0.5)
    image = image_for(network)
    assert not torch.equal(network.train()(image), network.train()(image))
    assert torch.equal(network.eval()(image), network.eval()(image))
