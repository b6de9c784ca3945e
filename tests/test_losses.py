"""The losses against their closed forms and against torch's own."""

import math

import pytest
import torch
from torch.nn import functional

from utome.config.sections import LossSettings
from utome.config.settings import config_from_dict
from utome.errors import ConfigError
from utome.losses.pixels import binary_cross_entropy, cross_entropy, focal
from utome.losses.regions import dice, jaccard
from utome.losses.total import Loss, total_loss

LOSSES = (cross_entropy, binary_cross_entropy, focal, dice, jaccard)


def logits_and_target(classes: int = 3, *, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(2, classes, 5, 7, generator=generator)
    return logits, torch.randint(0, classes, (2, 5, 7), generator=generator)


def certain(target: torch.Tensor, classes: int) -> torch.Tensor:
    """Logits whose softmax is the target itself."""
    return 100 * functional.one_hot(target, classes).permute(0, 3, 1, 2).float()


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_equal_logits_have_the_cross_entropy_log_of_the_number_of_classes(classes: int) -> None:
    target = logits_and_target(classes)[1]
    assert cross_entropy(torch.zeros(2, classes, 5, 7), target).item() == pytest.approx(math.log(classes))


def test_one_pixel_has_minus_the_log_of_its_softmax() -> None:
    logits = torch.tensor([1.0, 3.0]).reshape(1, 2, 1, 1)
    expected = math.log(1 + math.exp(2.0))
    assert cross_entropy(logits, torch.zeros(1, 1, 1, dtype=torch.int64)).item() == pytest.approx(expected)


def test_a_certain_and_right_answer_costs_nothing() -> None:
    target = logits_and_target(3)[1]
    assert cross_entropy(certain(target, 3), target).item() == 0
    for loss in LOSSES:
        assert loss(certain(target, 3), target).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_cross_entropy_and_its_gradient_are_torchs_own(classes: int) -> None:
    logits, target = logits_and_target(classes)
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    torch.autograd.backward(cross_entropy(ours, target))
    torch.autograd.backward(functional.cross_entropy(theirs, target))
    assert cross_entropy(logits, target).item() == pytest.approx(functional.cross_entropy(logits, target).item())
    torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-7, rtol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_gradient_is_the_slope_of_the_loss(loss: Loss) -> None:
    logits, target = logits_and_target(3)
    direction = torch.randn(logits.shape, generator=torch.Generator().manual_seed(1))
    logits.requires_grad_()
    torch.autograd.backward(loss(logits, target))
    assert logits.grad is not None
    step = 1e-2
    with torch.no_grad():
        slope = (loss(logits + step * direction, target) - loss(logits - step * direction, target)) / (2 * step)
    assert (logits.grad * direction).sum().item() == pytest.approx(slope.item(), abs=1e-4, rel=1e-2)


def test_dice_of_two_classes_is_its_closed_form() -> None:
    logits = torch.zeros(1, 2, 2, 2)
    target = torch.tensor([[[1, 1], [1, 0]]])
    overlap, size = 0.5 * 3, 0.5 * 4 + 3
    assert dice(logits, target).item() == pytest.approx(1 - (2 * overlap + 1) / (size + 1))


def test_dice_is_a_mean_over_the_classes_but_the_first() -> None:
    target = torch.tensor([[[0, 1], [2, 2]]])
    predicted = torch.tensor([[[0, 1], [1, 1]]])
    first, second = (2 * 1 + 1) / (3 + 1 + 1), (0 + 1) / (0 + 2 + 1)
    assert dice(certain(predicted, 3), target).item() == pytest.approx(1 - (first + second) / 2, abs=1e-6)


def test_jaccard_of_two_classes_is_its_closed_form() -> None:
    logits = torch.tensor([[0.0, 2.0], [-1.0, 5.0]])
    target = torch.tensor([[[1, 1], [0, 1]]])
    p = torch.sigmoid(logits).flatten().tolist()
    overlap, union = p[0] + p[1] + p[3], p[2] + 3
    found = jaccard(torch.stack([torch.zeros(2, 2), logits])[None], target)
    assert found.item() == pytest.approx(1 - (overlap + 1) / (union + 1))


def test_jaccard_is_a_mean_over_the_classes_but_the_first() -> None:
    target = torch.tensor([[[0, 1], [2, 2]]])
    predicted = torch.tensor([[[0, 1], [1, 1]]])
    first, second = (1 + 1) / (3 + 1), (0 + 1) / (2 + 1)
    assert jaccard(certain(predicted, 3), target).item() == pytest.approx(1 - (first + second) / 2, abs=1e-6)


@pytest.mark.parametrize("loss", [dice, jaccard])
def test_an_absent_class_that_is_not_predicted_has_no_loss_of_overlap(loss: Loss) -> None:
    target = torch.zeros(1, 4, 4, dtype=torch.int64)
    assert loss(certain(target, 2), target).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_is_taken_over_the_whole_batch(loss: Loss) -> None:
    logits, target = logits_and_target(2)
    side_by_side = torch.cat(list(logits), dim=2)[None], torch.cat(list(target), dim=1)[None]
    assert loss(logits, target).item() == pytest.approx(loss(*side_by_side).item())


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("magnitude", [1e2, 1e4, 1e30])
def test_large_bfloat16_logits_have_a_finite_loss_in_float32_and_a_finite_gradient(
    loss: Loss, magnitude: float
) -> None:
    logits, target = logits_and_target(3)
    large = (magnitude * logits).to(torch.bfloat16).requires_grad_()
    value = loss(large, target)
    torch.autograd.backward(value)
    assert value.dtype == torch.float32
    assert torch.isfinite(value)
    assert large.grad is not None
    assert torch.isfinite(large.grad).all()


def test_the_total_loss_is_the_weighted_sum_of_its_terms() -> None:
    logits, target = logits_and_target(3)
    settings = LossSettings(cross_entropy=2.0, bce=0.25, focal=3.0, focal_gamma=1.5, dice=0.5, jaccard=4.0)
    weight = torch.rand(target.shape, generator=torch.Generator().manual_seed(2))
    terms = (
        2 * cross_entropy(logits, target, weight), 0.25 * binary_cross_entropy(logits, target, weight),
        3 * focal(logits, target, weight, gamma=1.5), 0.5 * dice(logits, target), 4 * jaccard(logits, target),
    )  # fmt: skip
    total = total_loss(settings)(logits, target, weight)
    assert total.item() == pytest.approx(sum(term.item() for term in terms), rel=1e-6)


def test_a_term_of_weight_zero_is_left_out() -> None:
    logits, target = logits_and_target(3)
    only = total_loss(LossSettings(cross_entropy=0.0, dice=1.0))(logits, target)
    assert only.item() == dice(logits, target).item()


def test_a_loss_without_terms_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"at least one term with a weight above 0, as in loss\.cross_entropy=1"):
        config_from_dict({"loss": {"cross_entropy": 0.0, "dice": 0.0}})


@pytest.mark.parametrize("loss", LOSSES)
def test_pixels_whose_target_is_no_class_do_not_count(loss: Loss) -> None:
    draws = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, 6, generator=draws, requires_grad=True)
    target = torch.randint(0, 3, (2, 4, 6), generator=draws)
    ignoring = target.clone()
    ignoring[:, :, 4:] = 255
    value = loss(logits, ignoring)
    assert value.item() == pytest.approx(loss(logits[..., :4], target[..., :4]).item(), rel=1e-6)
    torch.autograd.backward(value)
    assert logits.grad is not None
    assert not logits.grad[..., 4:].any()
    assert logits.grad[..., :4].any()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
def test_where_nothing_is_known_there_is_no_loss_and_no_slope(loss: Loss, weighted: bool) -> None:
    logits = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    value = loss(logits, torch.full((1, 4, 4), 255), torch.ones(1, 4, 4) if weighted else None)
    torch.autograd.backward(value)
    assert value.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()
