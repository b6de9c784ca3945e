"""Signals that ask to end: noted by the process that fans out, and made an exception in those that work for it."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from utome.errors import InterruptedRunError, TerminatedRunError

# SIGUSR1 is what batch systems send some time before they end a job; Windows has none.
ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name)
)  # fmt: skip


@contextmanager
def noted(tell: Callable[[InterruptedRunError], None]) -> Iterator[None]:
    """Call `tell` with the error to end with, at the first signal; a second Ctrl-C is a KeyboardInterrupt.

    Only the main thread can hear them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []

    def hear(number: int, frame: FrameType | None) -> None:
        del frame
        heard.append(number)
        if len(heard) == 1:
            tell(_error(number))
        elif number == signal.SIGINT and heard.count(number) == 2:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, hear) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


@contextmanager
def held_back() -> Iterator[None]:
    """Keep signals for later; processes that are started meanwhile get them only when they call `let_through`."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Ears:
    """A worker's: a signal while it works is a KeyboardInterrupt there, once; at other times it keeps the next item from beginning."""

    def __init__(self) -> None:
        self.told = False
        self.working = False

    def let_through(self) -> None:
        """Hear from here on, and what was held back."""
        for number in ENDING:
            signal.signal(number, self._hear)
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        again, self.told = self.told, True
        if self.working and not again:
            raise KeyboardInterrupt


def _error(number: int) -> InterruptedRunError:
    way_on = "what was finished is kept. Give the command again to go on, with --resume where it has that."
    if number == signal.SIGINT:
        return InterruptedRunError(f"Interrupted with Ctrl-C; {way_on}")
    return TerminatedRunError(f"Told to end ({signal.Signals(number).name}); {way_on}")
