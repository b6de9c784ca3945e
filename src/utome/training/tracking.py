"""Watching one figure over the epochs: for the best model, and for stopping early."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from utome.config.sections import Monitor
from utome.events import EpochDone


@dataclass
class Tracker:
    """The best value of a figure so far, and how many epochs ago it was. A figure that is no number never improves."""

    monitor: Monitor
    min_delta: float = 0.0
    best: float | None = None
    waited: int = 0

    def improved(self, epoch: EpochDone) -> bool:
        """Take in an epoch; whether its figure is the best so far, by more than `min_delta`."""
        value = getattr(epoch, self.monitor)
        gain = 0.0 if self.best is None else (self.best - value if self.monitor == "val_loss" else value - self.best)
        better = value == value if self.best is None else gain > self.min_delta  # noqa: PLR0124 - NaN differs from itself
        self.best, self.waited = (value, 0) if better else (self.best, self.waited + 1)
        return better

    def watch(self, history: Iterable[EpochDone]) -> None:
        """Begin anew, with these epochs."""
        self.best, self.waited = None, 0
        for epoch in history:
            self.improved(epoch)

    def state(self) -> dict[str, float | int | str | None]:
        """The tracker as plain values."""
        return asdict(self)
