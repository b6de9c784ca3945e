"""Signals to a process that fans out, and to its workers: all leave, in order, and say one thing once."""

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import executed
from tests.conftest import ROOT
from utome.errors import TerminatedRunError
from utome.execution import Workers, fanned

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="the system has no handles of processes")
SECONDS = 60
TWO = Workers(2)


class Place:
    """A folder with a named pipe, in which workers announce themselves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        os.mkfifo(folder / "begun")
        # Open for writing, too, so that it does not end between two workers.
        self._pipe = os.open(folder / "begun", os.O_RDWR)

    def announced(self, count: int = 2) -> list[int]:
        """So many workers' numbers, as they announce themselves."""
        found = []
        for _ in range(count):
            assert select.select([self._pipe], [], [], SECONDS)[0], "a worker has not announced itself"
            found.append(int(os.read(self._pipe, executed.ANNOUNCEMENT)))
        return found

    def saved(self) -> set[int]:
        """The workers that have saved."""
        return {int(path.name.partition("-")[2]) for path in self.folder.glob("saved-*")}

    def close(self) -> None:
        os.close(self._pipe)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    found = Place(tmp_path)
    yield found
    found.close()


@contextmanager
def fanning(task: str, place: Place) -> Iterator[subprocess.Popen[str]]:
    """`tests.fanning` in a process group of its own, as a shell starts it."""
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.fanning", task, str(place.folder), "2"], cwd=ROOT, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield program
    finally:
        if program.poll() is None:
            os.killpg(program.pid, signal.SIGKILL)
        program.communicate()


@contextmanager
def watched(pids: list[int]) -> Iterator[None]:
    """Processes that must be gone soon after the block."""
    handles = [os.pidfd_open(pid) for pid in pids]
    yield
    for handle in handles:
        assert select.select([handle], [], [], SECONDS)[0] == [handle]
        os.close(handle)


@pytest.mark.parametrize("task", ["patient", "plain"])
@pytest.mark.parametrize(
    ("number", "group", "code", "said"),
    [
        (signal.SIGINT, True, 130, "InterruptedRunError Interrupted with Ctrl-C;"),
        (signal.SIGINT, False, 130, "InterruptedRunError Interrupted with Ctrl-C;"),
        (signal.SIGTERM, True, 143, "TerminatedRunError Told to end (SIGTERM);"),
        (signal.SIGTERM, False, 143, "TerminatedRunError Told to end (SIGTERM);"),
        (signal.SIGUSR1, False, 143, "TerminatedRunError Told to end (SIGUSR1);"),
    ],
    ids=["Ctrl-C", "SIGINT alone", "SIGTERM to all", "SIGTERM alone", "SIGUSR1"],
)
def test_workers_save_and_leave_before_the_one_that_was_told_to_end(
    task: str, number: int, group: bool, code: int, said: str, place: Place
) -> None:
    with fanning(task, place) as program:
        pids = place.announced()
        with watched(pids):
            (os.killpg if group else os.kill)(program.pid, number)
            output, errors = program.communicate(timeout=SECONDS)
            assert place.saved() == set(pids)  # two more items never began
    assert program.returncode == code, errors
    assert output.startswith(said)
    assert output.count("\n") == 1
    assert errors == ""


def test_a_second_ctrl_c_ends_all_at_once(place: Place) -> None:
    with fanning("deaf", place) as program:
        pids = place.announced()
        with watched(pids):
            os.killpg(program.pid, signal.SIGINT)
            assert set(place.announced()) == set(pids)  # the first has been passed on
            os.killpg(program.pid, signal.SIGINT)
            output, errors = program.communicate(timeout=SECONDS)
    assert (output, errors, program.returncode) == ("KeyboardInterrupt\n", "", 1)


def test_workers_leave_when_the_one_that_started_them_is_killed(place: Place) -> None:
    with fanning("deaf", place) as program:
        pids = place.announced()
        with watched(pids):
            program.kill()


def test_the_item_of_a_worker_that_alone_is_told_to_end_begins_again(place: Place) -> None:
    with fanning("patient", place) as program:
        first, second = place.announced()
        os.kill(first, signal.SIGTERM)
        # Behind the two that had not begun.
        pids = [second, *place.announced(1)]
        with watched(pids):
            program.terminate()
            output, errors = program.communicate(timeout=SECONDS)
    assert (program.returncode, errors) == (143, "")
    assert output.startswith("TerminatedRunError")
    assert place.saved() == {first, *pids}


def test_leaving_early_lets_workers_save_and_leave(place: Place) -> None:
    pids: list[int] = []

    def leave_early() -> None:
        with fanned(executed.patient, TWO) as fan:
            for _ in range(3):
                fan.add(place.folder)
            pids.extend(place.announced())
            raise LookupError

    with pytest.raises(LookupError):
        leave_early()
    assert place.saved() == set(pids)


def test_a_signal_that_nobody_waits_for_is_raised_at_the_end_of_the_block() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    after = []

    def be_told_and_go_on() -> None:
        with fanned(executed.doubled, TWO) as fan:
            fan.add(1)
            os.kill(os.getpid(), signal.SIGTERM)
            after.append("went on")

    with pytest.raises(TerminatedRunError):
        be_told_and_go_on()
    assert after == ["went on"]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def work() -> None:
        with fanned(executed.doubled, TWO) as fan:
            seen.append(signal.getsignal(signal.SIGTERM))
            fan.add(4)
            seen.extend(done.result for done in fan)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before, 8]
