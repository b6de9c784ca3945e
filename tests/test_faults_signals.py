"""Signals that ask a run to end, and what else comes from outside: another process, other settings, another place."""

import json
from pathlib import Path

import pytest
import torch

from tests.faulty_runs import (
    EACH_STEP,
    INT,
    MOMENT,
    TERM,
    USR1,
    VALIDATION,
    Runs,
    assert_same_end,
    at_call,
    at_file,
    at_step,
    copied,
    newest,
)

# Operations on files before the save that the first signal brings: what is written at the beginning, and the save of the first epoch.
FIRST_SAVES = 39
SIGNALS = {"SIGTERM": (TERM, 143), "SIGUSR1": (USR1, 143), "SIGINT": (INT, 130)}


def status(run: Path) -> str:
    found: dict[str, str] = json.loads((run / "status.json").read_text())
    return found["status"]


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_signal_saves_at_the_next_step_and_leaves(
    signal: str, runs: Runs, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    names, code = SIGNALS[signal]
    ended = runs.train(tmp_path / "run", faults=[at_step(6, names)])
    assert (ended.code, status(tmp_path / "run")) == (code, "interrupted"), ended.said
    assert "Go on with --resume" in ended.said
    saved = newest(tmp_path / "run")
    assert (len(saved.state["history"]), saved.state["step"]) == (1, 3), "the signal came before the seventh step"
    runs.finish(tmp_path / "run")
    assert_same_end(tmp_path / "run", whole_runs["plain"])


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_signal_within_a_validation_saves_and_leaves(
    signal: str, runs: Runs, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    names, code = SIGNALS[signal]
    ended = runs.train(tmp_path / "run", faults=[at_call(VALIDATION, 2, names)])
    assert ended.code == code, ended.said
    saved = newest(tmp_path / "run")
    assert (len(saved.state["history"]), saved.state["step"]) == (1, 4), (
        "all steps of the second epoch, but it is not over"
    )
    runs.finish(tmp_path / "run")
    assert_same_end(tmp_path / "run", whole_runs["plain"])


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("place", ["utome.training.checkpoints:Checkpoints.best", "utome.jobs.train:score_split"])
def test_a_signal_after_the_last_step_ends_the_scoring_too(
    place: str, signal: str, runs: Runs, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    names, code = SIGNALS[signal]
    ended = runs.train(tmp_path / "run", faults=[at_call(place, 1, names)])
    assert (ended.code, status(tmp_path / "run")) == (code, "interrupted"), ended.said
    runs.finish(tmp_path / "run")
    assert_same_end(tmp_path / "run", whole_runs["plain"])


@pytest.mark.parametrize("operation", range(1, 16, 2))
def test_a_second_interrupt_leaves_at_once_and_nothing_is_corrupt(
    operation: int, runs: Runs, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    first = at_step(6, INT)
    second = at_file(FIRST_SAVES + operation, INT)
    ended = runs.train(tmp_path / "run", faults=[first, second])
    assert ended.code == 130, ended.said
    runs.finish(tmp_path / "run")
    assert_same_end(tmp_path / "run", whole_runs["plain"])


def test_a_second_interrupt_within_a_step_does_not_wait_for_the_next(
    runs: Runs, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    ended = runs.train(tmp_path / "run", faults=[at_step(6, [*INT, *INT])])
    assert (ended.code, status(tmp_path / "run")) == (130, "interrupted"), ended.said
    assert (len(newest(tmp_path / "run").state["history"]), newest(tmp_path / "run").state["step"]) == (1, 0)
    runs.finish(tmp_path / "run")
    assert_same_end(tmp_path / "run", whole_runs["plain"])


def test_interrupted_twice_and_killed_once(runs: Runs, whole_runs: dict[str, Path], tmp_path: Path) -> None:
    assert runs.train(tmp_path / "run", EACH_STEP, faults=[at_call(MOMENT, 3, TERM)]).code == 143
    assert runs.resume(tmp_path / "run", faults=[at_call(MOMENT, 4, INT)]).code == 130
    assert runs.resume(tmp_path / "run", faults=[at_call(MOMENT, 5)]).code == -9
    runs.finish(tmp_path / "run")
    assert_same_end(tmp_path / "run", whole_runs["plain"])


def test_a_second_process_on_a_run_is_refused_and_the_first_goes_on(
    runs: Runs, half: Path, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    run = copied(half, tmp_path / "run")
    # The first stops itself between two steps, and is woken once the second was refused.
    first = runs.start("train", runs.data, "--out", run, "--resume", faults=[at_step(2, ["SIGSTOP"])])
    runs.wait_until_stopped(first)
    refused = runs.resume(run)
    runs.wake(first)
    ended = runs.wait(first)
    assert (refused.code, "Another process works on" in refused.said) == (2, True), refused.said
    assert ended.code == 0, ended.said
    assert_same_end(run, whole_runs["plain"])


def test_of_two_that_begin_in_one_folder_the_second_is_refused(
    runs: Runs, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    # The first has found the folder empty, and stops before it takes it for itself.
    first = runs.start(*runs.command(run), faults=[at_call("utome.jobs.train:refuse_too_little_space", 1, ["SIGSTOP"])])
    runs.wait_until_stopped(first)
    second = runs.train(run)
    runs.wake(first)
    refused = runs.wait(first)
    assert second.code == 0, second.said
    assert (refused.code, "Another process began a run" in refused.said) == (2, True), refused.said
    assert_same_end(run, whole_runs["plain"])


def test_images_that_are_gone_are_named_and_the_run_stays_as_it_was(
    runs: Runs, half: Path, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    run = copied(half, tmp_path / "run")
    refused = runs.resume(run, data=tmp_path / "gone")
    assert (refused.code, str(tmp_path / "gone") in refused.said) == (3, True), refused.said
    assert status(run) == "interrupted"
    runs.finish(run)
    assert_same_end(run, whole_runs["plain"])


ALLOWED = {
    "training.epochs=6": "The run was to have 4 epochs and now has 6",
    "training.stopping.patience=1": "Going on after epoch 2, step 3",
    "training.save_minutes=0": "Going on after epoch 2, step 3",
    "machine.threads=2": "The run began with threads 1; with 2 its last digits may differ",
}
REFUSED = {
    "model.width=6": (2, "`model.width` was 2 and is 6"),
    "training.batch=3": (2, "`training.batch` was 2 and is 3"),
    "seed=1": (2, "`seed` was 0 and is 1"),
    "optimizer.learning_rate=0.5": (2, "`optimizer.learning_rate` was"),
    "training.epochs=1": (2, "training.epochs is 1, but 2 epochs are done"),
}


@pytest.mark.parametrize("setting", ALLOWED)
def test_a_setting_that_may_change_on_resume(setting: str, runs: Runs, half: Path, tmp_path: Path) -> None:
    run = copied(half, tmp_path / "run")
    ended = runs.resume(run, setting)
    assert ended.code == 0, ended.said
    assert ALLOWED[setting] in ended.said


@pytest.mark.parametrize("setting", REFUSED)
def test_a_setting_that_may_not_change_is_refused_with_the_difference(
    setting: str, runs: Runs, half: Path, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    run = copied(half, tmp_path / "run")
    refused = runs.resume(run, setting)
    code, sentence = REFUSED[setting]
    assert (refused.code, sentence in refused.said) == (code, True), refused.said
    runs.finish(run)
    assert_same_end(run, whole_runs["plain"])


def test_epochs_added_to_a_finished_run_are_those_of_a_run_that_was_stopped_between(
    runs: Runs, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    once, twice = copied(whole_runs["plain"], tmp_path / "once"), copied(whole_runs["plain"], tmp_path / "twice")
    runs.finish(once, "training.epochs=7")
    assert runs.resume(twice, "training.epochs=7", faults=[at_step(5)]).code == -9
    runs.finish(twice)
    assert_same_end(twice, once)
    rows = (once / "history.csv").read_text().splitlines()
    assert len(rows) == 1 + 7


def test_a_constant_learning_rate_makes_a_longer_run_of_a_shorter_one(runs: Runs, tmp_path: Path) -> None:
    assert runs.train(tmp_path / "four", "optimizer.schedule=constant").code == 0
    assert runs.train(tmp_path / "six", "optimizer.schedule=constant", "training.epochs=6").code == 0
    runs.finish(tmp_path / "four", "training.epochs=6")
    first, second = newest(tmp_path / "four"), newest(tmp_path / "six")
    for name, tensor in second.tensors.items():
        assert torch.equal(first.tensors[name], tensor), name
    assert (tmp_path / "four" / "history.csv").read_text().replace("\r", "").count("\n") == 1 + 6


def test_stopping_that_watches_another_figure_counts_anew_from_the_history(runs: Runs, tmp_path: Path) -> None:
    runs.train(tmp_path / "run", "training.epochs=2")
    state = newest(tmp_path / "run").state
    runs.finish(tmp_path / "run", "training.stopping.monitor=val_loss", "training.epochs=3")
    history = newest(tmp_path / "run").state["history"]
    stopping = newest(tmp_path / "run").state["stopping"]
    assert state["stopping"]["monitor"] == "val_mean_iou"
    assert stopping["best"] == min(epoch["val_loss"] for epoch in history)
