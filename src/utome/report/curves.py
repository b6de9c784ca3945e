"""Loss and accuracy over the epochs, as two SVGs."""

import io
import re
from collections.abc import Mapping, Sequence

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from utome.events import EpochDone

TRAINING, VALIDATION, SCORE = "#0072b2", "#d55e00", "#009e73"
# A colour, and a value an epoch.
Line = tuple[str, list[float]]


def curves_svg(history: Sequence[EpochDone]) -> tuple[str, str]:
    """Training and validation loss; accuracy and validation mean IoU. In both, the kept epoch is marked."""
    losses = {
        "training": (TRAINING, [epoch.train_loss for epoch in history]),
        "validation": (VALIDATION, [epoch.val_loss for epoch in history]),
    }
    scores = {
        "training accuracy": (TRAINING, [epoch.train_accuracy for epoch in history]),
        "validation accuracy": (VALIDATION, [epoch.val_accuracy for epoch in history]),
        "validation mean IoU": (SCORE, [epoch.val_mean_iou for epoch in history]),
    }
    return _svg("loss", "Loss", history, losses), _svg("scores", "Accuracy and mean IoU", history, scores)


def _svg(name: str, title: str, history: Sequence[EpochDone], lines: Mapping[str, Line]) -> str:
    """One figure; `name` stands before its ids, which must differ from those of the other on one page."""
    with rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "utome",
            "font.size": 11,
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    ):
        figure = Figure(figsize=(5.5, 3.6), layout="constrained")
        axes = figure.subplots()
        marker = "o" if len(history) == 1 else ""
        for label, (colour, values) in lines.items():
            axes.plot([epoch.epoch for epoch in history], values, color=colour, marker=marker, label=label)
        _dress(axes, title, kept=[epoch.epoch for epoch in history if epoch.best][-1])
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()[text.getvalue().index("<svg") :]
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)


def _dress(axes: Axes, title: str, *, kept: int) -> None:
    axes.set_title(title, loc="left")
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color="#dddddd", linewidth=0.8)
    axes.axvline(kept, color="#888888", linestyle=":", linewidth=1.2, label="kept epoch")
    axes.legend(frameon=False, fontsize=9)
