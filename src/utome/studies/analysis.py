"""From the scores of runs to the table: values with intervals, and what can be told from chance.

Units are images, or groups of them; what an arm's seeds and folds gave of one image is averaged first (`utome.statistics.units`). Two
arms are compared on the runs that both have, so that an unfinished study compares like with like. p are corrected by Holm over the
arms that are compared with the baseline, and apart from them over the variants that are compared with their arm's first one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from utome.statistics.comparison import Comparison, compare
from utome.statistics.intervals import Interval, estimate
from utome.statistics.permutation import holm
from utome.statistics.scores import Score, mean_over_images
from utome.statistics.units import Result, arms
from utome.studies.file import StudyFile
from utome.studies.metrics import IMAGES, Measured
from utome.studies.outcome import Difference, known
from utome.studies.outcome import Score as Reached
from utome.studies.plan import PlannedRun

# The permutations are those of this key, whenever a study is looked at.
SEED = 0
# Protocol, arm and variant; and what one of them is compared with, first.
Place = tuple[str, str, str]
Pair = tuple[Place, Place]
Said = Callable[[Place], str]


@dataclass(frozen=True)
class Row:
    """What one variant of one run scored on one image: the image's own scores, and counts of the families that are pooled."""

    run: PlannedRun
    variant: str
    image: str
    group: str | None
    values: Mapping[str, float | None]
    sums: Mapping[str, Sequence[float]]

    @property
    def place(self) -> tuple[str, str, str]:
        """Protocol, arm and variant."""
        return self.run.protocol, self.run.arm, self.variant


def rows_of(run: PlannedRun, content: Mapping[str, Any]) -> list[Row]:
    """The rows of a file of scores."""
    return [
        Row(run, variant, each["image"], each["group"], each["values"], each["sums"])
        for variant, rows in content["variants"].items()
        for each in rows
        if each["labelled"]
    ]


def scores(rows: Sequence[Row], metrics: Sequence[Measured]) -> list[Reached]:
    """The value of each protocol, arm, variant and metric that has any run."""
    return [
        _score(place, own, metric)
        for place, own in _by_place(rows).items()
        for metric in metrics
    ]  # fmt: skip


def differences(rows: Sequence[Row], metrics: Sequence[Measured], study: StudyFile) -> list[Difference]:
    """Every arm beside the baseline in each variant, and every variant beside the first one of its arm; references are not compared."""
    by_place = {place: own for place, own in _by_place(rows).items() if place[1] in study.arms}
    found: list[Difference] = []
    default = next(iter(study.variants))
    for protocol in study.protocols:
        inside = {place: own for place, own in by_place.items() if place[0] == protocol}
        for metric in metrics:
            for variant in study.variants:
                first = (protocol, study.baseline, variant)
                pairs = [
                    (first, place) for place in inside if place[2] == variant and place != first and first in inside
                ]
                found += _compared(pairs, inside, metric, lambda place: _named(place, default))
            pairs = [((*place[:2], default), place) for place in inside if place[2] != default]
            found += _compared(
                [pair for pair in pairs if pair[0] in inside], inside, metric, lambda place: f"{place[1]}, {place[2]}"
            )
    return found


def _named(place: Place, default: str) -> str:
    """What a side of a comparison is called: its arm, and its variant if that is not the first one."""
    return place[1] if place[2] == default else f"{place[1]}, {place[2]}"


def _by_place(rows: Iterable[Row]) -> dict[Place, list[Row]]:
    found: dict[Place, list[Row]] = {}
    for row in rows:
        found.setdefault(row.place, []).append(row)
    return found


def _score(place: Place, rows: Sequence[Row], metric: Measured) -> Reached:
    (arm,) = arms(_results("", rows, metric))
    found = estimate(arm.sums, metric.score)
    seeds = {seed: _value([row for row in rows if row.run.seed == seed], metric) for seed in _seeds(rows)}
    return Reached(*place, metric.metric.name, known(found.value), found.interval, seeds, found.units)


def _seeds(rows: Iterable[Row]) -> list[int]:
    return sorted({row.run.seed for row in rows})


def _value(rows: Sequence[Row], metric: Measured) -> float | None:
    (arm,) = arms(_results("", rows, metric))
    return known(estimate(arm.sums, metric.score).value)


