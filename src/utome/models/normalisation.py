"""Batch norm, and batch renormalisation (Ioffe 2017, arXiv 1702.03275), also where several processes share a batch.

Then statistics are those of the whole batch, and so are their gradients: one meeting of the processes forwards and one back.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from utome.config.architectures import RenormSettings
from utome.distributed import size, stacked, sum_in_place

EPSILON = 1e-5


class BatchNorm2d(nn.BatchNorm2d):
    """Torch's batch norm, over the maps of all processes that share a batch."""

    def forward(self, input: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:  # noqa: A002 - torch's name
        """The maps, normalised; in training the moving statistics take one step."""
        if size() == 1 or not self.training:
            return super().forward(input)
        moments, mean, variance, rate = _of_all(input), self.running_mean, self.running_var, self.momentum
        if mean is None or variance is None or rate is None:
            raise AssertionError("the norms of networks here keep moving statistics")
        with torch.no_grad():
            self.num_batches_tracked.add_(1)  # type: ignore[union-attr]
            mean.lerp_(moments.mean, rate)
            variance.lerp_(moments.variance * (moments.count / (moments.count - 1)), rate)
        return _normalised(input, self.weight, self.bias, moments, self.eps)


class BatchRenorm2d(nn.Module):
    """Batch norm whose training output is corrected towards what the moving statistics would give.

    x̂ = (x - μ_B) / σ_B · r + d with r = clip(σ_B / σ, 1/r_max, r_max) and d = clip((μ_B - μ) / σ, -d_max, d_max), through
    which no gradient flows (algorithm 1). It keeps the moving deviation σ, where batch norm keeps its square. With
    r_max = 1 and d_max = 0 it is batch norm in training mode.

    The limits widen linearly between the steps that the settings name; the paper gives their ends. One choice: the first
    batches count equally in the moving statistics until each counts for less than `rate`, so that few steps suffice.
    """

    running_mean: Tensor
    running_deviation: Tensor
    steps: Tensor

    def __init__(self, channels: int, settings: RenormSettings) -> None:
        super().__init__()
        self._settings = settings
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_deviation", torch.ones(channels))
        self.register_buffer("steps", torch.tensor(0))

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """The maps, normalised; in training the moving statistics take one step."""
        if not self.training:
            variance = (self.running_deviation.square() - EPSILON).clamp(min=0)
            return functional.batch_norm(maps, self.running_mean, variance, self.weight, self.bias, eps=EPSILON)
        with torch.no_grad():
            everywhere = None if size() == 1 else _of_all(maps)
            mean, deviation = _statistics(maps) if everywhere is None else (everywhere.mean, everywhere.deviation)
            scale, shift = self._correction(mean, deviation)
            self._take_in(mean, deviation)
        # The correction is constant to the gradient, so it belongs to the affine part that batch norm has anyway.
        weight, bias = self.weight * scale, self.bias + self.weight * shift
        if everywhere is not None:
            return _normalised(maps, weight, bias, everywhere, EPSILON)
        return functional.batch_norm(maps, None, None, weight, bias, training=True, eps=EPSILON)

    def limits(self) -> tuple[Tensor, Tensor]:
        """r_max and d_max at this step."""
        settings = self._settings
        r = 1 + (settings.r_max - 1) * _risen(self.steps, settings.warmup_steps, settings.r_steps)
        d = settings.d_max * _risen(self.steps, settings.warmup_steps, settings.d_steps)
        return r, d

    def _correction(self, mean: Tensor, deviation: Tensor) -> tuple[Tensor, Tensor]:
        r_max, d_max = self.limits()
        scale = (deviation / self.running_deviation).clamp(1 / r_max, r_max)
        shift = ((mean - self.running_mean) / self.running_deviation).clamp(-d_max, d_max)
        return scale, shift

    def _take_in(self, mean: Tensor, deviation: Tensor) -> None:
        self.steps += 1
        rate = (1 / self.steps).clamp(min=self._settings.rate)
        self.running_mean.lerp_(mean, rate)
        self.running_deviation.lerp_(deviation, rate)


@dataclass(frozen=True)
class Moments:
    """Mean and variance (Σ(x - μ)² / N) of each channel, and N, the values a channel has in all processes together."""

    mean: Tensor
    variance: Tensor
    count: Tensor

    @property
    def deviation(self) -> Tensor:
        """The root of the variance and epsilon."""
        return (self.variance + EPSILON).sqrt()


class _Normalised(torch.autograd.Function):
    """(x - μ) / sqrt(σ² + ε) · w + b, with the moments of all processes, and its gradient through them.

    dx = w/σ · (g - Σg/N - x̂·Σ(g·x̂)/N), the sums over all processes; the gradients of w and b are this process's own, and are
    summed with all others.
    """

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        maps, weight, bias, moments, epsilon = inputs
        ctx.save_for_backward(maps, weight, moments.mean, (moments.variance + epsilon).rsqrt(), moments.count)
        return functional.batch_norm(maps, moments.mean, moments.variance, weight, bias, eps=epsilon)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        maps, weight, mean, inverse, count = ctx.saved_tensors
        gradient = gradients[0].float()
        normal = (maps.float() - mean[:, None, None]) * inverse[:, None, None]
        bias, slope = gradient.sum(dim=(0, 2, 3)), (gradient * normal).sum(dim=(0, 2, 3))
        means = torch.stack([bias, slope])
        sum_in_place([means])
        means = means / count
        inner = gradient - means[0, :, None, None] - normal * means[1, :, None, None]
        return ((weight * inverse)[:, None, None] * inner).to(maps.dtype), slope, bias, None, None


def _normalised(maps: Tensor, weight: Tensor, bias: Tensor, moments: Moments, epsilon: float) -> Tensor:
    output: Tensor = _Normalised.apply(maps, weight, bias, moments, epsilon)  # type: ignore[no-untyped-call]
    return output


@torch.no_grad()
def _of_all(maps: Float[Tensor, "n c h w"]) -> Moments:
    """The moments of each channel over all processes; in this one there may be no maps at all."""
    channels, values = maps.shape[1], maps.numel() // maps.shape[1]
    mean, variance = _moments(maps) if values else torch.zeros(2, channels, device=maps.device)
    here = torch.cat([torch.full((1,), values, device=maps.device), mean, variance]).double()
    counts, means, variances = torch.split(stacked(here), [1, channels, channels], dim=1)
    count = counts.sum()
    shares = counts / count
    mean = (shares * means).sum(dim=0)
    variance = (shares * (variances + (means - mean).square())).sum(dim=0)
    return Moments(mean.float(), variance.float(), count.float())


def _statistics(maps: Float[Tensor, "n c h w"]) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel."""
    mean, variance = _moments(maps)
    return mean, (variance + EPSILON).sqrt()


def _moments(maps: Float[Tensor, "n c h w"]) -> tuple[Tensor, Tensor]:
    """Mean and variance of each channel, taken by batch norm's own kernel: `var_mean` needs several times as long."""
    channels = maps.shape[1]
    mean, variance = (torch.zeros(channels, device=maps.device) for _ in range(2))
    functional.batch_norm(maps, mean, variance, training=True, momentum=1.0)
    values = maps.numel() / channels
    return mean, variance * (values - 1) / values


def _risen(step: Tensor, start: int, end: int) -> Tensor:
    """From 0 at `start` to 1 at `end`; a jump where the end does not lie behind."""
    if end <= start:
        return (step >= start).float()
    return ((step - start) / (end - start)).clamp(0, 1)
