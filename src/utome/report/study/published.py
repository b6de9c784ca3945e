"""What a paper prints, in its own words and in our units, with the source of each value."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from utome.report.study.cells import few, with_interval
from utome.report.study.facts import arm_title, honest_first, variant_title
from utome.report.study.numbers import number, places, with_unit
from utome.report.study.table import Table
from utome.studies.outcome import Score, StudyOutcome
from utome.studies.question import Metric, Published

# A source that names a year names its paper.
YEAR = re.compile(r"\b(19|20)\d\d\b")


@dataclass(frozen=True)
class System:
    """What a paper names a row, and which of our arms, ways to predict and divisions it is, if any."""

    row: str
    arm: str | None
    variant: str | None
    protocol: str | None


class Sources:
    """Numbers the sources of published values in the order in which they are met; `paper` is that of a bare `table 2`."""

    def __init__(self, paper: str) -> None:
        self._paper = paper
        self._known: list[str] = []

    def cell(self, published: Published | None, decimals: int, beside: str) -> str:
        """The value in the metric's unit with the number of its source, and below it what else it is.

        That is the system's name where `beside`, what it stands beside, is another one, and what is printed where that is another text.
        """
        if published is None:
            return ""
        value = number(published.value, decimals)
        return (
            f"{value}{self._number(published.source)}{other_name(published, beside)}{_printed_below(published, value)}"
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """The sources in the order of their numbers."""
        return tuple(f"({place}) {self.full(source)}" for place, source in enumerate(self._known, start=1))

    def full(self, source: str) -> str:
        """The source, with the paper where it names none."""
        return source if YEAR.search(source) or not self._paper else f"{source}, in: {self._paper}"

    def _number(self, source: str) -> str:
        if not source:
            return ""
        if source not in self._known:
            self._known.append(source)
        return f" ({self._known.index(source) + 1})"


def published_table(outcome: StudyOutcome) -> Table:
    """All that the paper prints, system by system, and below each what we have of it; nothing where the main table has it all."""
    comparable = outcome.beside_ours == outcome.published
    if comparable and all(each.metric == outcome.main_metric for each in outcome.published):
        return Table("", "", (), ())
    known = [metric for metric in outcome.metrics if any(each.metric == metric.name for each in outcome.published)]
    systems: dict[System, dict[str, Published]] = {}
    for each in outcome.published:
        systems.setdefault(_system(outcome, each), {}).setdefault(each.metric, each)
    rows: list[tuple[str, ...]] = []
    ours: list[int] = []
    for system, values in systems.items():
        rows.append((system.row, *(_printed(values.get(metric.name)) for metric in known)))
        own = _ours(outcome, system, known) if comparable else []
        ours += range(len(rows), len(rows) + len(own))
        rows += own
    sources = Sources(outcome.about.paper)
    named = dict.fromkeys(sources.full(each.source) for each in outcome.published if each.source)
    about = ["Below what the paper prints of an arm is ours, with its 95 % interval."] if ours else []
    notes = (*about, *few(rows), *named)
    head = ("System", *map(metric_head, known))
    return Table("published", "What the paper prints", head, tuple(rows), notes, marked=frozenset(ours))


def other_name(published: Published, beside: str) -> str:
    """A line with the system's name, where it is not that of what its value stands beside."""
    return "" if published.row.casefold() == beside.casefold() else f"\n{published.row}"


def metric_head(metric: Metric) -> str:
    """The metric with its direction below it."""
    return f"{with_unit(metric)}\n{'higher' if metric.higher_is_better else 'lower'} is better"


def _system(outcome: StudyOutcome, each: Published) -> System:
    variant = each.variant or (outcome.variants[0].name if outcome.variants else "")
    return System(each.row, each.arm, variant if each.arm else None, each.protocol)


def _ours(outcome: StudyOutcome, system: System, metrics: Sequence[Metric]) -> list[tuple[str, ...]]:
    """What we have of a system: a row a division of the images, none where it is none of ours."""
    if system.arm is None or system.variant is None:
        return []
    found = []
    several = len(outcome.variants) > 1
    for protocol in honest_first(outcome):
        scores = [outcome.score(protocol.name, system.arm, system.variant, metric.name) for metric in metrics]
        if system.protocol in {None, protocol.name} and any(score is not None for score in scores):
            below = [variant_title(outcome, system.variant)] if several else []
            below += [protocol.title] if len(outcome.protocols) > 1 else []
            cells = [with_interval(outcome, score, _places(outcome, score)) for score in scores]
            found.append(("\n".join([f"ours: {arm_title(outcome, system.arm)}", *below]), *cells))
    return found


def _places(outcome: StudyOutcome, score: Score | None) -> int:
    return 0 if score is None else places([score.value], outcome.metric(score.metric))


def _printed(own: Published | None) -> str:
    """The paper's value in all the places that it has."""
    if own is None:
        return ""
    value = number(own.value, len(f"{own.value:.9f}".rstrip("0").partition(".")[2]))
    return f"{value}{_printed_below(own, value)}"


def _printed_below(published: Published, shown: str) -> str:
    """What is printed, unless it is the same number."""
    try:
        same = float(published.printed) == float(shown.replace("−", "-"))
    except ValueError:
        same = False
    return "" if same or not published.printed else f"\nprinted {published.printed}"
