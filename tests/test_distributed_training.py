"""Training in two processes: the same as in one to 1e-5, whatever the shares; ended, lost and resumed together."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import safetensors.torch
import torch

from tests.builders import draw_discs
from tests.checkpoint_files import state_file, state_tensors
from tests.processes import together
from utome.config.overrides import override
from utome.config.settings import Config
from utome.distributed import rank
from utome.errors import ConfigError, InterruptedRunError, NumericalError
from utome.events import Event, Progressed
from utome.jobs.resume import resume
from utome.jobs.train import train
from utome.recipes.library import load_recipe

pytestmark = pytest.mark.usefixtures("one_thread")
TINY = [
    "model.width=4", "model.depth=2", "training.tile=32", "training.epochs=3", "training.precision=float32", "machine.device=cpu",
    "machine.threads=1",
]  # fmt: skip
LOSSES = ["loss.dice=1", "loss.jaccard=0.5", "loss.focal=0.5", "loss.weights.balance=true"]
# There are 12 tiles an epoch. The shares of batches of 5 and 2 are 2 + 3 and 1 + 1, those of 11 and 1 are 5 + 6 and 0 + 1.
CASES = {
    "no-norm": ["model.norm=none", "training.batch=11", "training.average=0.9", "training.clip=0.5", *LOSSES],
    "batch-norm": ["training.batch=5", *LOSSES],
    "renorm": [
        "model.architecture=se-unet", "model.renorm.warmup_steps=1", "model.renorm.r_steps=4", "model.renorm.d_steps=4",
        "model.enhancement.mode=random", "model.enhancement.factor=3", "model.supervision=true", "loss.supervision=0.3",
        "training.batch=11",
    ],
}  # fmt: skip


def config(*assignments: str) -> Config:
    return override(load_recipe("unet").settings, [*TINY, *assignments])


PLAIN = config("training.batch=4", "training.save_minutes=0")


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight noisy images with a bright disc each, and its mask; six of them train."""
    return draw_discs(tmp_path_factory.mktemp("discs"), [f"{number}" for number in range(8)])


