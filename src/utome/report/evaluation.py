"""The page of `utome evaluate --out`: scores with intervals, a threshold beside them, and the worst images."""

import html
from collections.abc import Mapping, Sequence

from utome.evaluation.otsu import WithoutLearning
from utome.evaluation.table import ImageScore, Scores
from utome.prediction.pictures import Colour
from utome.report.panels import figures, legend_html
from utome.report.style import STYLE
from utome.report.tables import class_table, figure, image_table, tiles


def evaluation_html(
    title: str,
    about: str,
    warnings: Sequence[str],
    scores: Scores,
    otsu: WithoutLearning | None,
    worst: Sequence[tuple[ImageScore, Mapping[str, Colour]]],
) -> str:
    """The page as text; `worst` are the worst images with their pictures."""
    name = html.escape(title)
    doubts = "".join(f"<p class=warning>{html.escape(each)}</p>" for each in warnings)
    rows = "".join(
        f"<h3>{html.escape(image.name)} <span>mean IoU {figure(image.confusion.mean_iou)}</span></h3>{figures(shown)}"
        for image, shown in worst
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><title>{name} · utome evaluate</title><style>{STYLE}</style></head>'
        f"<body><main><header><h1>{name}</h1><p>{html.escape(about)}</p></header>"
        f"<section><h2>Scores</h2>{tiles(scores)}{doubts}</section>{class_table(scores, otsu)}"
        f"<section><h2>Worst images</h2>{legend_html(scores.classes)}{rows}</section>{image_table(scores)}</main></body></html>\n"
    )
