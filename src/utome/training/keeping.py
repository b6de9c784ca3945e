"""Saving a training as it goes: after each epoch, every few minutes, and when it is told to end."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from utome.distributed import any_of, by_first, gathered
from utome.errors import InterruptedRunError, MachineError, NumericalError
from utome.training.checkpoints import Checkpoints
from utome.training.faults import NotFiniteError, first_unsound
from utome.training.progress import Progress, Task
from utome.training.state import put_back


@dataclass
class CheckpointKeeper:
    """Keeps the state of a training in its checkpoints.

    Between two saved states lie `seconds` at most, but for the step under way. `told` gives the error to end with, once the run
    was told to end; `before_epoch` hears of each whole epoch before it is saved, `after_epoch` of each that was.
    What is not finite is never saved. Where several processes do the training, the first alone touches files, and all
    save, end and go back at the same moments: an order to end that reaches one ends all.
    """

    task: Task
    progress: Progress
    checkpoints: Checkpoints
    seconds: float
    told: Callable[[], InterruptedRunError | None]
    after_epoch: Callable[[], None]
    before_epoch: Callable[[], None] = lambda: None
    _saved_at: float = field(default_factory=time.monotonic)

    def begin(self) -> None:
        """Save the state before the first step, so that there is one to go back to; of a run that goes on, strike out what is damaged."""
        if by_first(lambda: self.checkpoints.begun):
            by_first(self.checkpoints.mend)
            return
        try:
            self._save()
        except NotFiniteError as fault:
            raise NumericalError(f"{fault.cause} before the first step. Begin with other weights.") from None

    def moment(self) -> None:
        """Save if it is time, or if the run was told to end: then end it."""
        told = self.told()
        ends, due = any_of(told is not None, time.monotonic() - self._saved_at >= self.seconds)
        if ends or due:
            self._save()
        if ends:
            raise _one_of(told)

    def epoch_done(self) -> None:
        """Save the state after an epoch."""
        by_first(self.before_epoch)
        self._save()
        by_first(self.after_epoch)
        told = self.told()
        (ends,) = any_of(told is not None)
        if ends:
            raise _one_of(told)

    def go_back(self) -> None:
        """Put back the last whole epoch."""
        put_back(by_first(self.checkpoints.good), self.task.network, self.progress)

    def _save(self) -> None:
        unsound = by_first(lambda: first_unsound(self.task.network, self.progress))
        if unsound is not None:
            epoch, step = self.progress.epoch, self.progress.step
            where = f"after step {step} of epoch {epoch + 1}" if step else f"after epoch {epoch}"
            raise NotFiniteError(where, f"{unsound} are no longer finite")
        try:
            by_first(lambda: self.checkpoints.save(self.task.network, self.progress))
        except MachineError as error:
            begun = by_first(lambda: self.checkpoints.begun)
            raise MachineError(
                f"{error} {'The state saved before is whole: then' if begun else 'Then'} go on with --resume."
            ) from error
        self._saved_at = time.monotonic()


def _one_of(told: InterruptedRunError | None) -> InterruptedRunError:
    """The error to end with, of the first process that was told to."""
    return next(each for each in gathered(told) if each is not None)
