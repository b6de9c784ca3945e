"""What a training will cost on this machine: a few of its own steps, timed."""

import contextlib
import itertools
import time
from dataclasses import dataclass
from statistics import median

from utome.device import enough_memory
from utome.events import Event, Progressed
from utome.jobs.preparing import Prepared
from utome.training.loop import begin, fit

# The first step brings code and memory; those after it count.
STEPS = 3
# A step computes about three times what predicting the same pixels does.
STEP_OVER_PREDICTION = 3


@dataclass(frozen=True)
class Cost:
    """Seconds a step, steps an epoch, epochs; seconds of the whole training; and the most memory so far, in MB."""

    device: str
    step_seconds: float
    steps: int
    epochs: int
    seconds: float
    memory_mb: float | None


class _Enough(Exception):  # noqa: N818 - it is no error
    """The steps that were wanted are done."""


def measure_cost(prepared: Prepared) -> Cost:
    """Train a few steps and throw them away; `MachineError` where there is too little memory for them."""
    task, steps = prepared.task, min(STEPS, len(prepared.task.batches))
    times = [time.perf_counter()]

    def count(event: Event) -> None:
        if isinstance(event, Progressed):
            times.append(time.perf_counter())
            if len(times) > steps:
                raise _Enough

    with enough_memory(), contextlib.suppress(_Enough):
        fit(task, begin(task), lambda epoch: None, listen=count)
    taken = [after - before for before, after in itertools.pairwise(times)]
    step = median(taken[1:] or taken)
    batches, epochs = len(task.batches), task.config.training.epochs
    pixels_a_step = task.batches.side**2 * task.config.training.batch
    validated = sum(height * width for height, width in map(task.validation.network_size, range(len(task.validation))))
    validation = step * validated / pixels_a_step / STEP_OVER_PREDICTION
    return Cost(
        task.device.name, step, batches, epochs, epochs * (batches * step + validation), task.device.peak_memory_mb()
    )
