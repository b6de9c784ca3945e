"""The training loss of a config: the weighted sum of its terms."""

from collections.abc import Callable, Sequence

from utome.config.sections import LossSettings
from utome.losses.pixels import Logits, Scalar, Target, cross_entropy, dice

Loss = Callable[[Logits, Target], Scalar]
TERMS: dict[str, Loss] = {"cross_entropy": cross_entropy, "dice": dice}


def total_loss(settings: LossSettings) -> Loss:
    """A function of logits and target; the settings have at least one term with a weight above zero."""
    weights = {name: getattr(settings, name) for name in TERMS if getattr(settings, name)}

    def loss(logits: Logits, target: Target) -> Scalar:
        first, *others = (weight * TERMS[name](logits, target) for name, weight in weights.items())
        return sum(others, start=first)

    return loss


def supervised_loss(settings: LossSettings) -> Callable[[Sequence[Logits], Target], Scalar]:
    """A function of the logits of all of a network's answers, the head's first, and target: (1 - λ)·L1 + λ·L2.

    λ is `settings.supervision`, L1 the loss of the head and L2 the mean loss of the further answers (Ando and Hotta
    2021, section 3, who have one). Without further answers, or with λ = 0, it is the plain loss.
    """
    loss, share = total_loss(settings), settings.supervision

    def supervised(answers: Sequence[Logits], target: Target) -> Scalar:
        first, *others = answers
        if not others or share == 0:
            return loss(first, target)
        further = sum((loss(each, target) for each in others[1:]), start=loss(others[0], target))
        return (1 - share) * loss(first, target) + share / len(others) * further

    return supervised
