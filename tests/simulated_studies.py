"""Simulated studies, whose truth is known: how often do intervals hold it, and how often does the test cry wolf?

A study is a few images that two arms see, so that a hard image is hard for both. The foreground's IoU is drawn from a
symmetric or a left-skewed distribution; objects' sizes vary from image to image, so that the pooled score is no plain
mean of the images' scores.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from utome.statistics.bootstrap import bca_interval
from utome.statistics.intervals import Interval, estimate, estimate_difference
from utome.statistics.permutation import paired_test
from utome.statistics.scores import Score, mean_over_images
from utome.statistics.units import Sums

# Distribution functions of an image's IoU, at GRID.
GRID = np.linspace(0, 1, 20_001)
SHAPES = {
    "symmetric": special.betainc(5, 5, GRID),
    "left-skewed": special.betainc(8, 2, GRID),
    "one in ten fails": 0.9 * special.betainc(20, 2, GRID) + 0.1 * special.betainc(2, 5, GRID),
}
PIXELS = 10_000  # of the average object and its prediction together


def mean_iou(counts: Sums) -> np.ndarray:
    """Mean over the classes that occur of TP / (TP + FP + FN), of many confusion matrices (b, k, k) at once."""
    # einsum, because NumPy's sums along axes of two or three are slow.
    hits = np.einsum("bii->bi", counts)
    union = np.einsum("bij->bi", counts) + np.einsum("bij->bj", counts) - hits
    occurs = union > 0
    iou = np.divide(hits, union, out=np.zeros_like(union), where=occurs)
    classes = np.einsum("bi->b", occurs.astype(np.float64))
    return np.divide(np.einsum("bi->b", iou), classes, out=np.full(len(counts), np.nan), where=classes > 0)


MEAN = Score(mean_over_images)
MEAN_IOU = Score(mean_iou)


@dataclass(frozen=True)
class World:
    """Where studies come from: a kind of score, a shape of the images' scores, and how much object sizes vary.

    `gain` moves the second arm's scores; at 0 the two arms are exchangeable.
    """

    kind: str
    shape: str
    sizes: float = 0.5
    gain: float = 0.0

    @property
    def score(self) -> Score:
        return MEAN if self.kind == "mean over images" else MEAN_IOU

    def draw(self, draws: np.random.Generator, studies: int, images: int) -> np.ndarray:
        """Sums (studies, 2 arms, images, ...); the arms' scores of an image are correlated by a half."""
        shared, *own = draws.normal(size=(3, studies, images))
        quality = self._quality(special.ndtr((shared + np.stack(own)) / np.sqrt(2)))
        deviation = np.sqrt(np.log(1 + self.sizes**2))
        union = PIXELS * np.exp(draws.normal(-(deviation**2) / 2, deviation, (studies, images)))
        return np.moveaxis(self._sums(quality, union, draws.beta(2, 2, quality.shape)), 0, 1)

    def truth(self) -> np.ndarray:
        """The population's score of each arm: that of the expected sums, which are linear in all that is drawn."""
        chance = np.diff(SHAPES[self.shape])
        middle = (GRID[1:] + GRID[:-1]) / 2
        expected = np.asarray([np.sum(middle * chance), np.sum(self._gained(middle) * chance)])
        return self.score.of(self._sums(expected, np.full(2, PIXELS), np.full(2, 0.5)))

    def _quality(self, rank: np.ndarray) -> np.ndarray:
        quality = np.interp(rank, SHAPES[self.shape], GRID)
        return np.stack([quality[0], self._gained(quality[1])])

    def _gained(self, quality: np.ndarray) -> np.ndarray:
        return quality + self.gain * quality * (1 - quality)

    def _sums(self, quality: np.ndarray, union: np.ndarray, false_share: np.ndarray) -> np.ndarray:
        if self.kind == "mean over images":
            return np.stack([quality, np.ones_like(quality)], axis=-1)
        hits = quality * union
        false_alarms = (union - hits) * false_share
        misses = union - hits - false_alarms
        background = np.full_like(hits, 5 * PIXELS)
        return np.stack([np.stack([background, false_alarms], -1), np.stack([misses, hits], -1)], -2)


@dataclass(frozen=True)
class Coverage:
    """Of so many studies, in which share the interval held the truth, or lay above or below it."""

    held: float
    above: float
    below: float

    @classmethod
    def of(cls, intervals: Iterable[Interval | None], truth: float) -> "Coverage":
        found = list(intervals)
        held = np.mean([interval is not None and truth in interval for interval in found])
        above = np.mean([interval is not None and interval.low > truth for interval in found])
        below = np.mean([interval is not None and interval.high < truth for interval in found])
        return cls(float(held), float(above), float(below))


def covers_score(world: World, studies: np.ndarray) -> Coverage:
    return Coverage.of((estimate(one[1], world.score).interval for one in studies), world.truth()[1])


def covers_difference(world: World, studies: np.ndarray) -> Coverage:
    truth = world.truth()
    return Coverage.of(
        (estimate_difference(one[0], one[1], world.score).interval for one in studies), truth[1] - truth[0]
    )


def bca_covers(world: World, studies: np.ndarray, draws: np.random.Generator) -> Coverage:
    intervals = (bca_interval(one[1], world.score, generator=draws, resamples=1_000) for one in studies)
    return Coverage.of(intervals, world.truth()[1])


def student_covers(world: World, studies: np.ndarray) -> Coverage:
    """The same standard error, with n - 1 degrees of freedom and no logit: of a mean over images, Student's interval."""
    units = studies.shape[2]
    found = (estimate(one[1], world.score) for one in studies)
    reach = stats.t.ppf(0.975, units - 1) / np.sqrt(units)
    intervals = (Interval(one.value - reach * one.deviation, one.value + reach * one.deviation) for one in found)
    return Coverage.of(intervals, world.truth()[1])


def false_alarms(world: World, studies: np.ndarray, generator: np.random.Generator, *, draws: int) -> float:
    """The share of studies in which the paired test's p is at most 0.05."""
    tests = (paired_test(one, other, world.score, generator=generator, draws=draws) for one, other in studies)
    return float(np.mean([test.p <= 0.05 for test in tests]))
