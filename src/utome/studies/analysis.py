"""From the scores of runs to the table: values with intervals, and what can be told from chance.

Units are images, or groups of them; what an arm's seeds and folds gave of one image is averaged first (`utome.statistics.units`), but for
scores at the best threshold, which are the mean of the seeds', each at its own. Two
arms are compared on the runs that both have, so that an unfinished study compares like with like, and by means over images on those
images that both have a score of. p are corrected by Holm over the arms that are compared with the baseline, and apart from them over
the variants that are compared with their arm's first one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from utome.statistics.comparison import Comparison, beside, exchanged
from utome.statistics.intervals import Interval, estimate, of_differences
from utome.statistics.permutation import corrected
from utome.statistics.scores import Score, mean_over_images
from utome.statistics.units import Arm, Result, arms
from utome.studies.file import StudyFile
from utome.studies.metrics import IMAGES, Measured
from utome.studies.outcome import Difference, known
from utome.studies.outcome import Score as Reached
from utome.studies.plan import PlannedRun
from utome.studies.question import ALPHA

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


def differences(
    rows: Sequence[Row], metrics: Sequence[Measured], study: StudyFile, asked: Sequence[str]
) -> list[Difference]:
    """Every arm beside the baseline in each variant, and every variant beside the first one of its arm; references are not compared.

    p are corrected over all comparisons of the arms that are `asked` for, also those that are not scored yet or failed, so that an
    unfinished study is no less strict than it will be in the end.
    """
    by_place = {place: own for place, own in _by_place(rows).items() if place[1] in study.arms}
    found: list[Difference] = []
    default = next(iter(study.variants))
    for protocol in study.protocols:
        inside = {place: own for place, own in by_place.items() if place[0] == protocol}
        places = [*inside, *_awaited(protocol, inside, study, asked)]
        for metric in metrics:
            for variant in study.variants:
                first = (protocol, study.baseline, variant)
                pairs = [(first, place) for place in places if place[2] == variant and place != first]
                found += _compared(pairs, inside, metric, lambda place: _named(place, default))
            pairs = [((*place[:2], default), place) for place in places if place[2] != default]
            found += _compared(pairs, inside, metric, lambda place: f"{place[1]}, {place[2]}")
    return found


def _awaited(protocol: str, inside: Mapping[Place, Any], study: StudyFile, asked: Sequence[str]) -> list[Place]:
    """What is to come of the arms of which nothing is scored yet."""
    scored = {arm for _, arm, _ in inside}
    return [
        (protocol, arm, variant)
        for arm in asked
        for variant, entry in study.variants.items()
        if arm not in scored and (entry.arms is None or arm in entry.arms)
    ]


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
    seeds = _by_seed(rows, metric)
    over_images, over_seeds = (
        _possible(each, metric) for each in (found.interval, _of_seeds(seeds.values(), metric.score.bounds))
    )
    return Reached(*place, metric.metric.name, known(found.value), over_images, seeds, found.units, over_seeds)


def _possible(interval: Interval | None, metric: Measured) -> Interval | None:
    """The part of an interval in which scores can be: what has no bounds is a count or a distance, never below zero."""
    if interval is None or metric.score.bounds is not None:
        return interval
    return Interval(max(interval.low, 0.0), interval.high)


def _by_seed(rows: Sequence[Row], metric: Measured) -> dict[int, float | None]:
    """The value of each seed, its folds together."""
    return {seed: _value([row for row in rows if row.run.seed == seed], metric) for seed in _seeds(rows)}


def _seeds(rows: Iterable[Row]) -> list[int]:
    return sorted({row.run.seed for row in rows})


def _value(rows: Sequence[Row], metric: Measured) -> float | None:
    (arm,) = arms(_results("", rows, metric))
    return known(estimate(arm.sums, metric.score).value)


def _results(name: str, rows: Sequence[Row], metric: Measured) -> list[Result]:
    """Results as the statistics take them: counts, or the image's own score."""
    if metric.metric.by_seed:
        return _seeds_apart(name, rows, metric.family)
    return [
        Result(
            name,
            row.image,
            np.asarray(row.sums[metric.family], float) if metric.is_pooled else _own(row, metric),
            row.group,
            row.run.seed,
            row.run.fold,
        )
        for row in rows
    ]


def _seeds_apart(name: str, rows: Sequence[Row], family: str) -> list[Result]:
    """One result an image: in the place of each seed the mean of its folds' counts, nothing where it did not score the image.

    Averaged over seeds, as other counts are, an image that two seeds scored would weigh half in each.
    """
    seeds = {seed: place for place, seed in enumerate(_seeds(rows))}
    images: dict[str, list[Row]] = {}
    for row in rows:
        images.setdefault(row.image, []).append(row)
    found = []
    for image, own in images.items():
        counts = np.asarray([row.sums[family] for row in own], float)
        places = np.asarray([seeds[row.run.seed] for row in own])
        table = np.zeros((len(seeds), counts.shape[1]))
        for place in set(places.tolist()):
            table[place] = counts[places == place].mean(axis=0)
        found.append(Result(name, image, table, own[0].group))
    return found


