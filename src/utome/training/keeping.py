"""Saving a training as it goes: after each epoch, every few minutes, and when it is told to end."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from utome.errors import InterruptedRunError, MachineError, NumericalError
from utome.training.checkpoints import Checkpoints
from utome.training.faults import NotFiniteError, first_unsound
from utome.training.progress import Progress, Task
from utome.training.state import put_back


@dataclass
class CheckpointKeeper:
    """Keeps the state of a training in its checkpoints.

    Between two saved states lie `seconds` at most, but for the step under way. `told` gives the error to end with, once the run
    was told to end; `after_epoch` hears of each whole epoch that was saved.
    What is not finite is never saved.
    """

    task: Task
    progress: Progress
    checkpoints: Checkpoints
    seconds: float
    told: Callable[[], InterruptedRunError | None]
    after_epoch: Callable[[], None]
    _saved_at: float = field(default_factory=time.monotonic)

    def begin(self) -> None:
        """Save the state before the first step, so that there is one to go back to; of a run that goes on, strike out what is damaged."""
        if self.checkpoints.begun:
            self.checkpoints.mend()
            return
        try:
            self._save()
        except NotFiniteError as fault:
            raise NumericalError(f"{fault.cause} before the first step. Begin with other weights.") from None

    def moment(self) -> None:
        """Save if it is time, or if the run was told to end: then end it."""
        told = self.told()
        if told is not None or time.monotonic() - self._saved_at >= self.seconds:
            self._save()
        if told is not None:
            raise told

    def epoch_done(self) -> None:
        """Save the state after an epoch."""
        self._save()
        self.after_epoch()
        told = self.told()
        if told is not None:
            raise told

    def go_back(self) -> None:
        """Put back the last whole epoch."""
        put_back(self.checkpoints.good(), self.task.network, self.progress)

    def _save(self) -> None:
        unsound = first_unsound(self.task.network, self.progress)
        if unsound is not None:
            epoch, step = self.progress.epoch, self.progress.step
            where = f"after step {step} of epoch {epoch + 1}" if step else f"after epoch {epoch}"
            raise NotFiniteError(where, f"{unsound} are no longer finite")
        try:
            self.checkpoints.save(self.task.network, self.progress)
        except MachineError as error:
            raise MachineError(f"{error} The state saved before is whole: then go on with --resume.") from error
        self._saved_at = time.monotonic()
