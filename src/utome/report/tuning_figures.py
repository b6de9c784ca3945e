"""A search in figures, an SVG each: the score over one setting or in the plane of two as in the paper, the course, importances, parallel
coordinates and curves.
"""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from utome.tuning.importance import importances
from utome.tuning.savings import Curves
from utome.tuning.space import Range, Space
from utome.tuning.trial import Trial, best_of

COLOURS, INK, GREY, BLUE = "viridis", "#1c2430", "#9aa6b5", "#0072b2"
CROSS: dict[str, Any] = {"s": 36, "c": "#d55e00", "marker": "x", "linewidths": 1.4, "label": "failed"}
SCORE = "validation mean IoU"


def figures_svg(space: Space, trials: Sequence[Trial], curves: Curves) -> list[str]:
    """Those that these trials allow: a plane takes two ranges, importances ten complete trials."""
    failed = [trial for trial in trials if trial.state == "failed"]
    scored = [trial for trial in trials if trial.state in {"complete", "pruned"} and trial.value is not None]
    weights = importances(space, trials)
    ranges = [path for path in (weights or space) if isinstance(space[path], Range)]
    found = []
    if len(ranges) >= 2 and scored:
        # As the space has them: of the paper's, B across and X upwards.
        across, up = [path for path in space if path in ranges[:2]]
        found.append(_plane(space, (across, up), scored, failed))
    elif scored:
        found.append(_over(space, (ranges or list(weights or space))[0], scored, failed))
    found.append(_course(scored))
    if weights:
        found.append(_importances(weights))
    if len(space) >= 2 and scored:
        found.append(_parallel(space, scored))
    found.append(_curves(trials, curves))
    return found


def _over(space: Space, path: str, trials: Sequence[Trial], failed: Sequence[Trial]) -> str:
    """The score over a setting, a dot a trial; one that was ended early is hollow, and a cross at the bottom marks one that failed."""
    figure, axes = _figure(f"{SCORE} over {path}")
    for state, label in (("complete", "to the end"), ("pruned", "ended early, at its last rung")):
        own = [trial for trial in trials if trial.state == state]
        face, edge = (BLUE, BLUE) if state == "complete" else ("none", GREY)
        if own:
            places = [_place(space, path, trial) for trial in own]
            axes.scatter(places, [trial.value or 0.0 for trial in own], s=30, c=face, edgecolors=edge, label=label)
    if failed:
        places = [_place(space, path, trial) for trial in failed]
        axes.scatter(places, [0.02] * len(failed), transform=axes.get_xaxis_transform(), **CROSS)
    axes.set_xlabel(path)
    axes.set_ylabel(SCORE)
    _scaled(space, path, axes.xaxis, axes.set_xscale)
    _legend_below(axes)
    return _svg(figure, "over")


def _plane(space: Space, paths: tuple[str, str], trials: Sequence[Trial], failed: Sequence[Trial]) -> str:
    """Two settings against each other, a dot a trial, its colour the score: hollow where it was ended early, a cross where it failed, and
    a ring around the best.
    """
    figure, axes = _figure(f"{paths[1]} against {paths[0]}")
    low, high = _scale(trials)
    for state, label in (("complete", "to the end"), ("pruned", "ended early")):
        own = [trial for trial in trials if trial.state == state]
        if not own:
            continue
        colours = figure_colours([trial.value or 0.0 for trial in own], low, high)
        full = state == "complete"
        axes.scatter(
            *_places(space, paths, own), s=46, c=colours if full else "none", edgecolors=colours, linewidths=1.4
        )
        axes.scatter([], [], s=46, c=GREY if full else "none", edgecolors=GREY, linewidths=1.4, label=label)
    if failed:
        axes.scatter(*_places(space, paths, failed), **CROSS)
    best = best_of(trials)
    if best is not None:
        axes.scatter(*_places(space, paths, [best]), s=190, c="none", edgecolors=INK, label="best")
    axes.set_xlabel(paths[0])
    axes.set_ylabel(paths[1])
    _scaled(space, paths[0], axes.xaxis, axes.set_xscale)
    _scaled(space, paths[1], axes.yaxis, axes.set_yscale)
    _colour_bar(figure, axes, low, high)
    _legend_below(axes)
    return _svg(figure, "plane")


def _course(trials: Sequence[Trial]) -> str:
    """What each trial reached, in their order, and the best until then."""
    figure, axes = _figure("Trials in their order")
    complete = [trial for trial in trials if trial.state == "complete"]
    pruned = [trial for trial in trials if trial.state == "pruned"]
    axes.scatter(
        [trial.number for trial in complete],
        [trial.value or 0.0 for trial in complete],
        color=BLUE,
        s=26,
        label="to the end",
    )
    if pruned:
        numbers, values = [trial.number for trial in pruned], [trial.value or 0.0 for trial in pruned]
        axes.scatter(numbers, values, facecolors="none", edgecolors=GREY, s=26, label="ended early, at its last rung")
    if complete:
        numbers = [*(trial.number for trial in complete), max(trial.number for trial in trials)]
        best = np.maximum.accumulate([trial.value or 0.0 for trial in complete])
        axes.step(numbers, [*best, best[-1]], where="post", color="#d55e00", label="best so far")
    axes.set_xlabel("trial")
    axes.set_ylabel(SCORE)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend_below(axes)
    return _svg(figure, "course")


def _importances(weights: Mapping[str, float]) -> str:
    figure, axes = _figure("Importance (PED-ANOVA)")
    names = list(weights)[::-1]
    axes.barh(names, [weights[name] for name in names], color=BLUE)
    axes.set_xlabel("share")
    axes.grid(visible=False)
    return _svg(figure, "importance")


