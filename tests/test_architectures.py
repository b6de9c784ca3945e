"""Every architecture of the table: published counts, identities, and the contract that all of them keep."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from utome.config.architectures import AttentionUNetSettings, ModelSettings, UNetSettings
from utome.errors import ConfigError, ModelError
from utome.jobs.models import describe_model, models
from utome.losses.pixels import cross_entropy
from utome.models.architectures import ARCHITECTURES, build_network
from utome.models.attention import AttentionGate, GateEach, OneGate
from utome.models.network import SegmentationNetwork
from utome.models.unet import unet_field
from utome.recipes.library import load_recipe

# Parameters from one grey channel to one logit, or to two classes for U-Net of 2015; published, or arithmetic on the papers' figures.
COUNTS = {
    "unet-2015": 31_030_658,
    "unet-batchnorm": 31_042_369,
    "attention-unet": 31_393_901,
    "advanced-attention-unet": 42_852_845,
    "full-attention-unet": 43_327_423,
}
GATES = {512: 263_939, 256: 66_435, 128: 16_835, 64: 4_323}
SMALL: dict[str, ModelSettings] = {
    "unet": UNetSettings(width=4, depth=2),
    "phseg_v5": UNetSettings(width=4, depth=2, variant="phseg_v5", norm="none", convolution="valid"),
    "unet-batchnorm": UNetSettings(width=4, depth=2, bias=True, one_logit=True),
    **{
        name: AttentionUNetSettings(architecture=name, width=4, depth=3, one_logit=True)
        for name in ("attention-unet", "advanced-attention-unet", "full-attention-unet")
    },
}


def small(name: str, *, seed: int = 0) -> SegmentationNetwork:
    return build_network(SMALL[name], in_channels=1, classes=2, seed=seed)


def picture(network: SegmentationNetwork, *, side: int = 40) -> torch.Tensor:
    fits = network.geometry.input_side(side)
    return torch.randn(2, 1, fits, fits, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("recipe", sorted(COUNTS))
def test_a_recipe_has_the_parameters_of_its_papers_network(recipe: str) -> None:
    assert describe_model(recipe).parameters == COUNTS[recipe]


def test_the_released_network_has_a_wider_last_up_convolution_and_a_relu_after_each() -> None:
    assert describe_model("unet-2015", ["model.variant=phseg_v5"]).parameters == 31_100_354
    ups = small("phseg_v5").decoder.ups
    assert all(isinstance(up, nn.Sequential) and isinstance(up[1], nn.ReLU) for up in ups)
    assert [up[0].out_channels for up in ups if isinstance(up, nn.Sequential)] == [8, 8]


@pytest.mark.parametrize(("channels", "count"), sorted(GATES.items()))
def test_a_gate_has_the_published_number_of_parameters(channels: int, count: int) -> None:
    gate = AttentionGate(channels, channels, channels // 2)
    assert sum(parameter.numel() for parameter in gate.parameters()) == count


def test_every_entry_of_the_table_is_listed_by_utome_models() -> None:
    assert {each.architecture for each in models().values()} == ARCHITECTURES.keys()
    assert set(COUNTS) <= set(models())


def test_a_networks_shapes_are_those_of_the_papers_figure() -> None:
    seen = describe_model("unet-2015", size=572)
    assert (seen.input_size, seen.output_size) == ((572, 572), (388, 388))
    assert [shape[1] for shape in seen.down] == [568, 280, 136, 64, 28]
    assert [shape[1] for shape in seen.up] == [52, 100, 196, 388]
    assert (seen.in_channels, seen.out_channels, seen.stride) == (1, 2, 16)


def test_multiply_accumulates_are_those_of_the_convolutions() -> None:
    seen = describe_model("unet", ["model.width=2", "model.depth=1"], size=8)
    level, bottom = 8 * 8 * 9 * (1 * 2 + 2 * 2), 4 * 4 * 9 * (2 * 4 + 4 * 4)
    up, join, head = 4 * 4 * 4 * 4 * 2, 8 * 8 * 9 * (4 * 2 + 2 * 2), 8 * 8 * 2 * 2
    assert seen.multiply_accumulates == level + bottom + up + join + head


@pytest.mark.parametrize("depth", [1, 2])
def test_the_receptive_field_is_what_the_output_reacts_to(depth: int) -> None:
    network = build_network(UNetSettings(width=1, depth=depth, norm="none"), in_channels=1, classes=2, seed=0).double()
    for parameter in network.parameters():
        nn.init.constant_(parameter, 0.1)
    stride, side = 2**depth, 2**depth * 30
    widest = 0
    for pixel in range(side // 2, side // 2 + stride):
        columns = torch.zeros(side)
        for draw in range(6):
            image = torch.rand(
                1, 1, side, side, dtype=torch.double, generator=torch.Generator().manual_seed(draw)
            ).requires_grad_()
            torch.autograd.backward(network(image)[0, 1, pixel, pixel])
            assert image.grad is not None
            columns += image.grad[0, 0].abs().sum(dim=0) > 0
        touched = columns.nonzero().flatten()
        widest = max(widest, int(touched.max() - touched.min()) + 1)
    assert widest == unet_field(depth)


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
    skips = build_network(settings, in_channels=1, classes=2, seed=0).decoder.skips
    assert all(isinstance(skip, kind) for skip in skips)
    assert [len(skip.sources.finer) for skip in skips] == [3, 3, 2, 1, 0]  # type: ignore[union-attr, arg-type]


@pytest.mark.parametrize("name", sorted(SMALL))
class TestContract:
    def test_every_parameter_has_a_gradient_that_is_not_zero_but_for_a_bias_before_a_norm(self, name: str) -> None:
        network = small(name).train()
        image = picture(network)
        logits = network(image)
        torch.autograd.backward(cross_entropy(logits, (torch.rand_like(logits[:, 0]) > 0.5).long()))
        cancelled = _cancelled_biases(network)
        for parameter_name, parameter in network.named_parameters():
            assert parameter.grad is not None, parameter_name
            assert parameter_name in cancelled or parameter.grad.abs().sum() > 0, parameter_name

    @pytest.mark.parametrize("side", [1, 33, 50])
    def test_it_returns_logits_of_the_side_that_its_geometry_says(self, name: str, side: int) -> None:
        network = small(name).eval()
        image = picture(network, side=side)
        assert network(image).shape == (2, 2, *(network.geometry.output_side(side),) * 2)

    def test_a_side_that_does_not_fit_is_refused_with_the_side_that_does(self, name: str) -> None:
        network = small(name)
        side = network.geometry.input_side(40)
        with pytest.raises(ModelError, match=f"the next size that fits is {side}x{side}"):
            network(torch.zeros(1, 1, side - 1, side - 1))

    def test_eval_mode_answers_the_same_each_time(self, name: str) -> None:
        network = small(name).eval()
        image = picture(network)
        assert torch.equal(network(image), network(image))

    def test_the_same_seed_gives_the_same_weights_and_another_seed_others(self, name: str) -> None:
        one, same, other = small(name), small(name), small(name, seed=1)
        weights = [parameter for parameter in one.state_dict().values() if parameter.ndim == 4]
        assert all(
            torch.equal(a, b) for a, b in zip(one.state_dict().values(), same.state_dict().values(), strict=True)
        )
        assert not any(
            torch.equal(a, b)
            for a, b in zip(weights, [p for p in other.state_dict().values() if p.ndim == 4], strict=True)
        )

    def test_one_image_can_be_memorised(self, name: str) -> None:
        network = small(name).train()
        image = picture(network)[:1]
        border = network.geometry.border
        inner = image[0, 0, border : image.shape[-1] - border, border : image.shape[-1] - border]
        target = (functional.avg_pool2d(inner[None, None], 5, 1, 2)[0] > 0).long()
        optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
        for _ in range(300):
            loss = cross_entropy(network(image), target)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
        accuracy = (network(image).argmax(dim=1) == target).float().mean()
        assert accuracy > 0.9


@pytest.mark.parametrize(
    "recipe", ["attention-unet", "advanced-attention-unet", "full-attention-unet", "unet-batchnorm"]
)
def test_an_attention_recipe_states_the_papers_training(recipe: str) -> None:
    config = load_recipe(recipe).config
    assert config.optimizer.name == "adam"
    assert (config.optimizer.learning_rate, config.optimizer.betas) == (1e-5, (0.9, 0.999))
    assert (config.training.batch, config.training.epochs) == (2, 50)
    assert (config.data.normalization, config.model.one_logit) == ("none", True)


def _cancelled_biases(network: nn.Module) -> set[str]:
    """Biases of convolutions right before a batch norm, which subtracts them again."""
    found = set()
    for name, module in network.named_modules():
        if isinstance(module, nn.Sequential):
            for number, (first, second) in enumerate(zip(module, list(module)[1:], strict=False)):
                if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                    found.add(f"{name}.{number}.bias")
    return found
