"""From a folder and its settings to a survey and a split: what every job on data begins with."""

from collections.abc import Sequence
from pathlib import Path

from utome.config.sections import DataSettings, MaskValue
from utome.data.classes import Declared
from utome.data.formats import COLOURED
from utome.data.layouts.finding import find_samples
from utome.data.problems import problems
from utome.data.splitting import Rule, Split, split
from utome.data.survey import Survey, survey
from utome.events import Listener, Noted


def read_data(data: Path, settings: DataSettings, listen: Listener) -> Survey:
    """What lies in the folder; every sample was opened once."""
    return survey(find_samples(data, settings.layout), declared(settings), listen=listen)


def declared(settings: DataSettings) -> Declared:
    """What the settings say of the classes."""
    classes = tuple((name, _values(values)) for name, values in settings.classes)
    return Declared(classes, _values(settings.ignore))


def split_data(found: Survey, settings: DataSettings, *, seed: int, listen: Listener) -> Split:
    """The parts; every doubt about the data is said."""
    parts = split(found.facts, rule(settings), seed=seed)
    for problem in problems(found, parts, settings.group):
        listen(Noted(f"WARNING: {problem}"))
    return parts


def rule(settings: DataSettings) -> Rule:
    """How the settings draw parts."""
    counts = None
    if settings.split is not None:
        train, validation, test = (*map(int, settings.split.split("/")), 0)[:3]
        counts = (train, validation, test)
    return Rule((settings.validation, settings.test), counts, settings.folds, settings.fold, settings.group)


def _values(values: Sequence[MaskValue]) -> tuple[int, ...]:
    return tuple(COLOURED + int(value[1:], 16) if isinstance(value, str) else value for value in values)
