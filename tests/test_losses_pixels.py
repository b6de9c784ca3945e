"""Losses that are means over pixels: what they are in closed form, and what a pixel's weight does."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from utome.losses.pixels import binary_cross_entropy, cross_entropy, focal
from utome.losses.regions import dice, jaccard
from utome.losses.total import Loss
from utome.models.heads import OneLogit

IGNORED = 255
WEIGHTED = (cross_entropy, binary_cross_entropy, focal, partial(focal, gamma=0.5))
LOSSES = (*WEIGHTED, dice, jaccard)


def drawn(classes: int = 3, *, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, targets of which some are unknown, and weights."""
    draws = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(2, classes, 5, 7, generator=draws)
    target = torch.randint(0, classes, (2, 5, 7), generator=draws)
    target[torch.rand(target.shape, generator=draws) < 0.2] = IGNORED
    return logits, target, 10 * torch.rand(target.shape, generator=draws)


def slope(loss: Loss, logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    logits = logits.clone().requires_grad_()
    torch.autograd.backward(loss(logits, target, weight))
    assert logits.grad is not None
    return logits.grad


def in_float64(logits: Tensor, target: Tensor, weight: Tensor, name: str) -> float:
    """The definitions once more, over the known pixels alone."""
    known = target.numpy() != IGNORED
    scores = logits.double().permute(0, 2, 3, 1).numpy()[known]
    classes, weights = target.numpy()[known], weight.double().numpy()[known]
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    truth = np.eye(p.shape[1])[classes]
    right = (p * truth).sum(axis=1)
    overlap, size = (p * truth).sum(axis=0)[1:], (p + truth).sum(axis=0)[1:]
    of_pixels = {
        "cross_entropy": -np.log(right),
        "binary_cross_entropy": -(truth * np.log(p) + (1 - truth) * np.log(1 - p))[:, 1:].mean(axis=1),
        "focal": -((1 - right) ** 2) * np.log(right),
    }
    if name in of_pixels:
        return float((weights * of_pixels[name]).sum() / weights.sum())
    shares = {"dice": (2 * overlap + 1) / (size + 1), "jaccard": (overlap + 1) / (size - overlap + 1)}
    return float(1 - shares[name].mean())


@pytest.mark.parametrize("classes", [2, 3, 6])
@pytest.mark.parametrize("loss", [cross_entropy, binary_cross_entropy, focal, dice, jaccard])
def test_a_loss_is_its_definition_in_float64(loss: Loss, classes: int) -> None:
    logits, target, weight = drawn(classes)
    name = str(getattr(loss, "__name__", ""))
    assert loss(logits, target, weight).item() == pytest.approx(in_float64(logits, target, weight, name), rel=1e-5)


@pytest.mark.parametrize("loss", [cross_entropy, binary_cross_entropy, focal, dice, jaccard])
def test_a_gradient_is_the_finite_difference_in_float64(loss: Loss) -> None:
    logits, target, weight = drawn(3)
    found, name = slope(loss, logits, target, weight), str(getattr(loss, "__name__", ""))
    for place in ((0, 0, 0, 0), (0, 1, 2, 3), (1, 2, 4, 6), (1, 0, 1, 5)):
        step = torch.zeros(logits.shape, dtype=torch.float64)
        step[place] = 1e-5
        above, below = (in_float64(logits.double() + sign * step, target, weight, name) for sign in (1, -1))
        assert found[place].item() == pytest.approx((above - below) / 2e-5, abs=1e-6, rel=1e-4)


def test_the_binary_cross_entropy_of_two_classes_is_the_cross_entropy() -> None:
    logits, target, weight = drawn(2)
    for each in (None, weight):
        ours, plain = binary_cross_entropy(logits, target, each), cross_entropy(logits, target, each)
        assert ours.item() == pytest.approx(plain.item(), rel=1e-6)
    torch.testing.assert_close(slope(binary_cross_entropy, logits, target), slope(cross_entropy, logits, target))


def test_on_one_logit_it_is_torchs_binary_cross_entropy_with_logits() -> None:
    logit, target = drawn(1)[0], torch.randint(0, 2, (2, 5, 7), generator=torch.Generator().manual_seed(1))
    weight = drawn(1)[2]
    theirs = functional.binary_cross_entropy_with_logits(logit[:, 0], target.float(), weight, reduction="sum")
    found = binary_cross_entropy(OneLogit()(logit), target, weight)
    assert found.item() == pytest.approx((theirs / weight.sum()).item(), rel=1e-6)


def test_focal_with_gamma_zero_is_the_cross_entropy() -> None:
    logits, target, weight = drawn()
    plain = partial(focal, gamma=0.0)
    assert plain(logits, target, weight).item() == pytest.approx(cross_entropy(logits, target, weight).item(), rel=1e-6)
    torch.testing.assert_close(slope(plain, logits, target), slope(cross_entropy, logits, target))


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9, 0.999])
def test_focal_with_gamma_two_is_the_square_of_what_is_missing_times_the_log(p: float) -> None:
    logits = torch.tensor([np.log(p), np.log(1 - p)], dtype=torch.float32).reshape(1, 2, 1, 1)
    found = focal(logits, torch.zeros(1, 1, 1, dtype=torch.int64), gamma=2.0)
    assert found.item() == pytest.approx(-((1 - p) ** 2) * np.log(p), rel=1e-3)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
