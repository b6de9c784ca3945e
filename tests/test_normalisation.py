"""Batch renormalisation: against batch norm, against its equations written out, and its schedule."""

import math

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from utome.config.architectures import RenormSettings
from utome.models.normalisation import EPSILON, BatchRenorm2d

pytestmark = pytest.mark.usefixtures("one_thread")
CHANNELS = 8


def maps(seed: int = 0, *, images: int = 4) -> Tensor:
    """Maps whose channels differ in mean and deviation, other ones for each seed."""
    draws = torch.Generator().manual_seed(seed)
    scale, shift = 0.5 + 2 * torch.rand(CHANNELS, 1, 1, generator=draws), torch.randn(CHANNELS, 1, 1, generator=draws)
    return scale * torch.randn(images, CHANNELS, 6, 5, generator=draws) + shift


def norm(*, after_steps: int = 0, **settings: float) -> BatchRenorm2d:
    """A norm in training with weight and bias of its own, after steps on other maps."""
    made = BatchRenorm2d(CHANNELS, RenormSettings.model_validate(settings))
    with torch.no_grad():
        made.weight.copy_(torch.linspace(-1, 2, CHANNELS))
        made.bias.copy_(torch.linspace(3, -2, CHANNELS))
        for step in range(after_steps):
            made(maps(100 + step))
    return made


def backward(layer: nn.Module, image: Tensor) -> list[Tensor]:
    """The output, and the gradient of an uneven sum over it: by the input, the weight, the bias."""
    image = image.clone().requires_grad_()
    output: Tensor = layer(image)
    weights = torch.randn(output.shape, generator=torch.Generator().manual_seed(9)).to(output.dtype)
    torch.autograd.backward((output * weights).sum())
    gradients = [tensor.grad for tensor in (image, *layer.parameters())]
    assert all(gradient is not None for gradient in gradients)
    return [output.detach(), *(gradient for gradient in gradients if gradient is not None)]


def means_and_deviations(image: Tensor) -> tuple[Tensor, Tensor]:
    """Of each channel, over all else, with epsilon below the root."""
    mean = image.mean(dim=(0, 2, 3))
    centred = image - mean[:, None, None]
    return mean, (centred.square().mean(dim=(0, 2, 3)) + EPSILON).sqrt()


class WrittenOut(nn.Module):
    """The equations of algorithm 1 in float64, with the moving statistics of a norm and limits of r and d."""

    def __init__(self, norm: BatchRenorm2d, r_max: float, d_max: float) -> None:
        super().__init__()
        self.weight, self.bias = (nn.Parameter(each.detach().double()) for each in (norm.weight, norm.bias))
        self.mean, self.deviation = norm.running_mean.double(), norm.running_deviation.double()
        self.r_max, self.d_max = r_max, d_max

    def forward(self, image: Tensor) -> Tensor:
        mean, deviation = means_and_deviations(image)
        r = (deviation / self.deviation).detach().clamp(1 / self.r_max, self.r_max)
        d = ((mean - self.mean) / self.deviation).detach().clamp(-self.d_max, self.d_max)
        mean, deviation, r, d, weight, bias = (
            each[:, None, None] for each in (mean, deviation, r, d, self.weight, self.bias)
        )
        return ((image - mean) / deviation * r + d) * weight + bias


def test_with_r_of_one_and_d_of_zero_it_is_batch_norm_in_training_bit_for_bit() -> None:
    renorm = norm(r_max=1, d_max=0, warmup_steps=0, r_steps=1, d_steps=1, after_steps=3)
    batch_norm = nn.BatchNorm2d(CHANNELS)
    batch_norm.load_state_dict({"weight": renorm.weight, "bias": renorm.bias}, strict=False)
    for ours, theirs in zip(backward(renorm, maps()), backward(batch_norm, maps()), strict=True):
        assert torch.equal(ours, theirs)


