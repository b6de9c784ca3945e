"""What the recipe `auto` chooses from what is known of the images, each setting with its reason."""

from collections.abc import Collection
from dataclasses import dataclass

from utome.config.overrides import override
from utome.config.settings import Config
from utome.data.survey import Survey

AUTO = "auto"
# The network halves four times, so a tile's side is a multiple of this.
STRIDE = 16


@dataclass(frozen=True)
class Advice:
    """A setting, the value that it should have, and why."""

    path: str
    value: str
    reason: str


def advise(found: Survey, config: Config) -> tuple[Advice, ...]:
    """What to set for these images, beside what the recipe sets for all."""
    advice = []
    smallest = min(min(fact.height, fact.width) for fact in found.facts)
    if smallest < config.training.tile:
        side = max(STRIDE, smallest // STRIDE * STRIDE)
        reason = f"the smallest image has a side of {smallest} pixels; a larger tile would be mirrored at its borders"
        advice.append(Advice("training.tile", str(side), reason))
    return tuple(advice)


def advised(found: Survey, config: Config, fixed: Collection[str]) -> tuple[Config, tuple[Advice, ...]]:
    """The config of the recipe `auto` as these images want it, but for the settings that are `fixed`; any other as it is."""
    if config.recipe != AUTO:
        return config, ()
    advice = tuple(each for each in advise(found, config) if each.path not in fixed)
    return override(config.as_dict(), [f"{each.path}={each.value}" for each in advice]), advice
