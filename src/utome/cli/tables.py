"""Scores as lines of text."""

from collections.abc import Sequence

from utome.evaluation.table import Scores


def scores_lines(scores: Scores) -> list[str]:
    """A table of the classes, and the figures over all."""
    together = scores.together
    width = max(10, *(len(name) for name in scores.classes))
    lines = [f"  {'class':{width}}    IoU   Dice  precision  recall  IoU per image"]
    for number, name in enumerate(scores.classes):
        columns = (together.iou[number], together.dice[number], together.precision[number], together.recall[number])
        iou, dice, precision, recall = (_figure(value) for value in columns)
        mean = _figure(scores.mean_per_image(number))
        lines.append(f"  {name:{width}}  {iou}  {dice}      {precision}   {recall}          {mean}")
    lines.append(f"  mean IoU {_figure(together.mean_iou)}, pixel accuracy {_figure(together.pixel_accuracy)}")
    return lines


def class_lines(shares: Sequence[tuple[str, float]]) -> list[str]:
    """The classes and their share of the pixels."""
    return [f"class     {name}: {share:.1%} of the pixels" for name, share in shares]


def _figure(value: float) -> str:
    return "    –" if value != value else f"{value:.3f}"  # noqa: PLR0124 - NaN differs from itself
