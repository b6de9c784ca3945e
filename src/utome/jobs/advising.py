"""Settings that suit the images of a folder better than a recipe's own, each with its reason."""

from dataclasses import dataclass

from utome.config.settings import Config
from utome.data.problems import FEW, FOLDS
from utome.data.survey import Survey

# The network halves four times, so a tile's side is a multiple of this.
STRIDE = 16


@dataclass(frozen=True)
class Advice:
    """A setting, the value that it should have, and why."""

    path: str
    value: str
    reason: str


def advise(found: Survey, config: Config) -> tuple[Advice, ...]:
    """What to set for these images."""
    advice = []
    smallest = min(min(fact.height, fact.width) for fact in found.facts)
    if smallest < config.training.tile:
        side = max(STRIDE, smallest // STRIDE * STRIDE)
        reason = f"the smallest image has a side of {smallest} pixels; a tile of {config.training.tile} would be mirrored at its borders"
        advice.append(Advice("training.tile", str(side), reason))
    different = len({fact.content for fact in found.facts})
    if different < FEW and not any(fact.sample.part for fact in found.facts):
        reason = f"with {different} images one split says little, so each should be tested on once"
        advice.append(Advice("data.folds", str(min(FOLDS, different)), reason))
    return tuple(advice)
