"""The figures of a study's scores: arms beside the paper, differences image by image, scores against training images."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullLocator, ScalarFormatter

from utome.report.study.facts import Standing, arm_title, honest_first, main_metric, published_alone, standings, under
from utome.report.study.ink import BASELINE, FAINT, GRID, INK, colour_of, grid, mark_of, sheet, wrapped
from utome.report.study.numbers import places, signed, with_unit
from utome.studies.outcome import CurvePoint, StudyOutcome
from utome.studies.question import Arm, Metric, Protocol, Published

# How far beside the mean the seeds are drawn, as a factor on an axis of logarithms.
BESIDE = 1.035


def scores_figure(outcome: StudyOutcome) -> Figure | None:
    """Every arm's main score with its interval, its seeds, and the paper's value, a panel a protocol; none without scores."""
    metric = main_metric(outcome)
    rows = {protocol.name: standings(outcome, protocol, metric) for protocol in outcome.protocols}
    drawn = [each for each in honest_first(outcome) if any(_value(row) is not None for row in rows[each.name])]
    if not drawn:
        return None
    alone = {each.name: published_alone(outcome, each, metric) for each in drawn}
    lines = max(len(_kept(rows[each.name])) + len(alone[each.name]) for each in drawn)
    figure = sheet(7.2, 0.9 + len(drawn) * (0.55 + 0.42 * lines))
    every = figure.subplots(len(drawn), 1, squeeze=False, sharex=True).ravel()
    for axes, protocol in zip(every, drawn, strict=True):
        _draw_standings(outcome, axes, _kept(rows[protocol.name]), alone[protocol.name])
        axes.set_title(wrapped(under(outcome, protocol, before=""), 64), loc="left", fontsize=11)
    _add_legend(
        every[0],
        has_published=any(alone.values()) or any(row.published is not None for own in rows.values() for row in own),
    )
    every[-1].set_xlabel(f"{with_unit(metric)} ({'higher' if metric.higher_is_better else 'lower'} is better)")
    return figure


def differences_figure(outcome: StudyOutcome, protocol: Protocol) -> Figure | None:
    """Every image's difference to the baseline, sorted, a panel an arm; none where no arm has an image in common with it.

    Networks share a scale; a reference has its own, since it may lie so far off that they would be flat beside it.
    """
    found = {arm.name: image_differences(outcome, protocol, arm) for arm in outcome.arms}
    arms = [arm for arm in outcome.arms if found[arm.name]]
    if not arms:
        return None
    columns = min(len(arms), 2)
    figure = sheet(4.9 * columns, 0.6 + 2.6 * -(-len(arms) // columns))
    metric = main_metric(outcome)
    of_networks = [value for arm in arms if arm.kind == "network" for value in found[arm.name].values()]
    for axes, arm in zip(grid(figure, len(arms), columns, sharey=False), arms, strict=True):
        _draw_differences(axes, found[arm.name], metric)
        axes.set_ylim(*_room(of_networks if arm.kind == "network" else list(found[arm.name].values())))
        axes.set_title(wrapped(arm.title, 44), loc="left", fontsize=11)
    figure.supylabel(wrapped(f"{metric.title}, difference", 30), fontsize=11)
    baseline = arm_title(outcome, outcome.baseline)
    figure.supxlabel(wrapped(f"images, sorted by their difference to {baseline}", 46 * columns), fontsize=11)
    return figure


def image_differences(outcome: StudyOutcome, protocol: Protocol, arm: Arm) -> dict[str, float]:
    """By image, the arm's score minus the baseline's, both as they predict unless more is said; nothing for the baseline."""
    if arm.name == outcome.baseline or not outcome.variants:
        return {}
    own, base = _by_image(outcome, protocol, arm.name), _by_image(outcome, protocol, outcome.baseline)
    return {name: own[name] - base[name] for name in own if name in base}


def curve_figure(outcome: StudyOutcome) -> Figure | None:
    """Of a learning curve: score against the number of training images, with intervals and every seed."""
    if outcome.curve is None:
        return None
    points = [point for point in outcome.curve.points if point.value is not None]
    if not points:
        return None
    figure = sheet(6.4, 4.0)
    axes = figure.subplots()
    axes.plot([point.size for point in points], [point.value or 0.0 for point in points], color=INK, linewidth=1.2)
    for point in points:
        _draw_point(axes, point)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks([point.size for point in points])
    axes.set_xlabel("training images")
    axes.set_ylabel(with_unit(outcome.metric(outcome.curve.metric)))
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    return figure


def _draw_standings(outcome: StudyOutcome, axes: Axes, rows: Sequence[Standing], alone: Sequence[Published]) -> None:
    labels = [wrapped(row.arm.title, 30) for row in rows] + [wrapped(each.row, 30) for each in alone]
    for line, row in enumerate(rows):
        _draw_standing(outcome, axes, row, line)
    for line, each in enumerate(alone, start=len(rows)):
        _draw_published(axes, each, line)
    base = next((_value(row) for row in rows if row.is_baseline), None)
    if base is not None:
        axes.axvline(base, color=FAINT, linewidth=1.2, zorder=0)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.grid(axis="x", color=GRID, linewidth=0.6)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.tick_params(axis="y", length=0)


def _draw_standing(outcome: StudyOutcome, axes: Axes, row: Standing, line: int) -> None:
    colour, value = colour_of(outcome, row.arm), _value(row)
    if row.score is not None and value is not None:
        interval = row.score.interval
        if interval is not None:
            axes.plot([interval.low, interval.high], [line, line], color=colour, linewidth=2.4, solid_capstyle="butt")
        axes.plot([value], [line], mark_of(outcome, row.arm), color=colour, markersize=8)
        seeds = [each for each in row.score.seeds.values() if each is not None]
        axes.plot(seeds, [line + 0.24] * len(seeds), "|", color=colour, markersize=7)
    if row.published is not None:
        _draw_published(axes, row.published, line)


def _draw_published(axes: Axes, each: Published, line: int) -> None:
    axes.plot([each.value], [line], "D", markersize=7, markerfacecolor="white", markeredgecolor=INK, zorder=3)


def _add_legend(axes: Axes, *, has_published: bool) -> None:
    """What the marks mean, outside of the data."""
    handles = [
        Line2D([], [], marker="o", color=BASELINE, linewidth=2.4, label="ours, 95 % interval"),
        Line2D([], [], marker="|", linestyle="", color=BASELINE, markersize=7, label="each seed"),
    ]
    if has_published:
        hollow = Line2D([], [], marker="D", linestyle="", markersize=7, label="published", markerfacecolor="white")
        hollow.set_markeredgecolor(INK)
        handles.append(hollow)
    axes.legend(handles=handles, frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _draw_differences(axes: Axes, found: Mapping[str, float], metric: Metric) -> None:
    ordered = sorted(found.items(), key=lambda pair: pair[1])
    values = np.asarray([value for _, value in ordered])
    ahead = values > 0 if metric.higher_is_better else values < 0
    colours = np.where(ahead, "#0072b2", "#d55e00")
    axes.bar(range(len(values)), values, color=list(colours), width=0.8)
    axes.axhline(0, color=INK, linewidth=0.8)
    mean = float(values.mean())
    axes.axhline(mean, color=INK, linestyle="--", linewidth=1.2)
    axes.set_xticks([])
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    text = f"dashed: mean {signed(mean, places(found.values(), metric))}"
    axes.text(0.02, 0.97, text, transform=axes.transAxes, va="top", fontsize=9, color=INK)


def _room(values: Sequence[float]) -> tuple[float, float]:
    """From the least to the greatest value, with room above for a line of text."""
    low, high = min([*values, 0.0]), max([*values, 0.0])
    span = high - low or 1.0
    return low - 0.05 * span, high + 0.25 * span


def _draw_point(axes: Axes, point: CurvePoint) -> None:
    if point.interval is not None:
        axes.plot([point.size] * 2, [point.interval.low, point.interval.high], color="#0072b2", linewidth=2.4)
    seeds = [value for value in point.seeds.values() if value is not None]
    beside = [point.size * BESIDE] * len(seeds)  # or the mean would hide them
    axes.plot(beside, seeds, "o", color="#d55e00", markersize=5, markerfacecolor="none")
    axes.plot([point.size], [point.value or 0.0], "o", color=INK, markersize=6)


def _by_image(outcome: StudyOutcome, protocol: Protocol, arm: str) -> dict[str, float]:
    wanted = (protocol.name, arm, outcome.variants[0].name)
    return {
        each.name: each.value
        for each in outcome.images
        if (each.protocol, each.arm, each.variant) == wanted and each.value is not None
    }


def _value(row: Standing) -> float | None:
    return None if row.score is None else row.score.value


def _kept(rows: Sequence[Standing]) -> list[Standing]:
    return [row for row in rows if _value(row) is not None or row.published is not None]
