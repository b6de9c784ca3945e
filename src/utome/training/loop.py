"""The training loop, on one page.

torch's own generator is seeded anew at every step from (seed, epoch, step), so dropout is keyed as all else is, and
nothing random need be remembered to go on after an interruption.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch

from utome.config.settings import Config
from utome.data.batches import TileBatches
from utome.data.classes import IGNORED
from utome.data.dataset import Dataset
from utome.device import Device
from utome.errors import NumericalError
from utome.events import EpochDone, Listener, Progressed
from utome.losses.total import supervised_loss, total_loss
from utome.models.network import SegmentationNetwork
from utome.randomness import key
from utome.training.averaging import AveragedNetwork
from utome.training.optimizers import learning_rate, make_optimizer
from utome.training.tracking import Tracker
from utome.training.validation import validate


@dataclass(frozen=True)
class Task:
    """All that one training works on; the network is on the device already."""

    network: SegmentationNetwork
    batches: TileBatches
    validation: Dataset
    config: Config
    device: Device


@dataclass
class Progress:
    """How far a training has come: what a checkpoint holds, beside the network."""

    optimizer: torch.optim.Optimizer
    best: Tracker
    stopping: Tracker
    average: AveragedNetwork | None = None
    history: list[EpochDone] = field(default_factory=list)

    @property
    def epoch(self) -> int:
        """The last epoch done."""
        return self.history[-1].epoch if self.history else 0


def begin(task: Task) -> Progress:
    """The state before the first epoch."""
    settings = task.config.training
    stopping = Tracker(settings.stopping.monitor, settings.stopping.min_delta)
    average = None if settings.average is None else AveragedNetwork(task.network, settings.average)
    return Progress(make_optimizer(task.network, task.config.optimizer), Tracker(settings.best), stopping, average)


def result(task: Task, progress: Progress) -> SegmentationNetwork:
    """The network that is validated and kept: the averaged one if there is one."""
    return task.network if progress.average is None else progress.average.network


def fit(task: Task, progress: Progress, after_epoch: Callable[[EpochDone], None], *, listen: Listener) -> None:
    """Train from where `progress` stands until the last epoch, or until patience ends; `after_epoch` may save.

    `NumericalError` where the loss is no longer a finite number.
    """
    settings = task.config.training
    loss = total_loss(task.config.loss)
    for epoch in range(progress.epoch + 1, settings.epochs + 1):
        if settings.stopping.patience is not None and progress.stopping.waited >= settings.stopping.patience:
            break
        started = time.perf_counter()
        train_loss, train_accuracy, rate = _train_epoch(task, progress, epoch, listen)
        scores = validate(result(task, progress), task.validation, loss, task.device, tile=task.config.prediction.tile)
        done = EpochDone(
            epoch, settings.epochs, train_loss, train_accuracy, scores.loss, scores.accuracy, scores.mean_iou, rate,
            best=False, seconds=round(time.perf_counter() - started, 3), peak_memory_mb=task.device.peak_memory_mb(),
        )  # fmt: skip
        done = replace(done, best=progress.best.improved(done))
        progress.stopping.improved(done)
        progress.history.append(done)
        after_epoch(done)
        listen(done)


def _train_epoch(task: Task, progress: Progress, epoch: int, listen: Listener) -> tuple[float, float, float]:
    """One pass over the tiles; mean loss and accuracy a pixel, and the last learning rate."""
    optimizer, clip = progress.optimizer, task.config.training.clip
    task.network.train()
    for network in {task.network, result(task, progress)}:
        network.reselect(task.config.seed, epoch)
    loss = supervised_loss(task.config.loss)
    steps = len(task.batches)
    total, right, pixels, rate = 0.0, 0, 0, 0.0
    for step, batch in enumerate(task.batches.epoch(epoch)):
        torch.manual_seed(key(task.config.seed, "step", epoch, step))
        rate = learning_rate(
            task.config.optimizer, step=(epoch - 1) * steps + step, steps=task.config.training.epochs * steps
        )
        for group in optimizer.param_groups:
            group["lr"] = rate
        target = batch.target.to(task.device.torch)
        with task.device.autocast():
            answers = task.network.supervised(task.device.place(batch.image))
        weight = None if batch.weight is None else batch.weight.to(task.device.torch)
        value = loss(answers, target, weight)
        if not math.isfinite(value.item()):
            raise NumericalError(
                f"The loss became {value.item()} at step {step + 1} of epoch {epoch}. The learning rate is probably too high: "
                f"it is {rate:g}; try --set optimizer.learning_rate={task.config.optimizer.learning_rate / 10:g}."
            )
        optimizer.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(task.network.parameters(), clip)
        optimizer.step()
        if progress.average is not None:
            progress.average.follow(task.network)
        known = int((target != IGNORED).sum())
        total += value.item() * known
        right += int((answers[0].argmax(dim=1) == target).sum())
        pixels += known
        listen(Progressed(f"epoch {epoch}/{task.config.training.epochs}", step + 1, steps))
    return total / max(pixels, 1), right / max(pixels, 1), rate
