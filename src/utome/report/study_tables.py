"""The tables of a study: what its arms reached beside what the paper prints, by every metric, and what they cost."""

from collections.abc import Iterable, Sequence

from utome.report.study_costs import cost_table
from utome.report.study_facts import (
    Standing,
    arm_title,
    honest_first,
    main_metric,
    published_alone,
    standings,
    under,
    variant_standings,
    variant_title,
)
from utome.report.study_numbers import (
    NOTHING,
    between,
    number,
    p_text,
    places,
    signed,
    signed_between,
    slug,
    with_unit,
)
from utome.report.study_published import Sources, metric_head, published_table
from utome.report.study_table import Table
from utome.report.study_words import seeds_may_differ, verdict_words
from utome.statistics.intervals import Interval, of_differences
from utome.studies.outcome import Difference, Score, StudyOutcome
from utome.studies.question import Metric, Protocol, Published

SEEN = "The networks were trained on images that they are scored on here: this says nothing about new images."
TOO_FEW = "too few"
# What stands beside a score in the table of all metrics.
SIGNS = {"better": "▲", "worse": "▼", "not distinguishable": "≈"}


def tables(outcome: StudyOutcome) -> list[Table]:
    """All tables that have anything to say, in the order of the page."""
    found = []
    for protocol in honest_first(outcome):
        found += [main_table(outcome, protocol), variant_table(outcome, protocol), metric_table(outcome, protocol)]
    found += [published_table(outcome), curve_table(outcome), cost_table(outcome)]
    return [table.without_empty_columns() for table in found if table.rows]


def main_table(outcome: StudyOutcome, protocol: Protocol) -> Table:
    """The main metric: published, ours, each seed, the difference to the baseline, its p, the verdict."""
    metric = main_metric(outcome)
    rows = standings(outcome, protocol, metric)
    alone = published_alone(outcome, protocol, metric)
    if not any(row.score is not None or row.published is not None for row in rows) and not alone:
        rows = []
    sources = Sources(outcome.about.paper)
    decimals = _decimals(rows, metric)
    cells = [_standing_cells(outcome, row, decimals, sources) for row in rows]
    cells += [_published_cells(each, decimals, sources) for each in alone]
    title = with_unit(metric)
    head = (
        "Arm",
        "Published",
        title,
        _seeds_head(outcome),
        f"Difference\nto {arm_title(outcome, outcome.baseline)}",
        "Corrected p",
        "Verdict",
    )
    return Table(
        name=f"main-{slug(protocol.name)}",
        title=f"{metric.title}{under(outcome, protocol)}",
        head=head,
        rows=tuple(cells),
        notes=(*sources.notes, *([] if protocol.honest else [SEEN]), *_about(outcome, metric, rows), *_few(cells)),
        texts=frozenset({0, 6}),
        marked=frozenset(number for number, row in enumerate(rows) if row.is_baseline),
    )


def variant_table(outcome: StudyOutcome, protocol: Protocol) -> Table:
    """Other ways to predict with the same trainings, each compared with the first way of its arm."""
    metric = main_metric(outcome)
    rows = variant_standings(outcome, protocol, metric)
    sources = Sources(outcome.about.paper)
    decimals = _decimals(rows, metric)
    cells = [
        (f"{row.arm.title}\n{row.variant.title}", *_standing_cells(outcome, row, decimals, sources)[1:]) for row in rows
    ]
    first = variant_title(outcome, outcome.variants[0].name) if outcome.variants else ""
    head = (
        "Arm and prediction",
        "Published",
        with_unit(metric),
        _seeds_head(outcome),
        f"Difference\nto '{first}'",
        "Corrected p",
        "Verdict",
    )
    same = "The trainings are the same, so that only the way to predict differs."
    notes = (*sources.notes, same, *_few(cells)) if rows else ()
    return Table(
        f"variants-{slug(protocol.name)}",
        f"Ways to predict{under(outcome, protocol)}",
        head,
        tuple(cells),
        notes,
        frozenset({0, 6}),
    )


