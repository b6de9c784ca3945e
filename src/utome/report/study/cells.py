"""What stands in the cells of a study's tables: a score with its intervals, and whether these rest on too few to say anything."""

from collections.abc import Iterable, Sequence

from utome.report.study.facts import Standing
from utome.report.study.numbers import NOTHING, between, number, places
from utome.statistics.intervals import Interval
from utome.studies.outcome import Score, StudyOutcome
from utome.studies.question import Metric

TOO_FEW = "too few"
SEEN = "The networks were trained on images that they are scored on here: this says nothing about new images."


def with_interval(outcome: StudyOutcome, score: Score | None, decimals: int) -> str:
    """The value, and below it its interval over images."""
    if score is None:
        return NOTHING
    bounds = outcome.metric(score.metric).bounds
    spread = told(between(score.interval, decimals), score.interval, bounds, _unit(outcome))
    return f"{number(score.value, decimals)}\n{spread}"


def seed_values(outcome: StudyOutcome, score: Score | None, decimals: int) -> str:
    """The value of each seed, and below them the interval over seeds."""
    if score is None or not score.seeds:
        return ""
    values = ", ".join(number(score.seeds.get(seed), decimals) for seed in outcome.seeds)
    bounds = outcome.metric(score.metric).bounds
    spread = told(between(score.seeds_interval, decimals), score.seeds_interval, bounds, "seed")
    return f"{values}\n{spread}" if spread else values


def seeds_head(outcome: StudyOutcome) -> str:
    """The head of a column of these."""
    seeds = ", ".join(map(str, outcome.seeds))
    return f"Seed {seeds}" if len(outcome.seeds) == 1 else f"Seeds {seeds}"


def told(ends: str, interval: Interval | None, bounds: tuple[float, float] | None, unit: str) -> str:
    """The ends of an interval, and whether it rests on too few units to say anything."""
    if interval is None or not interval.says_nothing(bounds):
        return ends
    return f"{ends}\n{TOO_FEW} {unit.removesuffix('s')}s"


def few(rows: Iterable[Sequence[str]]) -> list[str]:
    """What it means that there are too few, where that is said below a number."""
    if not any(f"\n{TOO_FEW} " in cell for row in rows for cell in row):
        return []
    return [
        f"'{TOO_FEW}': the interval holds more than half of all values that there can be, so it says next to nothing."
    ]


def places_of(rows: Iterable[Standing], metric: Metric) -> int:
    """Places after the point in a column, for our values and the paper's."""
    known = list(rows)
    ours = [row.score.value for row in known if row.score is not None]
    return places([*ours, *(row.published.value for row in known if row.published is not None)], metric)


def _unit(outcome: StudyOutcome) -> str:
    return "image" if outcome.data is None else outcome.data.unit
