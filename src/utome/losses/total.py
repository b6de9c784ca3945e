"""The training loss of a config: the weighted sum of its terms."""

from collections.abc import Callable

from utome.config.sections import LossSettings
from utome.errors import ConfigError
from utome.losses.pixels import Logits, Scalar, Target, cross_entropy, dice

Loss = Callable[[Logits, Target], Scalar]
TERMS: dict[str, Loss] = {"cross_entropy": cross_entropy, "dice": dice}


def total_loss(settings: LossSettings) -> Loss:
    """A function of logits and target; `ConfigError` where every term has weight zero."""
    weights = {name: weight for name, weight in settings.model_dump().items() if weight}
    if not weights:
        raise ConfigError(
            "Every term of the loss has weight 0, so there is nothing to learn. Set loss.cross_entropy=1."
        )

    def loss(logits: Logits, target: Target) -> Scalar:
        first, *others = (weight * TERMS[name](logits, target) for name, weight in weights.items())
        return sum(others, start=first)

    return loss