def metric_table(outcome: StudyOutcome, protocol: Protocol) -> Table:
    """A row a metric: every arm's score with its interval, a sign of the verdict, and the paper's value where there is one."""
    if len(outcome.metrics) < 2:
        return Table("", "", (), ())
    rows = tuple(
        (metric_head(metric), *_metric_cells(outcome, metric, standings(outcome, protocol, metric)))
        for metric in outcome.metrics
        if any(score.metric == metric.name and score.protocol == protocol.name for score in outcome.scores)
    )
    signs = (
        "Intervals are of 95 %. ▲ better, ▼ worse than the baseline, ≈ cannot be told from it, ? where other seeds may say otherwise. p "
        "are corrected over the arms, not over the metrics: where many are looked at, some differ by chance."
    )
    verdicts = "The runs are too short for verdicts." if outcome.smoke else signs
    conventions = [
        f"{metric.title}: {metric.convention.rstrip('.')}." for metric in outcome.metrics if metric.convention
    ]
    said = ("" if protocol.honest else SEEN, verdicts, " ".join(conventions), *_few(rows))
    notes = tuple(note for note in said if note)
    name, title = f"metrics-{slug(protocol.name)}", f"Every metric{under(outcome, protocol)}"
    return Table(name, title, ("Metric", *(arm.title for arm in outcome.arms)), rows, notes)


def curve_table(outcome: StudyOutcome) -> Table:
    """Of a learning curve: the score at each number of training images."""
    if outcome.curve is None:
        return Table("", "", (), ())
    metric = outcome.metric(outcome.curve.metric)
    decimals = places([point.value for point in outcome.curve.points], metric)
    rows = tuple(
        (
            f"{point.size:,}",
            _with_interval(outcome, score, decimals),
            _seeds(outcome, score, decimals),
        )
        for point in outcome.curve.points
        for score in [
            Score("", "", "", metric.name, point.value, point.interval, point.seeds, point.units, point.seeds_interval)
        ]
    )
    head = ("Training images", with_unit(metric), _seeds_head(outcome))
    units = sorted({point.units for point in outcome.curve.points})
    note = f"Intervals are of 95 %, over {' or '.join(map(str, units))} test images that are the same for all sizes."
    if any(point.seeds_interval is not None for point in outcome.curve.points):
        note += " Those of the seeds are Student's over them, for other seeds."
    return Table(
        "learning-curve", "Score against the number of training images", head, rows, (note, *_few(rows)), frozenset()
    )


def _standing_cells(outcome: StudyOutcome, row: Standing, decimals: int, sources: Sources) -> tuple[str, ...]:
    difference = row.difference
    title = row.arm.title + ("\nbaseline" if row.is_baseline else "")
    paper = "" if row.published_difference is None else f"\npaper {signed(row.published_difference, decimals)}"
    if difference is None:
        compared = (f"{paper}" if paper else "", "", "")
    else:
        bounds = of_differences(main_metric(outcome).bounds)
        spread = _told(signed_between(difference.interval, decimals), difference.interval, bounds, difference.unit)
        seeds = _told(signed_between(difference.seeds_interval, decimals), difference.seeds_interval, bounds, "seeds")
        size = f"{signed(difference.difference, decimals)}\n{spread}" + (f"\nseeds {seeds}" if seeds else "") + paper
        p = f"{p_text(difference.corrected_p)}\nleast {p_text(difference.smallest_corrected_p)}"
        compared = (size, p, verdict_words(outcome, difference))
    return (
        title,
        sources.cell(row.published, decimals),
        _with_interval(outcome, row.score, decimals),
        _seeds(outcome, row.score, decimals),
        *compared,
    )


def _published_cells(each: Published, decimals: int, sources: Sources) -> tuple[str, ...]:
    return (f"{each.row}\npublished", sources.cell(each, decimals), "", "", "", "", "")


def _with_interval(outcome: StudyOutcome, score: Score | None, decimals: int) -> str:
    """The value, and below it its interval over images."""
    if score is None:
        return NOTHING
    bounds = outcome.metric(score.metric).bounds
    spread = _told(between(score.interval, decimals), score.interval, bounds, _unit(outcome))
    return f"{number(score.value, decimals)}\n{spread}"


