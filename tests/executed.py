"""Tasks that spawned workers find by their names; they wait for files and signals, never for a time."""

import os
import signal
import sys
import threading
from pathlib import Path

from utome.errors import DataError
from utome.jobs.interruption import stoppable

# Characters that a worker writes into the pipe in which it announces itself: its number.
ANNOUNCEMENT = 10
_meeting = threading.Barrier(2)


class StubbornError(Exception):
    """An error that pickle cannot bring back: its class wants two arguments and hands one on."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first + second)


def doubled(item: int) -> int:
    return 2 * item


def read(pipe: Path) -> str:
    """What somebody writes into a named pipe, once they do."""
    return pipe.read_text()


def choosy(item: int) -> int:
    if item == 1:
        raise DataError("One is no image.")
    if item == 2:
        raise ValueError("two")
    if item == 3:
        raise StubbornError("three", "!")
    if item == 4:
        sys.exit("four")
    return item


def unportable(item: int) -> object:
    return lambda: item


def loud(item: int) -> int:
    os.write(2, b"from the depths")
    sys.stdout.write("from the surface")
    return item


def threads(item: int) -> tuple[str, int]:
    """The number in the environment and in torch, which is imported here."""
    del item
    import torch

    return os.environ["OMP_NUM_THREADS"], torch.get_num_threads()


def met(item: int) -> bool:
    """Whether two items are under way in this process at the same time."""
    del item
    try:
        _meeting.wait(timeout=0.5)
    except threading.BrokenBarrierError:
        return False
    return True


def deadly(mark: Path) -> int:
    """Leave a mark; be killed where its name says so and it has fewer lines than that, else say how many there are."""
    with mark.open("a") as file:
        file.write(f"{os.getpid()}\n")
    begun = len(mark.read_text().splitlines())
    if begun <= int(mark.suffix[1:]):
        os.kill(os.getpid(), signal.SIGKILL)
    return begun


def patient(folder: Path) -> str:
    """Announce itself, then take one step after another until a signal says to end, as a training does, and save."""
    with stoppable() as stop:
        _announce(folder)
        while stop.told() is None:
            sum(range(10000))
        (folder / f"saved-{os.getpid()}").touch()
        stop.at_once()
    return "never"


def plain(folder: Path) -> str:
    """Announce itself, then wait for a signal as a task does that knows nothing of them."""
    try:
        _announce(folder)
        threading.Event().wait()
    finally:
        (folder / f"saved-{os.getpid()}").touch()
    return "never"


def deaf(folder: Path) -> str:
    """Announce itself, and again when it is told to end, and go on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: _announce(folder))
    _announce(folder)
    while True:
        signal.pause()


def _announce(folder: Path) -> None:
    with (folder / "begun").open("w") as pipe:  # a named pipe: the test reads from it
        pipe.write(str(os.getpid()).rjust(ANNOUNCEMENT))