def test_before_the_warm_up_ends_it_is_batch_norm_in_training_bit_for_bit() -> None:
    renorm = norm(warmup_steps=5, r_steps=6, d_steps=6, after_steps=4)
    batch_norm = nn.BatchNorm2d(CHANNELS)
    batch_norm.load_state_dict({"weight": renorm.weight, "bias": renorm.bias}, strict=False)
    for ours, theirs in zip(backward(renorm, maps()), backward(batch_norm, maps()), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(("r_max", "d_max"), [(1.1, 0.5), (1.5, 5.0), (3.0, 0.2), (100.0, 100.0)])
def test_output_and_gradient_are_those_of_the_equations_written_out(r_max: float, d_max: float) -> None:
    renorm = norm(r_max=r_max, d_max=d_max, warmup_steps=0, r_steps=1, d_steps=1, rate=0.2, after_steps=8)
    expected = backward(WrittenOut(renorm, r_max, d_max), maps().double())
    for ours, theirs in zip(backward(renorm, maps()), expected, strict=True):
        torch.testing.assert_close(ours.double(), theirs, atol=1e-5, rtol=1e-5)


def test_the_maps_of_these_tests_reach_the_narrowest_limits_on_both_sides_and_never_the_widest() -> None:
    renorm = norm(warmup_steps=0, rate=0.2, after_steps=8)
    mean, deviation = means_and_deviations(maps())
    r, d = deviation / renorm.running_deviation, (mean - renorm.running_mean) / renorm.running_deviation
    for correction, narrow in ((r.log(), math.log(1.1)), (d, 0.5)):
        assert correction.max() > narrow
        assert correction.min() < -narrow
        assert (correction.abs() < narrow).any()
        assert (correction.abs() < math.log(100)).all()


def test_without_limits_a_training_batch_is_normalised_as_in_eval_mode() -> None:
    renorm = norm(r_max=1e6, d_max=1e6, warmup_steps=0, r_steps=1, d_steps=1, rate=0.2, after_steps=8)
    in_eval = renorm.eval()(maps())
    torch.testing.assert_close(renorm.train()(maps()), in_eval, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("step", "r", "d"),
    [(0, 1.0, 0.0), (5000, 1.0, 0.0), (15000, 11 / 7, 2.5), (22500, 2.0, 4.375), (25000, 15 / 7, 5.0),
     (40000, 3.0, 5.0), (10**9, 3.0, 5.0)],
)  # fmt: skip
def test_the_limits_widen_linearly_from_the_end_of_the_warm_up_to_the_published_steps(
    step: int, r: float, d: float
) -> None:
    renorm = norm()
    renorm.steps.fill_(step)
    r_max, d_max = renorm.limits()
    assert r_max.item() == pytest.approx(r, rel=1e-6)
    assert d_max.item() == pytest.approx(d, rel=1e-6)


def test_each_training_batch_is_a_step_and_each_batch_in_eval_mode_is_none() -> None:
    renorm = norm(after_steps=3)
    renorm.eval()(maps())
    assert renorm.steps.item() == 3


def test_the_moving_statistics_are_the_plain_mean_over_the_first_batches_then_follow_at_the_rate() -> None:
    renorm = norm(rate=0.25)
    taken = [means_and_deviations(maps(seed)) for seed in range(7)]
    mean, deviation = taken[0]
    for seed, (batch_mean, batch_deviation) in enumerate(taken):
        renorm(maps(seed))
        if seed < 4:
            mean, deviation = (torch.stack(each).mean(dim=0) for each in zip(*taken[: seed + 1], strict=True))
        else:
            mean, deviation = mean + 0.25 * (batch_mean - mean), deviation + 0.25 * (batch_deviation - deviation)
        torch.testing.assert_close(renorm.running_mean, mean, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(renorm.running_deviation, deviation, atol=1e-6, rtol=1e-5)


def test_eval_mode_normalises_by_the_moving_mean_and_deviation() -> None:
    renorm = norm(rate=0.2, after_steps=6).eval()
    columns = (renorm.running_mean, renorm.running_deviation, renorm.weight, renorm.bias)
    mean, deviation, weight, bias = (each[:, None, None] for each in columns)
    torch.testing.assert_close(renorm(maps()), (maps() - mean) / deviation * weight + bias, atol=1e-5, rtol=1e-5)


def test_a_map_of_one_value_everywhere_has_a_finite_answer_in_training_and_after_it() -> None:
    renorm = norm(warmup_steps=0, r_steps=1, d_steps=1)
    for _ in range(3):
        assert torch.isfinite(renorm(torch.full((2, CHANNELS, 4, 4), 7.0))).all()
    assert torch.isfinite(renorm.eval()(torch.full((2, CHANNELS, 4, 4), 7.0))).all()


def test_a_norm_that_was_saved_and_loaded_goes_on_as_if_it_had_not_been() -> None:
    renorm = norm(warmup_steps=2, r_steps=20, d_steps=20, after_steps=6)
    loaded = norm(warmup_steps=2, r_steps=20, d_steps=20)
    loaded.load_state_dict(safetensors.torch.load(safetensors.torch.save(renorm.state_dict())))
    assert loaded.steps.item() == 6
    for seed in range(3):
        assert torch.equal(loaded(maps(seed)), renorm(maps(seed)))
    assert torch.equal(loaded.eval()(maps()), renorm.eval()(maps()))


@pytest.mark.parametrize("training", [True, False])
def test_bfloat16_maps_stay_bfloat16_and_the_statistics_float32(training: bool) -> None:
    renorm, exact = (norm(warmup_steps=0, r_steps=1, d_steps=1, rate=0.2, after_steps=8).train(training) for _ in "12")
    output = renorm(maps().bfloat16())
    assert output.dtype == torch.bfloat16
    assert renorm.running_mean.dtype == renorm.running_deviation.dtype == torch.float32
    torch.testing.assert_close(output.float(), exact(maps()), atol=0.1, rtol=0.03)
