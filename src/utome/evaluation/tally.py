"""Adding up a family's counts over images: the data set's scores with their intervals, each image's, and the worst."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic

import numpy as np
from jaxtyping import Float64

from utome.evaluation.case import Case
from utome.evaluation.measures import Counts, Family, Measure, Sums
from utome.statistics.intervals import Interval, estimate
from utome.statistics.scores import Score
from utome.statistics.units import holds_anything

WORST = 5
# Beyond these, intervals are not worked: they take memory for the square of the units, or for units times counts.
MOST_UNITS, MOST_NUMBERS = 1000, 2**25


@dataclass(frozen=True)
class Figure:
    """One number of a data set, and the mean of the same over those images that have it.

    `interval` is that of `value` at 95 %, none where the units do not tell or the number is no function of sums.
    """

    name: str
    value: float
    interval: Interval | None
    mean: float
    images: int
    convention: str
    shown: bool
    whole: bool

    def as_json(self) -> dict[str, Any]:
        """The number with all that is to be said of it."""
        return {
            "value": for_json(self.value),
            "interval_95": None if self.interval is None else [self.interval.low, self.interval.high],
            "mean_over_images": for_json(self.mean),
            "images_with_a_value": self.images,
            "convention": self.convention,
        }


@dataclass(frozen=True)
class FamilyScores:
    """All numbers of a family: of the data set, and by image name; `worst` are the names from the worst on."""

    family: str
    about: str
    headline: str
    figures: tuple[Figure, ...]
    images: Mapping[str, Mapping[str, float]]
    worst: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The data set's numbers; those of images stand elsewhere."""
        return {
            "about": self.about,
            "scores": {figure.name: figure.as_json() for figure in self.figures},
            "worst_by": self.headline,
            "worst": list(self.worst),
        }


class Tally(Generic[Counts]):
    """What a family counted so far.

    `unit` is what an image belongs to and is drawn from the population with: the stack of its page, or itself.
    """

    def __init__(self, family: Family[Counts]) -> None:
        self.family = family
        self._total: Counts | None = None
        self._units: dict[str, Sums] = {}
        self._images: dict[str, dict[str, float]] = {}
        self._packed = True

    def add(self, name: str, unit: str, case: Case) -> None:
        """Count one image."""
        counts = self.family.count(case)
        self._total = counts if self._total is None else self._total + counts
        self._images[name] = {measure.name: float(measure.of(counts)) for measure in self.family.measures}
        if self._packed:
            sums = self.family.pack(counts)
            self._units[unit] = self._units[unit] + sums if unit in self._units else sums
            self._packed = len(self._units) <= MOST_UNITS and (len(self._units) + 1) * sums.size <= MOST_NUMBERS
        if not self._packed:
            self._units.clear()

    @property
    def too_many(self) -> bool:
        """Whether there are so many units that no intervals are worked."""
        return not self._packed

    def scores(self) -> FamilyScores:
        """The numbers of all images counted, at least one."""
        resampled = _Resampled(self.family, list(self._units.values()))
        figures = tuple(self._figure(measure, resampled) for measure in self.family.measures)
        family = self.family
        return FamilyScores(family.name, family.about, family.headline, figures, self._images, self._worst())

    def _figure(self, measure: Measure[Counts], resampled: "_Resampled[Counts]") -> Figure:
        values = [row[measure.name] for row in self._images.values()]
        known = [value for value in values if not math.isnan(value)]
        return Figure(
            name=measure.name,
            value=math.nan if self._total is None else float(measure.of(self._total)),
            interval=resampled.interval(measure) if measure.interval else None,
            mean=sum(known) / len(known) if known else math.nan,
            images=len(known),
            convention=measure.convention,
            shown=measure.shown,
            whole=measure.whole,
        )

    def _worst(self) -> tuple[str, ...]:
        sign = 1 if self.family.higher_is_better else -1
        values = {name: row[self.family.headline] for name, row in self._images.items()}
        ranked = sorted((sign * value, name) for name, value in values.items() if not math.isnan(value))
        return tuple(name for _, name in ranked[:WORST])


class _Resampled(Generic[Counts]):
    """The intervals of a family's measures; the counts without each unit are made once for all of them."""

    def __init__(self, family: Family[Counts], units: Sequence[Sums]) -> None:
        self._family = family
        sums = np.stack(units) if units else np.empty((0, 1))
        # What holds nothing is left out here, so that the rows that are asked for are the same for all measures.
        self._sums = sums[holds_anything(sums)]
        self._counts: list[Counts] | None = None

    def interval(self, measure: Measure[Counts]) -> Interval | None:
        """The interval of one measure, if the units tell."""
        if len(self._sums) < 2:
            return None

        def of(rows: Float64[np.ndarray, "b s"]) -> Float64[np.ndarray, " b"]:
            if self._counts is None:
                self._counts = [self._family.unpack(row) for row in rows]
            return np.asarray([measure.of(each) for each in self._counts], dtype=np.float64)

        return estimate(self._sums, Score(of, measure.bounds)).interval


def for_json(value: float) -> float | str | None:
    """A number for JSON, which has neither NaN nor infinity: what does not exist is null, what is infinite a word.

    An object that is missed altogether is infinitely far away. Were that null too, a mean over images would be better for it.

    >>> for_json(0.5), for_json(float("nan")), for_json(float("inf"))
    (0.5, None, 'Infinity')
    """
    if math.isnan(value):
        return None
    return float(value) if math.isfinite(value) else "Infinity"
