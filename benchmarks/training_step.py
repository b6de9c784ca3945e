"""How fast a training step of the default recipe is, against the same network as plain torch trains it.

utome's side is its own `fit`, untouched: it tells of every step that it has done, and the listener then takes one
plain step before the next begins. So both sides take turns in one process, and what else the machine does slows both.
Each draws its tiles from the bundled sample within the time that is measured. The plain side is eager float32, its
channels first, without the repeatable arithmetic that utome asks for; on the same device, with the same loss and
optimiser. The first pair is a warm-up and not counted.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import starmap
from operator import truediv
from statistics import median

import torch

from benchmarks.table import Cell, Row, at_least
from utome.augmentation.tiles import TileAugmentation
from utome.config.overrides import override
from utome.config.settings import Config
from utome.data.batches import Batch, Draw, TileBatches
from utome.data.dataset import Dataset
from utome.data.layouts.finding import find_samples
from utome.data.preparation import Preparation
from utome.data.survey import survey
from utome.device import choose_device, compute_repeatably
from utome.events import Event, Progressed
from utome.jobs.demo import sample_folder
from utome.losses.total import total_loss
from utome.models.architectures import build_network
from utome.models.network import SegmentationNetwork
from utome.recipes.library import load_recipe
from utome.training.loop import Fleeting, fit
from utome.training.optimizers import make_optimizer
from utome.training.progress import Task, begin

WIDTHS = (16, 32, 64)
# More pairs for the width that the recipe has.
PAIRS_OF_RECIPE, PAIRS = 5, 3
TIMES_AS_FAST = 2.0


def training_step() -> list[Row]:
    """One row a width."""
    own: int = load_recipe("unet").settings["model"]["width"]
    return [_row(width, PAIRS_OF_RECIPE if width == own else PAIRS) for width in sorted({*WIDTHS, own})]


class PlainTraining:
    """The same network, loss and optimiser, stepped as a page of plain torch would."""

    def __init__(self, network: SegmentationNetwork, config: Config, batches: Iterator[Batch]) -> None:
        self._network = network.train()
        self._device = next(network.parameters()).device
        self._loss = total_loss(config.loss)
        self._optimizer = make_optimizer(network, config.optimizer)
        self._batches = batches

    def step(self) -> None:
        """One whole step, waited for."""
        batch = next(self._batches)
        logits = self._network(batch.image.to(self._device))
        loss = self._loss(logits, batch.target.to(self._device))
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self._optimizer.step()
        loss.item()  # a GPU works on behind the program's back until a value is asked of it


class Race:
    """A listener to utome's training that takes a plain step after each of its steps, and times both."""

    def __init__(self, plain: PlainTraining) -> None:
        self._plain = plain
        self._started = time.perf_counter()
        self.utome_seconds: list[float] = []
        self.plain_seconds: list[float] = []

    def __call__(self, event: Event) -> None:
        """A step of utome's is done: take its time, then the plain step's."""
        if isinstance(event, Progressed):
            self.utome_seconds.append(time.perf_counter() - self._started)
            with _arithmetic_as_torch_has_it():
                started = time.perf_counter()
                self._plain.step()
                self.plain_seconds.append(time.perf_counter() - started)
            self._started = time.perf_counter()


def _row(width: int, pairs: int) -> Row:
    config = override(load_recipe("unet").settings, [f"model.width={width}", "training.epochs=1"])
    task, plain = _contestants(config, steps=pairs + 1)
    progress = begin(task)
    race = Race(plain)
    fit(task, progress, Fleeting(), listen=race)
    ours, theirs = race.utome_seconds[1:], race.plain_seconds[1:]
    ratios = list(starmap(truediv, zip(theirs, ours, strict=True)))
    images = config.training.batch
    cells: dict[str, Cell] = {
        "width": width,
        "tile": task.batches.side,
        "batch": images,
        "utome computes on": task.device.name,
        "utome, images/s": images / median(ours),
        "plain float32, images/s": images / median(theirs),
        "pairs": pairs,
        "times as fast": at_least(median(ratios), TIMES_AS_FAST),
    }
    return Row(cells, {"utome_seconds": ours, "plain_seconds": theirs, "ratios": ratios})


def _contestants(config: Config, *, steps: int) -> tuple[Task, PlainTraining]:
    """The task of utome and its plain counterpart: equal fresh weights, and the same tiles for so many full batches."""
    found = survey(find_samples(sample_folder()))
    device = choose_device(config.machine, precision=config.training.precision)
    compute_repeatably()
    preparation = Preparation(found.channels, config.data.normalization)
    # One image for each place in the batch, so that tiles an image are steps.
    trained = Dataset(found.facts[: config.training.batch], preparation, found.classes)
    # `fit` ends with a validation, which is not measured: one image will do.
    validated = Dataset(found.facts[-1:], preparation, found.classes)
    network, twin = (
        build_network(config.model, in_channels=found.channels, classes=found.classes.count, seed=config.seed)
        for _ in range(2)
    )
    device.place_network(network)
    draw = Draw(config.training.tile, config.training.batch, steps, config.seed)
    batches = TileBatches(trained, network.geometry, draw, TileAugmentation(config.augmentation, device.torch))
    plain = PlainTraining(twin.to(device.torch), config, batches.epoch(1))
    return Task(network, batches, validated, config, device), plain


@contextmanager
def _arithmetic_as_torch_has_it() -> Iterator[None]:
    torch.use_deterministic_algorithms(mode=False)
    try:
        yield
    finally:
        compute_repeatably()
