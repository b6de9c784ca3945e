"""The full matrix of faults; `make soak` runs it. What is tried here a hundred times is tried a few times in the tests of the same name."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.damage import COUNTS, KINDS, damage
from tests.faulty_runs import (
    EACH_STEP,
    STEPS,
    TERM,
    VARIANTS,
    Runs,
    assert_same_end,
    at_file,
    at_step,
    copied,
    killed_at_random_times,
    newest,
)
from utome.randomness import generator

pytestmark = pytest.mark.soak

RANDOM_TIMES = 200
DISK_BYTES = 40_000_000


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("step", range(1, STEPS))
def test_killed_at_every_step_of_every_variant(
    variant: str, step: int, runs: Runs, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    for number, settings in enumerate([(), (EACH_STEP,)]):
        run = tmp_path / f"{number}"
        killed = runs.train(run, *VARIANTS[variant], *settings, faults=[at_step(step)])
        assert killed.code in ({0, -9} if variant == "stopping" else {-9}), "that variant may stop before"
        runs.finish(run)
        assert_same_end(run, whole_runs[variant])


@pytest.mark.parametrize("variant", ["plain", "averages"])
def test_killed_at_random_times(variant: str, runs: Runs, whole_runs: dict[str, Path], tmp_path: Path) -> None:
    draws, killed = generator(6, "soak", variant), 0
    for number in range(RANDOM_TIMES // 2):
        run = tmp_path / f"{number}"
        killed += killed_at_random_times(runs, run, draws, runs.seconds, *VARIANTS[variant], EACH_STEP)
        assert_same_end(run, whole_runs[variant])
    assert killed >= RANDOM_TIMES / 2


@pytest.mark.parametrize("half", [False, True], ids=["before", "half"])
def test_killed_at_every_operation_on_files_of_a_whole_run(
    half: bool, runs: Runs, traced: dict[str, Any], whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    for number, operation in enumerate(traced["operations"], start=1):
        if half and operation != "sync file":
            continue
        run = tmp_path / f"{number}"
        assert runs.train(run, faults=[at_file(number, half=half)]).code == -9
        if not (run / "config.yaml").exists():
            assert runs.resume(run).code == 2
            continue
        runs.finish(run)
        assert_same_end(run, whole_runs["plain"])


@pytest.mark.parametrize("kind", KINDS)
def test_runs_with_damaged_checkpoints_come_to_the_same_end(
    kind: str, runs: Runs, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    stepped = tmp_path / "stepped"
    assert runs.train(stepped, EACH_STEP, faults=[at_step(10, TERM)]).code == 143
    for number in range(COUNTS[kind] // 10):
        run = copied(stepped, tmp_path / f"{number}")
        damage(run, kind, generator(6, "soak", kind, number))
        runs.finish(run)
        assert_same_end(run, whole_runs["plain"])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, as large as the checkpoints need and little more."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("step", range(1, STEPS, 2))
def test_a_disk_that_others_fill(step: int, runs: Runs, small_disk: Path, whole_runs: dict[str, Path]) -> None:
    fill = {"kind": "fill", "number": step, "file": str(small_disk / "others")}
    ended = runs.train(small_disk / "run", EACH_STEP, faults=[fill])
    assert ended.code == 5, ended.said
    assert "No space left on device" in ended.said
    assert newest(small_disk / "run").state["step"] == (step - 1) % 4
    (small_disk / "others").unlink()
    runs.finish(small_disk / "run")
    assert_same_end(small_disk / "run", whole_runs["plain"])


def test_a_disk_too_small_for_the_checkpoints_is_refused_at_first(runs: Runs, small_disk: Path) -> None:
    (small_disk / "others").write_bytes(bytes(DISK_BYTES - 5_000_000))
    ended = runs.train(small_disk / "run")
    assert (ended.code, "The checkpoints of this training need " in ended.said) == (5, True), ended.said
    assert not (small_disk / "run").exists()
