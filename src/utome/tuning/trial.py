"""A trial: one set of values, trained in stages; after each but the last it may be ended early."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from utome.tuning.space import Params

State = Literal["running", "complete", "pruned", "failed"]
Pruner = Literal["none", "median", "halving", "hyperband", "wilcoxon"]
PRUNERS: tuple[Pruner, ...] = ("none", "median", "halving", "hyperband", "wilcoxon")
# Of the trials at a rung about one in so many goes on, and the next rung is so many times as far.
FACTOR = 3
# The first rung lies at this share of a training, or at its first epoch.
FIRST = FACTOR**3


@dataclass(frozen=True)
class Stage:
    """A trial is trained `until` this epoch in these repetitions, and then reports at this step."""

    step: int
    until: int
    repetitions: tuple[int, ...]


@dataclass(frozen=True)
class Rung:
    """What a trial reported after a stage.

    `value` is the mean over all repetitions so far of the best validation mean IoU so far, `values` are those of each;
    `epochs` counts those trained so far, of all repetitions together. `order` numbers the reports of all trials as they came;
    `ended` says whether the trial was then ended early.
    """

    step: int
    value: float
    values: tuple[float, ...]
    epochs: int
    order: int
    ended: bool

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Rung":
        """What `as_json` gave."""
        return cls(**{**content, "values": tuple(content["values"])})


@dataclass(frozen=True)
class Trial:
    """What was tried, and what came of it; `reason` says why it failed."""

    number: int
    params: Params
    state: State = "running"
    rungs: tuple[Rung, ...] = ()
    reason: str | None = None

    @property
    def value(self) -> float | None:
        """The value of the last rung."""
        return self.rungs[-1].value if self.rungs else None

    @property
    def epochs(self) -> int:
        """Epochs trained, of all repetitions together, as far as they were reported."""
        return self.rungs[-1].epochs if self.rungs else 0

    def at(self, rung: Rung) -> "Trial":
        """With one report more."""
        return replace(self, rungs=(*self.rungs, rung))


def stages(pruner: Pruner, epochs: int, repetitions: int) -> tuple[Stage, ...]:
    """How a trial of so many epochs and repetitions goes.

    >>> [(stage.until, stage.repetitions) for stage in stages("halving", 54, 2)]
    [(2, (0, 1)), (6, (0, 1)), (18, (0, 1)), (54, (0, 1))]
    >>> [(stage.until, stage.repetitions) for stage in stages("wilcoxon", 54, 2)]
    [(54, (0,)), (54, (1,))]
    """
    everyone = tuple(range(repetitions))
    if pruner == "wilcoxon":
        return tuple(Stage(number + 1, epochs, (number,)) for number in everyone)
    rungs = [] if pruner == "none" else _rungs(epochs)
    return tuple(Stage(until, until, everyone) for until in (*rungs, epochs))


def first_rung(epochs: int) -> int:
    """The epoch after which a trial may be ended for the first time."""
    return max(1, epochs // FIRST)


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """The best of those that came to their end; of equals the first."""
    ended = [trial for trial in trials if trial.state == "complete" and trial.value is not None]
    return max(ended, key=lambda trial: trial.value or -math.inf, default=None)


def _rungs(epochs: int) -> list[int]:
    found, rung = [], first_rung(epochs)
    while rung < epochs:
        found.append(rung)
        rung *= FACTOR
    return found
