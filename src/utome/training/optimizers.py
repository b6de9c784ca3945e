"""Optimisers and the course of the learning rate."""

import math

import torch
from torch import nn

from utome.config.sections import AdamSettings, AdamWSettings, Optimizer, SGDSettings

Settings = AdamSettings | AdamWSettings | SGDSettings
# Sums that an optimiser keeps for each weight.
SUMS = {"adam": 2, "adamw": 2, "sgd": 1}


def make_optimizer(network: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    """The optimiser of the settings; its learning rate is set anew at each step."""
    parameters = network.parameters()
    rate, decay = settings.learning_rate, settings.weight_decay
    if isinstance(settings, SGDSettings):
        return torch.optim.SGD(parameters, lr=rate, momentum=settings.momentum, weight_decay=decay)
    kind = torch.optim.AdamW if isinstance(settings, AdamWSettings) else torch.optim.Adam
    return kind(parameters, lr=rate, betas=settings.betas, weight_decay=decay)


def learning_rate(settings: Optimizer, *, step: int, steps: int) -> float:
    """The learning rate of step `step` (from 0) of `steps`: a linear rise, times the fall of the schedule."""
    rise = min(1.0, (step + 1) / (settings.warmup_steps + 1))
    return settings.learning_rate * rise * _fall(settings, step / steps)


def _fall(settings: Optimizer, done: float) -> float:
    """The share of the learning rate that is left when this share of all steps is done."""
    if settings.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * done))
    if settings.schedule == "polynomial":
        return float((1 - done) ** settings.power)
    if settings.schedule == "step":
        return float(settings.drop ** sum(done >= each for each in settings.drops))
    return 1.0
