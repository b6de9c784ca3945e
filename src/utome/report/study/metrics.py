"""The table of every metric: each arm in each way to predict, so that several scores of one training stand side by side."""

from utome.report.study.cells import SEEN, few, places_of, with_interval
from utome.report.study.facts import Standing, networks, standing, under
from utome.report.study.numbers import number, places, slug
from utome.report.study.published import metric_head, other_name
from utome.report.study.table import Table
from utome.studies.outcome import StudyOutcome
from utome.studies.question import Protocol

# What stands beside a score.
SIGNS = {"better": "▲", "worse": "▼", "not distinguishable": "≈"}


def metric_table(outcome: StudyOutcome, protocol: Protocol) -> Table:
    """A row an arm and way to predict, a column a metric: the score, its interval, a sign of the verdict, and the paper's value."""
    ways = [(arm, variant) for arm in outcome.arms for variant in outcome.variants]
    columns = [[standing(outcome, protocol, metric, way) for way in ways] for metric in outcome.metrics]
    if len(columns) < 2:
        return Table("", "", (), ())
    decimals = [places_of(column, metric) for column, metric in zip(columns, outcome.metrics, strict=True)]
    shown = [row for row in zip(*columns, strict=True) if any(each.is_known for each in row)]
    rows = tuple(
        (_title(outcome, row[0]), *(_cell(outcome, each, after) for each, after in zip(row, decimals, strict=True)))
        for row in shown
    )
    others = len(outcome.variants) > 1
    way = ", another way to predict than the first of its arm" if others else ""
    signs = (
        f"Intervals are of 95 %. ▲ better, ▼ worse than the baseline{way}, ≈ cannot be told from it, ? where other seeds may say "
        "otherwise. p are corrected over the arms, not over the metrics: where many are looked at, some differ by chance."
    )
    verdicts = "The runs are too short for verdicts." if outcome.smoke else signs
    conventions = [
        f"{metric.title}: {metric.convention.rstrip('.')}." for metric in outcome.metrics if metric.convention
    ]
    said = ("" if protocol.honest else SEEN, verdicts, " ".join(conventions), *few(rows))
    return Table(
        name=f"metrics-{slug(protocol.name)}",
        title=f"Every metric{under(outcome, protocol)}",
        head=("Arm and prediction" if others else "Arm", *map(metric_head, outcome.metrics)),
        rows=rows,
        notes=tuple(note for note in said if note),
        marked=frozenset(place for place, row in enumerate(shown) if row[0].is_baseline),
    )


def _title(outcome: StudyOutcome, row: Standing) -> str:
    """The arm, and below it how it predicted where a network can predict in several ways."""
    several = len(outcome.variants) > 1 and row.arm in networks(outcome)
    below = [row.variant.title] if several else []
    below += ["baseline"] if row.is_baseline else []
    return "\n".join([row.arm.title, *below])


def _cell(outcome: StudyOutcome, row: Standing, decimals: int) -> str:
    text = with_interval(outcome, row.score, decimals)
    if row.difference is not None and not outcome.smoke:
        first, *small = text.split("\n")
        sign = SIGNS[row.difference.outcome] + ("?" if row.difference.seeds_may_differ else "")
        text = "\n".join([f"{first} {sign}", *small])
    if (own := row.published) is not None:
        # As many places as the paper's value needs, which may be far smaller than ours.
        after = max(decimals, places([own.value], outcome.metric(own.metric)))
        text += f"\npublished {number(own.value, after)}{other_name(own, row.arm.title)}"
    return text
