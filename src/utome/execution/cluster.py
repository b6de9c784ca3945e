"""The workers of a Dask cluster. The engine tries an item again whose worker has died; signals do not reach its workers."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager

from dask.typing import Key
from distributed import Client, Future, KilledWorker

from utome.errors import InterruptedRunError, MachineError
from utome.execution.connecting import connected
from utome.execution.happenings import Happenings
from utome.execution.parcels import carried_out, opened, packed, set_threads
from utome.execution.signals import noted
from utome.execution.work import Crew, Failed, Item, Outcome, Result, Work

# Where a message is lost; what the task raises is an outcome, and a dead worker is the scheduler's to count (allowed-failures).
RETRIES = 2


@contextmanager
def cluster_workers(task: Callable[[Item], Result], address: str, threads: int) -> Iterator[Crew[Item, Result]]:
    """The workers of the cluster until the block ends; what they have not begun by then they never do."""
    with connected(address) as client:
        crew = _Cluster(task, client, threads)
        with noted(crew.happenings.tell):
            yield crew
            if crew.happenings.told is not None:  # by a signal that nobody has waited to hear
                raise _on_a_cluster(crew.happenings.told)


class _Cluster(Crew[Item, Result]):
    def __init__(self, task: Callable[[Item], Result], client: Client, threads: int) -> None:
        self._task = task
        self._client = client
        self._threads = threads
        self._begun: dict[Key, Work[Item]] = {}
        self._room = self._counted_room()
        self.happenings: Happenings[Future[bytes]] = Happenings()

    def has_room(self) -> bool:
        return len(self._begun) < self._room and self.happenings.told is None

    def begin(self, work: Work[Item]) -> None:
        parcel = packed(self._task, work.item)
        future = self._client.submit(_in_turn, parcel, self._threads, pure=False, retries=RETRIES)
        self._begun[future.key] = work
        future.add_done_callback(self.happenings.put)

    def ended(self) -> tuple[Work[Item], Outcome[Result]] | None:
        try:
            future = self.happenings.next()
        except InterruptedRunError as error:
            raise _on_a_cluster(error) from None
        end = None if future is None else (self._begun.pop(future.key), self._outcome(future))
        self._room = self._counted_room()  # workers come and go
        return end

    def _counted_room(self) -> int:
        try:
            threads: dict[str, int] = self._client.nthreads()
        except OSError as error:
            raise _gone() from error
        # No more than can be carried out: Dask blames a worker's death on all items there, also on those that have not begun.
        return max(1, sum(threads.values()))

    def _outcome(self, future: Future[bytes]) -> Outcome[Result]:
        try:
            return opened(future.result())
        except CancelledError as error:
            raise _gone() from error
        except KilledWorker as error:
            return Failed(_killed(error))
        except Exception as error:
            return Failed(_not_carried_out(error))


def _gone() -> MachineError:
    return MachineError(
        "The cluster's scheduler has ended, or dropped the work; what was finished is kept. Start it again, with its workers, and give "
        "the command again."
    )


def _killed(error: KilledWorker) -> MachineError:
    return MachineError(
        f"The workers of this item ended {error.allowed_failures + 1} times before the item was done, the last time at "
        f"{error.last_worker.address}. Their own logs say why; most often memory runs out. Give each worker more with a higher "
        "--memory-limit, or take a smaller batch, tile or width, and give the command again; what was finished is kept."
    )


def _not_carried_out(error: Exception) -> MachineError:
    return MachineError(
        f"The cluster could not carry this item out: {type(error).__name__}: {error}. Its scheduler and its workers need the same utome "
        "and the same packages as are here."
    )


def _on_a_cluster(error: InterruptedRunError) -> InterruptedRunError:
    return type(error)(f"{error} What has begun on the cluster goes on there to its end.")


_turn = threading.Lock()


def _in_turn(parcel: bytes, threads: int) -> bytes:
    """Carry out a parcel while no other thread of this process does: torch's settings and its random numbers are the process's."""
    with _turn:
        set_threads(threads)
        return carried_out(parcel)
