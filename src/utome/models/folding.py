"""Norms folded into the convolutions before them, for prediction: one pass over the map less for each.

At test a norm is scale times x plus shift, a channel each, and so is its convolution's answer linear: weights times scale, and bias
times scale plus shift, give the same. Worked in float64 and rounded once.
"""

import copy
from itertools import pairwise

import torch
from torch import Tensor, nn

from utome.models.network import SegmentationNetwork
from utome.models.normalisation import EPSILON, BatchRenorm2d


def folded(network: SegmentationNetwork) -> SegmentationNetwork:
    """A copy in eval mode whose norms are folded away; a norm that does not follow a convolution in a chain stays as it is."""
    light = copy.deepcopy(network).eval()
    for chain in light.modules():
        if isinstance(chain, nn.Sequential):
            for number, (convolution, norm) in enumerate(pairwise(list(chain))):
                if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d | BatchRenorm2d):
                    _fold(convolution, *_at_test(norm))
                    chain[number + 1] = nn.Identity()
    return light


@torch.no_grad()
def _fold(convolution: nn.Conv2d, scale: Tensor, shift: Tensor) -> None:
    weight = convolution.weight.double() * scale[:, None, None, None]
    bias = shift if convolution.bias is None else convolution.bias.double() * scale + shift
    convolution.weight = nn.Parameter(weight.to(convolution.weight.dtype), requires_grad=False)
    convolution.bias = nn.Parameter(bias.to(convolution.weight.dtype), requires_grad=False)


@torch.no_grad()
def _at_test(norm: nn.BatchNorm2d | BatchRenorm2d) -> tuple[Tensor, Tensor]:
    """Scale and shift of each channel, in float64."""
    mean, weight, bias = norm.running_mean, norm.weight, norm.bias
    if mean is None:
        raise AssertionError("the norms of networks here keep moving statistics")
    scale = weight.double() / _deviation(norm)
    return scale, bias.double() - mean.double() * scale


def _deviation(norm: nn.BatchNorm2d | BatchRenorm2d) -> Tensor:
    if isinstance(norm, BatchRenorm2d):
        return norm.running_deviation.double().clamp(min=EPSILON**0.5)
    if norm.running_var is None:
        raise AssertionError("the norms of networks here keep moving statistics")
    return (norm.running_var.double() + norm.eps).sqrt()
