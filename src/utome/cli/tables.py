"""Scores as lines of text."""

from collections.abc import Sequence

from utome.evaluation.table import Scores
from utome.statistics.intervals import Interval


def scores_lines(scores: Scores, otsu: Scores | None = None) -> list[str]:
    """A table of the classes with 95 % intervals, what Otsu's threshold reaches, and the figures over all."""
    together, sure = scores.together, scores.certainty
    rows = [(name, scores, number) for number, name in enumerate(scores.classes)]
    if otsu is not None:
        rows.append((f"{scores.classes[1]}, by Otsu's threshold", otsu, 1))
    width = max(10, *(len(name) for name, _, _ in rows))
    lines = [f"  {'class':{width}}  {'IoU':21}  {'Dice':21}  {'precision':9}  {'recall':6}  IoU per image"]
    lines += [f"  {name:{width}}  {_class_columns(own, number)}".rstrip() for name, own, number in rows]
    lines.append(
        f"  mean IoU {_ranged(together.mean_iou, sure.mean_iou)}, "
        f"pixel accuracy {_ranged(together.pixel_accuracy, sure.pixel_accuracy)}"
    )
    return lines


def class_lines(shares: Sequence[tuple[str, float]]) -> list[str]:
    """The classes and their share of the pixels."""
    return [f"class     {name}: {share:.1%} of the pixels" for name, share in shares]


def _class_columns(scores: Scores, number: int) -> str:
    together, sure = scores.together, scores.certainty
    iou = _ranged(float(together.iou[number]), sure.iou[number])
    dice = _ranged(float(together.dice[number]), sure.dice[number])
    mean = _ranged(scores.mean_per_image(number), sure.iou_mean_per_image[number])
    precision, recall = _figure(float(together.precision[number])), _figure(float(together.recall[number]))
    return f"{iou:21}  {dice:21}  {precision:9}  {recall:6}  {mean}"


def _ranged(value: float, interval: Interval | None) -> str:
    """A score, and its interval where there is one.

    >>> _ranged(0.5, Interval(0.25, 0.75)), _ranged(0.5, None)
    ('0.500 (0.250, 0.750)', '0.500')
    """
    return _figure(value) if interval is None else f"{_figure(value)} ({interval.low:.3f}, {interval.high:.3f})"


def _figure(value: float) -> str:
    return "–" if value != value else f"{value:.3f}"  # noqa: PLR0124 - NaN differs from itself
