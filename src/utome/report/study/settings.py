"""How the networks of a study were trained, in sentences, from the settings that their runs wrote down."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from utome.config.settings import leaves
from utome.report.study.facts import networks
from utome.report.study.numbers import count, listed
from utome.studies.outcome import StudyOutcome

Settings = Mapping[str, Any]
# What is drawn or counted anew in each run, and says nothing of how it was trained.
OF_A_RUN = ("seed", "data.fold")
LOSSES = {
    "cross_entropy": "softmax cross entropy", "bce": "binary cross entropy", "focal": "focal loss", "dice": "soft Dice loss",
    "jaccard": "soft Jaccard loss",
}  # fmt: skip
# Cross entropy where background and foreground share one output.
ONE_LOGIT = "binary cross entropy of one logit"
NORMALISED = {
    "image": "each to zero mean and unit deviation", "dataset": "to zero mean and unit deviation over all training images",
    "percentile": "each between two percentiles of its values", "range": "by the range that their file's type holds",
}  # fmt: skip


def network_settings(outcome: StudyOutcome, folder: Path) -> dict[str, Settings]:
    """The settings of each network by dotted path, as the first of its runs that has them wrote them down."""
    found: dict[str, Settings] = {}
    for arm in networks(outcome):
        for run in (each for each in outcome.runs if each.arm == arm.name and arm.name not in found):
            settings = _read(folder / run.path / "config.yaml")
            if settings:
                found[arm.name] = settings
    return found


def training_sentences(outcome: StudyOutcome, settings: Mapping[str, Settings]) -> list[str]:
    """What was common to all networks once, and what was not, arm by arm; nothing where no run has its settings."""
    if not settings:
        return []
    titles = {arm.name: arm.title for arm in networks(outcome)}
    sentences = []
    for describe in (_optimizer, _tiles, _loss, _augmentation, _choice, _input):
        said: dict[str, list[str]] = {}
        for arm, own in settings.items():
            said.setdefault(_safely(describe, own), []).append(titles[arm])
        said.pop("", None)
        for text, arms in said.items():
            quoted = listed(f"'{arm}'" for arm in arms)
            whose = "" if len(said) == 1 and len(arms) == len(settings) else f" (so {quoted})"
            sentences.append(f"{text}{whose}.")
    return sentences


def _optimizer(own: Settings) -> str:
    names = {"adam": "Adam", "adamw": "AdamW", "sgd": "stochastic gradient descent"}
    name = names.get(own["optimizer.name"], own["optimizer.name"])
    momentum = f" with momentum {own['optimizer.momentum']:g}" if "optimizer.momentum" in own else ""
    decay = f", weight decay {own['optimizer.weight_decay']:g}" if own["optimizer.weight_decay"] else ""
    schedule = own["optimizer.schedule"]
    falling = "held constant" if schedule == "constant" else f"lowered by the {schedule} schedule"
    return f"Networks were trained by {name}{momentum} with a learning rate of {own['optimizer.learning_rate']:g}, {falling}{decay}"


def _tiles(own: Settings) -> str:
    steps = own["training.steps_per_epoch"]
    length = "a pass over all tiles" if steps is None else count(steps, "steps")
    side = own["training.tile"]
    most, batch = count(own["training.epochs"], "epochs"), count(own["training.batch"], "tiles")
    return f"A step had {batch} of {side} x {side} pixels, an epoch {length}; a training {most} at most"


def _loss(own: Settings) -> str:
    words_of = {**LOSSES, "cross_entropy": ONE_LOGIT} if own.get("model.one_logit") else LOSSES
    terms = [
        words + ("" if own[f"loss.{name}"] == 1 else f" (weight {own[f'loss.{name}']:g})")
        for name, words in words_of.items()
        if own.get(f"loss.{name}")
    ]
    weighted = "" if own["loss.weights.map"] == "none" else ", with a weight map that counts gaps between objects more"
    balanced = ", classes balanced" if own["loss.weights.balance"] else ""
    return f"The loss was {listed(terms)}{weighted}{balanced}"


def _augmentation(own: Settings) -> str:
    used = [
        name if value is True else f"{name.replace('_', ' ')} {value:g}"
        for path, value in own.items()
        if (name := path.removeprefix("augmentation.")) != path and value and name != "elastic_grid"
    ]
    return (
        f"Tiles were augmented ({', '.join(name.replace('_', ' ') for name in used)})"
        if used
        else "Tiles were not augmented"
    )


def _choice(own: Settings) -> str:
    words = {"val_loss": "lowest validation loss", "val_mean_iou": "highest validation mean IoU"}
    best, patience = own["training.best"], own["training.stopping.patience"]
    stopping = (
        ""
        if patience is None
        else f"; training was to stop after {patience} epochs without a better {own['training.stopping.monitor']}"
    )
    averaged = (
        ""
        if own["training.average"] is None
        else f"; weights were averaged over the steps ({own['training.average']:g})"
    )
    return f"The epoch of the {words.get(best, best)} was kept{stopping}{averaged}"


def _input(own: Settings) -> str:
    size = own["data.size"]
    resized = "kept their own size" if size is None else f"were resized to {size[0]} x {size[1]} pixels"
    name, precision = own["data.normalization"], own["training.precision"]
    normalised = f"were normalised {NORMALISED[name]}" if name in NORMALISED else "were not normalised"
    return f"Images {resized} and {normalised}; precision '{precision}'"


def _safely(describe: Callable[[Settings], str], own: Settings) -> str:
    """The sentence, or nothing where settings of another version lack what it needs."""
    try:
        return describe(own)
    except (KeyError, TypeError, ValueError):
        return ""


def _read(path: Path) -> Settings:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return leaves(content) if isinstance(content, Mapping) else {}
