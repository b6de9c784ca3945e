"""What happened: long work tells it as events, and whoever wants to know listens.

The progress bar, the journal and the run folder are listeners. A listener never changes a result.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """Something that happened; abstract."""

    def as_json(self) -> dict[str, Any]:
        """The event as one JSON object, its kind first."""
        return {"event": type(self).__name__, **asdict(self)}


@dataclass(frozen=True)
class Noted(Event):
    """A sentence that the user should read."""

    text: str


@dataclass(frozen=True)
class Progressed(Event):
    """`done` of `total` units of a stage are done."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class EpochDone(Event):
    """One pass over the training tiles, and the validation after it.

    Losses are means a pixel; accuracies and the mean IoU lie between 0 and 1. The terms of a loss, by name, have their weights in
    them and add up to it. For `magnitudes` see `utome.training.magnitudes`. `seconds` are those of training and validation together,
    and of what was done before the last interruption they know nothing.
    """

    epoch: int
    epochs: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    val_mean_iou: float
    learning_rate: float
    best: bool
    seconds: float
    peak_memory_mb: float | None
    train_seconds: float = 0.0
    val_seconds: float = 0.0
    train_terms: Mapping[str, float] = field(default_factory=dict)
    val_terms: Mapping[str, float] = field(default_factory=dict)
    magnitudes: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Estimated(Event):
    """What is left of a training, from its own first steps: epochs, of how many in all, and the seconds that they will take.

    The memory is the most that was held so far, in MB.
    """

    seconds: float
    epochs: int
    of: int
    peak_memory_mb: float | None

    @property
    def sentence(self) -> str:
        """As in `About 12 minutes for 100 epochs; 1.3 GB so far.`"""
        plural = "" if self.epochs == 1 else "s"
        epochs = f"{self.epochs} epoch{plural}" if self.epochs == self.of else f"the {self.epochs} epoch{plural} left"
        memory = "" if self.peak_memory_mb is None else f"; {self.peak_memory_mb / 1000:.1f} GB so far"
        return f"About {duration(self.seconds)} for {epochs}{memory}."


@dataclass(frozen=True)
class TrialBegun(Event):
    """A trial of a search has begun, or goes on after an interruption, with these values."""

    trial: int
    trials: int
    params: Mapping[str, Any]
    again: bool = False


@dataclass(frozen=True)
class TrialReported(Event):
    """A trial has come to a rung: after so many epochs its best validation mean IoU, the mean over its seeds, is this."""

    trial: int
    epoch: int
    value: float


@dataclass(frozen=True)
class TrialEnded(Event):
    """A trial is complete, pruned or failed; `best` says whether it is the best so far, `reason` why it failed."""

    trial: int
    trials: int
    params: Mapping[str, Any]
    state: str
    value: float | None
    epochs: int
    best: bool
    reason: str | None = None


Listener = Callable[[Event], None]


def duration(seconds: float) -> str:
    """A time in words that say no more than an estimate knows.

    >>> duration(7), duration(90), duration(754), duration(9000), duration(200000)
    ('7 seconds', '90 seconds', '13 minutes', '2.5 hours', '2.3 days')
    """
    for size, name in ((86400, "days"), (3600, "hours")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {name}"
    if seconds >= 120:
        return f"{round(seconds / 60)} minutes"
    count = max(1, round(seconds))
    return f"{count} second{'' if count == 1 else 's'}"


def silent(event: Event) -> None:
    """Listen to nothing."""
    del event
