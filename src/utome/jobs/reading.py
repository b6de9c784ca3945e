"""From a folder and its settings to a survey and a split: what every job on data begins with."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from utome.config.sections import DataSettings, MaskValue
from utome.data.classes import Declared
from utome.data.formats import COLOURED, Quirk
from utome.data.grouping import grouping
from utome.data.layouts.finding import find_samples
from utome.data.problems import problems
from utome.data.samples import Listing
from utome.data.splitting import Rule, Split, limited, split
from utome.data.survey import Facts, Survey, survey
from utome.errors import DataError
from utome.events import Listener, Noted


def read_data(data: Path, settings: DataSettings, listen: Listener) -> Survey:
    """What lies in the folder; every sample was opened once."""
    listing = told(find_samples(data, settings.layout), settings)
    found = survey(listing, declared(settings), listen=listen)
    if not settings.grey_as_colour:
        refuse_grey_among_colour(found.facts)
    return found


def told(listing: Listing, settings: DataSettings) -> Listing:
    """The listing, with what is said of all its samples: what masks hold and leave out, and what stands for values that are no numbers."""
    truth = settings.truth
    samples = tuple(
        replace(
            sample,
            fill=settings.fill,
            complete=settings.unmarked == "background",
            truth=truth if truth is not None and sample.truth in {"labels", "instances"} else sample.truth,
        )
        for sample in listing.samples
    )
    notes = []
    if settings.unmarked != "background" and not any(sample.truth in {"instances", "objects"} for sample in samples):
        notes.append(f"data.unmarked={settings.unmarked} has no effect: the masks hold classes, not objects.")
    if truth is not None and any(sample.truth == "instances" for sample in samples):
        notes.append("The masks hold object numbers: objects are united into one foreground.")
    if truth is not None and any(sample.truth != truth for sample in samples):
        notes.append(
            f"data.truth={truth} has no effect: the layout '{listing.layout}' says itself that there is "
            f"{'an outline' if samples[0].truth == 'coco' else 'one file'} an object."
        )
    return replace(listing, samples=samples, notes=(*listing.notes, *notes))


def refuse_grey_among_colour(facts: Sequence[Facts]) -> None:
    """`DataError` where some files have one channel and others three."""
    grey = [fact.sample for fact in facts if fact.channels == 1 and Quirk.EQUAL not in fact.quirks]
    colour = [fact.sample for fact in facts if fact.channels > 1 or Quirk.EQUAL in fact.quirks]
    if grey and colour:
        raise DataError(
            f"{len(grey)} images are grey (as '{grey[0].name}') and {len(colour)} have three channels (as '{colour[0].name}'). Save all "
            "alike, or say that grey shall count as three equal channels: --set data.grey_as_colour=true."
        )


def declared(settings: DataSettings) -> Declared:
    """What the settings say of the classes."""
    classes = tuple((name, _values(values)) for name, values in settings.classes)
    return Declared(classes, _values(settings.ignore), settings.truth == "labels")


def split_data(found: Survey, settings: DataSettings, *, seed: int, listen: Listener) -> Split:
    """The parts, drawn by this seed unless the settings have their own; every doubt about the data is said."""
    by = rule(settings)
    drawn_by = split_seed(settings, seed)
    parts = split(found.facts, by, seed=drawn_by)
    if settings.limit is not None:
        parts = limited(parts, settings.limit, by.groups, seed=drawn_by)
    if by.folds is not None:
        listen(Noted(f"Fold {by.fold} of {by.folds}, counted from 0, is the test part."))
    for problem in problems(found, parts, by):
        listen(Noted(f"WARNING: {problem}"))
    return parts


def split_seed(settings: DataSettings, seed: int) -> int:
    """What parts are drawn by, in a training of this seed."""
    return seed if settings.seed is None else settings.seed


def rule(settings: DataSettings) -> Rule:
    """How the settings draw parts."""
    counts = None
    if settings.split is not None:
        train, validation, test = (*map(int, settings.split.split("/")), 0)[:3]
        counts = (train, validation, test)
    return Rule((settings.validation, settings.test), counts, settings.folds, settings.fold, grouping(settings.group))


def _values(values: Sequence[MaskValue]) -> tuple[int, ...]:
    return tuple(COLOURED + int(value[1:], 16) if isinstance(value, str) else value for value in values)
