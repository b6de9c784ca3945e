"""`utome status` of a search: where it stands, from the files of its folder alone; nothing is written, and torch is not imported."""

import json
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from utome.errors import ConfigError
from utome.files import held
from utome.tuning.folder import JOURNAL, STATUS, STUDY, StudyFolder


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


def is_search(place: Path) -> bool:
    """Whether a folder holds a search."""
    try:
        return (place / STUDY).read_text(encoding="utf-8").startswith("search: ")
    except (OSError, ValueError):
        return False


def search_status(study: Path) -> SearchStatus:
    """Where the search stands; `ConfigError` where its status cannot be read."""
    folder = StudyFolder(study)
    search, rows = folder.search(), folder.rows()
    again = f"utome tune {shlex.quote(search.data)} --out {shlex.quote(str(study))} --resume"
    try:
        said = json.loads((study / STATUS).read_text(encoding="utf-8"))
        status, reason = str(said["status"]), said["reason"]
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigError(f"'{study / STATUS}' is damaged. `{again}` goes on with the search.") from None
    if status == "running" and held(study / JOURNAL) is False:
        status, reason = "died", "its process ended without a word: killed, out of memory, or the machine went down"
    complete = [row for row in rows if row["state"] == "complete"]
    best = max(complete, key=lambda row: float(row["val_mean_iou"]), default=None)
    if not complete and len(rows) == search.trials and all(row["state"] == "failed" for row in rows):
        again = f"{again} --trials {2 * search.trials}"  # as it is, it would end at once
    config = shlex.quote(str(study / "best.yaml"))
    follows = {"running": None, "done": f"utome train {shlex.quote(search.data)} --config {config}"}
    return SearchStatus(
        str(study), status, reason, search.recipe, dict(Counter(row["state"] for row in rows)), search.trials,
        None if best is None else int(best["trial"]),
        {} if best is None else {path: best[path] for path in search.space},
        None if best is None else float(best["val_mean_iou"]),
        sum(int(row["epochs"]) for row in rows),
        follows.get(status, again),
    )  # fmt: skip
