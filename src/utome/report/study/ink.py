"""How the figures of a study look: a colour and a mark an arm, told apart by people of all colour visions; PNG that repeats."""

import io
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from utome.studies.outcome import StudyOutcome
from utome.studies.question import Arm

LineStyle = Literal["-", "--", ":", "-."]
# Okabe and Ito's colours without the yellow, which is lost on white; the baseline is grey.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
BASELINE, FAINT, GRID, INK = "#6b7280", "#d1d5db", "#dddddd", "#1c2430"
MARKS = ("o", "s", "^", "D", "v", "P", "X")
STYLES: tuple[LineStyle, ...] = ("-", "--", ":", "-.")
# Figures are drawn finer than a page shows them, so that they can be printed.
DOTS_AN_INCH, SHOWN_AN_INCH = 150, 100


def colour_of(outcome: StudyOutcome, arm: Arm) -> str:
    """The arm's colour in all figures of the study."""
    return BASELINE if arm.name == outcome.baseline else COLOURS[_place(outcome, arm) % len(COLOURS)]


def mark_of(outcome: StudyOutcome, arm: Arm) -> str:
    """The arm's mark."""
    return "o" if arm.name == outcome.baseline else MARKS[(_place(outcome, arm) + 1) % len(MARKS)]


def style_of(outcome: StudyOutcome, arm: Arm) -> LineStyle:
    """How the arm's lines are drawn: full, and otherwise only where there are more arms than colours."""
    return "-" if arm.name == outcome.baseline else STYLES[_place(outcome, arm) // len(COLOURS) % len(STYLES)]


def sheet(width: float, height: float) -> Figure:
    """A white figure of so many inches."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def grid(figure: Figure, count: int, columns: int, *, sharey: bool = True) -> list[Axes]:
    """So many axes in rows, of one scale; places that are left over stay empty."""
    lines = -(-count // columns)
    every: list[Axes] = list(figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=sharey).ravel())
    for axes in every[count:]:
        axes.set_axis_off()
    for axes in every[max(count - columns, 0) : count]:
        axes.tick_params(labelbottom=True)
    return every[:count]


def wrapped(title: str, width: int) -> str:
    """A title in lines of so many letters at most, so that it stays in its place."""
    return "\n".join(textwrap.wrap(title, width)) or title


@contextmanager
def look() -> Iterator[None]:
    """Make and write figures so: names are no formulas, and a sign that the font lacks is no reason for a warning."""
    with (
        warnings.catch_warnings(),
        rc_context(
            {
                "font.size": 11,
                "axes.titlesize": 11,
                "text.parse_math": False,
                "axes.spines.top": False,
                "axes.spines.right": False,
            }
        ),
    ):
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield


def png(figure: Figure, dots: int = DOTS_AN_INCH) -> bytes:
    """The figure as PNG; the same figure gives the same bytes."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=dots, metadata={"Software": None})
    return content.getvalue()


def _place(outcome: StudyOutcome, arm: Arm) -> int:
    return [each.name for each in outcome.arms if each.name != outcome.baseline].index(arm.name)
