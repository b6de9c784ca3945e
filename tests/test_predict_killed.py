"""A prediction of many images that is killed, or whose disk is full, ends after a repeat in the bytes of one quiet run."""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.faulty_runs import KILL, Runs, at_file
from tests.predicted import content, many_images, tiny_run
from utome.randomness import generator

MOMENTS = 10
FORMS = {"whole": (), "regions": ("--format", "tiff")}


class Predictions:
    """Commands of one kind on the same images, each in a child, and what they give when nothing happens."""

    def __init__(self, runs: Runs, folder: Path, *options: str) -> None:
        self._runs = runs
        self._command: list[str | Path] = [
            "predict", tiny_run(folder / "model"), many_images(folder / "images", 9), "--set", "machine.threads=1", "--set",
            "machine.device=cpu", "--objects", "components", "--probabilities", "uint8", *options, "--out",
        ]  # fmt: skip
        started = time.perf_counter()
        self.finish(folder / "quiet")
        self.seconds = time.perf_counter() - started
        self._quiet = content(folder / "quiet")

    def finish(self, out: Path) -> None:
        """A command that comes to its end."""
        ended = self._runs.wait(self._runs.start(*self._command, out))
        assert ended.code == 0, ended.said

    def killed_at_a_moment(self, out: Path, moment: float) -> bool:
        """Whether a command that is killed at this moment was still at work."""
        ended = self._runs.wait(self._runs.start(*self._command, out), kill_after=moment)
        assert ended.code in {0, -9}, ended.said
        return ended.code == -9

    def stopped(self, out: Path, code: int, *faults: dict[str, Any], **limits: Any) -> str:
        """What a command says that meets these faults and ends so."""
        ended = self._runs.wait(self._runs.start(*self._command, out, faults=list(faults), **limits))
        assert ended.code == code, ended.said
        return ended.said

    def assert_no_half_file(self, out: Path) -> None:
        """Every file that has its name already is as it will be."""
        for name, found in (content(out) if out.exists() else {}).items():
            if not (name.startswith(".parts/") or Path(name).name.startswith(".writing-") or name == "manifest.jsonl"):
                assert found == self._quiet[name], name

    def assert_same_end(self, out: Path) -> None:
        """After a repeat all is there, byte by byte, and nothing else."""
        self.finish(out)
        assert content(out) == self._quiet


@pytest.fixture(scope="module", params=FORMS)
def predictions(runs: Runs, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Predictions:
    return Predictions(runs, tmp_path_factory.mktemp(request.param), *FORMS[request.param])


def test_killed_at_drawn_moments(predictions: Predictions, tmp_path: Path) -> None:
    killed_at_drawn_moments(predictions, tmp_path, MOMENTS // len(FORMS), "test")


def killed_at_drawn_moments(predictions: Predictions, folder: Path, count: int, *key: str) -> None:
    """Killed so often, each in a folder of its own, and each second once more while it goes on."""
    draws, killed = generator(8, "prediction", *key), 0
    for number in range(count):
        out = folder / f"{number}"
        for _ in range(1 + number % 2):
            killed += predictions.killed_at_a_moment(out, draws.uniform(0, predictions.seconds))
            predictions.assert_no_half_file(out)
        predictions.assert_same_end(out)
    assert killed, "some were still at work when they were killed"


@pytest.mark.parametrize("number", [1, 4, 8, 23])
def test_killed_at_operations_on_files(predictions: Predictions, tmp_path: Path, number: int) -> None:
    predictions.stopped(tmp_path / "out", -9, at_file(number, KILL, half=number % 2 == 0))
    predictions.assert_no_half_file(tmp_path / "out")
    predictions.assert_same_end(tmp_path / "out")


@pytest.mark.parametrize("number", [3, 20])
def test_a_full_disk_leaves_files_whole_or_absent(predictions: Predictions, tmp_path: Path, number: int) -> None:
    fault = {"kind": "refuse", "number": number, "reason": "ENOSPC"}
    assert "No space left on device" in predictions.stopped(tmp_path / "out", 5, fault)
    predictions.assert_no_half_file(tmp_path / "out")
    predictions.assert_same_end(tmp_path / "out")


@pytest.mark.parametrize("limit", [500, 4000])
def test_files_that_may_not_grow_are_whole_or_absent(predictions: Predictions, tmp_path: Path, limit: int) -> None:
    said = predictions.stopped(tmp_path / "out", 5, file_size=limit)
    assert "cannot be written: File too large." in said
    predictions.assert_no_half_file(tmp_path / "out")
    predictions.assert_same_end(tmp_path / "out")
