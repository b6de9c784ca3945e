"""The worst, median and best image on one PNG, for a README or a talk."""

import io

from matplotlib.figure import Figure

from utome.evaluation.table import Scores
from utome.prediction.predictor import Predictor
from utome.report.panels import panels


def sheet_png(predictor: Predictor, scores: Scores) -> bytes:
    """A row an image: the image, its truth, the prediction, and where they differ."""
    rows = panels(predictor, scores)
    figure = Figure(figsize=(11, 2.9 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), 4, squeeze=False)
    for line, panel in zip(grid, rows, strict=True):
        for axes, (label, picture) in zip(line, panel.pictures.items(), strict=True):
            axes.imshow(picture)
            axes.set_xticks([])
            axes.set_yticks([])
            axes.set_title(label, fontsize=11)
        line[0].set_ylabel(
            f"{panel.title}: {panel.score.name}\nmean IoU {panel.score.confusion.mean_iou:.3f}", fontsize=10
        )
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=90)
    return content.getvalue()
