"""What a paper prints, in its own words and in our units, with the source of each value."""

import re

from utome.report.study_numbers import number, with_unit
from utome.report.study_table import Table
from utome.studies.outcome import StudyOutcome
from utome.studies.question import Metric, Published

# A source that names a year names its paper.
YEAR = re.compile(r"\b(19|20)\d\d\b")


class Sources:
    """Numbers the sources of published values in the order in which they are met; `paper` is that of a bare `table 2`."""

    def __init__(self, paper: str) -> None:
        self._paper = paper
        self._known: list[str] = []

    def cell(self, published: Published | None, decimals: int) -> str:
        """The value in the metric's unit with the number of its source, and below it what is printed, where that is another text."""
        if published is None:
            return ""
        value = number(published.value, decimals)
        return f"{value}{self._number(published.source)}{_printed_below(published, value)}"

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
    """All that the paper prints, system by system; nothing where the main table has it all."""
    if all(each.metric == outcome.main_metric for each in outcome.published):
        return Table("", "", (), ())
    known = [metric for metric in outcome.metrics if any(each.metric == metric.name for each in outcome.published)]
    systems = list(dict.fromkeys(each.row for each in outcome.published))
    rows = tuple((row, *(_printed(outcome, row, metric) for metric in known)) for row in systems)
    sources = Sources(outcome.about.paper)
    named = tuple(dict.fromkeys(sources.full(each.source) for each in outcome.published if each.source))
    return Table("published", "What the paper prints", ("System", *map(metric_head, known)), rows, named)


def metric_head(metric: Metric) -> str:
    """The metric with its direction below it."""
    return f"{with_unit(metric)}\n{'higher' if metric.higher_is_better else 'lower'} is better"


def _printed(outcome: StudyOutcome, row: str, metric: Metric) -> str:
    """The paper's value in all the places that it has."""
    own = next((each for each in outcome.published if (each.metric, each.row) == (metric.name, row)), None)
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
