"""Spawned processes on this machine, as many items at a time as there are workers."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait
from time import monotonic
from typing import cast

from utome.errors import InterruptedRunError
from utome.execution.happenings import Happenings
from utome.execution.parcels import TOLD, opened, packed
from utome.execution.signals import noted
from utome.execution.spawned import Spawned
from utome.execution.work import Crew, Item, Lost, Outcome, Result, Work, Workers

# So long workers may take to save before they are killed, in seconds: as long as batch systems commonly give.
PATIENCE = 60.0

End = tuple[Spawned, Work[Item], Future[bytes]]


@contextmanager
def local_workers(task: Callable[[Item], Result], workers: Workers) -> Iterator[Crew[Item, Result]]:
    """Workers that end with the block: those that still work are told to save and to leave, and waited for."""
    crew = _Local(task, workers)
    with noted(crew.happenings.tell):
        try:
            yield crew
        except KeyboardInterrupt:  # the second Ctrl-C
            crew.end()
            raise
        finally:
            crew.leave()
        if crew.happenings.told is not None:  # by a signal that nobody has waited to hear
            raise crew.happenings.told


class _Local(Crew[Item, Result]):
    def __init__(self, task: Callable[[Item], Result], workers: Workers) -> None:
        self._task = task
        self._idle = [Spawned(workers.threads) for _ in range(workers.processes)]
        self._busy: list[Spawned] = []
        self.happenings: Happenings[End[Item]] = Happenings()

    def has_room(self) -> bool:
        return bool(self._idle) and self.happenings.told is None

    def begin(self, work: Work[Item]) -> None:
        parcel = packed(self._task, work.item)
        worker = self._idle[-1]
        future = worker.begin(parcel)
        self._busy.append(self._idle.pop())
        future.add_done_callback(lambda ended: self.happenings.put((worker, work, ended)))

    def ended(self) -> tuple[Work[Item], Outcome[Result]] | None:
        try:
            end = self.happenings.next()
        except InterruptedRunError:
            self.leave()
            raise
        if end is None:
            return None
        worker, work, future = end
        try:
            outcome: Outcome[Result] = opened(future.result())
        except BrokenProcessPool:
            outcome = Lost(worker.renew())
        if outcome == TOLD:  # it alone, and not we
            worker.renew()
        self._busy.remove(worker)
        self._idle.append(worker)
        return work, outcome

    def leave(self) -> None:
        """Tell those that work to save and to leave, and come back when all have left, or were killed because they did not."""
        workers = [*self._idle, *self._busy]
        try:
            for worker in self._busy:
                worker.tell()
            _wait_for_all([handle for worker in workers if (handle := worker.close()) is not None])
        finally:
            self.end()

    def end(self) -> None:
        """End all workers at once."""
        for worker in (*self._idle, *self._busy):
            worker.end()


def _wait_for_all(handles: list[int]) -> None:
    deadline = monotonic() + PATIENCE
    while handles and (left := deadline - monotonic()) > 0:
        for ready in wait(handles, left):
            handles.remove(cast("int", ready))
