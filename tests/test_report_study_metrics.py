"""Every metric of every arm and way to predict, and the paper's values beside ours."""

import re
from dataclasses import replace
from pathlib import Path

from tests.outcomes import finished_outcome
from utome.report.study.metrics import metric_table
from utome.report.study.published import published_table
from utome.report.study.table import Table, html_table, latex_table, markdown_table
from utome.report.study.tables import main_table
from utome.report.study.writing import write_study_report
from utome.statistics.intervals import Interval
from utome.studies.outcome import Score, StudyOutcome
from utome.studies.question import Metric, Protocol, Published

MERGES, ERROR = "objects.merges@images", "isbi2012.rand_error"


def two_ways() -> StudyOutcome:
    """Two arms in two ways to predict by two metrics; the paper prints the second metric of one arm's second way."""
    outcome = finished_outcome()
    error = Metric(ERROR, "Rand error", higher_is_better=False, over="pooled")
    values = {("plain", "best"): 0.06, ("plain", "views"): 0.05, ("wide", "best"): 0.04, ("wide", "views"): 0.055}
    errors = [
        Score("held-out", arm, way, ERROR, value, Interval(value - 0.01, value + 0.01), {0: value}, 6)
        for (arm, way), value in values.items()
    ]
    views = [replace(score, variant="views", value=0.7) for score in outcome.scores[:2]]
    beside = replace(
        outcome.differences[0], metric=ERROR, difference=-0.02, outcome="better", seeds={0: -0.02, 1: -0.02}
    )
    own = replace(
        beside, variant="views", baseline_arm="wide", difference=0.015, outcome="worse", seeds={0: 0.01, 1: 0.02}
    )
    return replace(
        outcome,
        metrics=(outcome.metrics[0], error),
        scores=(*outcome.scores[:3], *views, *errors),
        differences=(*outcome.differences, beside, own),
        published=(
            Published("u-net (their own)", ERROR, 0.0382, "0.0382", "table 1", arm="wide", variant="views"),
            Published("human values", ERROR, 0.0021, "0.0021", "table 1"),
        ),
    )


def every_metric(outcome: StudyOutcome) -> Table:
    return metric_table(outcome, outcome.protocols[0]).without_empty_columns()


def test_every_metric_of_every_way_to_predict_stands_side_by_side() -> None:
    table = every_metric(two_ways())
    assert table.head == ("Arm and prediction", "mean IoU\nhigher is better", "Rand error\nlower is better")
    assert table.rows == (
        ("U-Net\nthe best epoch\nbaseline", "0.710\n0.660–0.750", "0.0600\n0.0500–0.0700"),
        ("U-Net\n7 rotations averaged", "0.700\n0.660–0.750", "0.0500\n0.0400–0.0600"),
        ("U-Net, wider & better\nthe best epoch", "0.740 ≈\n0.690–0.780", "0.0400 ▲\n0.0300–0.0500"),
        (
            "U-Net, wider & better\n7 rotations averaged",
            "0.700\n0.690–0.780",
            "0.0550 ▼\n0.0450–0.0650\npublished 0.0382\nu-net (their own)",
        ),
        ("Otsu's threshold", "0.520\n", "–"),
    )
    assert "another way to predict than the first of its arm" in table.notes[0]


