"""Batch renormalisation (Ioffe 2017, arXiv 1702.03275)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from utome.config.architectures import RenormSettings

EPSILON = 1e-5


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
            mean, deviation = _statistics(maps)
            scale, shift = self._correction(mean, deviation)
            self._take_in(mean, deviation)
        # The correction is constant to the gradient, so it belongs to the affine part that batch norm has anyway.
        weight, bias = self.weight * scale, self.bias + self.weight * shift
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


def _statistics(maps: Float[Tensor, "n c h w"]) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel, taken by batch norm's own kernel: `var_mean` needs several times as long."""
    channels = maps.shape[1]
    mean, variance = (torch.zeros(channels, device=maps.device) for _ in range(2))
    functional.batch_norm(maps, mean, variance, training=True, momentum=1.0)
    values = maps.numel() / channels
    return mean, (variance * (values - 1) / values + EPSILON).sqrt()


def _risen(step: Tensor, start: int, end: int) -> Tensor:
    """From 0 at `start` to 1 at `end`; a jump where the end does not lie behind."""
    if end <= start:
        return (step >= start).float()
    return ((step - start) / (end - start)).clamp(0, 1)
