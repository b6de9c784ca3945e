"""Optimisers and the course of the learning rate."""

import math

import torch
from torch import nn

from utome.config.sections import AdamSettings, SGDSettings


def make_optimizer(network: nn.Module, settings: AdamSettings | SGDSettings) -> torch.optim.Optimizer:
    """The optimiser of the settings; its learning rate is set anew at each step."""
    parameters = network.parameters()
    rate, decay = settings.learning_rate, settings.weight_decay
    if isinstance(settings, SGDSettings):
        return torch.optim.SGD(parameters, lr=rate, momentum=settings.momentum, weight_decay=decay)
    return torch.optim.Adam(parameters, lr=rate, betas=settings.betas, weight_decay=decay)


def learning_rate(settings: AdamSettings | SGDSettings, *, step: int, steps: int) -> float:
    """The learning rate of step `step` (from 0) of `steps`: a linear rise, then constant or half a cosine to zero."""
    rise = min(1.0, (step + 1) / (settings.warmup_steps + 1))
    fall = 0.5 * (1 + math.cos(math.pi * step / steps)) if settings.schedule == "cosine" else 1.0
    return settings.learning_rate * rise * fall
