"""Small searches, each in a process of its own: see `tests.faulty_runs` for how they meet faults."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest

from tests.faulty_runs import SETTINGS, Ended, Runs
from utome.config.overrides import override
from utome.jobs import searching
from utome.jobs.rungs import Leg, LegDone
from utome.jobs.tune import Asked
from utome.recipes.library import load_recipe

TRIALS = 5
# Four epochs of two steps; the rungs of successive halving are after the first and the third.
SEARCHED = (*SETTINGS, "training.steps_per_epoch=2")
SPACE = "space:\n  optimizer.learning_rate: {low: 0.0003, high: 0.03, log: true}\n  training.batch: {low: 1, high: 3}\n"
Train = Callable[[Leg], LegDone]
Kept = tuple[str, Mapping[str, Any], float | None, Mapping[int, float]]
STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running"}


def command(
    runs: Runs,
    out: Path,
    *options: str | Path,
    trials: int = TRIALS,
    pruner: str = "halving",
    settings: Sequence[str] = (),
) -> list[str | Path]:
    """The command of a new search."""
    space = out.parent / "space.yaml"
    space.write_text(SPACE)
    assignments = [part for each in (*SEARCHED, *settings) for part in ("--set", each)]
    return [
        "tune", runs.data, "--recipe", "unet", "--out", out, "--space", space, "--trials", str(trials), "--pruner", pruner,
        *assignments, *options,
    ]  # fmt: skip


def search(runs: Runs, out: Path, *options: str | Path, faults: Sequence[dict[str, Any]] = (), **more: Any) -> Ended:
    """A new search, to its end."""
    return runs.wait(runs.start(*command(runs, out, *options, **more), faults=faults))


def further(runs: Runs, out: Path, *options: str | Path, faults: Sequence[dict[str, Any]] = ()) -> Ended:
    """The same search, further."""
    return runs.wait(runs.start("tune", runs.data, "--out", out, "--resume", *options, faults=faults))


def assert_same_search(out: Path, whole: Path) -> None:
    """All trials, their values and the choice are those of the search that nothing happened to; and the storage agrees."""
    assert (out / "trials.csv").read_bytes() == (whole / "trials.csv").read_bytes()
    assert (out / "best.yaml").read_bytes() == (whole / "best.yaml").read_bytes()
    assert json.loads((out / "status.json").read_text()) == {"status": "done", "reason": None}
    assert kept(out) == kept(whole)


def kept(out: Path, url: str | None = None) -> list[Kept]:
    """Of each trial in Optuna's storage: state, parameters, value, reports."""
    storage = optuna.storages.RDBStorage(url or f"sqlite:///{out / 'study.db'}")
    (name,) = [line.split()[-1] for line in (out / "study.yaml").read_text().splitlines() if line.startswith("name:")]
    study = optuna.load_study(study_name=name, storage=storage)
    found: list[Kept] = [
        (STATES[trial.state.name], trial.params, trial.value, trial.intermediate_values) for trial in study.trials
    ]
    storage.engine.dispose()
    return found


def asked(trials: int = 4, **changes: Any) -> Asked:
    config = override(load_recipe("unet").settings, SETTINGS)
    return Asked(config, SETTINGS, load_recipe("unet").space, trials, **changes)


def reached(leg: Leg) -> LegDone:
    """What a training would reach: more with a larger step, and later."""
    return LegDone(leg.until, leg.config["optimizer"]["learning_rate"] * leg.until)


def training_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[Train], None]:
    """What replaces the trainings of a search by a function; its page is left out."""
    monkeypatch.setattr("utome.jobs.tune.study_html", lambda *_: "")

    def replace(train: Train) -> None:
        monkeypatch.setattr(searching, "train_leg", train)

    replace(reached)
    return replace


def rows(out: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((out / "trials.csv").read_text().splitlines()))


def after(count: int, then: Train) -> Train:
    """So many trainings as usual, then this."""
    calls = [0]

    def train(leg: Leg) -> LegDone:
        calls[0] += 1
        return reached(leg) if calls[0] <= count else then(leg)

    return train
