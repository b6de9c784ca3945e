"""Scores as lines of text."""

from collections.abc import Sequence

from utome.evaluation.table import Scores


def scores_lines(scores: Scores) -> list[str]:
    """A table of the classes, and the figures over all."""
    together = scores.together
    width = max(10, *(len(name) for name in scores.classes))
    lines = [f"  {'class':{width}}    IoU   Dice  precision  recall  IoU per image"]
    for number, name in enumerate(scores.classes):
        lines.append(
            f"  {name:{width}}  {_figure(together.iou[number])}  {_figure(together.dice[number])}      {_figure(together.precision[number])}"
            f"   {_figure(together.recall[number])}          {_figure(scores.mean_per_image(number))}"
        )
    lines.append(f"  mean IoU {_figure(together.mean_iou)}, pixel accuracy {_figure(together.pixel_accuracy)}")
    return lines


def class_lines(shares: Sequence[tuple[str, float]]) -> list[str]:
    """The classes and their share of the pixels."""
    return [f"class     {name}: {share:.1%} of the pixels" for name, share in shares]


def _figure(value: float) -> str:
    return "    –" if value != value else f"{value:.3f}"  # noqa: PLR0124 - NaN differs from itself
