"""Signals that ask a run to end: it saves at its next step, and leaves; when all steps are done, at once. So does a second Ctrl-C."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from utome.errors import InterruptedRunError, TerminatedRunError

# SIGUSR1 is what batch systems send some time before they end a job; Windows has none.
ENDING = [each for each in ("SIGTERM", "SIGUSR1") if hasattr(signal, each)]


@dataclass
class Stop:
    """Whether the run was told to end, and the error to end it with."""

    error: InterruptedRunError | None = None
    nothing_to_save: bool = False

    def told(self) -> InterruptedRunError | None:
        """The error to end with; none where the run was not told to end."""
        return self.error

    def at_once(self) -> None:
        """From here on all is saved: end where the run was told to, now or later."""
        self.nothing_to_save = True
        if self.error is not None:
            raise self.error

    def tell(self, error: InterruptedRunError) -> None:
        """Tell the run to end."""
        self.error = error
        if self.nothing_to_save:
            raise error


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Notes signals instead of ending the run at once; only the main thread can hear them."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        if isinstance(stop.error, InterruptedRunError) and not isinstance(stop.error, TerminatedRunError):
            raise KeyboardInterrupt
        stop.tell(InterruptedRunError("Interrupted with Ctrl-C; the state is saved. Go on with --resume."))

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        name = signal.Signals(number).name
        stop.tell(TerminatedRunError(f"The run was told to end ({name}); the state is saved. Go on with --resume."))

    before = {signal.SIGINT: signal.signal(signal.SIGINT, interrupt)}
    before |= {getattr(signal, name): signal.signal(getattr(signal, name), end) for name in ENDING}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