def _parallel(space: Space, trials: Sequence[Trial]) -> str:
    """A line a trial through the values that it had of each setting, each axis from its low to its high end."""
    figure, axes = _figure("Parallel coordinates")
    low, high = _scale(trials)
    names = [*space, SCORE]
    ordered = sorted(trials, key=lambda trial: trial.value or 0.0)
    rows = [
        [*(_height(space, path, trial) for path in space), _share(trial.value or 0.0, low, high)] for trial in ordered
    ]
    lines = [np.column_stack([np.arange(len(names)), row]) for row in rows]
    colours = figure_colours([trial.value or 0.0 for trial in ordered], low, high)
    styles = ["-" if trial.state == "complete" else ":" for trial in ordered]
    axes.add_collection(LineCollection(lines, colors=colours, linewidths=1.3, linestyles=styles))
    axes.set_xlim(-0.1, len(names) - 0.9)
    axes.set_ylim(-0.08, 1.08)
    axes.set_xticks(range(len(names)), [name.replace(".", "\n.") for name in names], fontsize=8)
    axes.set_yticks([])
    for place, path in enumerate(names):
        axes.axvline(place, color=GREY, linewidth=0.8)
        ends = (f"≤ {low:.3f}", f"{high:.3f}") if path == SCORE else _ends(space, path)
        for height, end in zip((-0.06, 1.02), ends, strict=True):
            axes.annotate(end, (place, height), fontsize=7.5, ha="center", color=INK)
    return _svg(figure, "parallel")


def _curves(trials: Sequence[Trial], curves: Curves) -> str:
    """The best score so far over the epochs, the mean over each trial's trainings."""
    figure, axes = _figure("Best so far over the epochs")
    scored = [trial for trial in trials if trial.value is not None]
    low, high = _scale(scored)
    for trial in scored:
        own = [curve for curve in curves.get(trial.number, ()) if curve]
        if not own:
            continue
        length = max(map(len, own))
        mean = np.mean([[*curve, *[curve[-1]] * (length - len(curve))] for curve in own], axis=0)
        colour = figure_colours([trial.value or 0.0], low, high)[0]
        axes.plot(
            np.arange(1, length + 1), mean, color=colour, linewidth=1.1, marker="o" if length == 1 else "", markersize=3
        )
    axes.set_xlabel("epoch")
    axes.set_ylabel(SCORE)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _colour_bar(figure, axes, low, high)
    return _svg(figure, "curves")


def _places(space: Space, paths: tuple[str, str], trials: Sequence[Trial]) -> tuple[list[float], list[float]]:
    across, up = ([_place(space, path, trial) for trial in trials] for path in paths)
    return across, up


def _place(space: Space, path: str, trial: Trial) -> float:
    """Where a trial lies along the axis of a setting: at the value, or the number of its choice."""
    dimension, value = space[path], trial.params[path]
    return _number(value) if isinstance(dimension, Range) else float(dimension.choices.index(value))


def _scaled(space: Space, path: str, axis: Axis, scale: Callable[[str], None]) -> None:
    """An axis as the setting has it: logarithmic, whole numbers, or the names of choices."""
    dimension = space[path]
    if not isinstance(dimension, Range):
        axis.set_ticks(range(len(dimension.choices)), list(map(str, dimension.choices)))
    elif dimension.log:
        scale("log")
    elif isinstance(dimension.low, int):
        axis.set_major_locator(MaxNLocator(integer=True))


def figure_colours(values: Sequence[float], low: float, high: float) -> list[tuple[float, float, float, float]]:
    """A colour a value, dark for the lowest."""
    from matplotlib import colormaps

    return [tuple(map(float, colormaps[COLOURS](_share(value, low, high)))) for value in values]  # type: ignore[misc]


def _scale(trials: Sequence[Trial]) -> tuple[float, float]:
    """From the lowest tenth of the trials that came to their end to the best: neither those that went wrong nor half trainings take
    all the colours.
    """
    whole = [trial for trial in trials if trial.state == "complete"]
    values = [trial.value for trial in (whole if len(whole) > 1 else trials) if trial.value is not None]
    if not values:
        return 0.0, 1.0
    low, high = float(np.quantile(values, 0.1)), max(values)
    return (low, high) if low < high else (high - 0.01, high)


def _share(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _height(space: Space, path: str, trial: Trial) -> float:
    dimension, value = space[path], trial.params[path]
    if not isinstance(dimension, Range):
        return dimension.choices.index(value) / (len(dimension.choices) - 1)
    low, high, at = (
        np.log(each) if dimension.log else each for each in (dimension.low, dimension.high, _number(value))
    )
    return float((at - low) / (high - low))


def _ends(space: Space, path: str) -> tuple[str, str]:
    first, *_, last = space[path].ends
    return f"{first:g}" if isinstance(first, int | float) else str(first), f"{last:g}" if isinstance(
        last, int | float
    ) else str(last)


def _number(value: object) -> float:
    return float(value)  # type: ignore[arg-type]


def _figure(title: str) -> tuple[Figure, Axes]:
    with rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(5.5, 3.9), layout="constrained")
        axes = figure.subplots()
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(color="#dddddd", linewidth=0.7)
    axes.set_axisbelow(True)
    return figure, axes


def _legend_below(axes: Axes) -> None:
    axes.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncol=3)


def _colour_bar(figure: Figure, axes: Axes, low: float, high: float) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    figure.colorbar(ScalarMappable(Normalize(low, high), COLOURS), ax=axes, label=SCORE, extend="min")


def _svg(figure: Figure, name: str) -> str:
    """The figure as text; `name` stands before its ids, which must differ from those of the others on one page."""
    text = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "utome"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()[text.getvalue().index("<svg") :]
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
