"""The figures of a study's trainings: the validation score over the epochs, and how large features are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from utome.report.curves import MAGNITUDES
from utome.report.study.facts import networks
from utome.report.study.history import History, has
from utome.report.study.ink import FAINT, GRID, colour_of, grid, sheet, style_of, wrapped
from utome.studies.outcome import StudyOutcome
from utome.studies.question import Arm, Protocol

SCORE = "val_mean_iou"
# From so many times the least value on, the size of features has an axis of logarithms.
WIDE = 20
# More arms than this are not told apart in one panel.
MOST_TOGETHER = 3
LETTERS_AN_INCH = 13


@dataclass(frozen=True)
class Panel:
    """One axes: its title, the arms drawn in colour, and those that are faint behind them."""

    title: str
    column: str
    arms: tuple[Arm, ...]
    faint: tuple[Arm, ...] = ()


def training_figure(outcome: StudyOutcome, found: Sequence[History], protocol: Protocol) -> Figure | None:
    """Validation mean IoU, a line a run, a colour an arm; many arms have a panel each, the others faint behind it."""
    here = [each for each in found if each.run.protocol == protocol.name and has(each, SCORE)]
    arms = [arm for arm in networks(outcome) if any(each.run.arm == arm.name for each in here)]
    if not arms:
        return None
    if len(arms) <= MOST_TOGETHER:
        panels = [Panel("", SCORE, tuple(arms))]
    else:
        panels = [
            Panel(arm.title, SCORE, (arm,), tuple(other for other in arms if other.name != arm.name)) for arm in arms
        ]
    columns = min(len(panels), 3)
    figure = sheet(
        7.2 if len(panels) == 1 else 3.3 * columns,
        0.6 + (3.2 if len(panels) == 1 else 2.3 * -(-len(panels) // columns)),
    )
    _draw(outcome, figure, panels, here)
    figure.supylabel("validation mean IoU", fontsize=11)
    return figure


def magnitudes_figure(outcome: StudyOutcome, found: Sequence[History], protocol: Protocol) -> Figure | None:
    """How large features are (`utome.training.magnitudes`), a panel a measure; none where no history has them."""
    here = [each for each in found if each.run.protocol == protocol.name]
    panels = []
    for column, title in MAGNITUDES.items():
        having = {each.run.arm for each in here if has(each, column)}
        arms = tuple(arm for arm in networks(outcome) if arm.name in having)
        kind = "mean" if column.endswith("_mean") else "sum"
        if arms:
            panels.append(Panel(f"{title}, {kind}", column, arms))
    if not panels:
        return None
    columns = min(len(panels), 2)
    figure = sheet(4.9 * columns, 0.8 + 2.5 * -(-len(panels) // columns))
    _draw(outcome, figure, panels, here)
    return figure


def _draw(outcome: StudyOutcome, figure: Figure, panels: Sequence[Panel], found: Sequence[History]) -> None:
    """All panels, and one legend for them where a panel has several arms."""
    columns = 2 if panels[0].column != SCORE else 3
    every = grid(figure, len(panels), min(len(panels), columns), sharey=panels[0].column == SCORE)
    for axes, panel in zip(every, panels, strict=True):
        _fill(outcome, axes, panel, found)
    arms = list(dict.fromkeys(arm for panel in panels for arm in panel.arms))
    if any(len(panel.arms) > 1 for panel in panels):
        handles = [Line2D([], [], color=colour_of(outcome, arm), linestyle=style_of(outcome, arm)) for arm in arms]
        longest = max(len(arm.title) for arm in arms)
        columns = max(1, int(figure.get_figwidth() * LETTERS_AN_INCH) // (longest + 6))
        labels = [f" {arm.title}" for arm in arms]  # a label that begins with _ would be left out
        figure.legend(handles, labels, frameon=False, fontsize=9, loc="outside upper left", ncols=columns)
    figure.supxlabel("epoch", fontsize=11)


def _fill(outcome: StudyOutcome, axes: Axes, panel: Panel, found: Sequence[History]) -> None:
    for arm in panel.faint:
        for history in (each for each in found if each.run.arm == arm.name):
            axes.plot(history.columns["epoch"], history.columns[panel.column], color=FAINT, linewidth=0.8, zorder=1)
    for arm in panel.arms:
        for history in (each for each in found if each.run.arm == arm.name and has(each, panel.column)):
            _line(outcome, axes, history, arm, panel.column)
    if panel.column != SCORE and _spans(axes):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))  # the usual one writes formulas
        axes.yaxis.set_minor_formatter(NullFormatter())
    if panel.title:
        axes.set_title(wrapped(panel.title, 32), loc="left", fontsize=11)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    axes.grid(axis="y", color=GRID, linewidth=0.6)


def _spans(axes: Axes) -> bool:
    """Whether the lines have values so far apart that the small ones would lie flat."""
    values = np.concatenate([np.asarray(line.get_ydata(), dtype=np.float64) for line in axes.lines] or [np.zeros(1)])
    known = values[np.isfinite(values)]
    return bool(known.size and known.min() > 0 and known.max() > WIDE * known.min())


def _line(outcome: StudyOutcome, axes: Axes, history: History, arm: Arm, column: str) -> None:
    epochs, values = history.columns["epoch"], history.columns[column]
    colour = colour_of(outcome, arm)
    lone = "o" if len(epochs) == 1 else ""
    axes.plot(epochs, values, style_of(outcome, arm), marker=lone, color=colour, linewidth=1.3, zorder=2)
    if history.kept is not None and history.kept in epochs and column == SCORE:
        place = list(epochs).index(history.kept)
        axes.plot([epochs[place]], [values[place]], "o", color=colour, markersize=5, zorder=3)
