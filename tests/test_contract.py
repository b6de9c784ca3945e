"""The contract that every architecture keeps, with every option that changes how it is put together."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.small_networks import SMALL, inside, picture, small
from utome.config.sections import LossSettings
from utome.errors import ModelError
from utome.losses.total import loss_terms, total
from utome.models.architectures import ARCHITECTURES
from utome.models.efficientnet import InvertedBottleneck
from utome.models.excitation import SqueezeExcitation
from utome.models.network import SegmentationNetwork
from utome.models.normalisation import BatchRenorm2d

pytestmark = pytest.mark.usefixtures("one_thread")
LOSS = loss_terms(LossSettings(supervision=0.5))
# Gradients of a few thousand terms of about one that cancel are smaller, those of a mean over them larger.
ROUNDING = 3e-7


def smooth_target(network: SegmentationNetwork, image: Tensor) -> Tensor:
    """Where the image is bright over nine by nine pixels."""
    return (functional.avg_pool2d(inside(network, image), 9, 1, 4)[:, 0] > 0).long()


def train(network: SegmentationNetwork, image: Tensor, *, steps: int) -> Iterator[Tensor]:
    """Learn the image; the first answer's logits before each step."""
    target = smooth_target(network, image)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.003)
    for _ in range(steps):
        answers = network.supervised(image)
        yield answers[0]
        optimizer.zero_grad()
        torch.autograd.backward(total(LOSS(answers, target, None)))
        optimizer.step()


def cancelled_biases(network: SegmentationNetwork) -> set[str]:
    """Biases of convolutions that a norm right behind them subtracts again."""
    found = set()
    for name, module in network.named_modules():
        if isinstance(module, nn.Sequential):
            for number, (first, second) in enumerate(pairwise(module)):
                norm = isinstance(second, nn.BatchNorm2d | BatchRenorm2d)
                if isinstance(first, nn.Conv2d) and first.bias is not None and norm:
                    found.add(f"{name}.{number}.bias")
    return found


def biases_before_a_norm_further_on(name: str, network: SegmentationNetwork) -> set[str]:
    """Biases that only reach convolutions without zeros at the border, and so only the norms behind these."""
    if name == "unet-valid":
        return {f"decoder.ups.{number}.bias" for number, _ in enumerate(network.decoder.ups)}  # type: ignore[arg-type]
    return {f"{name}.project.1.bias" for name, part in network.named_modules() if isinstance(part, InvertedBottleneck)}


def test_every_architecture_has_a_small_member() -> None:
    assert {settings.architecture for settings in SMALL.values()} == ARCHITECTURES.keys()


@pytest.mark.parametrize("name", sorted(SMALL))
class TestContract:
    def test_every_parameter_has_a_gradient_and_only_a_bias_before_a_norm_has_none_but_rounding(
        self, name: str
    ) -> None:
        network = small(name).train()
        for part in network.modules():
            if isinstance(part, SqueezeExcitation) and part.reduce.bias is not None:
                nn.init.ones_(part.reduce.bias)  # two channels that a ReLU shuts by chance would pass nothing on
        image = picture(network)
        torch.autograd.backward(total(LOSS(network.supervised(image), smooth_target(network, image), None)))
        cancelled, undecided = cancelled_biases(network), biases_before_a_norm_further_on(name, network)
        for parameter_name, parameter in network.named_parameters():
            assert parameter.grad is not None, parameter_name
            largest = parameter.grad.abs().max().item()
            if parameter_name not in undecided:
                assert (largest < ROUNDING) == (parameter_name in cancelled), (parameter_name, largest)

    def test_a_training_step_in_bfloat16_has_the_loss_of_float32_and_finite_gradients(self, name: str) -> None:
        losses = []
        for precise in (True, False):
            network = small(name).train()
            image = picture(network)
            torch.manual_seed(0)
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=not precise):
                answers = network.supervised(image)
            losses.append(total(LOSS(answers, smooth_target(network, image), None)))
        torch.autograd.backward(losses[1])
        assert losses[1].item() == pytest.approx(losses[0].item(), rel=0.01)
        assert all(torch.isfinite(each.grad).all() for each in network.parameters() if each.grad is not None)

    @pytest.mark.parametrize("side", [1, 33, 50])
    def test_it_returns_logits_of_the_side_that_its_geometry_says(self, name: str, side: int) -> None:
        network = small(name).eval()
        image = picture(network, side=side)
        side = network.geometry.output_side(side)
        with torch.inference_mode():
            assert network(image[..., : network.geometry.input_side(1)]).shape == (
                2, 2, side, network.geometry.output_side(1),
            )  # fmt: skip
            assert all(answer.shape == (2, 2, side, side) for answer in network.supervised(image))

    def test_each_map_of_the_decoder_depends_on_those_that_its_node_reads_and_on_no_others(self, name: str) -> None:
        network = small(name).eval()
        image, down = picture(network), network.encoder.nodes
        maps = {
            node.name: each.detach().requires_grad_() for node, each in zip(down, network.encoder(image), strict=True)
        }
        behind = {node.name: {node.name} for node in down}
        steps = network.decoder.steps(list(maps.values()))
        for node, made in zip(network.decoder.nodes(down), steps, strict=True):
            slopes = torch.autograd.grad(made.sum(), [*maps.values()], retain_graph=True, allow_unused=True)
            used = {each for each, slope in zip(maps, slopes, strict=True) if slope is not None}
            assert used == set().union(*(behind[read] for read in node.reads))
            assert network.geometry.shrink or made.shape[-1] * node.stride == image.shape[-1]
            behind[node.name], maps[node.name] = {node.name, *used}, made

    def test_a_side_that_does_not_fit_is_refused_with_the_side_that_does(self, name: str) -> None:
        network = small(name)
        side = network.geometry.input_side(40)
        for run in (network, network.supervised):
            with pytest.raises(ModelError, match=f"the next size that fits is {side}x{side}"):
                run(torch.zeros(1, 1, side - 1, side))

    def test_eval_mode_answers_the_same_each_time(self, name: str) -> None:
        network = small(name).eval()
        image = picture(network)
        with torch.inference_mode():
            assert torch.equal(network(image), network(image))

    def test_the_same_seed_gives_the_same_weights_and_another_seed_others(self, name: str) -> None:
        one, same, other = (small(name, seed=seed).state_dict() for seed in (0, 0, 1))
        assert one.keys() == same.keys() == other.keys()
        assert all(torch.equal(one[key], same[key]) for key in one)
        assert not any(torch.equal(one[key], other[key]) for key in one if one[key].ndim == 4)

    def test_saved_and_loaded_it_gives_the_same_logits_bit_for_bit(self, name: str) -> None:
        network = small(name).train()
        image = picture(network)
        for _ in train(network, image, steps=3):
            pass
        loaded = small(name, seed=1).eval()
        with torch.inference_mode():
            before = loaded(image)
            loaded.load_state_dict(safetensors.torch.load(safetensors.torch.save(network.state_dict())))
            assert torch.equal(loaded(image), network.eval()(image))
            assert not torch.equal(loaded(image), before)

    def test_one_image_can_be_memorised(self, name: str) -> None:
        network = small(name).train()
        image = picture(network, images=1)
        target = smooth_target(network, image)
        shares = ((logits.argmax(dim=1) == target).float().mean() for logits in train(network, image, steps=300))
        assert any(share > 0.9 for share in shares)
