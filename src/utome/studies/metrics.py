"""The metrics of a study: measures of `utome score` by their names, over all images pooled or as the mean of images.

`pixels.mean_iou` is worked from the counts of all images added up; `pixels.mean_iou@images` is the mean of each image's own. Only
some measures have the first form here (`utome.studies.pooled`), since a test of a difference works it thousands of times.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from utome.errors import ConfigError, nearest
from utome.evaluation.families import KINDS, Nature, Scales
from utome.evaluation.measures import Family, Measure
from utome.statistics.scores import Score, mean_over_images, mean_over_seeds
from utome.studies.pooled import chooses_threshold, pooled
from utome.studies.question import Metric

IMAGES = "@images"
# Of these the lower is the better, whatever stands before or after the word.
LOWER = ("error", "merges", "splits", "missed", "invented", "hausdorff", "distance")


@dataclass(frozen=True)
class Measured:
    """A metric with the family `of` its measure, and how a data set's score follows from sums, (b, seeds, ...) where it is `by_seed`."""

    metric: Metric
    of: Family[Any]
    measure: Measure[Any]
    score: Score

    @property
    def family(self) -> str:
        """The name of its family."""
        return self.of.name

    @property
    def is_pooled(self) -> bool:
        """Whether it is worked from counts."""
        return self.metric.over == "pooled"


def is_over_images(metric: str) -> bool:
    """Whether a metric's name asks for the mean of images."""
    return metric.endswith(IMAGES)


def check_family(metric: str) -> None:
    """`ConfigError` where a metric is of no family."""
    family = metric.partition(".")[0]
    if family not in KINDS:
        raise ConfigError(f"There are no metrics '{family}' (in '{metric}'). {nearest(family, KINDS)}")


def families(names: Sequence[str], nature: Nature, scales: Scales) -> dict[str, Family[Any]]:
    """The families of these names; `ConfigError` where one cannot score such data."""
    found: dict[str, Family[Any]] = {}
    for name in names:
        if (hindrance := KINDS[name].hindrance(nature)) is not None:
            raise ConfigError(f"The study's metrics '{name}' do not suit these images: the family {hindrance}.")
        found[name] = KINDS[name].make(nature, scales)
    return found


def measured(metrics: Mapping[str, str], made: Mapping[str, Family[Any]], classes: Sequence[str]) -> list[Measured]:
    """The metrics of a study; `ConfigError` for a measure that its family has not, or not pooled."""
    return [_measured(name, title, made[name.partition(".")[0]], classes) for name, title in metrics.items()]


def _measured(name: str, title: str, family: Family[Any], classes: Sequence[str]) -> Measured:
    wanted = name.removesuffix(IMAGES).partition(".")[2]
    known = {measure.name: measure for measure in family.measures}
    if wanted not in known:
        full = [f"{family.name}.{each}" for each in known]
        raise ConfigError(f"There is no measure '{name}'. {nearest(name.removesuffix(IMAGES), full)}")
    measure, over_images = known[wanted], is_over_images(name)
    of = None if over_images else pooled(family.name, wanted, classes)
    if of is None and not over_images:
        raise ConfigError(
            f"'{name}' cannot be compared over pooled counts; its mean over images can: write '{name}{IMAGES}'."
        )
    higher = not any(word in wanted for word in LOWER)
    convention, by_seed = measure.convention, of is not None and chooses_threshold(family.name, wanted)
    if of is not None and by_seed:
        of = mean_over_seeds(of)
        convention += ", each seed at its own"
    metric = Metric(
        name, title or name, higher, "images" if over_images else "pooled", bounds=measure.bounds, convention=convention,
        by_seed=by_seed,
    )  # fmt: skip
    return Measured(metric, family, measure, Score(of or mean_over_images, measure.bounds, higher))
