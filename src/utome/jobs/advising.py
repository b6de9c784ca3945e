"""What the recipe `auto` chooses from what is known of the images and the time, each setting with its reason."""

from collections.abc import Collection
from dataclasses import dataclass

from utome.config.overrides import override
from utome.config.settings import Config
from utome.data.survey import Survey

AUTO = "auto"
# The network halves four times, so a tile's side is a multiple of this.
STRIDE = 16
# Tiles of half the side leave room for more of them in a step, which batch norm is glad of.
SMALL_TILE, LARGER_BATCH = 128, 16
# A network that halves a small tile less often still sees all of it; so much of a side is left at the bottom.
BOTTOM, LEAST_DEPTH = 4, 2
# So many steps bring few images to where more of them change little; an epoch is a pass, and there are at least and at most so many.
STEPS, FEWEST_EPOCHS, MOST_EPOCHS = 3000, 30, 400
# With fewer steps than this, half the width learns more: it is about three times as fast.
ENOUGH_STEPS, HALF = 600, 2
# With fewer steps than this a network has learned too little to overfit, and learns more from images as they lie.
MANY_STEPS = 1000
WIDTH, TURNING = "model.width", ("augmentation.rotation", "augmentation.scale")
# What a short time makes others, beside the length.
BY_TIME = (WIDTH, *TURNING)
# Degrees to which images are tilted that may not be turned by quarters.
TILT = 15


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
    tile, batch = config.training.tile, config.training.batch
    if smallest < tile:
        tile = max(STRIDE, smallest // STRIDE * STRIDE)
        reason = f"the smallest image has a side of {smallest} pixels; a larger tile would be mirrored at its borders"
        advice.append(Advice("training.tile", str(tile), reason))
    if tile <= SMALL_TILE:
        batch = LARGER_BATCH
        advice.append(Advice("training.batch", str(batch), f"tiles of {tile} pixels leave room for more of them"))
    depth, usual = max(LEAST_DEPTH, tile.bit_length() - BOTTOM.bit_length()), int(getattr(config.model, "depth", 0))
    if depth < usual:
        reason = f"{usual} halvings would leave fewer than {BOTTOM} pixels of a tile's side"
        advice.append(Advice("model.depth", str(depth), reason))
    tiles = sum(max(1, round(fact.height * fact.width / tile**2)) for fact in found.facts)
    epochs = min(MOST_EPOCHS, max(FEWEST_EPOCHS, round(STEPS * batch / tiles)))
    reason = f"about {STEPS} steps are what few images need, and there are some {tiles} tiles"
    advice.append(Advice("training.epochs", str(epochs), reason))
    if not config.augmentation.quarter_turns and config.augmentation.rotation > TILT:
        reason = "without augmentation.quarter_turns images have an up and a down"
        advice.append(Advice("augmentation.rotation", str(TILT), reason))
    return tuple(advice)


def advised(found: Survey, config: Config, fixed: Collection[str]) -> tuple[Config, tuple[Advice, ...]]:
    """The config of the recipe `auto` as these images want it, but for the settings that are `fixed`; any other as it is."""
    if config.recipe != AUTO:
        return config, ()
    advice = tuple(each for each in advise(found, config) if each.path not in fixed)
    return override(config.as_dict(), [f"{each.path}={each.value}" for each in advice]), advice


def may_narrow(config: Config, fixed: Collection[str]) -> bool:
    """Whether the width is for the recipe `auto` to choose, and there is one to halve."""
    return config.recipe == AUTO and WIDTH not in fixed and _width(config) >= HALF


def narrower(config: Config, steps: int) -> Advice | None:
    """Half the width, where the time allows so few steps at the whole one; none where it allows enough."""
    if steps >= ENOUGH_STEPS:
        return None
    width = _width(config) // HALF
    reason = f"only some {steps} steps of the whole width fit into the time; the half is about three times as fast"
    return Advice(WIDTH, str(width), reason)


def milder(config: Config, steps: int, fixed: Collection[str]) -> tuple[Advice, ...]:
    """No turning by any angle and no scaling for the recipe `auto`, where the time allows so few steps; flips and quarter turns stay."""
    if config.recipe != AUTO or steps >= MANY_STEPS:
        return ()
    reason = f"only some {steps} steps fit into the time, too few to overfit"
    return tuple(Advice(path, "0", reason) for path in TURNING if path not in fixed)


def _width(config: Config) -> int:
    """0 where the network has no such setting."""
    return int(getattr(config.model, "width", 0))
