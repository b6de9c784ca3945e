"""Loss, accuracy, terms of the loss and features over the epochs, an SVG each."""

import io
import re
from collections.abc import Mapping, Sequence
from math import nan

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from utome.events import EpochDone

TRAINING, VALIDATION, SCORE = "#0072b2", "#d55e00", "#009e73"
# For lines of which there may be any number (Okabe and Ito's colours, which differ for all kinds of eyes).
SEVERAL = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
# A colour, how the line is drawn, and a value an epoch.
Line = tuple[str, str, list[float]]
MAGNITUDES = {
    "bottom_mean": "bottom", "skip_mean": "deepest skip",
    "enhanced_sum": "enhanced maps", "not_enhanced_sum": "other maps of that level",
}  # fmt: skip


def curves_svg(history: Sequence[EpochDone]) -> list[str]:
    """Loss; accuracy and validation mean IoU; the terms of the loss, where it has several; features (`utome.training.magnitudes`).

    In all, the kept epoch is marked.
    """
    figures: dict[str, tuple[str, dict[str, Line]]] = {
        "loss": ("Loss", {
            "training": (TRAINING, "-", [epoch.train_loss for epoch in history]),
            "validation": (VALIDATION, "-", [epoch.val_loss for epoch in history]),
        }),
        "scores": ("Accuracy and mean IoU", {
            "training accuracy": (TRAINING, "-", [epoch.train_accuracy for epoch in history]),
            "validation accuracy": (VALIDATION, "-", [epoch.val_accuracy for epoch in history]),
            "validation mean IoU": (SCORE, "-", [epoch.val_mean_iou for epoch in history]),
        }),
        "terms": ("Terms of the loss, with their weights", _terms(history)),
        "means": ("Mean of the features after ReLU", _magnitudes(history, "_mean")),
        "sums": ("Sum over the features of the enhanced level", _magnitudes(history, "_sum")),
    }  # fmt: skip
    return [_svg(name, title, history, lines) for name, (title, lines) in figures.items() if lines]


def _terms(history: Sequence[EpochDone]) -> dict[str, Line]:
    """Each term in a colour, full in training and dotted in validation; nothing where the loss is a single term."""
    names = list(history[-1].train_terms)
    if len(names) < 2:
        return {}
    lines: dict[str, Line] = {}
    for colour, name in zip(SEVERAL, names, strict=False):
        words = name.replace("_", " ")
        lines[f"{words}, training"] = (colour, "-", [epoch.train_terms.get(name, nan) for epoch in history])
        lines[f"{words}, validation"] = (colour, ":", [epoch.val_terms.get(name, nan) for epoch in history])
    return lines


def _magnitudes(history: Sequence[EpochDone], kind: str) -> dict[str, Line]:
    names = [name for name in history[-1].magnitudes if name.endswith(kind)]
    return {
        MAGNITUDES[name]: (colour, "-", [epoch.magnitudes.get(name, nan) for epoch in history])
        for colour, name in zip(SEVERAL, names, strict=False)
    }


def _svg(name: str, title: str, history: Sequence[EpochDone], lines: Mapping[str, Line]) -> str:
    """One figure; `name` stands before its ids, which must differ from those of the others on one page."""
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
        for label, (colour, style, values) in lines.items():
            axes.plot([epoch.epoch for epoch in history], values, style, color=colour, marker=marker, label=label)
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
