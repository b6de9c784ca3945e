"""Which families of scores suit the data: those asked for, or those that always mean something; the reasons are said."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from utome.errors import ConfigError, DataError, nearest
from utome.evaluation.boundaries import Boundaries
from utome.evaluation.isbi2012 import Isbi2012
from utome.evaluation.measures import Family
from utome.evaluation.objects import Objects
from utome.evaluation.pixels import Pixels
from utome.evaluation.ranking import Ranked
from utome.evaluation.thin import Thin


@dataclass(frozen=True)
class Nature:
    """What truth and predictions are.

    `told_apart` says of the truth and of the prediction whether they tell objects apart; `all_known` that every pixel
    of every truth counts.
    """

    classes: tuple[str, ...]
    told_apart: tuple[bool, bool] = (False, False)
    probabilities: bool = False
    all_known: bool = True

    @property
    def binary(self) -> bool:
        """Whether there are a background and one other class."""
        return len(self.classes) == 2


@dataclass(frozen=True)
class Scales:
    """How far off a place may be, in pixels, and the side of a pixel in µm where it is known."""

    tolerance: float = 2.0
    pixel_size_um: float | None = None


@dataclass(frozen=True)
class Chosen:
    """The families to score by, and why these."""

    families: tuple[Family[Any], ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """A family by its name: how it is made, when it is chosen unasked, and what data it cannot score (or none)."""

    make: Callable[[Nature, Scales], Family[Any]]
    unasked: Callable[[Nature], bool]
    why: str
    hindrance: Callable[[Nature], str | None]


def _nothing(nature: Nature) -> str | None:
    del nature
    return None


def _many_classes(nature: Nature) -> str | None:
    if nature.binary:
        return None
    return (
        f"takes a background and one other class, but there are {len(nature.classes)} classes. Name the one that is meant "
        "by --foreground VALUE"
    )


def _no_objects(nature: Nature) -> str | None:
    hindrance = _many_classes(nature)
    return f"{hindrance}, or, if the values number objects, give --truth objects" if hindrance else None


def _no_probabilities(nature: Nature) -> str | None:
    if hindrance := _many_classes(nature):
        return hindrance
    if nature.probabilities:
        return None
    return "ranks probabilities, but the predictions are labels. If their grey values are probabilities: --prediction probability"


def _no_outlines(nature: Nature) -> str | None:
    if hindrance := _many_classes(nature):
        return hindrance
    if nature.all_known:
        return None
    return (
        "is defined on whole images, but pixels of the truths are left out: by --ignore, by --mask, or because 255 beside other "
        "classes means that nothing is known"
    )


KINDS: dict[str, Kind] = {
    "pixels": Kind(lambda nature, scales: Pixels(nature.classes), lambda nature: True, "it suits every mask", _nothing),
    "objects": Kind(
        lambda nature, scales: Objects(told_apart=nature.told_apart),
        lambda nature: nature.told_apart[0],
        "for truths that number objects; else connected parts are compared",
        _no_objects,
    ),
    "boundaries": Kind(
        lambda nature, scales: Boundaries(
            nature.classes, tolerance=scales.tolerance, pixel_size_um=scales.pixel_size_um
        ),
        lambda nature: True,
        "it suits every mask",
        _nothing,
    ),
    "thin": Kind(
        lambda nature, scales: Thin(tolerance=scales.tolerance, probabilities=nature.probabilities),
        lambda nature: False,
        "for cracks, vessels and other lines",
        _many_classes,
    ),
    "ranking": Kind(
        lambda nature, scales: Ranked(),
        lambda nature: nature.binary and nature.probabilities,
        "for probabilities of one class",
        _no_probabilities,
    ),
    "isbi2012": Kind(
        lambda nature, scales: Isbi2012(told_apart=nature.told_apart[0]),
        lambda nature: False,
        "for outlines of cells in electron micrographs, and slow",
        _no_outlines,
    ),
}


def parse(text: str | None) -> tuple[str, ...] | None:
    """The names in a list with commas, each once; none where nothing is asked for. `ConfigError` for unknown ones.

    >>> parse("pixels, isbi2012")
    ('pixels', 'isbi2012')
    """
    if text is None:
        return None
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if name not in KINDS:
            raise ConfigError(f"There are no metrics '{name}'. {nearest(name, KINDS)}")
    if not names:
        raise ConfigError(f"--metrics names none. Accepted: {', '.join(KINDS)}, with commas between them.")
    return names


def choose(asked: Sequence[str] | None, nature: Nature, scales: Scales) -> Chosen:
    """The families asked for, or those that suit; `DataError` where one that is asked for cannot score such data."""
    if asked is not None:
        for name in asked:
            if (hindrance := KINDS[name].hindrance(nature)) is not None:
                raise DataError(f"The family '{name}' of metrics {hindrance}.")
        return Chosen(tuple(KINDS[name].make(nature, scales) for name in asked), ())
    taken = [name for name, kind in KINDS.items() if kind.unasked(nature)]
    left = [name for name in KINDS if name not in taken]
    reasons = (
        f"Metrics: {_listed(taken)}.",
        f"Not chosen by itself, ask by --metrics: {_listed(left)}.",
    )
    return Chosen(tuple(KINDS[name].make(nature, scales) for name in taken), reasons)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"{name} ({KINDS[name].why})" for name in names)
