"""Every architecture of the table: published counts, identities, and the contract that all of them keep."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.small_networks import SMALL, picture, small
from utome.config.architectures import AttentionUNetSettings, UNetSettings
from utome.errors import ConfigError
from utome.jobs.models import describe_model, models
from utome.losses.pixels import cross_entropy
from utome.models.architectures import ARCHITECTURES, build_network
from utome.models.attention import AttentionGate, GateEach, OneGate
from utome.models.parts import UDecoder
from utome.recipes.library import load_recipe

# Parameters from the papers' image channels to one logit, or to two classes for U-Net of 2015; published, or arithmetic
# on the papers' figures.
COUNTS = {
    "unet-2015": 31_030_658,
    "unet-batchnorm": 31_042_369,
    "attention-unet": 31_393_901,
    "advanced-attention-unet": 42_852_845,
    "full-attention-unet": 43_327_423,
    "efficient-unet": 18_473_677,
    "resnet50-unet": 32_521_105,
}
# A library's decoder on the same encoder: with EfficientNet's expanded maps, and with the stages' outputs alone.
NARROWER = ["model.decoder=[256,128,64,32,16]", "model.head_kernel=3"]
ENCODERS = [(NARROWER, 10_071_501), ([*NARROWER, "model.taps=block", "model.top=false"], 5_839_309)]
# Of papers that print millions, cut off after two digits: U-Net and U-Net++ of Zhou et al., UNet 3+ of Huang et al.
UNSUPERVISED = ["model.supervision=false", "loss.supervision=0"]
MILLIONS = [
    ("unet", ["model.bias=true"], "7.76"),
    ("unet-plus-plus", UNSUPERVISED, "9.04"),
    ("unet-3-plus", UNSUPERVISED, "26.97"),
]
GATES = {512: 263_939, 256: 66_435, 128: 16_835, 64: 4_323}


@pytest.mark.parametrize("recipe", sorted(COUNTS))
def test_a_recipe_has_the_parameters_of_its_papers_network(recipe: str) -> None:
    assert describe_model(recipe).parameters == COUNTS[recipe]


def test_the_released_network_has_a_wider_last_up_convolution_and_a_relu_after_each() -> None:
    assert describe_model("unet-2015", ["model.variant=phseg_v5"]).parameters == 31_100_354
    decoder = small("phseg_v5").decoder
    assert isinstance(decoder, UDecoder)
    ups = list(decoder.ups)
    assert all(isinstance(up, nn.Sequential) and isinstance(up[1], nn.ReLU) for up in ups)
    assert [up[0].out_channels for up in ups if isinstance(up, nn.Sequential)] == [8, 8]


@pytest.mark.parametrize(("assignments", "count"), ENCODERS)
def test_eff_unet_with_a_librarys_decoder_has_that_librarys_parameters(assignments: list[str], count: int) -> None:
    assert describe_model("efficient-unet", assignments).parameters == count


@pytest.mark.parametrize(("recipe", "assignments", "printed"), MILLIONS)
def test_a_recipe_has_as_many_million_parameters_as_its_paper_prints(
    recipe: str, assignments: list[str], printed: str
) -> None:
    count = describe_model(recipe, assignments, in_channels=3).parameters
    assert f"{count // 10_000 / 100:.2f}" == printed


@pytest.mark.parametrize(("channels", "count"), sorted(GATES.items()))
def test_a_gate_has_the_published_number_of_parameters(channels: int, count: int) -> None:
    gate = AttentionGate(channels, channels, channels // 2)
    assert sum(parameter.numel() for parameter in gate.parameters()) == count


def test_every_entry_of_the_table_is_listed_by_utome_models() -> None:
    listed = models()
    assert {each.architecture for each in listed.values()} == ARCHITECTURES.keys()
    assert {name: listed[name].parameters for name in COUNTS} == COUNTS


def test_a_networks_shapes_are_those_of_the_papers_figure() -> None:
    seen = describe_model("unet-2015", size=572)
    assert (seen.input_size, seen.output_size) == ((572, 572), (388, 388))
    assert [each.shape for each in seen.encoder] == [
        (64, 568, 568), (128, 280, 280), (256, 136, 136), (512, 64, 64), (1024, 28, 28),
    ]  # fmt: skip
    assert [each.shape for each in seen.decoder] == [(512, 52, 52), (256, 100, 100), (128, 196, 196), (64, 388, 388)]
    assert (seen.in_channels, seen.out_channels, seen.stride) == (1, 2, 16)


def test_multiply_accumulates_are_those_of_the_convolutions() -> None:
    seen = describe_model("unet", ["model.width=2", "model.depth=1"], size=8)
    level, bottom = 8 * 8 * 9 * (1 * 2 + 2 * 2), 4 * 4 * 9 * (2 * 4 + 4 * 4)
    up, join, head = 4 * 4 * 4 * 4 * 2, 8 * 8 * 9 * (4 * 2 + 2 * 2), 8 * 8 * 2 * 2
    assert seen.multiply_accumulates == level + bottom + up + join + head


def test_one_logit_and_cross_entropy_are_binary_cross_entropy_with_logits() -> None:
    network = small("attention-unet").eval()
    image = picture(network)
    logits = network(image)
    target = (image[:, 0] > 0).long()
    assert (logits[:, 0] == 0).all()
    expected = functional.binary_cross_entropy_with_logits(logits[:, 1], target.float())
    assert cross_entropy(logits, target).item() == pytest.approx(expected.item(), rel=1e-6)


def test_one_logit_for_three_classes_is_refused_with_what_to_set() -> None:
    with pytest.raises(ConfigError, match=r"for two classes, but the masks have 3.*model.one_logit=false"):
        build_network(SMALL["unet-batchnorm"], in_channels=1, classes=3, seed=0)


def test_gates_forced_open_leave_a_plain_unet() -> None:
    gated, plain = small("attention-unet").eval(), build_network(
        UNetSettings(width=4, depth=3, bias=True, one_logit=True), in_channels=1, classes=2, seed=3
    ).eval()  # fmt: skip
    for module in gated.modules():
        if isinstance(module, AttentionGate):
            norm = module.score[1]
            assert isinstance(norm, nn.BatchNorm2d)
            nn.init.zeros_(norm.weight)
            nn.init.constant_(
                norm.bias, 100.0
            )  # the norm cancels the convolution's own bias, so the gate opens by its β
    weights = {name: tensor for name, tensor in gated.state_dict().items() if ".gate." not in name}
    plain.load_state_dict(weights)
    image = picture(plain)
    assert torch.equal(gated(image), plain(image))


def test_gates_forced_shut_leave_nothing_of_the_skips() -> None:
    network = small("full-attention-unet").eval()
    image = picture(network)
    for module in network.modules():
        if isinstance(module, AttentionGate):
            norm = module.score[1]
            assert isinstance(norm, nn.BatchNorm2d)
            nn.init.zeros_(norm.weight)
            nn.init.constant_(norm.bias, -200.0)
    maps = network.encoder(image)
    emptied = [torch.zeros_like(each) for each in maps[:-1]] + [maps[-1]]
    assert torch.allclose(network(image), network.head(network.decoder(emptied)), atol=1e-6)


@pytest.mark.parametrize(("name", "kind"), [("advanced-attention-unet", OneGate), ("full-attention-unet", GateEach)])
def test_each_level_takes_its_own_map_and_those_of_up_to_three_finer_levels(name: str, kind: type[nn.Module]) -> None:
    settings = AttentionUNetSettings(architecture=name, width=2, depth=5)
    decoder = build_network(settings, in_channels=1, classes=2, seed=0).decoder
    assert isinstance(decoder, UDecoder)
    assert all(isinstance(skip, kind) for skip in decoder.skips)
    assert [len(skip.sources.finer) for skip in decoder.skips] == [3, 3, 2, 1, 0]  # type: ignore[union-attr, arg-type]


@pytest.mark.parametrize(
    "recipe", ["attention-unet", "advanced-attention-unet", "full-attention-unet", "unet-batchnorm"]
)
def test_an_attention_recipe_states_the_papers_training(recipe: str) -> None:
    config = load_recipe(recipe).config
    assert config.optimizer.name == "adam"
    assert (config.optimizer.learning_rate, config.optimizer.betas) == (1e-5, (0.9, 0.999))
    assert (config.training.batch, config.training.epochs) == (2, 50)
    assert (config.data.normalization, config.model.one_logit) == ("none", True)
