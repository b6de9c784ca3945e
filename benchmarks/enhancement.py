"""What the Feature Random Enhancement Module costs: a training step of `se-unet-frem` against one of `se-unet`.

Both begin with the same weights and train on the same batch. They take turns, and which goes first alternates, so that
what else the machine does slows both. The figure is the median over pairs, each the one step's time over the other's.
The first pair in either order is a warm-up and not counted.
"""

from itertools import starmap
from operator import truediv
from statistics import median, quantiles
from typing import Any

from benchmarks.practice import Practice
from benchmarks.table import Cell, Row, at_most
from utome.config.overrides import override
from utome.recipes.library import load_recipe

SIDE, IMAGES = 256, 4
PAIRS, WARM_UP = 24, 2
# The extra time that float32 may take, in percent; bfloat16 has no limit, since there the module's float32 shows.
EXTRA = 2.0


def enhancement() -> list[Row]:
    """One row in float32, and one in the precision that utome chooses where that is another."""
    rows = {row.cells["computes on"]: row for row in (_row("float32"), _row("auto"))}
    return list(rows.values())


def _row(precision: str) -> Row:
    plain, enhanced = (_practice(recipe, precision) for recipe in ("se-unet", "se-unet-frem"))
    with_it: list[float] = []
    without: list[float] = []
    for pair in range(WARM_UP + PAIRS):
        turns = [(plain, without), (enhanced, with_it)]
        for practice, seconds in turns if pair % 2 else reversed(turns):
            seconds.append(practice.step())
    with_it, without = with_it[WARM_UP:], without[WARM_UP:]
    ratios = list(starmap(truediv, zip(with_it, without, strict=True)))
    extra = [100 * (ratio - 1) for ratio in ratios]
    low, middle, high = quantiles(extra, n=4, method="inclusive")
    cells: dict[str, Cell] = {
        "computes on": plain.device.name,
        "batch": f"{IMAGES} of {SIDE}x{SIDE}",
        "pairs": PAIRS,
        "se-unet, seconds a step": median(without),
        "se-unet-frem, seconds a step": median(with_it),
        "extra time, %": at_most(middle, EXTRA) if plain.device.name.endswith("float32") else middle,
        "its quartiles, %": f"{low:.2f} to {high:.2f}",
    }
    return Row(cells, {"with_seconds": with_it, "without_seconds": without, "ratios": ratios})


def _practice(recipe: str, precision: Any) -> Practice:
    config = override(load_recipe(recipe).settings, [f"training.precision={precision}"])
    return Practice(config, side=SIDE, images=IMAGES)
