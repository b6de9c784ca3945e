"""A training that goes from rung to rung is the training that went in one go, bit for bit."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.faulty_runs import VARIANTS, Runs, assert_same_end
from utome.config.overrides import override, read_config
from utome.config.settings import config_from_dict
from utome.errors import DataError, MachineError, NumericalError, UtomeError
from utome.jobs import rungs
from utome.jobs.rungs import Leg, train_leg
from utome.jobs.status import run_status

OWN = ("optimizer.learning_rate", "seed")
pytestmark = pytest.mark.usefixtures("one_thread")


def leg(runs: Runs, run: Path, whole: Path, until: int) -> Leg:
    """A leg of the training that went in one go."""
    return Leg(0, 0, runs.data, run, read_config(whole / "config.yaml"), until, OWN)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_run_by_rungs_ends_as_the_one_that_went_in_one_go(
    variant: str, runs: Runs, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    run, whole = tmp_path / "run", whole_runs[variant]
    epochs = [train_leg(leg(runs, run, whole, until)).epochs for until in (1, 3, 4)]
    assert epochs[0] == 1
    assert (epochs[-1] < 4) == (run_status(whole).epoch < 4), "patience ends both at the same epoch"
    assert (run / "history.csv").read_bytes() == (whole / "history.csv").read_bytes()
    runs.finish(run)
    assert_same_end(run, whole)


def test_the_value_of_a_rung_is_the_best_so_far(runs: Runs, whole_runs: dict[str, Path], tmp_path: Path) -> None:
    whole = whole_runs["plain"]
    rows = (whole / "history.csv").read_text().splitlines()
    column = rows[0].split(",").index("val_mean_iou")
    scores = [float(row.split(",")[column]) for row in rows[1:]]
    for until in (1, 2, 4):
        assert train_leg(leg(runs, tmp_path / "run", whole, until)).value == max(scores[:until])


def test_a_run_that_waits_says_so_and_has_a_model_but_no_scores(
    runs: Runs, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    train_leg(leg(runs, tmp_path / "run", whole_runs["plain"], 2))
    found = run_status(tmp_path / "run")
    assert (found.status, found.reason, found.epoch, found.epochs) == ("paused", "after epoch 2 of 4", 2, 4)
    states = [path.name for path in (tmp_path / "run" / "checkpoints").glob("*-epoch-*")]
    assert len(states) == 1, f"one state of a training that waits is enough: {states}"
    assert found.next is not None
    assert found.next.endswith("--resume")
    assert (tmp_path / "run" / "model" / "model.safetensors").is_file()
    assert not (tmp_path / "run" / "report.html").exists()
    config = config_from_dict(yaml.safe_load((tmp_path / "run" / "config.yaml").read_text()))
    assert config.training.epochs == 4, "the schedule is that of the whole training"


def test_a_leg_that_is_there_already_is_not_trained_again(
    runs: Runs, whole_runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = train_leg(leg(runs, tmp_path / "run", whole_runs["plain"], 2))
    monkeypatch.setattr(rungs, "_train", lambda _: pytest.fail("it was trained again"))
    assert train_leg(leg(runs, tmp_path / "run", whole_runs["plain"], 2)) == first
    assert train_leg(leg(runs, tmp_path / "run", whole_runs["plain"], 1)).epochs == 1


def test_a_run_that_was_killed_before_it_began_begins_anew(
    runs: Runs, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    (tmp_path / "run" / "data.json").write_text("{")
    assert train_leg(leg(runs, tmp_path / "run", whole_runs["plain"], 1)).epochs == 1


def test_a_run_of_another_trial_is_not_taken_for_this_one(
    runs: Runs, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    first = leg(runs, tmp_path / "run", whole_runs["plain"], 1)
    train_leg(first)
    config = override(first.config, ["optimizer.learning_rate=0.5", "machine.threads=2"]).as_dict()
    found = train_leg(replace(first, config=config))
    assert found.hopeless
    assert "run' holds a training of another trial 0: `optimizer.learning_rate` is 0.001 there and 0.5 here." in str(
        found.failure
    )
    assert train_leg(first).epochs == 1


@pytest.mark.parametrize(
    ("error", "cause", "hopeless"),
    [
        (NumericalError("diverged"), None, False),
        (MachineError("too little memory"), MemoryError(), False),
        (MachineError("disk full"), OSError(), True),
        (DataError("gone"), None, True),
    ],
)
def test_a_failure_is_an_answer_and_says_whether_other_trials_would_fail_too(
    error: UtomeError, cause: BaseException | None, hopeless: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Leg) -> None:
        raise error from cause

    monkeypatch.setattr(rungs, "_train", fail)
    found = train_leg(Leg(0, 0, tmp_path, tmp_path / "run", {}, 1, OWN))
    assert (found.value, found.failure, found.hopeless) == (None, str(error), hopeless)


def test_a_run_that_another_process_works_on_is_waited_for_and_is_no_fault_of_the_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rungs, "LEAVE_SECONDS", 0.0)
    monkeypatch.setattr(rungs, "held", lambda _: True)
    found = train_leg(Leg(0, 0, tmp_path, tmp_path / "run", {}, 1, OWN))
    assert found.hopeless
    assert "Another process works on" in str(found.failure)
