"""Draw `docs/magnitudes.png`: how large features are over a training, with the enhancement module and without it.

    python scripts/draw_magnitudes.py DROSOPHILA_VNC_FOLDER runs/magnitudes

Two small networks train on the second data set of the paper (Ando and Hotta 2021, whose figures 2 and 9 these are after), half
the time each; a run that is done is not done again. What is drawn stands in their `history.csv`.
"""

import argparse
import csv
from collections.abc import Mapping
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from utome.config.overrides import override
from utome.jobs.train import train
from utome.recipes.library import load_recipe

PICTURE = Path(__file__).parents[1] / "docs" / "magnitudes.png"
# Ioffe's rate of 0.01 is for long trainings: here the moving statistics, with which features are measured, would come too late.
COMMON = (
    "model.width=8", "model.depth=4", "data.size=[256,256]", "data.split=14/3/3", "training.tile=128", "training.epochs=60",
    "training.precision=float32", "model.renorm.rate=0.1", "machine.threads=1",
)  # fmt: skip
# The paper's values for this data set: 8 maps of 512, 250 times as large. Here the bottom has 128 maps.
MAPS, ALL = 8, 128
ENHANCEMENT = (f"model.enhancement.maps={MAPS}", "model.enhancement.factor=250")
ARMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "without": ("se-unet", COMMON),
    "with": ("se-unet-frem", (*COMMON, *ENHANCEMENT)),
}
BOTTOM, SKIP, OTHER = "#0072b2", "#d55e00", "#6b7280"
Columns = Mapping[str, list[float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder drosophila_vnc")
    parser.add_argument("runs", type=Path, help="where the two runs are kept")
    arguments = parser.parse_args()
    for arm, (recipe, settings) in ARMS.items():
        if not (arguments.runs / arm).exists():
            train(arguments.data, override(load_recipe(recipe).settings, settings), arguments.runs / arm)
    draw({arm: columns(arguments.runs / arm) for arm in ARMS}).savefig(PICTURE, dpi=110)


def columns(run: Path) -> Columns:
    """What `draw` needs of a history, by column."""
    with (run / "history.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    wanted = [
        name for name in ("epoch", "bottom_mean", "skip_mean", "enhanced_sum", "not_enhanced_sum") if name in rows[0]
    ]
    return {name: [float(row[name]) for row in rows] for name in wanted}


def draw(arms: Mapping[str, Columns]) -> Figure:
    """Means at the bottom and at the deepest skip on the left, sums over the bottom's maps on the right."""
    figure = Figure(figsize=(10.5, 4.8), layout="constrained")
    means, sums = figure.subplots(1, 2)
    for arm, style in (("with", "-"), ("without", ":")):
        found = arms[arm]
        for name, words, colour in (("bottom_mean", "bottom", BOTTOM), ("skip_mean", "deepest skip", SKIP)):
            means.plot(found["epoch"], found[name], style, color=colour, label=f"{words}, {arm}", linewidth=1.8)
    found, plain = arms["with"], arms["without"]
    others = ALL - MAPS
    sums.plot(
        plain["epoch"],
        [ALL * each for each in plain["bottom_mean"]],
        ":",
        color=OTHER,
        label=f"without: all {ALL} maps",
        linewidth=1.8,
    )
    sums.plot(
        found["epoch"],
        found["not_enhanced_sum"],
        "-",
        color=BOTTOM,
        label=f"with: the {others} not enhanced",
        linewidth=1.8,
    )
    sums.plot(found["epoch"], found["enhanced_sum"], "-", color=SKIP, label=f"with: the {MAPS} enhanced", linewidth=1.8)
    _dress(means, "Mean after ReLU")
    _dress(sums, "Sum of the bottom's maps, before the multiplication")
    return figure


def _dress(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel("epoch")
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color="#dddddd", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)


if __name__ == "__main__":
    main()
