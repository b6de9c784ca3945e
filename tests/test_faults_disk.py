"""Disks that are full, closed or gone: refused at first where it can be known, and otherwise nothing is lost."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.faulty_runs import EACH_STEP, SETTINGS, Runs, assert_same_end, newest, state_sizes
from utome.config.overrides import override
from utome.errors import MachineError
from utome.events import EpochDone, Event
from utome.jobs.train import train
from utome.recipes.library import load_recipe
from utome.training.runfolder import RunFolder
from utome.training.space import needed_bytes


def refused_from(number: int, reason: str = "ENOSPC") -> dict[str, Any]:
    """From the nth operation on files on, the system refuses all of them."""
    return {"kind": "refuse", "number": number, "reason": reason}


@pytest.mark.parametrize("number", [22, 24, 26, 29, 31, 34, 37])
def test_a_full_disk_leaves_the_old_checkpoint_whole(
    number: int, runs: Runs, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    ended = runs.train(tmp_path / "run", faults=[refused_from(number)])
    assert ended.code == 5, ended.said
    assert f"'{tmp_path / 'run'}" in ended.said
    assert "cannot be written: No space left on device. The file needs " in ended.said
    assert "MB free. Free some space there." in ended.said
    runs.finish(tmp_path / "run")
    assert_same_end(tmp_path / "run", whole_runs["plain"])


def test_a_state_that_finds_no_room_says_that_the_one_before_is_whole(runs: Runs, tmp_path: Path) -> None:
    ended = runs.train(tmp_path / "run", faults=[refused_from(22)])
    assert "The state saved before is whole: then go on with --resume." in ended.said
    assert newest(tmp_path / "run").state["history"] == []


def test_a_state_larger_than_a_file_may_be_is_refused_and_the_one_before_it_kept(
    runs: Runs, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    assert runs.train(tmp_path / "try").code == 0
    _, third, fourth = state_sizes(tmp_path / "try")
    assert third < fourth, "the history grows"
    ended = runs.train(tmp_path / "run", file_size=(third + fourth) // 2)
    assert ended.code == 5, ended.said
    assert "cannot be written: File too large. The file has " in ended.said
    assert len(newest(tmp_path / "run").state["history"]) == 3
    runs.finish(tmp_path / "run")
    assert_same_end(tmp_path / "run", whole_runs["plain"])


def test_a_limit_of_file_sizes_that_no_checkpoint_fits_is_refused_before_anything_is_written(
    runs: Runs, tmp_path: Path
) -> None:
    ended = runs.train(tmp_path / "run", file_size=20_000)
    assert (ended.code, "this system allows files of 20 kB" in ended.said) == (5, True), ended.said
    assert not (tmp_path / "run").exists()


def test_a_folder_that_may_not_be_written_is_refused_before_the_first_epoch(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None
) -> None:
    def closed(path: Path, **options: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "mkdir", closed)
    said: list[Event] = []
    with pytest.raises(MachineError, match=f"Read-only file system. Make '{tmp_path}' writable, or name another place"):
        train(runs.data, override(load_recipe("unet").settings, SETTINGS), tmp_path / "run", listen=said.append)
    assert not any(isinstance(event, EpochDone) for event in said)
    assert not (tmp_path / "run").exists()


def test_a_disk_that_becomes_closed_ends_the_run_and_loses_nothing(
    runs: Runs, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    ended = runs.train(tmp_path / "run", EACH_STEP, faults=[refused_from(40, "EROFS")])
    assert (ended.code, "Read-only file system. Make " in ended.said) == (5, True), ended.said
    runs.finish(tmp_path / "run")
    assert_same_end(tmp_path / "run", whole_runs["plain"])


def test_a_run_folder_that_is_gone_and_comes_back(runs: Runs, whole_runs: dict[str, Path], tmp_path: Path) -> None:
    fault = {"kind": "remove", "number": 7, "folder": str(tmp_path / "run"), "to": str(tmp_path / "pulled out")}
    ended = runs.train(tmp_path / "run", faults=[fault])
    assert ended.code == 5, ended.said
    assert f"'{tmp_path / 'run' / 'checkpoints'}' is not there, or no longer. Put it back" in ended.said
    (tmp_path / "pulled out").rename(tmp_path / "run")
    runs.finish(tmp_path / "run")
    assert_same_end(tmp_path / "run", whole_runs["plain"])


@pytest.mark.parametrize("settings", [(), (EACH_STEP,)], ids=["epochs", "steps"])
def test_the_room_that_is_asked_for_is_enough(settings: tuple[str, ...], runs: Runs, tmp_path: Path) -> None:
    trace = {"kind": "trace", "folder": str(tmp_path / "run"), "trace": str(tmp_path / "trace.json")}
    assert runs.train(tmp_path / "run", *settings, faults=[trace]).code == 0
    most = json.loads((tmp_path / "trace.json").read_text())["most_bytes"]
    weights = sum(
        tensor.nbytes for name, tensor in newest(tmp_path / "run").tensors.items() if name.startswith("network.")
    )
    assert most <= needed_bytes(weights, RunFolder(tmp_path / "run").saved_config())[1]
