"""The training loss of a config: the weighted sum of its terms."""

from collections.abc import Callable

from utome.config.sections import LossSettings
from utome.losses.pixels import Logits, Scalar, Target, cross_entropy, dice

Loss = Callable[[Logits, Target], Scalar]
TERMS: dict[str, Loss] = {"cross_entropy": cross_entropy, "dice": dice}


def total_loss(settings: LossSettings) -> Loss:
    """A function of logits and target; the settings have at least one term with a weight above zero."""
    weights = {name: weight for name, weight in settings.model_dump().items() if weight}

    def loss(logits: Logits, target: Target) -> Scalar:
        first, *others = (weight * TERMS[name](logits, target) for name, weight in weights.items())
        return sum(others, start=first)

    return loss
