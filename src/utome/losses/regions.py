"""Losses of whole regions: Dice and Jaccard, over the pixels of a batch together.

p is the softmax and t the one-hot truth; pixels whose target is no class do not count. One pixel is added above and below
the line, so that an absent class has no loss where nothing is predicted either. Overlap weighs rare classes by itself, so
pixel weights have no say here.
"""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from utome.losses.pixels import Logits, Scalar, Target, Weight, Whole, all_here, one_hot

Areas = Float[Tensor, " c"]


def dice(logits: Logits, target: Target, weight: Weight | None = None, *, whole: Whole = all_here) -> Scalar:
    """1 - 2·Σpt / (Σp + Σt), a mean over the classes but the first (Milletari et al. 2016, without squares)."""
    del weight
    overlap, size = _areas(logits, target, whole)
    return 1 - ((2 * overlap + 1) / (size + 1)).mean()


def jaccard(logits: Logits, target: Target, weight: Weight | None = None, *, whole: Whole = all_here) -> Scalar:
    """1 - Σpt / (Σp + Σt - Σpt), a mean over the classes but the first."""
    del weight
    overlap, size = _areas(logits, target, whole)
    return 1 - ((overlap + 1) / (size - overlap + 1)).mean()


def _areas(logits: Logits, target: Target, whole: Whole) -> tuple[Areas, Areas]:
    """Σpt and Σp + Σt of each class but the first, over the whole batch."""
    truth = one_hot(logits, target)
    known = truth.sum(dim=1, keepdim=True)
    probability, truth = (functional.softmax(logits.float(), dim=1) * known)[:, 1:], truth[:, 1:]
    overlap = (probability * truth).sum(dim=(0, 2, 3))
    return whole(overlap), whole(probability.sum(dim=(0, 2, 3)) + truth.sum(dim=(0, 2, 3)))
