"""Rows of a benchmark: cells, figures with a target, and all of it as a Markdown table or as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A measured value beside its target."""

    value: float
    target: str
    met: bool


Cell = str | int | float | Figure


@dataclass(frozen=True)
class Row:
    """One line of a table by column, and every single measurement behind it, which goes to JSON alone."""

    cells: Mapping[str, Cell]
    measurements: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The row as plain values."""
        return asdict(self)


def at_least(value: float, limit: float) -> Figure:
    """A figure that should not fall below `limit`.

    >>> markdown([Row({"speed": at_least(2.5, 2)})]).splitlines()[-1]
    '| 2.5 (target 2 or more: met) |'
    """
    return Figure(value, f"{limit:g} or more", met=value >= limit)


def at_most(value: float, limit: float) -> Figure:
    """A figure that should not rise above `limit`."""
    return Figure(value, f"{limit:g} or less", met=value <= limit)


def markdown(rows: Sequence[Row]) -> str:
    """A Markdown table; the first row names the columns."""
    columns = list(rows[0].cells)
    lines = [columns, ["---"] * len(columns), *([_text(row.cells[column]) for column in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(cell: Cell) -> str:
    if isinstance(cell, Figure):
        return f"{_text(cell.value)} (target {cell.target}: {'met' if cell.met else 'missed'})"
    if isinstance(cell, float):
        return f"{cell:.3g}" if abs(cell) < 999.5 else f"{cell:.0f}"  # three digits, but never 1.23e+03
    return str(cell)
