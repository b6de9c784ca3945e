"""The Feature Random Enhancement Module: what it multiplies, when, where, and how precisely."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.builders import pair_folder, tiny_config
from tests.checkpoint_files import state_tensors
from utome.config.architectures import EnhancementSettings, SEUNetSettings
from utome.errors import ConfigError
from utome.events import EpochDone, Event
from utome.jobs.resume import resume
from utome.jobs.train import train
from utome.models.architectures import build_network
from utome.models.enhancement import Enhancement
from utome.models.network import SegmentationNetwork
from utome.models.parts import PoolingEncoder

pytestmark = pytest.mark.usefixtures("one_thread")
CHANNELS, MAPS = 8, 3
PICTURE = torch.randn(2, 1, 16, 24, generator=torch.Generator().manual_seed(0))


def module(mode: str, *, seed: int = 0, epoch: int = 1, channels: int = CHANNELS, **options: Any) -> Enhancement:
    settings = EnhancementSettings.model_validate({"mode": mode, "maps": MAPS, "factor": 5.0, **options})
    made = Enhancement(channels, settings)
    made.reselect(seed, epoch)
    return made


def chosen(made: Enhancement) -> tuple[int, ...]:
    return tuple(made.factors.flatten().gt(1).nonzero().flatten().tolist())


def network(
    mode: str = "none", *, seed: int = 0, enhancement: dict[str, Any] | None = None, **options: Any
) -> SegmentationNetwork:
    settings = {"mode": mode, "maps": MAPS, "factor": 5.0, **(enhancement or {})}
    model = SEUNetSettings.model_validate({"width": 4, "depth": 2, "reduction": 2, "enhancement": settings, **options})
    return build_network(model, in_channels=1, classes=2, seed=seed)


def maps_of(made: SegmentationNetwork) -> list[Tensor]:
    torch.manual_seed(0)
    maps: list[Tensor] = made.encoder(PICTURE)
    return maps


def outcome(made: SegmentationNetwork) -> list[Tensor]:
    """Logits in training, and the gradient of every parameter."""
    logits = made.train()(PICTURE)
    torch.autograd.backward(logits.square().mean())
    gradients = [parameter.grad for parameter in made.parameters()]
    assert all(gradient is not None for gradient in gradients)
    return [logits.detach(), *(gradient for gradient in gradients if gradient is not None)]


@pytest.mark.parametrize("at", ["bottom", 1, 0])
@pytest.mark.parametrize("mode", ["random", "fixed", "all"])
def test_a_factor_of_one_changes_nothing_bit_for_bit(mode: str, at: str | int) -> None:
    with_it = outcome(network(mode, enhancement={"factor": 1.0, "at": at}))
    for enhanced, plain in zip(with_it, outcome(network()), strict=True):
        assert torch.equal(enhanced, plain)


@pytest.mark.parametrize("mode", ["random", "fixed"])
def test_that_many_maps_are_multiplied_and_the_others_untouched(mode: str) -> None:
    enhanced = network(mode, enhancement={"maps": 5, "factor": 632.0})
    plain, changed = maps_of(network())[-1], maps_of(enhanced)[-1]
    multiplied = [channel for channel in range(16) if torch.equal(changed[:, channel], 632 * plain[:, channel])]
    untouched = [channel for channel in range(16) if torch.equal(changed[:, channel], plain[:, channel])]
    assert (len(multiplied), len(untouched)) == (5, 11)
    assert all(plain[:, channel].any() for channel in multiplied)


def test_all_maps_are_multiplied_where_that_is_asked_for() -> None:
    assert torch.equal(maps_of(network("all"))[-1], 5 * maps_of(network())[-1])


def test_one_epoch_of_one_seed_has_one_choice_whatever_was_drawn_before() -> None:
    one, other = module("random", epoch=7), module("random", epoch=3)
    torch.rand(10)
    other.reselect(0, 7)
    assert chosen(one) == chosen(other)
    assert len(chosen(one)) == MAPS


def test_each_epoch_and_each_seed_chooses_anew() -> None:
    assert len({chosen(module("random", epoch=epoch)) for epoch in range(12)}) > 8
    assert len({chosen(module("random", seed=seed)) for seed in range(12)}) > 8


def test_each_map_and_each_pair_of_maps_is_chosen_equally_often() -> None:
    epochs = 2000
    made = module("random")
    together = torch.zeros(CHANNELS, CHANNELS)
    for epoch in range(epochs):
        made.reselect(0, epoch)
        picked = made.factors.flatten().gt(1).float()
        together += torch.outer(picked, picked)
    of_one, of_two = MAPS / CHANNELS, MAPS * (MAPS - 1) / (CHANNELS * (CHANNELS - 1))
    for times, share in ((together.diagonal(), of_one), (together[~torch.eye(CHANNELS, dtype=torch.bool)], of_two)):
        five_deviations = 5 * (epochs * share * (1 - share)) ** 0.5
        assert (times - epochs * share).abs().max() < five_deviations


def test_fixed_maps_are_the_same_each_epoch_and_others_for_another_seed() -> None:
    assert len({chosen(module("fixed", epoch=epoch)) for epoch in range(12)}) == 1
    assert len({chosen(module("fixed", seed=seed)) for seed in range(12)}) > 8


def test_before_or_after_the_relu_makes_no_difference() -> None:
    made, maps = module("random", factor=632.0), torch.randn(2, CHANNELS, 5, 5)
    assert torch.equal(torch.relu(made(maps, None)), made(torch.relu(maps), None))


@pytest.mark.parametrize("mode", ["random", "fixed", "all"])
def test_after_training_it_is_off_unless_it_stays_in_test(mode: str) -> None:
    off, on = network(mode).eval(), network(mode, enhancement={"in_test": True}).eval()
    plain = network().eval()
    assert torch.equal(off(PICTURE), plain(PICTURE))
    factors = on.get_buffer("encoder.enhancement.factors")
    assert torch.equal(maps_of(on)[-1], factors * maps_of(plain)[-1])
    assert not torch.equal(on(PICTURE), plain(PICTURE))


def test_matching_gives_each_image_the_skips_mean_and_deviation() -> None:
    made = network("match_skip", enhancement={"in_test": True})
    for trained in (True, False):
        *_, skip, bottom = maps_of(made.train(trained))
        for image in range(2):
            assert bottom[image].mean().item() == pytest.approx(skip[image].mean().item(), rel=1e-3)
            deviation = skip[image].std(correction=0).item()
            assert bottom[image].std(correction=0).item() == pytest.approx(deviation, rel=1e-3)
        assert skip[0].mean().item() != pytest.approx(skip[1].mean().item(), rel=1e-3)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (["mode=random", "maps=17"], r"model.enhancement.maps is 17, but that level has 16 maps. Set it to 1 to 16"),
        (["mode=fixed", "maps=9", "at=1"], r"maps is 9, but that level has 8 maps"),
        (["mode=all", "at=3"], r"model.enhancement.at is 3, but the levels of this network are 0 to 2 \(its bottom\)"),
        (["mode=match_skip", "in_test=true", "at=0"], r"level 0 has none. Set model.enhancement.at=bottom"),
        (["mode=match_skip"], r"`in_test: true` with `mode: match_skip`"),
        (["factor=0"], r"model.enhancement.factor` is 0; accepted: greater than 0"),
    ],
)
def test_what_cannot_be_enhanced_is_refused_with_what_can(settings: list[str], sentence: str) -> None:
    def build() -> None:
        config = tiny_config(*(f"model.enhancement.{each}" for each in settings), recipe="se-unet")
        build_network(config.model, in_channels=1, classes=2, seed=0)

    with pytest.raises(ConfigError, match=sentence):
        build()


@pytest.mark.parametrize("level", [0, 1])
def test_at_another_level_the_map_that_goes_on_down_is_enhanced_and_so_is_the_skip(level: int) -> None:
    plain, enhanced = network(), network("all", enhancement={"at": level})
    assert isinstance(plain.encoder, PoolingEncoder)
    maps, changed = maps_of(plain), maps_of(enhanced)
    expected = 5 * maps[level]
    assert torch.equal(changed[level], expected)
    below = plain.encoder.blocks[level + 1](plain.encoder.pool(expected))
    assert torch.equal(changed[level + 1], below)
    by_hand = [*maps[:level], expected, *changed[level + 1 :]]
    assert torch.equal(enhanced(PICTURE), plain.head(plain.decoder(by_hand)))


def test_with_dropout_in_the_same_level_what_is_left_is_enhanced() -> None:
    plain, enhanced = network(dropout=0.5), network("random", dropout=0.5)
    before, after = maps_of(plain)[-1], maps_of(enhanced)[-1]
    assert torch.equal(after, before * enhanced.get_buffer("encoder.enhancement.factors"))
    assert not torch.equal(before, maps_of(network())[-1])


def kinds(made: SegmentationNetwork) -> dict[str, torch.dtype]:
    """The number type of what each layer returns in bfloat16."""
    found: dict[str, torch.dtype] = {}

    def note(name: str, layer: nn.Module) -> None:
        layer.register_forward_hook(lambda _layer, _given, output: found.update({name: output.dtype}))

    for name, layer in made.named_modules():
        if not list(layer.children()):
            note(name, layer)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        made(PICTURE)
    return found


@pytest.mark.parametrize(
    ("at", "precise"),
    [
        ("bottom", ["decoder.ups.0.0", "decoder.blocks.0.0.0", "decoder.blocks.0.0.1"]),
        (1, ["encoder.blocks.2.0.0", "encoder.blocks.2.0.1", "decoder.blocks.0.0.0", "decoder.blocks.0.0.1"]),
        (0, ["encoder.blocks.1.0.0", "encoder.blocks.1.0.1", "decoder.blocks.1.0.0", "decoder.blocks.1.0.1"]),
    ],
)
def test_in_bfloat16_the_maps_and_the_sums_over_them_up_to_the_next_norm_are_float32(
    at: str | int, precise: list[str]
) -> None:
    found = kinds(network("random", enhancement={"at": at}).train())
    assert found["encoder.enhancement"] == torch.float32
    assert {name: found[name] for name in precise} == dict.fromkeys(precise, torch.float32)
    assert found["encoder.blocks.0.0"] == found["decoder.blocks.1.3"] == found["head"] == torch.bfloat16


@pytest.mark.parametrize("at", ["bottom", 1, 0])
def test_after_training_a_bfloat16_network_computes_as_without_it(at: str | int) -> None:
    plain, enhanced = network().eval(), network("random", enhancement={"at": at}).eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(enhanced(PICTURE), plain(PICTURE))
    assert torch.float32 not in {kind for name, kind in kinds(enhanced).items() if "decoder.ups" in name}


def test_training_chooses_anew_each_epoch_and_an_interrupted_run_comes_to_the_same_end(tmp_path: Path) -> None:
    images = pair_folder(tmp_path / "images")
    config = tiny_config("model.enhancement.maps=5", "machine.threads=1", recipe="se-unet-frem")

    def stop_after_one(event: Event) -> None:
        if isinstance(event, EpochDone):
            raise KeyboardInterrupt

    whole = train(images, config, tmp_path / "whole").run
    with pytest.raises(KeyboardInterrupt):
        train(images, config, tmp_path / "cut", listen=stop_after_one)
    again = resume(images, tmp_path / "cut").run
    for name in ("history.csv", "model/model.safetensors"):
        assert (again / name).read_bytes() == (whole / name).read_bytes(), name
    for epoch in (1, 2):
        saved = state_tensors(whole, epoch)
        factors = next(tensor for name, tensor in saved.items() if name.endswith("enhancement.factors"))
        expected = module("random", epoch=epoch, channels=16, maps=5, factor=632.0).factors
        assert torch.equal(factors, expected)