def test_focal_is_finite_where_the_answer_is_certain(gamma: float) -> None:
    logits = torch.tensor([[1e4, -1e4], [-1e4, 1e4]]).reshape(1, 2, 1, 2)
    for target in ([[[0, 1]]], [[[1, 0]]]):
        loss = partial(focal, gamma=gamma)
        assert torch.isfinite(loss(logits, torch.tensor(target)))
        assert torch.isfinite(slope(loss, logits, torch.tensor(target))).all()


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("loss", LOSSES)
def test_extreme_logits_have_finite_losses_and_slopes(loss: Loss, kind: torch.dtype) -> None:
    target, weight = drawn(3)[1:]
    signs = torch.randint(0, 3, (2, 3, 5, 7), generator=torch.Generator().manual_seed(4)) - 1
    logits = (1e4 * signs).to(kind)
    value = loss(logits, target, weight)
    assert value.dtype == torch.float32
    assert torch.isfinite(value)
    assert torch.isfinite(slope(loss, logits, target, weight)).all()


@pytest.mark.parametrize("loss", WEIGHTED)
@pytest.mark.parametrize("factor", [1.0, 1e-3, 700.0])
def test_equal_weights_change_nothing(loss: Loss, factor: float) -> None:
    logits, target, _ = drawn()
    same = torch.full(target.shape, factor)
    assert loss(logits, target, same).item() == pytest.approx(loss(logits, target).item(), rel=1e-6)
    torch.testing.assert_close(slope(loss, logits, target, same), slope(loss, logits, target))


@pytest.mark.parametrize("loss", WEIGHTED)
def test_a_pixel_of_weight_zero_is_as_one_of_which_nothing_is_known(loss: Loss) -> None:
    logits, target, weight = drawn()
    without = weight.clone()
    without[:, 2:, 3] = 0
    unknown = target.clone()
    unknown[:, 2:, 3] = IGNORED
    assert loss(logits, target, without).item() == pytest.approx(loss(logits, unknown, weight).item(), rel=1e-6)
    assert not slope(loss, logits, target, without)[:, :, 2:, 3].any()


@pytest.mark.parametrize("loss", WEIGHTED)
def test_two_weights_have_the_weighted_mean_of_two_losses(loss: Loss) -> None:
    logits = torch.tensor([[0.3, -1.0], [1.2, 0.4]]).reshape(1, 2, 1, 2)
    target = torch.tensor([[[1, 0]]])
    one, other = (loss(logits[..., each : each + 1], target[..., each : each + 1]).item() for each in (0, 1))
    found = loss(logits, target, torch.tensor([[[3.0, 0.5]]]))
    assert found.item() == pytest.approx((3 * one + 0.5 * other) / 3.5, rel=1e-6)


@pytest.mark.parametrize("loss", WEIGHTED)
def test_weights_of_zero_alone_have_no_loss(loss: Loss) -> None:
    logits, target, weight = drawn()
    assert loss(logits, target, 0 * weight).item() == 0
    assert not slope(loss, logits, target, 0 * weight).any()


@pytest.mark.parametrize("loss", [dice, jaccard])
def test_weights_have_no_say_in_losses_of_overlap(loss: Loss) -> None:
    logits, target, weight = drawn()
    assert torch.equal(loss(logits, target, weight), loss(logits, target))


@pytest.mark.parametrize("loss", LOSSES)
def test_logits_of_unknown_pixels_have_no_say(loss: Loss) -> None:
    logits, target, weight = drawn()
    other = torch.where((target == IGNORED)[:, None], 50 * logits + 3, logits)
    assert loss(other, target, weight).item() == pytest.approx(loss(logits, target, weight).item(), rel=1e-6)
    assert not slope(loss, logits, target).permute(0, 2, 3, 1)[target == IGNORED].any()