def _own(row: Row, metric: Measured) -> float:
    """The image's own score; NaN where there is none."""
    value = row.values.get(metric.metric.name.removesuffix(IMAGES))
    return float("nan") if value is None else float(value)


def _compared(
    pairs: Sequence[Pair], rows: Mapping[Place, Sequence[Row]], metric: Measured, said: Said
) -> list[Difference]:
    """The second place of each pair beside the first, where both have runs in common; p are corrected over all pairs."""
    compared = [found for pair in pairs if (found := _alone(pair, rows, metric, said)) is not None]
    if not compared:
        return []
    tests = corrected(
        [partial(exchanged, each.baseline, each.other, metric.score, SEED) for each in compared],
        alpha=ALPHA,
        awaited=len(pairs) - len(compared),
    )
    return [
        _difference(each, beside(each.baseline, each.other, metric.score, test, arms=len(pairs), alpha=ALPHA), metric)
        for each, test in zip(compared, tests, strict=True)
    ]


@dataclass(frozen=True)
class _Pairing:
    """Two places on all runs that both have, the gain of each seed, and how many images were left out."""

    pair: Pair
    baseline: Arm
    other: Arm
    seeds: Mapping[int, float]
    left_out: int


def _alone(pair: Pair, rows: Mapping[Place, Sequence[Row]], metric: Measured, said: Said) -> _Pairing | None:
    """What can be paired; none where the two have no runs in common."""
    sides = [{(row.run.seed, row.run.fold, row.image): row for row in rows.get(place, ())} for place in pair]
    common = sorted(sides[0].keys() & sides[1].keys())
    if not common:
        return None
    # Where nothing has a score on both sides, all are compared, to no result.
    both = [each for each in common if all(_has_score(side[each], metric) for side in sides)] or common
    first, second = ([side[each] for each in both] for side in sides)
    baseline, other = (
        arms(_results(said(place), own, metric))[0] for place, own in zip(pair, (first, second), strict=True)
    )
    values = [_by_seed(side, metric) for side in (first, second)]
    gains = {
        seed: value - before
        for seed, value in values[1].items()
        if value is not None and (before := values[0][seed]) is not None
    }
    left_out = len({image for *_, image in common}) - len({image for *_, image in both})
    return _Pairing(pair, baseline, other, gains, left_out)


def _has_score(row: Row, metric: Measured) -> bool:
    """Whether it can be paired: counts always can, an image's own score where there is one."""
    return metric.is_pooled or not np.isnan(_own(row, metric))


def _difference(each: _Pairing, found: Comparison, metric: Measured) -> Difference:
    (_, baseline_arm, baseline_variant), place = each.pair
    interval = _of_seeds(each.seeds.values(), of_differences(metric.score.bounds))
    of = "comparisons" if baseline_arm == place[1] else "arms"
    verdict = found.verdict.replace(f"over {found.arms} arms", f"over {found.arms} {of}")
    if each.left_out:
        lacking = "1 image is" if each.left_out == 1 else f"{each.left_out} images are"
        verdict += f" {lacking} left out, on which one of the two has no score."
    return Difference(
        *place, metric.metric.name, baseline_arm, baseline_variant,
        difference=known(found.difference), interval=found.interval,
        p=found.test.p, corrected_p=found.corrected_p, smallest_corrected_p=found.smallest_corrected_p,
        family=found.arms, units=found.units, unit=found.noun,
        won=found.effect.won, tied=found.effect.tied, lost=found.effect.lost,
        effect=found.effect.standardised, outcome=found.outcome,
        verdict=_cautious(verdict, _remark(found, len(each.seeds), interval)),
        seeds=each.seeds, seeds_interval=interval, left_out=each.left_out,
    )  # fmt: skip


def _of_seeds(values: Iterable[float | None], bounds: tuple[float, float] | None) -> Interval | None:
    """Student's 95 % interval of the mean over seeds; none where there are too few, or they do not differ."""
    sums = np.asarray([[each, 1.0] for each in values if each is not None], dtype=np.float64).reshape(-1, 2)
    return estimate(sums, Score(mean_over_images, bounds)).interval


def _cautious(verdict: str, remark: str) -> str:
    return f"With these trainings, {verdict}{remark}" if remark else verdict


def _remark(found: Comparison, seeds: int, interval: Interval | None) -> str:
    """What other seeds may change of a difference that images tell from chance."""
    if found.outcome == "not distinguishable":
        return ""
    if seeds < 2:
        return " It rests on one seed of each: another may say otherwise."
    if interval is None or 0.0 not in interval:
        return ""
    return (
        f" But from seed to seed it differs so much (95 % interval over {seeds} seeds {interval.low:+.3g} to {interval.high:+.3g}) that "
        "others may say otherwise."
    )
