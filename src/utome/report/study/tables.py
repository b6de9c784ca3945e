"""The tables of a study: what its arms reached beside what the paper prints, by every metric, and what they cost."""

from collections.abc import Sequence

from utome.report.study.cells import SEEN, few, places_of, seed_values, seeds_head, told, with_interval
from utome.report.study.costs import cost_table
from utome.report.study.facts import (
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
from utome.report.study.metrics import metric_table
from utome.report.study.numbers import p_text, places, signed, signed_between, slug, with_unit
from utome.report.study.published import Sources, published_table
from utome.report.study.table import Table
from utome.report.study.words import verdict_words
from utome.statistics.intervals import of_differences
from utome.studies.outcome import Difference, Score, StudyOutcome
from utome.studies.question import Protocol, Published


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
    decimals = places_of(rows, metric)
    cells = [_standing_cells(outcome, row, decimals, sources) for row in rows]
    cells += [_published_cells(each, decimals, sources) for each in alone]
    title = with_unit(metric)
    head = (
        "Arm",
        "Published",
        title,
        seeds_head(outcome),
        f"Difference\nto {arm_title(outcome, outcome.baseline)}",
        "Corrected p",
        "Verdict",
    )
    return Table(
        name=f"main-{slug(protocol.name)}",
        title=f"{metric.title}{under(outcome, protocol)}",
        head=head,
        rows=tuple(cells),
        notes=(*sources.notes, *([] if protocol.honest else [SEEN]), *_about(outcome, protocol, rows), *few(cells)),
        texts=frozenset({0, 6}),
        marked=frozenset(number for number, row in enumerate(rows) if row.is_baseline),
    )


def variant_table(outcome: StudyOutcome, protocol: Protocol) -> Table:
    """Other ways to predict with the same trainings, each compared with the first way of its arm."""
    metric = main_metric(outcome)
    rows = variant_standings(outcome, protocol, metric)
    sources = Sources(outcome.about.paper)
    decimals = places_of(rows, metric)
    cells = [
        (f"{row.arm.title}\n{row.variant.title}", *_standing_cells(outcome, row, decimals, sources)[1:]) for row in rows
    ]
    first = variant_title(outcome, outcome.variants[0].name) if outcome.variants else ""
    head = (
        "Arm and prediction",
        "Published",
        with_unit(metric),
        seeds_head(outcome),
        f"Difference\nto '{first}'",
        "Corrected p",
        "Verdict",
    )
    same = "The trainings are the same, so that only the way to predict differs."
    notes = (*sources.notes, same, *few(cells)) if rows else ()
    return Table(
        f"variants-{slug(protocol.name)}",
        f"Ways to predict{under(outcome, protocol)}",
        head,
        tuple(cells),
        notes,
        frozenset({0, 6}),
    )


def curve_table(outcome: StudyOutcome) -> Table:
    """Of a learning curve: the score at each number of training images."""
    if outcome.curve is None:
        return Table("", "", (), ())
    metric = outcome.metric(outcome.curve.metric)
    decimals = places([point.value for point in outcome.curve.points], metric)
    rows = tuple(
        (
            f"{point.size:,}",
            with_interval(outcome, score, decimals),
            seed_values(outcome, score, decimals),
        )
        for point in outcome.curve.points
        for score in [
            Score("", "", "", metric.name, point.value, point.interval, point.seeds, point.units, point.seeds_interval)
        ]
    )
    head = ("Training images", with_unit(metric), seeds_head(outcome))
    units = sorted({point.units for point in outcome.curve.points})
    note = f"Intervals are of 95 %, over {' or '.join(map(str, units))} test images that are the same for all sizes."
    if any(point.seeds_interval is not None for point in outcome.curve.points):
        note += " Those of the seeds are Student's over them, for other seeds."
    return Table(
        "learning-curve", "Score against the number of training images", head, rows, (note, *few(rows)), frozenset()
    )


def _standing_cells(outcome: StudyOutcome, row: Standing, decimals: int, sources: Sources) -> tuple[str, ...]:
    difference = row.difference
    title = row.arm.title + ("\nbaseline" if row.is_baseline else "")
    paper = "" if row.published_difference is None else f"\npaper {signed(row.published_difference, decimals)}"
    if difference is None:
        compared = (f"{paper}" if paper else "", "", "")
    else:
        bounds = of_differences(main_metric(outcome).bounds)
        spread = told(signed_between(difference.interval, decimals), difference.interval, bounds, difference.unit)
        seeds = told(signed_between(difference.seeds_interval, decimals), difference.seeds_interval, bounds, "seeds")
        size = f"{signed(difference.difference, decimals)}\n{spread}" + (f"\nseeds {seeds}" if seeds else "") + paper
        p = f"{p_text(difference.corrected_p)}\nleast {p_text(difference.smallest_corrected_p)}"
        compared = (size, p, verdict_words(outcome, difference))
    return (
        title,
        sources.cell(row.published, decimals, row.arm.title),
        with_interval(outcome, row.score, decimals),
        seed_values(outcome, row.score, decimals),
        *compared,
    )


def _published_cells(each: Published, decimals: int, sources: Sources) -> tuple[str, ...]:
    return (f"{each.row}\npublished", sources.cell(each, decimals, each.row), "", "", "", "", "")


def _about(outcome: StudyOutcome, protocol: Protocol, rows: Sequence[Standing]) -> list[str]:
    """What the numbers of the main table are."""
    metric = main_metric(outcome)
    over = "of all images together" if metric.over == "pooled" else "the mean of the images' own values"
    over = "at the threshold that is best for all images together" if metric.by_seed else over
    scored = [row.score for row in rows if row.score is not None and row.score.value is not None]
    if not scored:
        return []
    units, unit = (
        max(score.units for score in scored),
        "group" if outcome.data and outcome.data.unit == "group" else "image",
    )
    direction = "higher" if metric.higher_is_better else "lower"
    convention = f" ({metric.convention})" if metric.convention else ""
    new = "new images" if protocol.honest else "other images that training saw,"
    ours = "Ours is the mean of the seeds'" if metric.by_seed else "Ours is over all seeds"
    if len(outcome.seeds) > 1 and not metric.by_seed:
        ours += "; each image counts once, however many of them scored it, so it need not be the mean of theirs"
    text = (
        f"{metric.title}: {over}{convention}; {direction} is better. {ours}; below it the 95 % interval over {units} "
        f"{unit}{'' if units == 1 else 's'}, for {new} with these trainings."
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