def test_page_markdown_and_latex_have_every_metric_of_every_way(tmp_path: Path) -> None:
    write_study_report(two_ways(), tmp_path)
    for name in ("report.html", "results.md", "table.tex"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        part = text[text.index("Every metric") :]
        assert re.search(r"7 rotations averaged.*0\.0550.*0\.0382", part, re.DOTALL), name


def test_one_way_to_predict_is_not_named_in_every_row() -> None:
    outcome = two_ways()
    table = every_metric(replace(outcome, variants=outcome.variants[:1]))
    assert table.head[0] == "Arm"
    assert [row[0] for row in table.rows] == ["U-Net\nbaseline", "U-Net, wider & better", "Otsu's threshold"]
    assert "another way" not in table.notes[0]


def test_seeds_that_disagree_are_a_question_mark() -> None:
    outcome = two_ways()
    unsure = replace(outcome.differences[1], seeds={0: 0.1, 1: -0.1}, seeds_interval=Interval(-1.2, 1.3))
    assert every_metric(replace(outcome, differences=(unsure,))).rows[2][2].startswith("0.0400 ▲?\n")


def test_a_score_that_does_not_exist_is_a_dash_and_an_arm_or_metric_without_any_is_left_out() -> None:
    outcome = finished_outcome()
    assert [row[1] for row in every_metric(outcome).rows] == [
        "0.710\n0.660–0.750\npublished 0.740",
        "0.740 ≈\n0.690–0.780",
        "0.520\n",
    ]
    assert every_metric(outcome).head == ("Arm and prediction", "mean IoU\nhigher is better"), "no merges are known"
    merges = Score("held-out", "wide", "best", MERGES, 2.0, None, {0: 2.0}, 6)
    silent = tuple(score for score in outcome.scores if score.arm != "otsu")
    table = every_metric(replace(outcome, scores=(*silent, merges)))
    assert [row[2] for row in table.rows] == ["–\n", "2.00\n"]


def test_what_the_paper_prints_by_other_metrics_has_a_table_with_ours_below() -> None:
    outcome = finished_outcome()
    assert published_table(outcome).rows == ()
    table = published_table(two_ways())
    assert table.rows == (
        ("u-net (their own)", "0.0382"),
        ("ours: U-Net, wider & better\n7 rotations averaged", "0.0550\n0.0450–0.0650"),
        ("human values", "0.0021"),
    )
    assert table.marked == {1}
    assert table.notes == (
        "Below what the paper prints of an arm is ours, with its 95 % interval.",
        "table 1, in: None: an example",
    )


def test_ours_stands_below_the_papers_in_its_own_division() -> None:
    outcome = two_ways()
    seen = Protocol("as-published", "the same images", honest=False)
    scores = tuple(replace(score, protocol="as-published", value=0.01) for score in outcome.scores)
    two = replace(outcome, protocols=(seen, *outcome.protocols), scores=(*scores, *outcome.scores))
    ours = [row for row in published_table(two).rows if row[0].startswith("ours")]
    assert [(row[0].split("\n")[2], row[1].split("\n")[0]) for row in ours] == [
        ("held-out images", "0.0550"),
        ("the same images", "0.0100"),
    ]
    of_one = tuple(replace(each, protocol="as-published") for each in two.published)
    (own,) = (row for row in published_table(replace(two, published=of_one)).rows if row[0].startswith("ours"))
    assert own[1].startswith("0.0100\n")


def test_a_published_value_of_another_system_has_its_name_wherever_it_stands() -> None:
    outcome = finished_outcome()
    elsewhere = (replace(outcome.published[0], row="U-Net, another data set", variant=None),)
    other = replace(outcome, published=elsewhere)
    assert main_table(other, other.protocols[0]).rows[0][1] == "0.740 (1)\nU-Net, another data set\nprinted 73.98 %"
    assert every_metric(other).rows[0][1].endswith("\npublished 0.740\nU-Net, another data set")


def test_a_published_value_far_smaller_than_ours_keeps_its_digits() -> None:
    outcome = two_ways()
    small = replace(outcome.published[0], value=0.000353)
    assert "\npublished 0.000353\n" in every_metric(replace(outcome, published=(small,))).rows[3][2]


def test_notes_tell_of_the_layout_that_the_tables_have() -> None:
    table = main_table(finished_outcome(), finished_outcome().protocols[0])
    assert any("below it the 95 % interval" in note for note in table.notes)
    assert "<td class=number>0.710<small>0.660–0.750</small></td>" in html_table(table)
    assert "| 0.710<br>0.660–0.750 |" in markdown_table(table)
    lines = [line for line in latex_table(table, "").splitlines() if line.endswith("\\\\")]
    place = next(number for number, line in enumerate(lines) if "& 0.710 &" in line)
    assert "& \\footnotesize 0.660--0.750 &" in lines[place + 1]
