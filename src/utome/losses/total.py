"""The training loss of a config: the weighted sum of its terms."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol, runtime_checkable

from utome.config.sections import LossSettings
from utome.losses.pixels import (
    Logits,
    Scalar,
    Target,
    Weight,
    Whole,
    all_here,
    binary_cross_entropy,
    cross_entropy,
    focal,
)
from utome.losses.regions import dice, jaccard


@runtime_checkable
class Loss(Protocol):
    """A function of logits, target and, for some losses, the weight of each pixel."""

    def __call__(self, logits: Logits, target: Target, weight: Weight | None = None) -> Scalar:
        """The loss of a batch."""


# The terms of a loss by name, each with its share of the sum; of the logits of all of a network's answers.
Terms = Callable[[Sequence[Logits], Target, Weight | None], dict[str, Scalar]]


def total_loss(settings: LossSettings) -> Loss:
    """The weighted sum of the terms; the settings have at least one term with a weight above zero."""
    terms = _terms(settings)

    def loss(logits: Logits, target: Target, weight: Weight | None = None) -> Scalar:
        return total({name: share * term(logits, target, weight) for name, (share, term) in terms.items()})

    return loss


def loss_terms(settings: LossSettings, whole: Whole = all_here) -> Terms:
    """Each term of the loss of all of a network's answers, the head's first: (1 - λ)·L1 + λ·L2.

    λ is `settings.supervision`, L1 the loss of the head and L2 the mean loss of the further answers (Ando and Hotta
    2021, section 3, who have one). Without further answers, or with λ = 0, it is the plain loss. Where a batch lies in
    several processes, `whole` sums over them, and every one of them has the loss of the whole batch.
    """
    terms, supervision = _terms(settings, whole), settings.supervision

    def of(answers: Sequence[Logits], target: Target, weight: Weight | None) -> dict[str, Scalar]:
        first, *others = answers
        found = {name: share * term(first, target, weight) for name, (share, term) in terms.items()}
        if not others or supervision == 0:
            return found
        for name, (share, term) in terms.items():
            further = total({str(number): term(each, target, weight) for number, each in enumerate(others)})
            found[name] = (1 - supervision) * found[name] + supervision * share / len(others) * further
        return found

    return of


def total(terms: Mapping[str, Scalar]) -> Scalar:
    """The sum of at least one term."""
    first, *others = terms.values()
    return sum(others, start=first)


def _terms(settings: LossSettings, whole: Whole = all_here) -> dict[str, tuple[float, Loss]]:
    """The terms with a weight above zero, and that weight."""
    terms: dict[str, Loss] = {
        "cross_entropy": partial(cross_entropy, whole=whole),
        "bce": partial(binary_cross_entropy, whole=whole),
        "focal": partial(focal, gamma=settings.focal_gamma, whole=whole),
        "dice": partial(dice, whole=whole),
        "jaccard": partial(jaccard, whole=whole),
    }
    return {name: (getattr(settings, name), term) for name, term in terms.items() if getattr(settings, name)}
