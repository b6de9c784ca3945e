"""SE U-Net and its variants: parameters by our own arithmetic, and the order of what is in a block."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from utome.config.architectures import SEUNetSettings
from utome.jobs.models import describe_model
from utome.models.architectures import assemble, build_network
from utome.models.excitation import SqueezeExcitation
from utome.models.normalisation import BatchRenorm2d
from utome.models.parts import PoolingEncoder
from utome.recipes.library import load_recipe

RECIPES = ["se-unet", "se-unet-shallow", "se-unet-supervised", "se-unet-dropout", "se-unet-frem"]


def block(before: int, after: int, *, reduction: int) -> int:
    """Two 3x3 convolutions without bias, a norm's weight and bias after each, and two dense layers of excitation."""
    convolutions, norms = 9 * before * after + 9 * after * after, 2 * 2 * after
    inner = after // reduction
    return convolutions + norms + after * inner + inner + inner * after + after


def se_unet_parameters(widths: list[int], *, image: int, classes: int, reduction: int = 16) -> int:
    down = sum(
        block(before, after, reduction=reduction) for before, after in zip([image, *widths], widths, strict=False)
    )
    pairs = list(pairwise(widths))
    ups = sum(4 * below * level + level for level, below in pairs)
    joins = sum(block(2 * level, level, reduction=reduction) for level, _ in pairs)
    return down + ups + joins + widths[0] * classes + classes


@pytest.mark.parametrize(("image", "classes"), [(1, 2), (3, 3), (1, 5)])
@pytest.mark.parametrize("recipe", RECIPES)
def test_its_parameters_are_those_of_its_layers(recipe: str, image: int, classes: int) -> None:
    seen = describe_model(recipe, in_channels=image, classes=classes)
    widths = [32, 64, 128, 256, 512][: 4 if recipe == "se-unet-shallow" else 5]
    supervised = 512 * classes + classes if recipe == "se-unet-supervised" else 0
    assert seen.parameters == se_unet_parameters(widths, image=image, classes=classes) + supervised
    assert [each.shape[0] for each in seen.encoder] == widths


def test_its_counts_from_grey_images_to_two_classes_stay_what_they_are() -> None:
    counts = {recipe: describe_model(recipe).parameters for recipe in RECIPES}
    assert counts == {
        "se-unet": 7_818_590, "se-unet-shallow": 1_940_782, "se-unet-supervised": 7_819_616,
        "se-unet-dropout": 7_818_590, "se-unet-frem": 7_818_590,
    }  # fmt: skip


def test_every_block_is_twice_convolution_renormalisation_relu_then_excitation() -> None:
    network = assemble(SEUNetSettings(width=4, depth=2), in_channels=1, classes=2)
    twice = 2 * [nn.Conv2d, BatchRenorm2d, nn.ReLU]
    blocks = [*network.encoder.get_submodule("blocks").children(), *network.decoder.blocks]
    assert len(blocks) == 5
    assert all([type(layer) for layer in each.children()] == [*twice, SqueezeExcitation] for each in blocks)


def test_without_reduction_and_renormalisation_it_is_the_plain_unet() -> None:
    plain = build_network(load_recipe("unet").config.model, in_channels=1, classes=2, seed=4)
    bare = SEUNetSettings(width=32, reduction=None, norm="batch")
    same = build_network(bare, in_channels=1, classes=2, seed=4)
    image = torch.randn(1, 1, 32, 32)
    assert torch.equal(plain(image), same(image))


def test_excitation_scales_each_channel_by_the_sigmoid_of_two_dense_layers_of_the_means() -> None:
    layer, maps = SqueezeExcitation(8, 2, nn.ReLU()), torch.randn(3, 8, 5, 4)
    means = maps.mean(dim=(2, 3))
    inner = torch.relu(nn.functional.linear(means, layer.reduce.weight[:, :, 0, 0], layer.reduce.bias))
    weights = torch.sigmoid(nn.functional.linear(inner, layer.expand.weight[:, :, 0, 0], layer.expand.bias))
    torch.testing.assert_close(layer(maps), maps * weights[:, :, None, None])


def test_the_renormalisation_of_every_block_has_the_settings_schedule() -> None:
    settings = SEUNetSettings.model_validate({"width": 2, "depth": 1, "renorm": {"warmup_steps": 7, "r_max": 2.5}})
    norms = [part for part in assemble(settings, in_channels=1, classes=2).modules() if isinstance(part, BatchRenorm2d)]
    assert len(norms) == 6
    for norm in norms:
        norm.steps.fill_(10**6)
        assert norm.limits()[0].item() == 2.5


@pytest.mark.parametrize("at", ["bottom", 0])
def test_dropout_stands_at_the_end_of_the_level_of_the_enhancement_and_nowhere_else(at: str | int) -> None:
    settings = SEUNetSettings.model_validate({"width": 2, "depth": 2, "dropout": 0.25, "enhancement": {"at": at}})
    encoder = assemble(settings, in_channels=1, classes=2).encoder
    assert isinstance(encoder, PoolingEncoder)
    rates = [[layer.p for layer in each.modules() if isinstance(layer, nn.Dropout)] for each in encoder.blocks]
    assert rates == ([[], [], [0.25]] if at == "bottom" else [[0.25], [], []])
    level = encoder.blocks[2 if at == "bottom" else 0]
    assert isinstance(list(level.children())[-1], nn.Dropout)


def test_the_recipes_state_what_the_paper_states() -> None:
    configs = {recipe: load_recipe(recipe).config for recipe in RECIPES}
    models = {recipe: config.model for recipe, config in configs.items()}
    assert all(isinstance(model, SEUNetSettings) and model.norm == "batch_renorm" for model in models.values())
    frem, dropped = models["se-unet-frem"], models["se-unet-dropout"]
    assert isinstance(frem, SEUNetSettings)
    assert isinstance(dropped, SEUNetSettings)
    enhancement = frem.enhancement
    assert (enhancement.mode, enhancement.maps, enhancement.factor, enhancement.at, enhancement.in_test) == (
        "random", 162, 632.0, "bottom", False,
    )  # fmt: skip
    assert dropped.dropout == 162 / 512
    assert configs["se-unet-supervised"].loss.supervision == 0.3257
    assert all(config.training.epochs == 2000 for config in configs.values())