def _results(name: str, rows: Sequence[Row], metric: Measured) -> list[Result]:
    """Results as the statistics take them: counts, or the image's own score."""
    if not metric.is_pooled:
        return [
            Result(
                name,
                row.image,
                _number(row.values.get(metric.metric.name.removesuffix(IMAGES))),
                row.group,
                row.run.seed,
                row.run.fold,
            )
            for row in rows
        ]
    return [
        Result(name, row.image, np.asarray(row.sums[metric.family], float), row.group, row.run.seed, row.run.fold)
        for row in rows
    ]


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _compared(
    pairs: Sequence[Pair], rows: Mapping[Place, Sequence[Row]], metric: Measured, said: Said
) -> list[Difference]:  # fmt: skip
    """The second place of each pair beside the first, with p corrected over all pairs that have runs in common."""
    compared = [found for pair in pairs if (found := _alone(pair, rows, metric, said)) is not None]
    if not compared:
        return []
    tests = [found.test for _, found, _ in compared]
    corrected = holm(np.asarray([test.p for test in tests], dtype=np.float64))
    smallest = holm(np.asarray([test.smallest_p for test in tests], dtype=np.float64))
    arms = len(compared)
    return [
        _difference(pair, metric, replace(found, corrected_p=float(p), smallest_corrected_p=float(least), arms=arms), trainings)
        for (pair, found, trainings), p, least in zip(compared, corrected, smallest, strict=True)
    ]  # fmt: skip


def _alone(
    pair: Pair, rows: Mapping[Place, Sequence[Row]], metric: Measured, said: Said
) -> tuple[Pair, Comparison, list[float]] | None:
    """One comparison on the runs that both have, and the difference of each run by itself; none where there are none."""
    sides = [{(row.run.seed, row.run.fold, row.image): row for row in rows[place]} for place in pair]
    both = sorted(sides[0].keys() & sides[1].keys())
    if not both:
        return None
    first, second = ([side[each] for each in both] for side in sides)
    baseline, other = (
        arms(_results(said(place), own, metric))[0] for place, own in zip(pair, (first, second), strict=True)
    )
    (found,) = compare(baseline, [other], metric.score, seed=SEED)
    runs = sorted({(seed, fold) for seed, fold, _ in both})
    trainings = [_gain(first, second, run, metric) for run in runs]
    return pair, found, [each for each in trainings if each is not None]


def _gain(first: Sequence[Row], second: Sequence[Row], run: tuple[int, int], metric: Measured) -> float | None:
    """The difference of one seed and fold."""
    values = [_value([row for row in side if (row.run.seed, row.run.fold) == run], metric) for side in (first, second)]
    return None if values[0] is None or values[1] is None else values[1] - values[0]


def _difference(pair: Pair, metric: Measured, found: Comparison, trainings: Sequence[float]) -> Difference:
    (_, baseline_arm, baseline_variant), place = pair
    interval = _of_trainings(trainings)
    of = "comparisons" if baseline_arm == place[1] else "arms"
    return Difference(
        *place, metric.metric.name, baseline_arm, baseline_variant,
        difference=known(found.difference), interval=found.interval,
        p=found.test.p, corrected_p=found.corrected_p, smallest_corrected_p=found.smallest_corrected_p,
        family=found.arms, units=found.units, unit=found.noun,
        won=found.effect.won, tied=found.effect.tied, lost=found.effect.lost,
        effect=found.effect.standardised, outcome=found.outcome,
        verdict=_cautious(found.verdict.replace(f"over {found.arms} arms", f"over {found.arms} {of}"), _remark(found, trainings, interval)),
        trainings=tuple(trainings), trainings_interval=interval,
    )  # fmt: skip


def _of_trainings(trainings: Sequence[float]) -> Interval | None:
    """Student's 95 % interval of the mean over trainings; none where there are too few, or they do not differ."""
    values = np.asarray([[each, 1.0] for each in trainings], dtype=np.float64).reshape(-1, 2)
    return estimate(values, Score(mean_over_images, bounds=None)).interval if len(values) > 1 else None


def _cautious(verdict: str, remark: str) -> str:
    return f"With these trainings, {verdict}{remark}" if remark else verdict


def _remark(found: Comparison, trainings: Sequence[float], interval: Interval | None) -> str:
    """What other seeds may change of a difference that images tell from chance."""
    if found.outcome == "not distinguishable":
        return ""
    if len(trainings) < 2:
        return " It rests on one training of each: another seed may say otherwise."
    if interval is None or 0.0 not in interval:
        return ""
    return (
        f" But from training to training it differs so much (95 % interval over {len(trainings)} trainings {interval.low:+.3g} to "
        f"{interval.high:+.3g}) that other seeds may say otherwise."
    )
