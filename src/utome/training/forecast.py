"""How long a training will take, told once its first few steps are done. No step is thrown away for it."""

import time
from itertools import pairwise
from statistics import median

from utome.events import EpochDone, Estimated, Event, Listener, Progressed
from utome.training.progress import Progress, Task

# The first step brings code and memory; so many after it count.
STEPS = 3
# A step computes about three times what predicting the same pixels does.
STEP_OVER_PREDICTION = 3


class Forecast:
    """A listener to a training that passes all on, and tells an estimate as soon as it has one: after a few steps of one epoch, or
    after the first whole epoch where epochs are shorter than that.
    """

    def __init__(self, task: Task, progress: Progress, listen: Listener) -> None:
        self._task, self._progress, self._listen = task, progress, listen
        self._done = False
        self._epoch_seen_whole = progress.step == 0
        self._stage, self._times = "", list[float]()

    def __call__(self, event: Event) -> None:
        """Pass the event on; then, perhaps, the estimate."""
        self._listen(event)
        if self._done:
            return
        if isinstance(event, Progressed):
            self._time(event)
        elif isinstance(event, EpochDone):
            if self._epoch_seen_whole:
                self._tell(event.seconds, self._epochs - event.epoch)
            self._epoch_seen_whole = True

    @property
    def _epochs(self) -> int:
        return self._task.config.training.epochs

    def _time(self, event: Progressed) -> None:
        if event.stage != self._stage:
            self._stage, self._times = event.stage, []
        self._times.append(time.perf_counter())
        if len(self._times) > STEPS:
            step = median(after - before for before, after in pairwise(self._times))
            epoch = event.total * step + validation_seconds(self._task, step)
            self._tell(epoch, self._epochs - self._progress.epoch, done=event.done * step)

    def _tell(self, epoch_seconds: float, epochs: int, *, done: float = 0.0) -> None:
        self._done = True
        seconds = max(0.0, epochs * epoch_seconds - done)
        if epochs > 0:
            memory = self._task.device.peak_memory_mb()
            self._listen(Estimated(round(seconds, 1), epochs, self._epochs, memory))


def validation_seconds(task: Task, step: float) -> float:
    """About how long a validation takes, from the seconds of a step."""
    validated = sum(height * width for height, width in map(task.validation.network_size, range(len(task.validation))))
    return step * validated / (task.batches.side**2 * task.config.training.batch) / STEP_OVER_PREDICTION
