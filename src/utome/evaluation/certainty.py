"""How sure the scores of a data set are: 95 % intervals over images, or over groups of images that belong together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from utome.metrics.confusion import Confusion
from utome.statistics.intervals import Estimate, Interval, estimate, estimate_difference
from utome.statistics.scores import Score, Scored, mean_over_images
from utome.statistics.units import Result, Sums, arms, noun

# With fewer units an interval is a rough one; in simulation it holds in at least 91 % of studies from FEW on, in 93 % from ENOUGH on.
FEW, ENOUGH = 8, 15
# Beyond so many no interval is worked: its time and memory grow with their square.
MOST_UNITS = 2000
# Of each class: pixels that are right, true, and predicted; and all pixels, so that an image without the class stays a unit.
RIGHT, TRUE, PREDICTED, ALL = range(4)
Maybe = Interval | None


@dataclass(frozen=True)
class Certainty:
    """The interval of each score, none where the units do not tell; in tuples one a class.

    `units` counts what was drawn from the population: images, or groups as `is_group` says.
    """

    units: int
    is_group: bool
    mean_iou: Maybe
    pixel_accuracy: Maybe
    iou: tuple[Maybe, ...]
    dice: tuple[Maybe, ...]
    precision: tuple[Maybe, ...]
    recall: tuple[Maybe, ...]
    iou_mean_per_image: tuple[Maybe, ...]

    @property
    def of(self) -> str:
        """What the units are called."""
        return ("group" if self.is_group else "image") + ("" if self.units == 1 else "s")

    @property
    def sentence(self) -> str:
        """What the intervals are over, and how far they can be trusted."""
        groups = " (images of one group resemble each other and count as one)" if self.is_group else ""
        over = f"{self.units} {self.of}{groups}"
        if self.units < 2:
            return f"There is {over}: that does not tell how sure a score is, so there are no intervals."
        if self.units > MOST_UNITS:
            return f"Over {over} no intervals are worked: so many leave little doubt but that of what they were drawn from."
        if self.units < FEW:
            return f"Intervals of 95 % are over {over}: so few make them wide and rough. Score {ENOUGH} or more before comparing."
        rough = "" if self.units >= ENOUGH else f" With fewer than {ENOUGH} they may be a little too narrow."
        return f"Intervals of 95 % are over {over}, for new ones of the same kind.{rough}"


def certainty(matrices: Sequence[Confusion], groups: Sequence[str | None]) -> Certainty:
    """The intervals of all scores of these images; `groups` names what an image belongs to, none where it stands alone."""
    names = [str(number) for number in range(len(matrices))]
    results = [
        Result("", name, matrix.counts.astype(np.float64), group)
        for name, matrix, group in zip(names, matrices, groups, strict=True)
    ]
    (arm,) = arms(results)
    sums = _by_class(arm.sums)
    classes = range(sums.shape[2])
    ious = np.stack([matrix.iou for matrix in matrices])
    few_enough = len(sums) <= MOST_UNITS

    def interval(own: Sums, of: Callable[[Sums], Scored]) -> Maybe:
        return estimate(own, Score(of)).interval if few_enough else None

    def per_image(number: int) -> Maybe:
        rows = zip(names, ious[:, number], groups, strict=True)
        (own,) = arms(Result("", name, float(iou), group) for name, iou, group in rows)
        return interval(own.sums, mean_over_images)

    return Certainty(
        units=len(sums),
        is_group=noun(arm.units, 1) == "group",
        mean_iou=interval(sums, _mean_iou),
        pixel_accuracy=interval(sums, _accuracy),
        iou=tuple(interval(sums[:, :, each], _iou) for each in classes),
        dice=tuple(interval(sums[:, :, each], _dice) for each in classes),
        precision=tuple(interval(sums[:, :, each], _precision) for each in classes),
        recall=tuple(interval(sums[:, :, each], _recall) for each in classes),
        iou_mean_per_image=tuple(per_image(each) for each in classes),
    )


def mean_iou_difference(
    before: Sequence[Confusion], after: Sequence[Confusion], groups: Sequence[str | None]
) -> Estimate:
    """How much higher the mean IoU is after than before on the same images, with its paired 95 % interval."""

    def sums(matrices: Sequence[Confusion]) -> Sums:
        rows = enumerate(zip(matrices, groups, strict=True))
        (arm,) = arms(
            Result("", f"{place}", matrix.counts.astype(np.float64), group) for place, (matrix, group) in rows
        )
        return _by_class(arm.sums)

    return estimate_difference(sums(before), sums(after), Score(_mean_iou))


def _by_class(counts: Float64[np.ndarray, "n k k"]) -> Float64[np.ndarray, "n 4 k"]:
    right = np.diagonal(counts, axis1=1, axis2=2)
    every = np.broadcast_to(counts.sum(axis=(1, 2))[:, None], right.shape)
    return np.stack([right, counts.sum(axis=2), counts.sum(axis=1), every], axis=1)


def _iou(sums: Sums) -> Float64[np.ndarray, "b ..."]:
    return _share(sums[:, RIGHT], sums[:, TRUE] + sums[:, PREDICTED] - sums[:, RIGHT])


def _dice(sums: Sums) -> Scored:
    return _share(2 * sums[:, RIGHT], sums[:, TRUE] + sums[:, PREDICTED])


def _precision(sums: Sums) -> Scored:
    return _share(sums[:, RIGHT], sums[:, PREDICTED])


def _recall(sums: Sums) -> Scored:
    return _share(sums[:, RIGHT], sums[:, TRUE])


def _mean_iou(sums: Sums) -> Scored:
    """The mean over the classes that truth or prediction have."""
    iou = _iou(sums)
    known = ~np.isnan(iou)
    return _share(np.where(known, iou, 0).sum(axis=1), known.sum(axis=1))


def _accuracy(sums: Sums) -> Scored:
    return _share(sums[:, RIGHT].sum(axis=1), sums[:, ALL, 0])


def _share(part: Float64[np.ndarray, "..."], whole: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
