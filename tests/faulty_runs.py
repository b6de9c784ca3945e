"""Small runs that meet faults, each in a process of its own, and what must come of them: see `tests.fork_server`."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from utome.training.checkpoints import Checkpoints
from utome.training.state import Saved

ROOT = Path(__file__).parents[1]
# Four epochs of four steps. States are saved at the ends of epochs alone, unless a test says otherwise.
SETTINGS = (
    "model.width=2", "model.depth=2", "training.tile=32", "training.batch=2", "training.epochs=4", "training.steps_per_epoch=4",
    "training.precision=float32", "machine.threads=1", "machine.device=cpu", "optimizer.warmup_steps=0",
)  # fmt: skip
STEPS, EPOCH = 16, 4
EACH_STEP = "training.save_minutes=0"
VARIANTS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "bf16": ("training.precision=bfloat16",),
    "averages": ("training.average=0.9",),
    "clipping": ("training.clip=0.5",),
    "stopping": ("training.stopping.patience=1", "training.stopping.min_delta=0.01", "optimizer.schedule=cosine"),
}
MOMENT = "utome.training.keeping:CheckpointKeeper.moment"
VALIDATION = "utome.training.loop:validate"
KILL, TERM, INT, USR1 = ["SIGKILL"], ["SIGTERM"], ["SIGINT"], ["SIGUSR1"]
NO_REPORT = {"kind": "no report"}
# What may differ between two runs that are the same: how long they took.
TIMES = ("seconds", "train_seconds", "val_seconds", "peak_memory_mb")


def at_call(function: str, number: int = 1, signals: Sequence[str] = KILL) -> dict[str, Any]:
    """Signals before the nth call of a function."""
    return {"kind": "call", "function": function, "number": number, "signals": list(signals)}


def at_step(step: int, signals: Sequence[str] = KILL) -> dict[str, Any]:
    """Signals after a step of this process, from 1, and before anything is saved; there is one validation image, which counts as none."""
    return at_call("utome.training.loop:_step", step + 1, signals)


def at_file(number: int, signals: Sequence[str] = KILL, *, half: bool = False) -> dict[str, Any]:
    """Signals before the nth operation on files."""
    return {"kind": "file", "number": number, "signals": list(signals), "half": half}


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit code, negative where a signal ended it, and all that it said."""

    code: int
    said: str


class Runs:
    """Starts runs on one folder of images; a server of its own forks them."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.seconds = 1.0  # that a run took
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
        }
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.fork_server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env=environment,
        )  # fmt: skip
        self._outputs: dict[int, Path] = {}

    def close(self) -> None:
        """End the server."""
        self._server.communicate(timeout=60)

    def start(
        self, *command: str | Path, faults: Sequence[dict[str, Any]] = (), report: bool = False, **more: Any
    ) -> int:
        """The pid of a child that runs a command and meets these faults."""
        handle, output = tempfile.mkstemp(suffix=".out")
        os.close(handle)
        Path(output).chmod(0o666)
        met = [*faults, *([] if report else [NO_REPORT])]
        pid = self._ask({"ask": "start", "command": list(map(str, command)), "faults": met, "output": output, **more})
        self._outputs[pid] = Path(output)
        return pid

    def wait(self, pid: int, *, kill_after: float | None = None) -> Ended:
        """How it ended; with `kill_after` it is killed after so many seconds."""
        code = self._ask({"ask": "wait", "pid": pid, "kill_after": kill_after})
        output = self._outputs.pop(pid)
        said = output.read_text(encoding="utf-8")
        output.unlink()
        return Ended(code, said)

    def wait_until_stopped(self, pid: int) -> None:
        """Until the child has stopped itself (SIGSTOP)."""
        assert self._ask({"ask": "wait stopped", "pid": pid}) == 1, "the child ended"

    @staticmethod
    def wake(pid: int) -> None:
        """Let a stopped child go on."""
        os.kill(pid, signal.SIGCONT)

    def command(self, out: Path, *settings: str, recipe: str = "unet") -> list[str | Path]:
        """The command of a new run of sixteen steps."""
        assignments = [part for each in (*SETTINGS, *settings) for part in ("--set", each)]
        return ["train", self.data, "--out", out, "--recipe", recipe, *assignments]

    def train(self, out: Path, *settings: str, **options: Any) -> Ended:
        """A new run of sixteen steps."""
        return self.wait(self.start(*self.command(out, *settings), **options))

    def resume(self, out: Path, *settings: str, **options: Any) -> Ended:
        """The same run, further."""
        assignments = [part for each in settings for part in ("--set", each)]
        return self.wait(
            self.start("train", options.pop("data", self.data), "--out", out, "--resume", *assignments, **options)
        )

    def finish(self, out: Path, *settings: str) -> None:
        """Resume, and see that it came to its end."""
        ended = self.resume(out, *settings)
        assert ended.code == 0, ended.said

    def _ask(self, request: dict[str, Any]) -> int:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())


def newest(run: Path) -> Saved:
    """The newest whole state of a run."""
    saved = Checkpoints(run / "checkpoints", {}).newest()
    assert saved is not None
    return saved


def state_sizes(run: Path) -> list[int]:
    """The sizes of a run's states in bytes, the oldest first."""
    return [path.stat().st_size for path in sorted((run / "checkpoints").glob("*-epoch-*"))]


