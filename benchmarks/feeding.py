"""How long a training step of the default recipe waits for its batch: reading, preparing, cutting and changing tiles.

utome's own `fit` trains two epochs of the bundled sample, in which nothing is read before it is asked for; the batches that
it is given are timed on their way.
"""

import time
from collections.abc import Iterator
from dataclasses import replace

from benchmarks.table import Cell, Row, at_most
from utome.config.overrides import override
from utome.data.batches import Batch, TileBatches
from utome.events import silent
from utome.jobs.demo import sample_folder
from utome.jobs.preparing import prepare
from utome.recipes.library import load_recipe
from utome.training.loop import Fleeting, fit
from utome.training.progress import begin

EPOCHS = 3
SHARE = 0.10


class Timed(TileBatches):
    """Batches that remember how long each epoch waited for them, and how long it took in all."""

    def __init__(self, batches: TileBatches) -> None:
        self.__dict__.update(vars(batches))
        self.waited: list[float] = []
        self.taken: list[float] = []

    def epoch(self, epoch: int, *, after: int = 0) -> Iterator[Batch]:
        """The batches of one epoch."""
        batches, waited, begun = super().epoch(epoch, after=after), 0.0, time.perf_counter()
        while True:
            asked = time.perf_counter()
            batch = next(batches, None)
            waited += time.perf_counter() - asked
            if batch is None:
                break
            yield batch
        self.waited.append(waited)
        self.taken.append(time.perf_counter() - begun)


def feeding() -> list[Row]:
    """One row an epoch; the first one reads all files."""
    config = override(load_recipe("unet").settings, [f"training.epochs={EPOCHS}"])
    task = prepare(sample_folder(), config, silent).task
    timed = Timed(task.batches)
    task = replace(task, batches=timed)
    fit(task, begin(task), Fleeting(), listen=silent)
    return [
        _row(epoch, len(timed), waited, taken)
        for epoch, (waited, taken) in enumerate(zip(timed.waited, timed.taken, strict=True), start=1)
    ]


def _row(epoch: int, steps: int, waited: float, taken: float) -> Row:
    cells: dict[str, Cell] = {
        "epoch": epoch,
        "steps": steps,
        "seconds a step": taken / steps,
        "seconds waiting for a batch": waited / steps,
        "share of waiting": at_most(waited / taken, SHARE),
    }
    return Row(cells)
