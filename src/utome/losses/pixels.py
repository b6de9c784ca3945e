"""Losses that are means over pixels: cross entropy, binary cross entropy, focal; each pixel may have a weight.

Truth is a one-hot sum instead of an indexed look-up: that has a deterministic gradient on every device. All is computed
in float32. Pixels whose target is no class do not count, and a weighted mean is divided by the weights that count, so that
it does not depend on how many pixels are known, nor on the weights' common factor.

Where a batch lies in several processes, each has a part of every sum over its pixels, and `whole` makes the sum of them all.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

Logits = Float[Tensor, "n k h w"]
Target = Int64[Tensor, "n h w"]
Weight = Float[Tensor, "n h w"]
Scalar = Float[Tensor, ""]
# From a sum over the pixels here to that over the pixels of the whole batch; the gradient passes as it is.
Whole = Callable[[Tensor], Tensor]
# Below any sum of weights that counts: a batch of which nothing is known has the loss 0.
TINY = 1e-12


def all_here(here: Tensor) -> Tensor:
    """The whole batch is in this process."""
    return here


def cross_entropy(logits: Logits, target: Target, weight: Weight | None = None, *, whole: Whole = all_here) -> Scalar:
    """Σ w·(-log p) / Σ w with p the softmax at the true class (Ronneberger et al. 2015, equation 1, minimised)."""
    truth = one_hot(logits, target)
    return _mean(-(functional.log_softmax(logits.float(), dim=1) * truth).sum(dim=1), truth, weight, whole)


def binary_cross_entropy(
    logits: Logits, target: Target, weight: Weight | None = None, *, whole: Whole = all_here
) -> Scalar:
    """The binary cross entropy of each class but the first against all others; their mean.

    The log odds of a class are its logit less the log-sum-exp of the others, as the softmax has it. With two classes it is
    therefore the plain cross entropy, and with one logit the binary cross entropy with logits of papers on two classes.
    """
    truth, logits = one_hot(logits, target), logits.float()
    classes = range(1, logits.shape[1])
    odds = torch.stack([logits[:, each] - _others(logits, each) for each in classes], dim=1)
    values = functional.softplus(odds) - odds * truth[:, 1:]
    return _mean(values.mean(dim=1), truth, weight, whole)


def focal(
    logits: Logits, target: Target, weight: Weight | None = None, *, gamma: float = 2.0, whole: Whole = all_here
) -> Scalar:
    """Σ w·(1 - p)^γ·(-log p) / Σ w: what is right already counts less (Lin et al. 2017, equation 4)."""
    truth = one_hot(logits, target)
    log_p = (functional.log_softmax(logits.float(), dim=1) * truth).sum(dim=1)
    # 1 - p from log p, so that it keeps its digits where p is near 1; at p = 1 a power below 1 has no slope.
    missing = (-torch.expm1(log_p)).clamp(min=TINY)
    return _mean(-(missing**gamma) * log_p, truth, weight, whole)


def one_hot(logits: Logits, target: Target) -> Float[Tensor, "n k h w"]:
    """1 at the true class, 0 elsewhere; 0 for all classes where the target is none."""
    numbers = torch.arange(logits.shape[1], device=target.device)
    return (target[:, None] == numbers[None, :, None, None]).float()


def _others(logits: Logits, number: int) -> Float[Tensor, "n h w"]:
    return torch.cat([logits[:, :number], logits[:, number + 1 :]], dim=1).logsumexp(dim=1)


def _mean(
    values: Float[Tensor, "n h w"], truth: Float[Tensor, "n k h w"], weight: Weight | None, whole: Whole
) -> Scalar:
    known = truth.sum(dim=1)
    counted = known if weight is None else known * weight
    return whole((values * counted).sum()) / whole(counted.sum()).clamp(min=TINY)
