"""What the process that fans out waits for: ends of items, and signals that tell it to end."""

from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from utome.errors import InterruptedRunError

End = TypeVar("End")
# Windows hears Ctrl-C only between two waits.
SECONDS = 1.0


class Happenings(Generic[End]):
    """Filled by other threads and by a signal's handler, emptied by the main one."""

    def __init__(self) -> None:
        # The one queue into which a signal's handler may put something at any moment.
        self._queue: SimpleQueue[End | InterruptedRunError] = SimpleQueue()
        self.told: InterruptedRunError | None = None

    def put(self, end: End) -> None:
        """An item has ended."""
        self._queue.put(end)

    def tell(self, error: InterruptedRunError) -> None:
        """End with this error at the next wait."""
        self.told = error
        self._queue.put(error)

    def next(self) -> End | None:
        """What comes next, or none where nothing has come for a second; `InterruptedRunError` where that was a signal."""
        try:
            happening = self._queue.get(timeout=SECONDS)
        except Empty:
            return None
        if isinstance(happening, InterruptedRunError):
            raise happening
        return happening
