"""What the runs of a study wrote down epoch by epoch, as far as it is there."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from utome.report.study.facts import networks
from utome.studies.outcome import Run, StudyOutcome


@dataclass(frozen=True)
class History:
    """One run's table by column, a value an epoch (NaN where a cell is empty), and the epoch that was kept."""

    run: Run
    columns: Mapping[str, Sequence[float]]
    kept: float | None


def histories(outcome: StudyOutcome, folder: Path) -> list[History]:
    """The histories of all networks' runs below `folder`, in the order of the runs; damaged and missing ones are left out."""
    learning = {arm.name for arm in networks(outcome)}
    found = (_read(run, folder / run.path) for run in outcome.runs if run.arm in learning)
    return [history for history in found if history is not None]


def has(history: History, column: str) -> bool:
    """Whether there is any number in this column."""
    return any(math.isfinite(value) for value in history.columns.get(column, ()))


def _read(run: Run, path: Path) -> History | None:
    try:
        with (path / "history.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        best = [float(row["epoch"]) for row in rows if row.get("best") == "True"]
        names = [name for name in rows[0] if name != "best"] if rows else []
        columns = {name: [float(row[name] or "nan") for row in rows] for name in names}
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return None
    return History(run, columns, best[-1] if best else None) if "epoch" in columns else None
