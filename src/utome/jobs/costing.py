"""What a training will cost on this machine: a few of its own steps and a validation, timed; and what fits into minutes."""

import contextlib
import math
import time
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean, median

from utome.config.settings import Config
from utome.device import enough_memory
from utome.distributed import agreed
from utome.errors import ConfigError
from utome.events import Event, Progressed
from utome.jobs.preparing import Prepared
from utome.training.forecast import validation_seconds
from utome.training.loop import Fleeting, fit
from utome.training.progress import Task, begin
from utome.training.validation import validate

# The first step brings code and memory; those after it count.
STEPS = 3
# To fit a training into minutes its steps must be known better, and what is not foreseen needs room.
STEPS_TO_FIT, RESERVE = 9, 0.04
# Each epoch ends with files that are written; so much of the time may go to them and to validations, and so many epochs are enough.
SECONDS_TO_SAVE, VALIDATING, MOST_EPOCHS = 0.5, 0.06, 50


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
    task, step = prepared.task, step_seconds(prepared)
    batches, epochs = len(task.batches), task.config.training.epochs
    validation = validation_seconds(task, step)
    return Cost(
        task.device.name, step, batches, epochs, epochs * (batches * step + validation), task.device.peak_memory_mb()
    )


def step_seconds(prepared: Prepared) -> float:
    """The seconds of a training step, from a few that are thrown away."""
    taken = _steps(prepared.task, STEPS)
    return median(taken[1:] or taken)


def lasting(prepared: Prepared, seconds: float, *, spent: float = 0.0) -> Config:
    """The config, with as many epochs and steps as fit into these seconds, of which some are `spent`, validations included.

    A few steps and a validation are timed and thrown away; that counts. `ConfigError` where not one step fits.
    """
    started, task = time.perf_counter(), prepared.task
    for dataset in (prepared.data.training, prepared.data.validation):
        for _ in dataset:  # what fits into memory is read now, not while steps are timed
            pass
    taken = _steps(task, STEPS_TO_FIT)
    step = mean(taken[1:] or taken)
    begun = time.perf_counter()
    with enough_memory():
        validate(task.network, task.validation, task.config.loss, task.device, pieces=task.config.prediction)
    validation = time.perf_counter() - begun + SECONDS_TO_SAVE
    spent += time.perf_counter() - started
    validation, spent = agreed((validation, spent))
    left = seconds * (1 - RESERVE) - spent
    if left < validation + step:
        needed = math.ceil((spent + validation + step) / (1 - RESERVE) / 6) / 10
        raise ConfigError(
            f"A step of this training takes {step:.1f} s here and a validation {validation:.1f} s, so it does not fit. Give at least "
            f"--minutes {needed:.1f}, or lower model.width, training.batch or training.tile."
        )
    epochs = max(1, min(MOST_EPOCHS, int(VALIDATING * left / validation), int(left / (validation + step))))
    steps = max(1, int((left / epochs - validation) / step))
    training = task.config.training.model_copy(update={"epochs": epochs, "steps_per_epoch": steps})
    return task.config.model_copy(update={"training": training})


def _steps(task: Task, count: int) -> list[float]:
    """The seconds of each of so many first steps, or of those that an epoch has; by the first process's clock, if there are more."""
    count = min(count, len(task.batches))
    times = [time.perf_counter()]

    def listen(event: Event) -> None:
        if isinstance(event, Progressed):
            times.append(time.perf_counter())
            if len(times) > count:
                raise _Enough

    with enough_memory(), contextlib.suppress(_Enough):
        fit(task, begin(task), Fleeting(), listen=listen)
    return agreed([after - before for before, after in pairwise(times)])
