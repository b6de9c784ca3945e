"""Scores as HTML: the figures that people look for first, a row a class, a row an image."""

import html
from collections.abc import Sequence

from utome.evaluation.otsu import WithoutLearning
from utome.evaluation.table import Scores
from utome.statistics.intervals import Interval

OTSU = "Otsu's threshold"


def tiles(scores: Scores) -> str:
    """The headline, each figure with its interval where there is one."""
    together, sure = scores.together, scores.certainty
    cards = [
        ("Mean IoU", together.mean_iou, sure.mean_iou),
        ("Pixel accuracy", together.pixel_accuracy, sure.pixel_accuracy),
    ]
    if len(scores.classes) == 2:
        cards.insert(0, (f"IoU of {scores.classes[1]}", float(together.iou[1]), sure.iou[1]))
        cards.insert(1, ("Same, mean per image", scores.mean_per_image(1), sure.iou_mean_per_image[1]))
    each = "".join(
        f"<div class=tile><b>{figure(value)}</b><span>{html.escape(label)}{_range(interval)}</span></div>"
        for label, value, interval in cards
    )
    return f"<div class=tiles>{each}</div>"


def class_table(scores: Scores, otsu: WithoutLearning | None) -> str:
    """Each class, and what a threshold reaches on the same images where there is one."""
    rows = "".join(_class_row(name, scores, number) for number, name in enumerate(scores.classes))
    about = ""
    if otsu is not None:
        rows += _class_row(f"{scores.classes[1]}, by {OTSU}", otsu.scores, 1)
        about = f" {html.escape(otsu.about)}"
    return (
        "<section><h2>Each class</h2><div class=wide><table class=classes><thead><tr><th>Class</th><td>IoU</td><td>Dice</td><td>Precision</td><td>Recall</td>"
        f"<td>IoU, mean per image</td></tr></thead><tbody>{rows}</tbody></table></div>"
        "<p class=small>Over the pixels of all images together, but for the last column. A class that is in neither truth nor prediction has no score. "
        f"{html.escape(scores.certainty.sentence)}{about}</p></section>"
    )


def image_table(scores: Scores) -> str:
    """Every image, the worst first."""
    head = "".join(f"<td>{html.escape(name)}</td>" for name in scores.classes)
    rows = "".join(
        f"<tr><th>{html.escape(image.name)}</th><td>{figure(image.confusion.mean_iou)}</td>"
        + "".join(f"<td>{figure(float(value))}</td>" for value in image.confusion.iou)
        + f"<td>{figure(image.confusion.pixel_accuracy)}</td></tr>"
        for image in scores.ranked
    )
    return (
        f"<section><h2>Every image, worst first</h2><div class=wide><table class=images><thead><tr><th>Image</th><td>Mean IoU</td>{head}<td>Pixel accuracy</td></tr>"
        f"</thead><tbody>{rows}</tbody></table></div></section>"
    )


def figure(value: float) -> str:
    """A score with three places; a dash where there is none."""
    return "–" if value != value else f"{value:.3f}"  # noqa: PLR0124 - NaN differs from itself


def _class_row(name: str, scores: Scores, number: int) -> str:
    together, sure = scores.together, scores.certainty
    columns = (
        (together.iou, sure.iou),
        (together.dice, sure.dice),
        (together.precision, sure.precision),
        (together.recall, sure.recall),
    )
    cells: Sequence[tuple[float, Interval | None]] = [
        *((float(values[number]), intervals[number]) for values, intervals in columns),
        (scores.mean_per_image(number), sure.iou_mean_per_image[number]),
    ]
    return (
        f"<tr><th>{html.escape(name)}</th>"
        + "".join(f"<td>{figure(value)}<span class=small>{_range(each)}</span></td>" for value, each in cells)
        + "</tr>"
    )


def _range(interval: Interval | None) -> str:
    return "" if interval is None else f"<br>{interval.low:.3f}–{interval.high:.3f}"
