"""Items one after another in this process, each when its end is asked for."""

from collections.abc import Callable

from utome.errors import InterruptedRunError
from utome.execution.work import Answered, Crew, Failed, Item, Outcome, Result, Work


class Here(Crew[Item, Result]):
    """The process that asks; signals are the task's own."""

    def __init__(self, task: Callable[[Item], Result]) -> None:
        self._task = task
        self._begun: Work[Item] | None = None

    def has_room(self) -> bool:
        """Whether no item waits to be run."""
        return self._begun is None

    def begin(self, work: Work[Item]) -> None:
        """Remember the item."""
        self._begun = work

    def ended(self) -> tuple[Work[Item], Outcome[Result]]:
        """Run the item. What ends a run ends the whole iteration."""
        if self._begun is None:
            raise AssertionError("no item has begun")
        work, self._begun = self._begun, None
        try:
            return work, Answered(self._task(work.item))
        except InterruptedRunError:
            raise
        except Exception as error:
            return work, Failed(error)
