"""`utome status` of a search: where it stands, from the files of its folder alone; nothing is written, and torch is not imported."""

import json
import math
import shlex
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from utome.errors import ConfigError
from utome.files import held
from utome.tuning.folder import JOURNAL, STATUS, STUDY, TABLE, StudyFolder


@dataclass(frozen=True)
class SearchStatus:
    """Where a search stands: running, interrupted, died (it ended without a word), done or failed, and why.

    How many trials are in each state, of how many; the best so far; epochs that were trained; and the command to give next.
    """

    study: str
    status: str
    reason: str | None
    recipe: str
    trials: Mapping[str, int]
    of: int
    best_trial: int | None
    best_params: Mapping[str, str]
    best_val_mean_iou: float | None
    epochs: int
    next: str | None

    def as_json(self) -> dict[str, Any]:
        """The status as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class _Row:
    """What is read of a row of `trials.csv`."""

    trial: int
    state: str
    value: float
    epochs: int
    params: Mapping[str, str]

    @classmethod
    def of(cls, row: Mapping[str, str], space: Collection[str]) -> "_Row":
        """`KeyError`, `ValueError` or `TypeError` where a cell is missing or holds something else."""
        value = float(row["val_mean_iou"]) if row["state"] == "complete" else math.nan
        return cls(int(row["trial"]), row["state"], value, int(row["epochs"]), {path: row[path] for path in space})


def is_search(place: Path) -> bool:
    """Whether a folder holds a search."""
    try:
        return (place / STUDY).read_text(encoding="utf-8").startswith("search: ")
    except (OSError, ValueError):
        return False


def search_status(study: Path) -> SearchStatus:
    """Where the search stands; `ConfigError` where its status cannot be read."""
    folder = StudyFolder(study)
    search = folder.search()
    again = f"utome tune {shlex.quote(search.data)} --out {shlex.quote(str(study))} --resume"
    try:
        said = json.loads((study / STATUS).read_text(encoding="utf-8"))
        status, reason = str(said["status"]), said["reason"]
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigError(f"'{study / STATUS}' is damaged. `{again}` goes on with the search.") from None
    if status == "running" and held(study / JOURNAL) is False:
        status, reason = "died", "its process ended without a word: killed, out of memory, or the machine went down"
    try:
        rows = [_Row.of(row, search.space) for row in folder.rows()]
    except (KeyError, ValueError, TypeError):  # users save it from other programs, too
        raise ConfigError(
            f"'{study / TABLE}' is damaged. `{again}` goes on with the search and writes it anew."
        ) from None
    complete = [row for row in rows if row.state == "complete"]
    best = max(complete, key=lambda row: row.value, default=None)
    if not complete and len(rows) == search.trials and all(row.state == "failed" for row in rows):
        again = f"{again} --trials {2 * search.trials}"  # as it is, it would end at once
    config = shlex.quote(str(study / "best.yaml"))
    follows = {"running": None, "done": f"utome train {shlex.quote(search.data)} --config {config}"}
    return SearchStatus(
        str(study), status, reason, search.recipe, dict(Counter(row.state for row in rows)), search.trials,
        None if best is None else best.trial,
        {} if best is None else best.params,
        None if best is None else best.value,
        sum(row.epochs for row in rows),
        follows.get(status, again),
    )  # fmt: skip
