"""Pixel-wise cross entropy and soft Dice.

Both are written with a one-hot sum instead of an indexed look-up: that has a deterministic gradient on every device.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

Logits = Float[Tensor, "n k h w"]
Target = Int64[Tensor, "n h w"]
Scalar = Float[Tensor, ""]


def cross_entropy(logits: Logits, target: Target) -> Scalar:
    """Mean over the pixels of -log of the softmax at the true class (Ronneberger et al. 2015, equation 1, minimised).

    Pixels whose target is no class do not count.
    """
    truth = _one_hot(logits, target)
    return -(functional.log_softmax(logits.float(), dim=1) * truth).sum() / truth.sum().clamp(min=1)


def dice(logits: Logits, target: Target) -> Scalar:
    """1 - 2·Σpt / (Σp + Σt) over the pixels of the batch, a mean over the classes but the first.

    p is the softmax and t the one-hot truth. One pixel is added above and below the line, so that an absent class
    has no loss where nothing is predicted either. Pixels whose target is no class do not count.
    """
    truth = _one_hot(logits, target)
    known = truth.sum(dim=1, keepdim=True)
    probability, truth = (functional.softmax(logits.float(), dim=1) * known)[:, 1:], truth[:, 1:]
    overlap = (probability * truth).sum(dim=(0, 2, 3))
    size = probability.sum(dim=(0, 2, 3)) + truth.sum(dim=(0, 2, 3))
    return 1 - ((2 * overlap + 1) / (size + 1)).mean()


def _one_hot(logits: Logits, target: Target) -> Float[Tensor, "n k h w"]:
    numbers = torch.arange(logits.shape[1], device=target.device)
    return (target[:, None] == numbers[None, :, None, None]).float()
