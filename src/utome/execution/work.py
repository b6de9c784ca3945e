"""Where work runs, what becomes of an item, and what whoever carries items out must be able to do."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Workers:
    """Where fanned-out work runs.

    One process is this one: items run one after another, with the threads that it has. More are spawned, each with so many `threads`.
    A `cluster` is the address of a Dask scheduler; its workers are its own, so `processes` has no meaning then.
    """

    processes: int = 1
    threads: int = 1
    cluster: str | None = None


@dataclass(frozen=True)
class Done(Generic[Item, Result]):
    """One item's end: its result, or what the task raised.

    Where a worker died of the item again and again the error is a `MachineError` whose sentence says so.
    """

    item: Item
    result: Result | None
    error: Exception | None


@dataclass
class Work(Generic[Item]):
    """An item on its way, and how often it has begun."""

    item: Item
    attempts: int = 0


@dataclass(frozen=True)
class Answered(Generic[Result]):
    """The task returned this."""

    result: Result


@dataclass(frozen=True)
class Failed:
    """The task raised this."""

    error: Exception


@dataclass(frozen=True)
class Lost:
    """The worker ended before the task did, and in which way, as in `killed by SIGKILL`."""

    how: str


Outcome = Answered[Result] | Failed | Lost


class Crew(ABC, Generic[Item, Result]):
    """Whoever carries items out; abstract."""

    @abstractmethod
    def has_room(self) -> bool:
        """Whether one more item can begin."""

    @abstractmethod
    def begin(self, work: Work[Item]) -> None:
        """Begin an item."""

    @abstractmethod
    def ended(self) -> tuple[Work[Item], Outcome[Result]] | None:
        """The next item that ends, of those that have begun; waits for it, but gives none from time to time, as there may be more room.

        `InterruptedRunError` where a signal says to end.
        """
