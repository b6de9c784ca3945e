"""One task on many items: they are added at any time and come back in the order in which they end."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Generic

from utome.errors import ConfigError, MachineError
from utome.execution.here import Here
from utome.execution.work import Answered, Crew, Done, Failed, Item, Lost, Outcome, Result, Work, Workers

ATTEMPTS = 3


class Fan(Generic[Item, Result]):
    """Items on their way through a task. They begin in the order in which they were added."""

    def __init__(self, crew: Crew[Item, Result]) -> None:
        self._crew = crew
        self._waiting: deque[Work[Item]] = deque()
        self._begun = 0

    def add(self, item: Item) -> None:
        """Let one more item begin as soon as a worker is free."""
        self._waiting.append(Work(item))
        self._fill()

    def __iter__(self) -> Iterator[Done[Item, Result]]:
        """Each item as it ends, until none is on its way. More may be added meanwhile."""
        while self._waiting or self._begun:
            self._fill()
            end = self._crew.ended()
            done = None if end is None else self._settled(*end)
            if done is not None:
                self._fill()  # so that no worker is idle while the caller looks at this one
                yield done

    def _fill(self) -> None:
        while self._waiting and self._crew.has_room():
            work = self._waiting.popleft()
            self._crew.begin(work)
            work.attempts += 1
            self._begun += 1

    def _settled(self, work: Work[Item], outcome: Outcome[Result]) -> Done[Item, Result] | None:
        """The item's end; none where it begins again, after all others, in case it takes the memory that these need."""
        self._begun -= 1
        match outcome:
            case Answered(result):
                return Done(work.item, result, None)
            case Failed(error):
                return Done(work.item, None, error)
            case Lost() if work.attempts < ATTEMPTS:
                self._waiting.append(work)
                return None
            case Lost(how):
                return Done(work.item, None, _lost(how))


@contextmanager
def fanned(task: Callable[[Item], Result], workers: Workers) -> Iterator[Fan[Item, Result]]:
    """Carry out a task on the items that are added to the fan, until the block ends.

    `task` and items can be pickled, where more than this process works. A worker that is killed is replaced, and its item begins again,
    at most twice. In this process, what ends a run (`InterruptedRunError`, Ctrl-C) is raised by the iteration, too. Elsewhere in the
    main thread Ctrl-C and SIGTERM are heard by the iteration alone, or at the end of the block: local workers are told to save and to
    leave, and then `InterruptedRunError` is raised. A second Ctrl-C ends all at once. Whoever leaves the block early drops the items
    that are on their way: those that have not begun never do, and local workers are told to save what they do and to leave.
    `ConfigError` where the packages for a cluster are absent, `MachineError` where it cannot be reached.
    """
    with _crew(task, workers) as crew:
        yield Fan(crew)


def _crew(task: Callable[[Item], Result], workers: Workers) -> AbstractContextManager[Crew[Item, Result]]:
    if workers.cluster is not None:
        try:
            from utome.execution.cluster import cluster_workers
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"--cluster needs the package {error.name}, which is not installed. Install it here and on every machine of the cluster "
                'with `pip install "utome[cluster]"`, or leave --cluster out.'
            ) from error
        return cluster_workers(task, workers.cluster, workers.threads)
    if workers.processes == 1:
        return nullcontext(Here(task))
    from utome.execution.local import local_workers

    return local_workers(task, workers)


def _lost(how: str) -> MachineError:
    memory = "That is what systems do where memory runs out. " if how.endswith("SIGKILL") else ""
    return MachineError(
        f"The worker of this item ended {ATTEMPTS} times before the item was done, the last time {how}. {memory}Give it more memory "
        "with fewer --workers or a smaller batch, tile or width, and give the command again; what was finished is kept."
    )
