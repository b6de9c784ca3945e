"""`utome train`: from a folder of pairs to a run folder with a model, an honest score and a report."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

import utome
from utome.augmentation.tiles import TileAugmentation
from utome.config.overrides import read_config
from utome.config.settings import Config, config_from_dict
from utome.data.batches import Draw, TileBatches
from utome.data.dataset import Dataset
from utome.data.layouts import find_samples
from utome.data.preparation import Preparation
from utome.data.splitting import Split, split
from utome.data.survey import Survey, survey
from utome.device import choose_device, compute_repeatably
from utome.errors import ConfigError, InterruptedRunError
from utome.events import EpochDone, Event, Listener, Noted, silent
from utome.jobs.interruption import terminable
from utome.jobs.scoring import score_split
from utome.modelfolder.card import ClassEntry, ModelCard, TileGeometry
from utome.modelfolder.folder import load_model, save_model
from utome.models.architectures import build_network
from utome.report.page import write_report
from utome.training.checkpoints import Checkpoints
from utome.training.loop import Progress, Task, begin, fit
from utome.training.runfolder import RunFolder, data_hash, describe_data


@dataclass(frozen=True)
class TrainResult:
    """Where the run lies, its best epoch, and how many images trained, chose and were kept for the score."""

    run: Path
    best: EpochDone
    images: dict[str, int]


@dataclass(frozen=True)
class Prepared:
    """A folder read and split, and the network's task on it."""

    survey: Survey
    split: Split
    task: Task


def train(data: Path, config: Config, out: Path, *, resume: bool = False, listen: Listener = silent) -> TrainResult:
    """Train on the pairs below `data` into the run folder `out`.

    With `resume` the run in `out` goes on from its last whole epoch, and its own config is used. Nothing is written
    before data, config and device are found good.
    """
    folder = RunFolder(out)
    if resume:
        config = _saved_config(folder)
    else:
        folder.refuse_if_there()
    prepared = _prepare(data, config, listen)
    if resume:
        _refuse_other_data(folder, prepared)
        folder.set_status("running")
    else:
        folder.create(config, describe_data(prepared.survey, prepared.split), prepared.task.device)

    def tell(event: Event) -> None:
        folder.journal(event)
        listen(event)

    with _status(folder), terminable():
        tell(Noted(f"Run folder: {out}"))
        progress = begin(prepared.task)
        checkpoints = Checkpoints(folder.checkpoints)
        if resume:
            checkpoints.restore(prepared.task.network, progress)
            tell(Noted(f"Going on after epoch {progress.epoch}."))
        _fit(prepared, progress, folder, tell)
        best = _best_epoch(progress)
        write_report(
            folder,
            progress.history,
            *score_split(load_model(folder.model), prepared.split, prepared.task.device, listen),
        )
    return TrainResult(out, best, {part: len(getattr(prepared.split, part)) for part in ("train", "val", "test")})


def _fit(prepared: Prepared, progress: Progress, folder: RunFolder, tell: Listener) -> None:
    """Train, saving after each epoch; the best model is written at the end, also of a run that was interrupted."""
    checkpoints = Checkpoints(folder.checkpoints)

    def save(epoch: EpochDone) -> None:
        del epoch  # it is the last of the history
        checkpoints.save(prepared.task.network, progress)
        folder.write_history(progress.history)

    try:
        fit(prepared.task, progress, save, listen=tell)
    finally:
        best = checkpoints.best()
        if best is not None:
            epoch, weights = best
            save_model(folder.model, weights, _card(prepared, progress.history[epoch - 1]))


def _prepare(data: Path, config: Config, listen: Listener) -> Prepared:
    device = choose_device(config.machine, precision=config.training.precision)
    found = survey(find_samples(data), listen=listen)
    for note in found.notes:
        listen(Noted(note))
    parts = split(found.facts, validation=config.data.validation, test=config.data.test, seed=config.seed)
    preparation = Preparation(found.channels, config.data.normalization, config.data.size)
    compute_repeatably()
    network = build_network(config.model, in_channels=found.channels, classes=found.classes.count, seed=config.seed)
    device.place_network(network)
    draw = Draw(config.training.tile, config.training.batch, config.training.tiles_per_image, config.seed)
    dataset = Dataset(parts.train, preparation, found.classes)
    batches = TileBatches(dataset, network.geometry, draw, TileAugmentation(config.augmentation))
    return Prepared(
        found, parts, Task(network, batches, Dataset(parts.val, preparation, found.classes), config, device)
    )


def _card(prepared: Prepared, best: EpochDone) -> ModelCard:
    config, classes, geometry = prepared.task.config, prepared.survey.classes, prepared.task.network.geometry
    entries = tuple(
        ClassEntry(name=name, value=value) for name, value in zip(classes.names, classes.values, strict=True)
    )
    images = {fact.content: "train" for fact in prepared.split.train} | {
        fact.content: "val" for fact in prepared.split.val
    }
    return ModelCard.model_validate({
        "utome": utome.__version__,
        "torch": torch.__version__,
        "recipe": config.recipe,
        "config_sha256": config.sha256,
        "data_sha256": data_hash(prepared.survey, prepared.split),
        "weights_sha256": "",
        "architecture": config.model,
        "in_channels": prepared.survey.channels,
        "classes": entries,
        "threshold": classes.threshold,
        "normalization": config.data.normalization,
        "size": config.data.size,
        "geometry": TileGeometry(**vars(geometry)),
        "prediction_tile": config.prediction.tile,
        "precision": config.training.precision,
        "metrics": {"epoch": best.epoch, "val_loss": best.val_loss, "val_mean_iou": best.val_mean_iou, "val_accuracy": best.val_accuracy},
        "images": images,
    })  # fmt: skip


def _best_epoch(progress: Progress) -> EpochDone:
    return [epoch for epoch in progress.history if epoch.best][-1]


def _saved_config(folder: RunFolder) -> Config:
    if not folder.config.is_file():
        raise ConfigError(
            f"'{folder.path}' holds no run to go on with. Leave --resume out, or give the --out of that run."
        )
    return config_from_dict(read_config(folder.config))


def _refuse_other_data(folder: RunFolder, prepared: Prepared) -> None:
    if data_hash(prepared.survey, prepared.split) not in folder.data.read_text(encoding="utf-8"):
        raise ConfigError(
            f"The images or masks are not those that '{folder.path}' was trained on. Give its own data, or train anew with another --out."
        )


@contextmanager
def _status(folder: RunFolder) -> Iterator[None]:
    """Leave behind in `status.json` how the run ended."""
    try:
        yield
    except (KeyboardInterrupt, InterruptedRunError) as error:
        folder.set_status("interrupted", "Ctrl-C" if isinstance(error, KeyboardInterrupt) else str(error))
        raise
    except BaseException as error:
        folder.set_status("failed", str(error))
        raise
    folder.set_status("done")
