"""What happened: long work tells it as events, and whoever wants to know listens.

The progress bar, the journal and the run folder are listeners. A listener never changes a result.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
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

    Losses are means a pixel; accuracies and the mean IoU lie between 0 and 1.
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


Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """Listen to nothing."""
    del event
