"""From a study file and what was asked of it to the runs that there shall be, each with its config."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from typing import Any

from utome.config.overrides import overlay, override
from utome.config.settings import Config
from utome.errors import ConfigError, nearest
from utome.recipes.library import load_recipe
from utome.studies.file import StudyFile
from utome.studies.question import ArmKind

# What the study itself sets of each run; of the first two, whatever the file says.
EACH_RUN = ("seed", "training.keep_epochs")
OWN = (*EACH_RUN, "data.folds", "data.fold")


@dataclass(frozen=True)
class Length:
    """How long an arm's trainings are, where the scale says it in minutes: measured once."""

    epochs: int
    steps: int


@dataclass(frozen=True)
class Asked:
    """What was asked beside the study file.

    `arms` and `seeds` may grow when a study is run again; the scale, the `assignments` of --set, the processor `threads` of each run
    and the measured `lengths` stay as they were at the first start. Where the folders say what is for test (`parted`), no protocol
    draws parts of its own.
    """

    scale: str
    assignments: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()
    seeds: int = 3
    threads: int | None = None
    lengths: Mapping[str, Length] = field(default_factory=dict)
    parted: bool = False


@dataclass(frozen=True, order=True)
class PlannedRun:
    """One training and its scoring; or a reference, scored on the test images that a training of this seed and fold would have."""

    seed: int
    protocol: str
    fold: int
    arm: str
    kind: ArmKind = "network"


def planned(study: StudyFile, arms: Iterable[str], seeds: int, *, parted: bool = False) -> list[PlannedRun]:
    """Seed by seed, so that an unfinished study is a smaller one and not a lopsided one; references come with every seed."""
    kinds: list[tuple[str, ArmKind]] = [(arm, "network") for arm in arms]
    kinds += [(reference, reference) for reference in study.references]
    return [
        PlannedRun(seed, protocol, fold, arm, kind)
        for seed, (protocol, entry) in product(range(seeds), study.protocols.items())
        for fold in range(1 if parted else entry.folds or 1)
        for arm, kind in kinds
    ]


def chosen_arms(study: StudyFile, asked: str | None) -> tuple[str, ...]:
    """The arms named in a list with commas, in the study's order; all where nothing is asked. `ConfigError` for unknown ones."""
    if asked is None:
        return tuple(study.arms)
    names = [name.strip() for name in asked.split(",") if name.strip()]
    for name in names:
        if name not in study.arms:
            raise ConfigError(f"The study '{study.name}' has no arm '{name}'. {nearest(name, study.arms)}")
    if not names:
        raise ConfigError(f"--arms names none. Accepted: {', '.join(study.arms)}, with commas between them.")
    return tuple(name for name in study.arms if name in names)


def config_of(study: StudyFile, asked: Asked, run: PlannedRun) -> Config:
    """The config of a run: its recipe, then what the study, the arm, the scale, the protocol and --set lay over it in turn.

    `ConfigError` says of which arm. A reference has that of the baseline arm, which says how its images are read and divided.
    """
    arm = run.arm if run.kind == "network" else study.baseline
    entry, scale, protocol = study.arms[arm], study.scale(asked.scale), study.protocols[run.protocol]
    layers = (study.set, entry.set, scale.set, scale.arms.get(arm, {}), protocol.set)
    divided: dict[str, Any] = {} if protocol.folds is None else {"data.folds": protocol.folds, "data.fold": run.fold}
    divided = {"data.split": None, "data.folds": None, "data.fold": 0} if asked.parted else divided
    layout = {} if study.data.layout is None else {"data.layout": study.data.layout}
    length = asked.lengths.get(arm)
    measured = {} if length is None else {"training.epochs": length.epochs, "training.steps_per_epoch": length.steps}
    try:
        settings = dict(_settings(entry.recipe))
        for layer in ({"machine.threads": asked.threads}, layout, *layers, divided, measured):
            settings = overlay(settings, layer)
        config = override(settings, asked.assignments)
        epochs = early_epoch(study, asked.scale, config)
        own: dict[str, Any] = {"seed": run.seed, "training.keep_epochs": None if epochs is None else [epochs]}
        return override(overlay(config.as_dict(), own), ())
    except ConfigError as error:
        raise ConfigError(f"In the arm '{arm}' of the study '{study.name}': {error}") from None


def equal_arms(study: StudyFile, asked: Asked) -> dict[str, str]:
    """By name the arms that are one training with another, as a scale or --set that lies over their own settings can make them."""
    first: dict[str, str] = {}
    protocol = next(iter(study.protocols))
    found = {}
    for arm in asked.arms:
        config = config_of(study, asked, PlannedRun(0, protocol, 0, arm))
        other = first.setdefault(repr(config.as_dict()), arm)
        if other != arm:
            found[arm] = other
    return found


@lru_cache
def _settings(recipe: str) -> Mapping[str, Any]:
    return load_recipe(recipe).settings


def fixed_of(study: StudyFile, asked: Asked, arm: str) -> frozenset[str]:
    """The settings that the study says, which the recipe `auto` therefore leaves alone."""
    scale = study.scale(asked.scale)
    said = {*study.set, *study.arms[arm].set, *scale.set, *scale.arms.get(arm, {}), *OWN}
    measured = {"training.epochs", "training.steps_per_epoch"} if arm in asked.lengths else set()
    return frozenset({*said, *measured, *(each.partition("=")[0].strip() for each in asked.assignments)})


def early_epoch(study: StudyFile, scale: str, config: Config) -> int | None:
    """The epoch whose model is kept as the early one; none where no variant predicts with it."""
    if not any(variant.checkpoint == "early" for variant in study.variants.values()):
        return None
    return max(1, round(study.scale(scale).early * config.training.epochs))


def refuse_own_paths(study: StudyFile, assignments: Iterable[str]) -> None:
    """`ConfigError` where --set, or a `set` of the file, says what the study itself sets of each run."""
    given = [path.partition("=")[0].strip() for path in assignments]
    laid = [study.set, *(arm.set for arm in study.arms.values())]
    laid += [layer for scale in study.scales.values() for layer in (scale.set, *scale.arms.values())]
    wrong = [path for path in given if path in OWN] + [path for layer in laid for path in layer if path in EACH_RUN]
    if wrong:
        raise ConfigError(
            f"`{wrong[0]}` is what the study '{study.name}' sets of each run itself. Leave it out; --seeds says how many seeds there are."
        )
