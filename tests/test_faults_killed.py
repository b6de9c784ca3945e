"""A run that is killed, wherever and however often, ends as the one that was not: bit for bit."""

from pathlib import Path
from typing import Any

import pytest

from tests.faulty_runs import (
    EACH_STEP,
    MOMENT,
    STEPS,
    VALIDATION,
    VARIANTS,
    Runs,
    assert_same_end,
    at_call,
    at_file,
    at_step,
    copied,
    killed_at_random_times,
    within_a_save,
)
from utome.randomness import generator

RANDOM_TIMES = 10
# Of the other variants, a few steps: in the first epoch, at its end, and later.
SAMPLED = {"bf16": (3, 9), "averages": (4, 11), "clipping": (2, 10), "stopping": (1, 6)}
# What is under way when no step is: the run is killed when this function is called so often.
ELSEWHERE = {
    "before anything is written": ("utome.training.runfolder:RunFolder.refuse_another_run", 1),
    "before the first state": ("utome.training.keeping:CheckpointKeeper.begin", 1),
    "in the first validation": (VALIDATION, 1),
    "in the last validation": (VALIDATION, 4),
    "after a validation image": (MOMENT, 5),
    "writing the history": ("utome.training.runfolder:RunFolder.write_history", 2),
    "writing the model": ("utome.jobs.train:save_model", 1),
    "scoring": ("utome.jobs.train:score_split", 1),
    "writing the report": ("utome.jobs.train:write_report", 1),
    "drawing the curves": ("matplotlib.figure:Figure.savefig", 1),
}
RESUMING = {
    "reading the state": ("utome.training.checkpoints:Checkpoints.newest", 1),
    "putting it back": ("utome.jobs.resume:put_back", 1),
    "writing that it goes on": ("utome.training.runfolder:RunFolder.go_on", 1),
    "striking out what is damaged": ("utome.training.checkpoints:Checkpoints.mend", 1),
    "saving again": ("utome.training.checkpoints:Checkpoints.save", 1),
}


@pytest.mark.parametrize("step", range(1, STEPS))
def test_killed_at_every_step(step: int, runs: Runs, whole_runs: dict[str, Path], tmp_path: Path) -> None:
    assert runs.train(tmp_path / "run", faults=[at_step(step)]).code == -9
    runs.finish(tmp_path / "run")
    assert_same_end(tmp_path / "run", whole_runs["plain"])


@pytest.mark.parametrize(("variant", "step"), [(name, step) for name, steps in SAMPLED.items() for step in steps])
def test_killed_at_some_steps_of_other_variants(
    variant: str, step: int, runs: Runs, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    settings = [*VARIANTS[variant], EACH_STEP]
    assert runs.train(tmp_path / "run", *settings, faults=[at_step(step)]).code == -9
    runs.finish(tmp_path / "run")
    assert_same_end(tmp_path / "run", whole_runs[variant])


def test_killed_again_and_again_after_two_steps_each_time(
    runs: Runs, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    assert runs.train(tmp_path / "run", EACH_STEP, faults=[at_step(2)]).code == -9
    for _ in range(STEPS // 2 - 2):
        assert runs.resume(tmp_path / "run", faults=[at_step(2)]).code == -9
    runs.finish(tmp_path / "run")
    assert_same_end(tmp_path / "run", whole_runs["plain"])


@pytest.mark.parametrize("place", ELSEWHERE)
def test_killed_between_the_steps(place: str, runs: Runs, whole_runs: dict[str, Path], tmp_path: Path) -> None:
    function, number = ELSEWHERE[place]
    killed = runs.train(
        tmp_path / "run", faults=[at_call(function, number)], report=place.startswith(("drawing", "writing the r"))
    )
    assert killed.code == -9, killed.said
    if place == "before anything is written":
        refused = runs.resume(tmp_path / "run")
        assert (refused.code, "holds no run to go on with" in refused.said) == (2, True), refused.said
        return
    runs.finish(tmp_path / "run")
    assert_same_end(tmp_path / "run", whole_runs["plain"])


@pytest.mark.parametrize("place", RESUMING)
def test_killed_while_it_resumes(
    place: str, runs: Runs, half: Path, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    run = copied(half, tmp_path / "run")
    assert runs.resume(run, faults=[at_call(*RESUMING[place])]).code == -9
    runs.finish(run)
    assert_same_end(run, whole_runs["plain"])


def test_killed_at_every_second_point_of_a_save_with_new_best_weights(
    runs: Runs, traced: dict[str, Any], whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    points = within_a_save(traced["operations"])[::2]
    assert len(points) >= 12
    assert {operation.split()[0] for _, operation, _ in points} == {"sync", "rename"}
    for number, operation, half in points:
        run = tmp_path / f"{number} {operation} {half}"
        assert runs.train(run, faults=[at_file(number, half=half)]).code == -9
        runs.finish(run)
        assert_same_end(run, whole_runs["plain"])


def test_killed_at_random_times(runs: Runs, whole_runs: dict[str, Path], tmp_path: Path) -> None:
    draws, killed = generator(6, "random times"), 0
    for number in range(RANDOM_TIMES):
        killed += killed_at_random_times(runs, tmp_path / f"{number}", draws, runs.seconds)
        assert_same_end(tmp_path / f"{number}", whole_runs["plain"])
    assert killed >= RANDOM_TIMES / 2, "many were still at work when they were killed"