def _seeds(outcome: StudyOutcome, score: Score | None, decimals: int) -> str:
    """The value of each seed, and below them the interval over seeds."""
    if score is None or not score.seeds:
        return ""
    values = ", ".join(number(score.seeds.get(seed), decimals) for seed in outcome.seeds)
    bounds = outcome.metric(score.metric).bounds
    spread = _told(between(score.seeds_interval, decimals), score.seeds_interval, bounds, "seed")
    return f"{values}\n{spread}" if spread else values


def _told(ends: str, interval: Interval | None, bounds: tuple[float, float] | None, unit: str) -> str:
    """The ends of an interval, and whether it rests on too few units to say anything."""
    if interval is None or not interval.says_nothing(bounds):
        return ends
    return f"{ends}\n{TOO_FEW} {unit.removesuffix('s')}s"


def _unit(outcome: StudyOutcome) -> str:
    return "image" if outcome.data is None else outcome.data.unit


def _seeds_head(outcome: StudyOutcome) -> str:
    seeds = ", ".join(map(str, outcome.seeds))
    return f"Seed {seeds}" if len(outcome.seeds) == 1 else f"Seeds {seeds}"


def _metric_cells(outcome: StudyOutcome, metric: Metric, rows: Sequence[Standing]) -> list[str]:
    decimals = _decimals(rows, metric)
    return [_metric_cell(outcome, row, decimals) for row in rows]


def _metric_cell(outcome: StudyOutcome, row: Standing, decimals: int) -> str:
    text = _with_interval(outcome, row.score, decimals)
    if row.difference is not None and not outcome.smoke:
        first, *small = text.split("\n")
        sign = SIGNS[row.difference.outcome] + ("?" if seeds_may_differ(row.difference) else "")
        text = "\n".join([f"{first} {sign}", *small])
    if row.published is not None:
        text += f"\npublished {number(row.published.value, decimals)}"
    return text


def _about(outcome: StudyOutcome, metric: Metric, rows: Sequence[Standing]) -> list[str]:
    """What the numbers of the main table are."""
    over = "of all images together" if metric.over == "pooled" else "the mean of the images' own values"
    scored = [row.score for row in rows if row.score is not None and row.score.value is not None]
    if not scored:
        return []
    units, unit = (
        max(score.units for score in scored),
        "group" if outcome.data and outcome.data.unit == "group" else "image",
    )
    direction = "higher" if metric.higher_is_better else "lower"
    convention = f" ({metric.convention})" if metric.convention else ""
    text = (
        f"{metric.title}: {over}{convention}; {direction} is better. Ours is over all seeds; below it the 95 % interval over {units} "
        f"{unit}{'' if units == 1 else 's'}, for new images with these trainings."
    )
    if any(score.seeds_interval is not None for score in scored):
        text += " Below the values of the seeds (folds together) is Student's 95 % interval over them, for other seeds."
    compared = [row.difference for row in rows if row.difference is not None]
    return [text, *_about_differences(compared, unit)]


def _about_differences(compared: Sequence[Difference], unit: str) -> list[str]:
    """What differences, their intervals and p are."""
    if not compared:
        return []
    family = max(difference.family for difference in compared)
    text = f"Differences are paired {unit} by {unit}"
    left_out = max(difference.left_out for difference in compared)
    text += f", without those on which one of the two has no score ({left_out} at most)" if left_out else ""
    text += "; below them the interval over these"
    text += " and the one over seeds" if any(difference.seeds_interval is not None for difference in compared) else ""
    text += ". p by exchanging the two"
    text += f", corrected over {family} comparisons (Holm)" if family > 1 else ""
    return [f"{text}; below it the least that these could have given."]


def _few(rows: Iterable[Sequence[str]]) -> list[str]:
    """What it means that there are too few, where that is said below a number."""
    if not any(f"\n{TOO_FEW} " in cell for row in rows for cell in row):
        return []
    return [
        f"'{TOO_FEW}': the interval holds more than half of all values that there can be, so it says next to nothing."
    ]


def _decimals(rows: Sequence[Standing], metric: Metric) -> int:
    ours = [row.score.value for row in rows if row.score is not None]
    return places([*ours, *(row.published.value for row in rows if row.published is not None)], metric)
