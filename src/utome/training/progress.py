"""What one training works on, and how far it has come: all that a checkpoint holds, beside the network."""

from dataclasses import dataclass, field

import torch

from utome.config.settings import Config
from utome.data.batches import TileBatches
from utome.data.dataset import Dataset
from utome.device import Device
from utome.events import EpochDone
from utome.models.network import SegmentationNetwork
from utome.training.averaging import AveragedNetwork
from utome.training.optimizers import make_optimizer
from utome.training.tracking import Tracker

# What the learning rate is multiplied by at each return to the last good state.
SMALLER = 0.5


@dataclass(frozen=True)
class Task:
    """All that one training works on; the network is on the device already."""

    network: SegmentationNetwork
    batches: TileBatches
    validation: Dataset
    config: Config
    device: Device


@dataclass
class Sums:
    """What the steps of an epoch have summed so far, the terms of the loss by name; `rate` is the last learning rate."""

    loss: float = 0.0
    right: int = 0
    pixels: int = 0
    rate: float = 0.0
    terms: dict[str, float] = field(default_factory=dict)


@dataclass
class Progress:
    """Whole epochs are in the history; `step` counts the steps of the epoch under way, and `sums` are theirs.

    `returns` counts how often training went back to the last good state, since numbers went wrong.
    """

    optimizer: torch.optim.Optimizer
    best: Tracker
    stopping: Tracker
    average: AveragedNetwork | None = None
    history: list[EpochDone] = field(default_factory=list)
    step: int = 0
    sums: Sums = field(default_factory=Sums)
    returns: int = 0

    @property
    def epoch(self) -> int:
        """The last epoch done."""
        return self.history[-1].epoch if self.history else 0

    @property
    def caution(self) -> float:
        """What the learning rate is multiplied by."""
        return float(SMALLER**self.returns)


def begin(task: Task) -> Progress:
    """The state before the first step."""
    settings = task.config.training
    stopping = Tracker(settings.stopping.monitor, settings.stopping.min_delta)
    average = None if settings.average is None else AveragedNetwork(task.network, settings.average)
    return Progress(make_optimizer(task.network, task.config.optimizer), Tracker(settings.best), stopping, average)


def result(task: Task, progress: Progress) -> SegmentationNetwork:
    """The network that is validated and kept: the averaged one if there is one."""
    return task.network if progress.average is None else progress.average.network
