"""Further answers in training: their loss, their size, and what a network with several predicts."""

import pytest
import torch
from torch import Tensor, nn

from tests.builders import tiny_config
from tests.small_networks import SMALL, picture, small
from utome.config.sections import LossSettings
from utome.config.settings import config_from_dict
from utome.errors import ConfigError
from utome.jobs.models import describe_model
from utome.losses.total import loss_terms, total, total_loss
from utome.models.network import mean_of_probabilities
from utome.recipes.library import load_recipe

ANSWERS = {
    "se-unet-supervised": 2, "unet-plus-plus": 2, "unet-plus-plus-last": 3, "unet-3-plus": 3,
    "unet-plus-plus-unsupervised": 1, "unet-3-plus-unsupervised": 1, "se-unet-plain": 1, "unet": 1,
}  # fmt: skip
TARGET = torch.randint(0, 3, (2, 5, 7), generator=torch.Generator().manual_seed(3))


def logits(count: int) -> list[Tensor]:
    draws = torch.Generator().manual_seed(0)
    return [torch.randn(2, 3, 5, 7, generator=draws).requires_grad_() for _ in range(count)]


@pytest.mark.parametrize("share", [0.0, 0.3257, 1.0])
@pytest.mark.parametrize("further", [1, 4])
def test_the_loss_is_one_minus_lambda_of_the_first_and_lambda_of_the_mean_of_the_others(
    share: float, further: int
) -> None:
    settings = LossSettings(cross_entropy=0.5, dice=2.0, supervision=share)
    answers, plain = logits(1 + further), total_loss(settings)
    first, *others = (plain(answer, TARGET).item() for answer in answers)
    expected = (1 - share) * first + share * sum(others) / further
    assert total(loss_terms(settings)(answers, TARGET, None)).item() == pytest.approx(expected, rel=1e-6)


def test_with_lambda_zero_it_is_the_plain_loss_bit_for_bit_and_the_others_have_no_gradient() -> None:
    settings = LossSettings(dice=1.0)
    (ours, other), (theirs,) = logits(2), logits(1)
    value, plain = total(loss_terms(settings)([ours, other], TARGET, None)), total_loss(settings)(theirs, TARGET)
    torch.autograd.backward([value, plain])
    assert torch.equal(value, plain)
    assert ours.grad is not None
    assert theirs.grad is not None
    assert torch.equal(ours.grad, theirs.grad)
    assert other.grad is None


def test_one_answer_alone_has_the_plain_loss_whatever_lambda_is() -> None:
    settings = LossSettings(supervision=0.9)
    assert torch.equal(total(loss_terms(settings)(logits(1), TARGET, None)), total_loss(settings)(logits(1)[0], TARGET))


@pytest.mark.parametrize(
    ("recipe", "assignments"),
    [
        ("unet", ["loss.supervision=0.3"]),
        ("se-unet", ["loss.supervision=0.3"]),
        ("unet-plus-plus", ["model.supervision=false"]),
        ("unet-3-plus", ["model.architecture=unet"]),
    ],
)
def test_lambda_of_a_network_with_one_answer_is_refused_with_both_ways_out(recipe: str, assignments: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        tiny_config(*assignments, recipe=recipe)
    assert "but the network has one answer alone. Set it to 0, or model.supervision=true" in str(caught.value)
    assert tiny_config(*assignments, "loss.supervision=0", recipe=recipe).loss.supervision == 0


def test_lambda_outside_0_to_1_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"`loss.supervision` is 1.5; accepted: less than or equal to 1"):
        config_from_dict({"loss": {"supervision": 1.5}})


@pytest.mark.parametrize(("name", "count"), sorted(ANSWERS.items()))
def test_all_answers_have_the_size_of_the_output_and_the_first_is_the_heads(name: str, count: int) -> None:
    network = small(name).eval()
    image = picture(network, side=20)
    answers = network.supervised(image)
    assert len(answers) == count
    assert all(answer.shape == network(image).shape for answer in answers)
    assert torch.equal(answers[0], network.head(network.decoder(network.encoder(image))))
    assert all(not torch.equal(one, answers[0]) for one in answers[1:])


@pytest.mark.parametrize("name", ["se-unet-supervised", "unet-plus-plus-last", "unet-3-plus"])
def test_one_answer_is_predicted_where_the_others_are_for_training(name: str) -> None:
    network = small(name).eval()
    image = picture(network, side=20)
    assert torch.equal(network(image), network.supervised(image)[0])


def test_unet_plus_plus_predicts_the_mean_probability_of_all_its_answers() -> None:
    network = small("unet-plus-plus").eval()
    image = picture(network, side=20)
    expected = torch.stack([answer.softmax(dim=1) for answer in network.supervised(image)]).mean(dim=0)
    torch.testing.assert_close(network(image), expected.log(), atol=1e-5, rtol=1e-5)


def test_a_mean_of_probabilities_is_finite_and_right_for_logits_far_apart() -> None:
    one = torch.tensor([0.0, 1e4]).reshape(1, 2, 1, 1)
    mean = mean_of_probabilities([one, one.flip(1)])
    torch.testing.assert_close(mean.exp(), torch.full_like(mean, 0.5))
    torch.testing.assert_close(mean_of_probabilities([one, one]).flatten(), torch.tensor([-1e4, 0.0]))


def test_the_answer_at_the_end_of_the_encoder_is_a_convolution_of_the_bottom_enlarged() -> None:
    network = small("se-unet-supervised").eval()
    (answer,) = network.answers
    (convolution,) = (part for part in answer.modules() if isinstance(part, nn.Conv2d))
    assert (convolution.in_channels, convolution.kernel_size, convolution.out_channels) == (16, (1, 1), 1)
    image = picture(network, side=20)
    ours, bottom = network.supervised(image)[1], network.encoder(image)[-1]
    small_logits = nn.functional.conv2d(bottom, convolution.weight, convolution.bias)
    expected = nn.functional.interpolate(small_logits, scale_factor=4, mode="bilinear")
    torch.testing.assert_close(ours[:, 1:], expected)
    assert not ours[:, 0].any()


def answering(name: str) -> tuple[str, ...]:
    return describe_model(name).answers


def test_the_maps_that_answer_are_named() -> None:
    assert answering("unet") == ("up 1",)
    assert answering("se-unet-supervised") == ("up 1", "down 1/16")
    assert answering("unet-plus-plus") == ("X(0, 4)", "X(0, 1)", "X(0, 2)", "X(0, 3)")
    assert answering("unet-3-plus") == ("up 1", "down 1/16", "up 1/8", "up 1/4", "up 1/2")


@pytest.mark.parametrize("recipe", ["unet-plus-plus", "unet-3-plus"])
def test_a_recipe_with_several_answers_weighs_them_equally(recipe: str) -> None:
    answers = len(answering(recipe))
    assert load_recipe(recipe).config.loss.supervision == pytest.approx(1 - 1 / answers)


def test_the_heads_of_the_finest_nodes_are_told_apart() -> None:
    network = small("unet-plus-plus-last").eval()
    image = picture(network, side=20)
    names = [node.name for node in network.decoder.nodes(network.encoder.nodes)]
    up = dict(zip(names, network.decoder.steps(network.encoder(image)), strict=True))
    for ours, head, name in zip(
        network.supervised(image)[1:], network.further_answers, ["X(0, 1)", "X(0, 2)"], strict=True
    ):
        assert torch.equal(ours, head.convolution(up[name]))


def test_every_member_with_supervision_is_looked_at_here() -> None:
    assert {name for name, settings in SMALL.items() if settings.supervised} <= ANSWERS.keys()
