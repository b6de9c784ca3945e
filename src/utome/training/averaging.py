"""Averaged weights: a second network that follows the trained one slowly, and is often the better of the two."""

import copy

import torch
from torch import Tensor

from utome.models.network import SegmentationNetwork


class AveragedNetwork:
    """An exponential moving average of a network's weights and statistics (Polyak and Juditsky 1992, as it is used today).

    Each step keeps `decay` of the average, but at first less, (1 + t) / (10 + t) at step t, so that the random
    weights of the beginning are soon forgotten.
    """

    def __init__(self, network: SegmentationNetwork, decay: float) -> None:
        self.network = copy.deepcopy(network).eval()
        self.steps = 0
        self._decay = decay

    @torch.no_grad()
    def follow(self, network: SegmentationNetwork) -> None:
        """Take in the weights after a step; what is counted and not measured is copied."""
        self.steps += 1
        kept = min(self._decay, (1 + self.steps) / (10 + self.steps))
        averages, news = self.network.state_dict(), network.state_dict()
        real = [name for name, tensor in averages.items() if tensor.is_floating_point()]
        _lerp([averages[name] for name in real], [news[name] for name in real], 1 - kept)
        for name in averages.keys() - set(real):
            averages[name].copy_(news[name])


def _lerp(averages: list[Tensor], news: list[Tensor], share: float) -> None:
    torch._foreach_lerp_(averages, news, share)
