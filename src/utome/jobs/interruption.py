"""SIGTERM as an exception, so that a run that is told to end can write down what it has."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from utome.errors import TerminatedRunError


@contextmanager
def terminable() -> Iterator[None]:
    """Raise `TerminatedRunError` when SIGTERM arrives inside; only the main thread can hear signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise TerminatedRunError("The run was told to end (SIGTERM). Go on with --resume.")

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
