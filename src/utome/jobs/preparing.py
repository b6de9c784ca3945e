"""What a training needs before its first step: data read and split, network, batches; and the card of its model."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

import utome
from utome.augmentation.separation import components
from utome.augmentation.tiles import TileAugmentation
from utome.augmentation.weight_maps import WeightMapRule, class_weights, weight_map
from utome.config.architectures import EfficientUNetSettings, ModelSettings, ResNetUNetSettings
from utome.config.settings import Config
from utome.data.batches import Draw, TileBatches
from utome.data.dataset import Dataset, LabelMap, Objects, Weigh, Weights
from utome.data.disagreements import left_unturned
from utome.data.preparation import Preparation, moments_of
from utome.data.splitting import Split
from utome.data.survey import Survey
from utome.data.weight_cache import WeightCache
from utome.device import choose_device, compute_repeatably, forget_peak_memory
from utome.distributed import gathered, one_fate, size
from utome.errors import ConfigError, DataError
from utome.events import EpochDone, Listener, Noted, silent
from utome.jobs.advising import advised
from utome.jobs.reading import read_data, split_data
from utome.modelfolder.card import ClassEntry, ModelCard, StartingWeightsEntry, TileGeometry
from utome.models.architectures import build_network
from utome.models.pretrained import StartingWeights, read_starting_weights
from utome.prediction.manner import suited
from utome.training.progress import Task
from utome.training.runfolder import data_hash


@dataclass(frozen=True)
class Data:
    """A folder read and split, and its images as the network sees them."""

    survey: Survey
    split: Split
    training: Dataset
    validation: Dataset


@dataclass(frozen=True)
class Prepared:
    """A folder read and split, and the network's task on it."""

    data: Data
    task: Task
    starting: StartingWeightsEntry | None = None

    @property
    def survey(self) -> Survey:
        """What was found in the folder."""
        return self.data.survey

    @property
    def split(self) -> Split:
        """What each image is for."""
        return self.data.split


def prepare(
    data: Path, config: Config, listen: Listener, *, begun: bool = False, fixed: Collection[str] | None = None
) -> Prepared:
    """Read, split and build; nothing is written.

    The task's config says of the encoder's starting weights what came with them. Where training has `begun`, the
    weights are in a checkpoint and are not read again. With `fixed` the recipe `auto` chooses for these images all but the settings
    that it names; without, the config is taken as it is. Of several processes each prepares the same; if one cannot, none can.
    Memory is measured from here on.
    """
    forget_peak_memory()
    with one_fate():
        prepared = _prepare(data, config, listen, begun=begun, fixed=fixed)
    if size() > 1:
        _refuse_unlike_processes(prepared)
    return prepared


def _prepare(data: Path, config: Config, listen: Listener, *, begun: bool, fixed: Collection[str] | None) -> Prepared:
    found = read_data(data, config.data, listen)
    for note in found.notes:
        listen(Noted(note))
    if fixed is not None:
        config, advice = advised(found, config, fixed)
        for each in advice:
            listen(Noted(f"auto: {each.path}={each.value}, since {each.reason}."))
    parts = split_data(found, config.data, seed=config.seed, listen=listen)
    return build(found, parts, config, listen, begun=begun)


def _refuse_unlike_processes(prepared: Prepared) -> None:
    """`ConfigError` where a step has too few tiles for all processes, `DataError` where they do not see the same images."""
    config = prepared.task.config
    if config.training.batch < size():
        raise ConfigError(
            f"training.batch is {config.training.batch}, but {size()} processes share the tiles of a step. Give at least a tile "
            f"each, as in --set training.batch={size()}, or torchrun a smaller --nproc-per-node."
        )
    if len(set(gathered((data_hash(prepared.survey, prepared.split), config.sha256)))) > 1:
        raise DataError(
            "The processes of this training do not see the same images, masks and settings. Give all of them one folder, on a disk "
            "that they share, and the same version of utome."
        )


def build(found: Survey, parts: Split, config: Config, listen: Listener, *, begun: bool = False) -> Prepared:
    """The network and its task on data that were read and split."""
    shown = _preparation(found, parts, config)
    weigh = _weigh(found, parts, config)
    training = Dataset(parts.train, replace(shown, size=config.data.size), found.classes, weigh)
    return _build(Data(found, parts, training, Dataset(parts.val, shown, found.classes)), config, listen, begun=begun)


def rebuild(prepared: Prepared, config: Config) -> Prepared:
    """The same data with a fresh network, for a config that differs in the network's width, augmentation or the training's length alone."""
    again = _build(prepared.data, config, silent)
    return replace(again, starting=prepared.starting)


def _build(data: Data, config: Config, listen: Listener, *, begun: bool = False) -> Prepared:
    found = data.survey
    device = choose_device(config.machine, precision=config.training.precision)
    compute_repeatably()
    weights = None if begun else _starting_weights(config.model, found.channels, listen)
    if weights is not None:
        conventions = {"epsilon": weights.epsilon, "padding": weights.padding}
        asked = {name: value for name, value in conventions.items() if hasattr(config.model, name)}
        config = config.model_copy(update={"model": config.model.model_copy(update=asked)})
    network = build_network(config.model, in_channels=found.channels, classes=found.classes.count, seed=config.seed)
    if weights is not None:
        network.encoder.load_state_dict(weights.tensors)
    config = config.model_copy(update={"prediction": suited(config.prediction, network, tile=config.training.tile)})
    device.place_network(network)
    batches = TileBatches(
        data.training, network.geometry, _draw(config), TileAugmentation(config.augmentation, device.torch)
    )
    task = Task(network, batches, data.validation, config, device)
    return Prepared(data, task, None if weights is None else _entry(weights))


def _weigh(found: Survey, parts: Split, config: Config) -> Weigh | None:
    """How labels get their weights; none where all pixels count alike."""
    settings = config.loss.weights
    if not settings.needed:
        return None
    balance = class_weights(found.class_pixels(parts.train)) if settings.balance else ()
    rule = WeightMapRule(settings.map, settings.w0, settings.sigma, class_weights=balance, separate=settings.separate)

    def weigh(labels: LabelMap, objects: Objects | None) -> tuple[LabelMap, Weights]:
        return weight_map(labels, components(labels) if objects is None else objects, rule)

    return WeightCache(weigh, f"{utome.__version__} {rule}")


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
        upright=not left_unturned(parts.train),
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
        steps=training.steps_per_epoch,
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
    used = (*prepared.split.train, *prepared.split.val)
    looks = sorted({fact.fingerprint.hex() for fact in used if not fact.constant})
    return ModelCard.model_validate({
        "utome": utome.__version__,
        "torch": torch.__version__,
        "recipe": config.recipe,
        "config_sha256": config.sha256,
        "data_sha256": data_hash(prepared.survey, prepared.split),
        "weights_sha256": "",
        "architecture": config.model,
        "in_channels": prepared.survey.channels,
        "classes": entries, "own_names": bool(config.data.classes),
        "threshold": classes.threshold,
        "ignored": classes.ignored,
        "truth": config.data.truth,
        "unmarked": config.data.unmarked,
        "preparation": asdict(_preparation(prepared.survey, prepared.split, config)),
        "geometry": TileGeometry(**vars(geometry)),
        "prediction_tile": config.prediction.piece,
        "prediction": config.prediction,
        "precision": config.training.precision,
        "metrics": {"epoch": best.epoch, "val_loss": best.val_loss, "val_mean_iou": best.val_mean_iou, "val_accuracy": best.val_accuracy},
        "images": images, "looks": looks,
        "starting_weights": prepared.starting,
    })  # fmt: skip
