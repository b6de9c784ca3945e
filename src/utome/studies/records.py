"""What a run's folders tell of it: where it stands, what it cost, and on what it was computed."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from utome.files import held
from utome.studies.folder import StudyFolder, read_json
from utome.studies.outcome import Cost, Run, RunState
from utome.studies.plan import PlannedRun


def run_record(folder: StudyFolder, run: PlannedRun, content: dict[str, Any] | None) -> Run:
    """A run as an outcome holds it; `content` is its file of scores, if it has one."""
    place = folder.run(run)
    state, reason = _state(folder, run, scored=content is not None)
    found = content or {}
    return Run(
        run.protocol, run.arm, run.seed, run.fold,
        place.relative_to(folder.path).as_posix(), state, reason,
        cost=_cost(place, found.get("cost", {})) if run.kind == "network" else Cost(),
        images=found.get("images", {}),
        variants=tuple(found.get("variants", {})),
        left_out=found.get("left_out", {}),
    )  # fmt: skip


def versions_of(folder: StudyFolder, runs: Iterable[PlannedRun]) -> dict[str, str]:
    """The versions that trained these runs, by package; where they differ, all of them."""
    found: dict[str, dict[str, None]] = {}
    for run in runs:
        known = _environment(folder.run(run))
        own = {"utome": known.get("utome"), "python": known.get("python"), **dict(known.get("packages", {}))}
        for name in ("utome", "python", "torch", "numpy", "scipy"):
            if isinstance(own.get(name), str):
                found.setdefault(name, {})[own[name]] = None
    return {name: " or ".join(sorted(each)) for name, each in found.items()}


def _environment(place: Path) -> Mapping[str, Any]:
    return read_json(place / "environment.json") or {}


def _device(place: Path) -> str:
    """The machine that trained, in words: its GPU, or its processor with as many threads as were used."""
    known = _environment(place)
    device, threads = str(known.get("device", "")), known.get("threads")
    if gpu := known.get("gpu"):
        return f"{gpu} ({device})"
    used = f", {threads} thread{'' if threads == 1 else 's'}" if threads else ""
    return f"{known['processor']} ({device}{used})" if known.get("processor") else f"{device}{used}"


def _state(folder: StudyFolder, run: PlannedRun, *, scored: bool) -> tuple[RunState, str | None]:
    if scored:
        return "done", None
    place = folder.run(run)
    if held(place / "events.jsonl") is True:
        return "running", None
    failure = folder.read_failure(run)
    if failure is not None:
        return "failed", failure
    status = (read_json(place / "status.json") or {}).get("status")
    if status == "done":
        return "trained", "its model is not scored yet"
    if status is not None:
        return "interrupted", "it was stopped; running the study again goes on with it"
    return "missing", None


def _cost(place: Path, known: dict[str, Any]) -> Cost:
    """What the tables of a run folder say, and what was measured of its network when it was scored."""
    history, timing = _rows(place / "history.csv"), _rows(place / "timing.csv")
    if not history:
        return Cost(**known)
    last, best = history[-1], [row for row in history if row["best"] == "True"]
    planned = int(last["epochs"])  # not the study's word: the recipe `auto` and a length in minutes choose their own
    memory = [float(row["peak_memory_mb"]) for row in timing if row.get("peak_memory_mb")]
    return Cost(
        seconds=sum(float(row["seconds"]) for row in timing) if timing else None,
        peak_memory_mb=max(memory) if memory else None,
        epochs_run=len(history),
        epochs_planned=planned,
        best_epoch=int(best[-1]["epoch"]) if best else None,
        stopped_early=bool(known) and len(history) < planned,
        final_train_loss=float(last["train_loss"]),
        final_val_loss=float(last["val_loss"]),
        final_train_accuracy=float(last["train_accuracy"]),
        final_val_accuracy=float(last["val_accuracy"]),
        best_val_mean_iou=float(best[-1]["val_mean_iou"]) if best else None,
        device=_device(place),
        **known,
    )


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    except (OSError, ValueError):
        return []
