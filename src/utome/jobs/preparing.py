"""What a training needs before its first step: data read and split, network, batches; and the card of its model."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

import utome
from utome.augmentation.tiles import TileAugmentation
from utome.config.architectures import EfficientUNetSettings, ModelSettings, ResNetUNetSettings
from utome.config.settings import Config
from utome.data.batches import Draw, TileBatches
from utome.data.dataset import Dataset
from utome.data.preparation import Preparation, moments_of
from utome.data.splitting import Split
from utome.data.survey import Survey
from utome.device import choose_device, compute_repeatably
from utome.events import EpochDone, Listener, Noted
from utome.jobs.reading import read_data, split_data
from utome.modelfolder.card import ClassEntry, ModelCard, StartingWeightsEntry, TileGeometry
from utome.models.architectures import build_network
from utome.models.pretrained import StartingWeights, read_starting_weights
from utome.training.loop import Task
from utome.training.runfolder import data_hash


@dataclass(frozen=True)
class Prepared:
    """A folder read and split, and the network's task on it."""

    survey: Survey
    split: Split
    task: Task
    starting: StartingWeightsEntry | None = None


def prepare(data: Path, config: Config, listen: Listener, *, begun: bool = False) -> Prepared:
    """Read, split and build; nothing is written.

    The task's config says of the encoder's starting weights what came with them. Where training has `begun`, the
    weights are in a checkpoint and are not read again.
    """
    found = read_data(data, config.data, listen)
    for note in found.notes:
        listen(Noted(note))
    parts = split_data(found, config.data, seed=config.seed, listen=listen)
    return build(found, parts, config, listen, begun=begun)


def build(found: Survey, parts: Split, config: Config, listen: Listener, *, begun: bool = False) -> Prepared:
    """The network and its task on data that were read and split."""
    device = choose_device(config.machine, precision=config.training.precision)
    shown = _preparation(found, parts, config)
    preparation = replace(shown, size=config.data.size)
    compute_repeatably()
    weights = None if begun else _starting_weights(config.model, found.channels, listen)
    if weights is not None:
        conventions = {"epsilon": weights.epsilon, "padding": weights.padding}
        asked = {name: value for name, value in conventions.items() if hasattr(config.model, name)}
        config = config.model_copy(update={"model": config.model.model_copy(update=asked)})
    network = build_network(config.model, in_channels=found.channels, classes=found.classes.count, seed=config.seed)
    if weights is not None:
        network.encoder.load_state_dict(weights.tensors)
    device.place_network(network)
    draw = _draw(config)
    dataset = Dataset(parts.train, preparation, found.classes)
    batches = TileBatches(dataset, network.geometry, draw, TileAugmentation(config.augmentation))
    task = Task(network, batches, Dataset(parts.val, shown, found.classes), config, device)
    return Prepared(found, parts, task, None if weights is None else _entry(weights))


def _preparation(found: Survey, parts: Split, config: Config) -> Preparation:
    """What is done to an image that is predicted; training differs in the size alone."""
    settings = config.data
    return Preparation(
        found.channels,
        settings.normalization,
        settings.test_size or settings.size,
        moments_of(parts.train, found.channels) if settings.normalization == "dataset" else None,
        settings.percentiles,
        settings.fill,
    )


def _draw(config: Config) -> Draw:
    training = config.training
    return Draw(
        training.tile,
        training.batch,
        training.tiles_per_image,
        config.seed,
        grid=training.places == "grid",
        each_flip=config.augmentation.each_flip,
    )


def _starting_weights(model: ModelSettings, channels: int, listen: Listener) -> StartingWeights | None:
    if not isinstance(model, EfficientUNetSettings | ResNetUNetSettings) or model.weights is None:
        return None
    weights = read_starting_weights(model, channels)
    listen(
        Noted(
            f"The encoder begins with '{weights.source}' (licence: {weights.licence or 'not stated'}; epsilon "
            f"{weights.epsilon:g}, padding {weights.padding})."
        )
    )
    return weights


def _entry(weights: StartingWeights) -> StartingWeightsEntry:
    return StartingWeightsEntry(source=weights.source, sha256=weights.sha256, licence=weights.licence)


def model_card(prepared: Prepared, best: EpochDone) -> ModelCard:
    """The card of the model that was best at this epoch."""
    config, classes, geometry = prepared.task.config, prepared.survey.classes, prepared.task.network.geometry
    entries = tuple(
        ClassEntry(name=name, values=values) for name, values in zip(classes.names, classes.values, strict=True)
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
        "ignored": classes.ignored,
        "truth": config.data.truth,
        "preparation": asdict(_preparation(prepared.survey, prepared.split, config)),
        "geometry": TileGeometry(**vars(geometry)),
        "prediction_tile": config.prediction.tile,
        "precision": config.training.precision,
        "metrics": {"epoch": best.epoch, "val_loss": best.val_loss, "val_mean_iou": best.val_mean_iou, "val_accuracy": best.val_accuracy},
        "images": images,
        "starting_weights": prepared.starting,
    })  # fmt: skip
