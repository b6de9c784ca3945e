"""`utome status`: where runs stand, from the files of their folders alone; nothing is written, and torch is not imported."""

import csv
import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from utome.errors import ConfigError
from utome.files import held

STATUS = "status.json"
# The time left follows from the newest epochs: the machine may have been busier before.
NEWEST = 10


@dataclass(frozen=True)
class RunStatus:
    """Where a run stands: running, interrupted, died (it ended without a word), done or failed, and why.

    Epochs that are done, of at most how many; the best so far; seconds that are left of a run that is running, or would be if it went
    on; and the command to give next. What is not known is none.
    """

    run: str
    status: str
    reason: str | None
    recipe: str | None
    epoch: int
    epochs: int | None
    best_epoch: int | None
    best_val_loss: float | None
    best_val_mean_iou: float | None
    seconds_left: float | None
    next: str | None

    def as_json(self) -> dict[str, Any]:
        """The status as plain values."""
        return asdict(self)


def find_runs(places: Sequence[Path]) -> list[Path]:
    """The runs that these places are or hold, one level down; `ConfigError` where one is neither."""
    found: list[Path] = []
    for place in places:
        if (place / STATUS).is_file():
            found.append(place)
            continue
        inside = sorted(path.parent for path in place.glob(f"*/{STATUS}"))
        if not inside:
            raise ConfigError(
                f"'{place}' is no run and holds none. Give the folder that `utome train` wrote, or one of such folders."
            )
        found += inside
    return found


def run_status(run: Path) -> RunStatus:
    """Where the run stands; `ConfigError` where its status cannot be read."""
    said = _document(run / STATUS)
    if not isinstance(said, dict) or not isinstance(said.get("status"), str):
        raise ConfigError(
            f"'{run / STATUS}' is damaged. `utome train DATA --out {shlex.quote(str(run))} --resume` goes on with the run."
        )
    status, reason = said["status"], said.get("reason")
    if status == "running" and held(run / "events.jsonl") is False:
        status, reason = "died", "its process ended without a word: killed, out of memory, or the machine went down"
    config, history = _config(run), _rows(run / "history.csv")
    best = next((row for row in reversed(history) if row["best"] == "True"), None)
    epochs = config.get("training", {}).get("epochs")
    return RunStatus(
        str(run), status, reason, config.get("recipe"), len(history), epochs,
        None if best is None else int(best["epoch"]),
        None if best is None else float(best["val_loss"]),
        None if best is None else float(best["val_mean_iou"]),
        None if status == "done" or epochs is None else _seconds_left(run, epochs - len(history)),
        _next(run, status),
    )  # fmt: skip


def _seconds_left(run: Path, epochs: int) -> float | None:
    """From the newest epochs; before the first, from what the run said itself."""
    taken = [float(row["seconds"]) for row in _rows(run / "timing.csv")]
    if taken:
        return round(max(0, epochs) * median(taken[-NEWEST:]), 1)
    return next((event["seconds"] for event in reversed(_events(run)) if event.get("event") == "Estimated"), None)


def _next(run: Path, status: str) -> str | None:
    if status == "running":
        return None
    if status == "done":
        return f"utome predict {shlex.quote(str(run))} IMAGES --out PREDICTIONS"
    data = _document(run / "data.json")
    root = shlex.quote(data["root"]) if isinstance(data, dict) and isinstance(data.get("root"), str) else "DATA"
    machine = _document(run / "environment.json")
    processes = machine.get("processes") if isinstance(machine, dict) else None
    # A run goes on with as many processes as it began with.
    several = isinstance(processes, int) and processes > 1
    start = f"torchrun --nproc-per-node {processes} -m utome" if several else "utome"
    return f"{start} train {root} --out {shlex.quote(str(run))} --resume"


def _document(path: Path) -> Any:
    """What the file holds; none where it is not there or no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _config(run: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    except (OSError, ValueError):
        return []


def _events(run: Path) -> list[dict[str, Any]]:
    """The journal's whole lines; the last may be under way."""
    found = []
    try:
        lines = (run / "events.jsonl").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            found.append(event)
    return found