def assert_same_end(run: Path, whole: Path) -> None:
    """History, best model and final state are those of the run that nothing happened to, bit for bit."""
    for name in ("history.csv", "model/model.safetensors"):
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name
    assert_same_state(newest(run), newest(whole))
    best, expected = (Checkpoints(each / "checkpoints", {}).best() for each in (run, whole))
    assert best is not None
    assert expected is not None
    assert without_times(asdict(best.epoch)) == without_times(asdict(expected.epoch))
    assert json.loads((run / "status.json").read_text())["status"] == "done"
    assert not [path for path in run.rglob(".*") if path.is_file()], "nothing half-written is left"


def assert_same_state(state: Saved, other: Saved) -> None:
    """Every tensor and every number of two states, bit for bit."""
    assert state.tensors.keys() == other.tensors.keys()
    for name, tensor in state.tensors.items():
        assert tensor.dtype == other.tensors[name].dtype
        assert torch.equal(tensor.reshape(-1).view(torch.uint8), other.tensors[name].reshape(-1).view(torch.uint8)), (
            name
        )
    for name in state.state.keys() - {"about", "history"}:
        assert state.state[name] == other.state[name], name
    assert [*map(without_times, state.state["history"])] == [*map(without_times, other.state["history"])]


def without_times(epoch: dict[str, Any]) -> dict[str, Any]:
    """What of an epoch repeats."""
    return {name: value for name, value in epoch.items() if name not in TIMES}


def killed_at_random_times(runs: Runs, run: Path, draws: np.random.Generator, seconds: float, *settings: str) -> int:
    """Train, resume and resume once more, the first two killed within so many seconds; how many of these two were still at work."""
    killed = 0
    for _ in range(2):
        if (run / "config.yaml").exists():
            pid = runs.start("train", runs.data, "--out", run, "--resume")
        else:
            shutil.rmtree(run, ignore_errors=True)
            pid = runs.start(*runs.command(run, *settings))
        ended = runs.wait(pid, kill_after=draws.uniform(0, seconds))
        assert ended.code in {0, -9}, ended.said
        killed += ended.code == -9
    if (run / "config.yaml").exists():
        runs.finish(run)
    else:
        shutil.rmtree(run, ignore_errors=True)
        assert runs.train(run, *settings).code == 0
    return killed


def within_a_save(operations: Sequence[str]) -> list[tuple[int, str, bool]]:
    """Of all operations on files those of the save that has the first best weights, and of the history after it.

    Each with its number; what is to be synced comes twice, the second time with half of it on the disk.
    """
    first = operations.index("rename manifest.json") + 2
    last = operations.index("rename timing.csv") + 2
    found = [(number + 1, operations[number]) for number in range(first, last + 1)]
    return [(*each, half) for each in found for half in ([False, True] if each[1] == "sync file" else [False])]


def copied(run: Path, place: Path) -> Path:
    """A run at another place."""
    shutil.copytree(run, place)
    return place