@pytest.fixture(scope="module")
def pair(discs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two processes that nothing interrupts."""
    run = tmp_path_factory.mktemp("pair") / "run"
    assert None not in together(train, discs, PLAIN, run)
    return run


def history(run: Path) -> list[dict[str, str]]:
    with (run / "history.csv").open() as file:
        return list(csv.DictReader(file))


def differences(one: Path, other: Path, *, epoch: int = 3) -> dict[str, float]:
    """The largest difference of any figure of the histories, and of any weight or statistic of the last states and the models."""
    rows = zip(history(one), history(other), strict=True)
    figures = [
        abs(float(ours[name]) - float(theirs[name]))
        for ours, theirs in rows
        for name in ours
        if name not in {"epoch", "epochs", "best"}
    ]
    states = [
        {name: each for name, each in state_tensors(run, epoch).items() if not name.startswith("optimizer.")}
        for run in (one, other)
    ]
    models = [safetensors.torch.load_file(run / "model" / "model.safetensors") for run in (one, other)]
    return {"history": max(figures), "state": _difference(*states), "model": _difference(*models)}


def _difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    assert one.keys() == other.keys()
    return max(float((one[name].double() - other[name].double()).abs().max()) for name in one)


def same(one: Path, other: Path) -> None:
    """Bit for bit the same history and model."""
    for name in ("history.csv", "model/model.safetensors"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


@pytest.mark.parametrize("name", CASES)
def test_two_processes_train_as_one_does(name: str, discs: Path, tmp_path: Path) -> None:
    settings = config(*CASES[name])
    one = train(discs, settings, tmp_path / "one")
    results = together(train, discs, settings, tmp_path / "two")
    assert [result.best.epoch for result in results] == [one.best.epoch] * 2
    found = differences(tmp_path / "one", tmp_path / "two")
    assert max(found.values()) < 1e-5, found


def test_one_alone_writes(pair: Path) -> None:
    events = [json.loads(line) for line in (pair / "events.jsonl").read_text().splitlines()]
    assert [event["epoch"] for event in events if event["event"] == "EpochDone"] == [1, 2, 3]
    assert sum("2 processes share the 4 tiles of each step (2 + 2)" in event.get("text", "") for event in events) == 1
    assert json.loads((pair / "environment.json").read_text())["processes"] == 2
    assert json.loads((pair / "status.json").read_text())["status"] == "done"


def end(discs: Path, out: Path, *, number: int, at: tuple[str, int], ending: signal.Signals) -> tuple[str, int]:
    """Train until this process, if it has that number, is told to end at that point; the error and its exit code."""

    def listen(event: Event) -> None:
        if isinstance(event, Progressed) and (event.stage, event.done) == at and rank() == number:
            os.kill(os.getpid(), ending)

    try:
        train(discs, PLAIN, out, listen=listen)
    except InterruptedRunError as error:
        return str(error), error.exit_code
    raise AssertionError("it was not ended")


def end_second(discs: Path, out: Path) -> tuple[str, int]:
    return end(discs, out, number=1, at=("epoch 2/3", 2), ending=signal.SIGTERM)


def end_first(discs: Path, out: Path) -> tuple[str, int]:
    return end(discs, out, number=0, at=("epoch 1/3", 3), ending=signal.SIGINT)


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="Windows knows no such signals")
class TestEnding:
    def test_a_signal_to_one_ends_all_at_the_same_step_and_they_go_on_to_the_same_end(
        self, discs: Path, pair: Path, tmp_path: Path
    ) -> None:
        answers = together(end_second, discs, tmp_path / "run")
        assert answers[0] == answers[1]
        assert answers[0][1] == 143
        assert "SIGTERM" in answers[0][0]
        assert state_file(tmp_path / "run", 1, 2).is_file()
        assert json.loads((tmp_path / "run" / "status.json").read_text())["status"] == "interrupted"
        together(resume, discs, tmp_path / "run")
        same(tmp_path / "run", pair)

    def test_another_number_of_processes_is_refused_unless_it_is_allowed(
        self, discs: Path, pair: Path, tmp_path: Path
    ) -> None:
        run = tmp_path / "run"
        assert [code for _, code in together(end_first, discs, run)] == [130] * 2
        with pytest.raises(ConfigError, match=r"computed by 2 processes.*would be one process.*any_processes=true"):
            resume(discs, run)
        said: list[str] = []
        resume(discs, run, assignments=["machine.any_processes=true"], listen=lambda event: said.append(str(event)))
        assert any("computed by 2 processes and now is by one process" in sentence for sentence in said)
        assert max(differences(run, pair).values()) < 1e-5


def train_wildly(discs: Path, out: Path) -> None:
    settings = ["model.norm=none", "optimizer.learning_rate=1e30", "optimizer.warmup_steps=0", "training.batch=4"]
    train(discs, config(*settings), out)


def test_numbers_that_go_wrong_send_all_back_and_end_all_with_one_sentence(discs: Path, tmp_path: Path) -> None:
    errors = together(train_wildly, discs, tmp_path / "run")
    assert all(isinstance(error, NumericalError) for error in errors)
    assert str(errors[0]) == str(errors[1])
    events = [json.loads(line) for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    assert sum("Going back" in event.get("text", "") for event in events) == 3
    assert json.loads((tmp_path / "run" / "status.json").read_text())["status"] == "failed"


def train_on_own(folders: list[Path], out: Path) -> None:
    train(folders[rank()], PLAIN, out)


def test_processes_that_see_other_images_are_refused(discs: Path, tmp_path: Path) -> None:
    other = draw_discs(tmp_path / "data", [f"{number}" for number in range(9)])
    for error in together(train_on_own, [discs, other], tmp_path / "run"):
        assert "do not see the same images" in str(error)
    assert not (tmp_path / "run").exists()


def test_more_processes_than_tiles_are_refused(discs: Path, tmp_path: Path) -> None:
    for error in together(train, discs, config("training.batch=1"), tmp_path / "run"):
        assert isinstance(error, ConfigError)
        assert "training.batch is 1, but 2 processes" in str(error)


def torchrun(discs: Path, run: Path, *more: str) -> list[str]:
    settings = [part for each in [*TINY, "training.batch=4"] for part in ("--set", each)]
    begun = ["--resume"] if run.exists() else ["--recipe", "unet", *settings]
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return [*launch, "-m", "utome", "train", str(discs), "--out", str(run), *begun, *more]


def workers(parent: int) -> list[int]:
    """The processes that torchrun has started."""
    return [int(number) for number in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="the system has no such table of processes")
def test_torchrun_ends_when_a_process_is_killed_and_resumes(discs: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with subprocess.Popen([*torchrun(discs, run), "--set", "training.epochs=9999"], stderr=subprocess.PIPE) as launched:
        waited = time.monotonic() + 100
        while not (run / "history.csv").exists():
            assert launched.poll() is None, launched.communicate()
            assert time.monotonic() < waited
            time.sleep(0.1)
        os.kill(workers(launched.pid)[-1], signal.SIGKILL)
        _, said = launched.communicate(timeout=60)
    assert launched.returncode != 0
    assert said.count(b"epoch 1/9999") == 1
    epochs = len(history(run)) + 2
    resumed = subprocess.run(
        [*torchrun(discs, run), "--json", "--set", f"training.epochs={epochs}"],
        capture_output=True,
        check=True,
        timeout=100,
    )
    assert json.loads(resumed.stdout)["run"] == str(run)
    assert resumed.stderr.count(b"Going on after epoch") == 1
    assert len(history(run)) == epochs
    assert json.loads((run / "status.json").read_text())["status"] == "done"
