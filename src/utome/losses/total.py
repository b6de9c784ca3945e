"""The training loss of a config: the weighted sum of its terms."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, runtime_checkable

from utome.config.sections import LossSettings
from utome.losses.pixels import Logits, Scalar, Target, Weight, binary_cross_entropy, cross_entropy, focal
from utome.losses.regions import dice, jaccard


@runtime_checkable
class Loss(Protocol):
    """A function of logits, target and, for some losses, the weight of each pixel."""

    def __call__(self, logits: Logits, target: Target, weight: Weight | None = None) -> Scalar:
        """The loss of a batch."""


def total_loss(settings: LossSettings) -> Loss:
    """The weighted sum of the terms; the settings have at least one term with a weight above zero."""
    terms: dict[str, Loss] = {
        "cross_entropy": cross_entropy,
        "bce": binary_cross_entropy,
        "focal": partial(focal, gamma=settings.focal_gamma),
        "dice": dice,
        "jaccard": jaccard,
    }
    shares = {name: getattr(settings, name) for name in terms if getattr(settings, name)}

    def loss(logits: Logits, target: Target, weight: Weight | None = None) -> Scalar:
        first, *others = (share * terms[name](logits, target, weight) for name, share in shares.items())
        return sum(others, start=first)

    return loss


def supervised_loss(settings: LossSettings) -> Callable[..., Scalar]:
    """A function of the logits of all of a network's answers, the head's first, target and weight: (1 - λ)·L1 + λ·L2.

    λ is `settings.supervision`, L1 the loss of the head and L2 the mean loss of the further answers (Ando and Hotta
    2021, section 3, who have one). Without further answers, or with λ = 0, it is the plain loss.
    """
    loss, share = total_loss(settings), settings.supervision

    def supervised(answers: Sequence[Logits], target: Target, weight: Weight | None = None) -> Scalar:
        first, *others = answers
        if not others or share == 0:
            return loss(first, target, weight)
        further = sum((loss(each, target, weight) for each in others[1:]), start=loss(others[0], target, weight))
        return (1 - share) * loss(first, target, weight) + share / len(others) * further

    return supervised
