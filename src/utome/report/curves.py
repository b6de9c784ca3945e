"""Loss and accuracy over the epochs, as one SVG."""

import io
from collections.abc import Sequence

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from utome.events import EpochDone

TRAINING, VALIDATION, SCORE = "#0072b2", "#d55e00", "#009e73"


def curves_svg(history: Sequence[EpochDone]) -> str:
    """Training and validation loss on the left; accuracy and validation mean IoU on the right; the kept epoch marked."""
    with rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "utome",
            "font.size": 11,
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    ):
        figure = Figure(figsize=(11, 3.6), layout="constrained")
        losses, scores = figure.subplots(1, 2)
        epochs = [epoch.epoch for epoch in history]
        marker = "o" if len(history) == 1 else ""
        losses.plot(epochs, [epoch.train_loss for epoch in history], color=TRAINING, marker=marker, label="training")
        losses.plot(epochs, [epoch.val_loss for epoch in history], color=VALIDATION, marker=marker, label="validation")
        scores.plot(
            epochs,
            [epoch.train_accuracy for epoch in history],
            color=TRAINING,
            marker=marker,
            label="training accuracy",
        )
        scores.plot(
            epochs,
            [epoch.val_accuracy for epoch in history],
            color=VALIDATION,
            marker=marker,
            label="validation accuracy",
        )
        scores.plot(
            epochs, [epoch.val_mean_iou for epoch in history], color=SCORE, marker=marker, label="validation mean IoU"
        )
        kept = [epoch.epoch for epoch in history if epoch.best][-1]
        for axes, title in ((losses, "Loss"), (scores, "Accuracy and mean IoU")):
            _dress(axes, title, kept)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]


def _dress(axes: Axes, title: str, kept: int) -> None:
    axes.set_title(title, loc="left")
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color="#dddddd", linewidth=0.8)
    axes.axvline(kept, color="#888888", linestyle=":", linewidth=1.2, label="kept epoch")
    axes.legend(frameon=False, fontsize=9)
