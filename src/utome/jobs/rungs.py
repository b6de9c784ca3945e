"""One training of a trial, taken to the end of an epoch: what a search gives to the executor."""

import csv
import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utome.config.overrides import read_config
from utome.config.settings import config_from_dict, leaves
from utome.errors import DataError, InterruptedRunError, MachineError, UtomeError
from utome.events import silent
from utome.files import held

# The worker of a search that was killed notices it and leaves; so long its run is waited for.
LEAVE_SECONDS = 60.0
JOURNAL, STATUS, HISTORY = "events.jsonl", "status.json", "history.csv"


@dataclass(frozen=True)
class Leg:
    """Train `run` on these images, with this config, until this epoch is done; `own` are the settings that other runs have otherwise."""

    trial: int
    repetition: int
    data: Path
    run: Path
    config: dict[str, Any]
    until: int
    own: tuple[str, ...]


@dataclass(frozen=True)
class LegDone:
    """Epochs done, and the best validation mean IoU among them; or why it failed, and whether all others would too."""

    epochs: int
    value: float | None
    failure: str | None = None
    hopeless: bool = False


def train_leg(leg: Leg) -> LegDone:
    """Begin the run, or go on with it, or find that it is there already; a failure is an answer, an interruption is not."""
    try:
        _refuse_another_run(leg)
        if not _is_there(leg):
            _train(leg)
            _trim(leg.run)
    except InterruptedRunError:
        raise
    except UtomeError as error:
        return LegDone(len(_rows(leg.run)), None, str(error), _is_hopeless(error))
    scores = [float(row["val_mean_iou"]) for row in _rows(leg.run)[: leg.until]]
    known = [score for score in scores if score == score]  # noqa: PLR0124 - NaN is not itself
    if not known:
        return LegDone(len(scores), None, "no validation had a mean IoU")
    return LegDone(len(scores), max(known))


def _is_hopeless(error: UtomeError) -> bool:
    """A disk that is full or data that are gone are no fault of this trial's; too little memory for its network is."""
    too_little_memory = isinstance(error.__cause__, MemoryError | RuntimeError)
    return isinstance(error, DataError) or (isinstance(error, MachineError) and not too_little_memory)


def _train(leg: Leg) -> None:
    _wait_until_left(leg.run)
    from utome.device import enough_memory
    from utome.jobs.preparing import prepare
    from utome.jobs.resume import resume
    from utome.jobs.train import start
    from utome.training.runfolder import RunFolder

    folder = RunFolder(leg.run)
    if folder.config.is_file():
        resume(leg.data, leg.run, until=leg.until)
        return
    if leg.run.exists():  # killed before it had begun
        shutil.rmtree(leg.run)
    with enough_memory():
        start(prepare(leg.data, config_from_dict(leg.config), silent), folder, silent, until=leg.until)


def _trim(run: Path) -> None:
    """A search has many trainings, so that each keeps the one state to go on from."""
    from utome.training.checkpoints import Checkpoints
    from utome.training.runfolder import RunFolder

    Checkpoints(RunFolder(run).checkpoints, {}).trim()


def _refuse_another_run(leg: Leg) -> None:
    """`MachineError` where a run lies there that was trained with other values: the storage is older than the folder."""
    saved = leg.run / "config.yaml"
    if not saved.is_file():
        return
    theirs, ours = leaves(read_config(saved)), leaves(leg.config)
    other = [
        f"`{path}` is {theirs.get(path)} there and {ours.get(path)} here"
        for path in leg.own
        if theirs.get(path) != ours.get(path)
    ]
    if other:
        raise MachineError(
            f"'{leg.run}' holds a training of another trial {leg.trial}: {', '.join(other)}. Its storage was another or a later one. Put "
            "that back, or move the folder away."
        )


def _is_there(leg: Leg) -> bool:
    """Whether the run has come so far already, and said so."""
    try:
        status = json.loads((leg.run / STATUS).read_text(encoding="utf-8"))["status"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return status in {"paused", "done"} and len(_rows(leg.run)) >= leg.until


def _wait_until_left(run: Path) -> None:
    """Until no other process works on the run; `MachineError` where one does for long."""
    until = time.monotonic() + LEAVE_SECONDS
    while held(run / JOURNAL):
        if time.monotonic() > until:
            raise MachineError(f"Another process works on '{run}', a training of this search. End it first.")
        time.sleep(0.1)


def _rows(run: Path) -> list[dict[str, str]]:
    try:
        return list(csv.DictReader((run / HISTORY).read_text(encoding="utf-8").splitlines()))
    except (OSError, ValueError):
        return []
