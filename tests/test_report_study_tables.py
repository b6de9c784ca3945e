"""The tables of a study: every number in them is the outcome's."""

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.outcomes import MAIN, finished_outcome, small_outcome
from tests.reported import HOSTILE, with_curve
from utome.report.study.costs import cost_table
from utome.report.study.long import COLUMNS, results_csv
from utome.report.study.numbers import MINUS, places
from utome.report.study.published import Sources
from utome.report.study.table import Table, html_table, latex_table, latex_text, markdown_table
from utome.report.study.tables import curve_table, main_table, tables, variant_table
from utome.report.study.writing import write_study_report
from utome.statistics.intervals import Interval
from utome.studies.outcome import Score, StudyOutcome, from_json
from utome.studies.question import Metric, Protocol, Published

MERGES = "objects.merges@images"


def long_rows(outcome: StudyOutcome) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(results_csv(outcome))))


def value(rows: list[dict[str, str]], **wanted: str) -> float:
    (row,) = (row for row in rows if all(row[name] == given for name, given in wanted.items()))
    return float(row["value"])


def test_scores_intervals_and_seeds_come_back_from_the_csv_unrounded() -> None:
    score = Score("held-out", "wide", "best", MAIN, 0.1 + 0.2, Interval(1 / 3, 2 / 3), {0: 1 / 7, 1: None}, 6)
    outcome = finished_outcome()
    rows = long_rows(replace(outcome, scores=(*outcome.scores[:1], score, *outcome.scores[2:])))
    about = {"arm": "wide", "variant": "best", "metric": MAIN, "protocol": "held-out"}
    assert value(rows, **about, quantity="score") == 0.1 + 0.2
    assert value(rows, **about, quantity="score_low") == 1 / 3
    assert value(rows, **about, quantity="seed_score", seed="0") == 1 / 7
    (missing,) = (
        row for row in rows if row["arm"] == "wide" and row["quantity"] == "seed_score" and row["seed"] == "1"
    )
    assert missing["value"] == ""


def test_differences_published_values_costs_and_images_come_back_from_the_csv() -> None:
    rows = long_rows(small_outcome())
    assert list(rows[0]) == list(COLUMNS)
    assert value(rows, arm="wide", quantity="difference", against_arm="plain") == 0.03
    assert value(rows, arm="wide", quantity="corrected_p") == 0.125
    assert value(rows, arm="plain", quantity="published") == 0.7398
    assert value(rows, arm="plain", quantity="seconds", seed="1") == 61.5
    assert value(rows, arm="otsu", quantity="image_score", image="image-5") == 0.7
    assert value(rows, arm="otsu", quantity="shown_image_score", image="image-5", seed="1") == 0.65
    (failed,) = (row for row in rows if row["quantity"] == "state" and row["arm"] == "wide" and row["seed"] == "1")
    assert failed["text"] == "failed: The loss became nan."
    assert value(long_rows(with_curve(finished_outcome())), quantity="score", size="10") == 0.63


def test_the_csv_says_whether_it_is_smoke() -> None:
    outcome = finished_outcome()
    short = replace(outcome, arms=tuple(replace(arm, epochs=29) for arm in outcome.arms))
    assert [value(long_rows(each), quantity="smoke") for each in (outcome, short)] == [0, 1]


def test_the_csv_holds_every_number_of_the_outcome() -> None:
    outcome = small_outcome()
    rows = long_rows(outcome)
    assert sum(row["quantity"] == "score" for row in rows) == len(outcome.scores)
    assert sum(row["quantity"] == "image_score" for row in rows) == len(outcome.images)
    assert sum(row["quantity"] == "state" for row in rows) == len(outcome.runs)
    assert all(row["value"] == "" or float(row["value"]) is not None for row in rows)


def test_the_json_is_the_outcome(tmp_path: Path) -> None:
    write_study_report(small_outcome(), tmp_path)
    assert from_json(json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))) == small_outcome()


def test_the_main_table_has_published_ours_seeds_difference_p_and_verdict() -> None:
    outcome = finished_outcome()
    table = main_table(outcome, outcome.protocols[0])
    plain, wide, otsu = table.rows
    assert plain == ("U-Net\nbaseline", "0.740 (1)\nprinted 73.98 %", "0.710\n0.660–0.750", "0.700, 0.720", "", "", "")
    assert wide[2:] == (
        "0.740\n0.690–0.780",
        "0.740, –",
        "+0.030\n−0.010 to +0.070",
        "0.125\nleast 0.0312",
        "cannot be told from chance",
    )
    assert otsu[2] == "0.520\n"
    assert table.notes[0] == "(1) Someone (2021), table 2"


def test_the_papers_own_difference_stands_beside_ours_and_its_other_systems_below() -> None:
    outcome = finished_outcome()
    source = "Someone (2021), table 2"
    more = (
        *outcome.published,
        Published("wide", MAIN, 0.7698, "76.98 %", source, arm="wide"),
        Published("Somebody else", MAIN, 0.81, "81 %", "Elsewhere", arm=None),
    )
    table = main_table(replace(outcome, published=more), outcome.protocols[0])
    assert table.rows[1][4].endswith("\npaper +0.030")
    assert table.rows[3][:2] == ("Somebody else\npublished", "0.810 (2)\nprinted 81 %")


def test_a_published_value_of_another_protocol_is_not_shown() -> None:
    outcome = finished_outcome()
    elsewhere = replace(outcome.published[0], protocol="as-published")
    assert main_table(replace(outcome, published=(elsewhere,)), outcome.protocols[0]).rows[0][1] == ""


def test_seeds_that_disagree_stand_beside_the_difference_and_in_the_verdict() -> None:
    outcome = finished_outcome()
    unsure = replace(
        outcome.differences[0],
        outcome="better",
        corrected_p=0.03,
        seeds={0: 0.1, 1: -0.1},
        seeds_interval=Interval(-1.2, 1.3),
    )
    cells = main_table(replace(outcome, differences=(unsure,)), outcome.protocols[0]).rows[1]
    assert "\nseeds −1.200 to +1.300\ntoo few seeds" in cells[4]
    assert cells[6] == "better with these trainings"


def test_ways_to_predict_are_compared_with_the_first_one_of_their_arm() -> None:
    outcome = finished_outcome()
    views = replace(outcome.scores[0], variant="views", value=0.72)
    against = replace(outcome.differences[0], arm="plain", variant="views", difference=0.01)
    published = Published("with views", MAIN, 0.75, "75 %", "A", arm="wide", variant="views")
    both = replace(
        outcome, scores=(*outcome.scores, views), differences=(against,), published=(*outcome.published, published)
    )
    rows = variant_table(both, both.protocols[0]).rows
    assert [row[0] for row in rows] == ["U-Net\n7 rotations averaged", "U-Net, wider & better\n7 rotations averaged"]
    assert rows[0][4].startswith("+0.010\n")
    assert rows[1][1:3] == ("0.750 (1)\nwith views\nprinted 75 %", "–")


def test_small_errors_keep_three_digits_and_counts_no_more_than_they_need() -> None:
    error = Metric("isbi2012.warping", "warping error", higher_is_better=False, over="pooled")
    merges = Metric(MERGES, "merges", higher_is_better=False, over="images", bounds=None)
    assert places([0.000353, 0.0002], error) == 6
    assert places([12.34, 1.0], merges) == 1
    assert places([], error) == 3
    assert places([None, float("nan")], merges) == 0


def test_a_learning_curve_has_a_row_a_size() -> None:
    table = curve_table(with_curve(finished_outcome()))
    assert [row[0] for row in table.rows] == ["5", "10", "20"]
    assert table.rows[2][1:] == ("0.660\n", "0.660, –")
    assert "for other seeds" not in table.notes[0]


def test_a_learning_curve_has_the_interval_over_seeds_too() -> None:
    outcome = with_curve(finished_outcome())
    assert outcome.curve is not None
    first, *others = outcome.curve.points
    points = (replace(first, seeds_interval=Interval(0.42, 0.6)), *others)
    table = curve_table(replace(outcome, curve=replace(outcome.curve, points=points)))
    assert table.rows[0][2] == "0.500, 0.520\n0.420–0.600"
    assert table.rows[1][2] == "0.620, 0.640"
    assert table.notes[0].endswith("Those of the seeds are Student's over them, for other seeds.")


def test_a_table_of_all_tables_has_no_column_without_anything() -> None:
    for table in tables(small_outcome()):
        for column, head in enumerate(table.head[1:], start=1):
            assert any(row[column].strip() not in {"", "–"} for row in table.rows), f"{table.title}: {head}"


def hostile_table() -> Table:
    return Table("x", "Title", ("Arm", "Value"), ((HOSTILE, "−0.5\n0.1–0.2"), ("b\nc", "")), ("note_1 50 %",))


@pytest.mark.parametrize("text", ["a_b%", "100 % & more", "{x}", "C:\\dir", "x^2~y", "#1 $5", HOSTILE])
def test_latex_takes_any_name(text: str) -> None:
    written = latex_text(text)
    bare = re.sub(
        r"\\(textbackslash|textasciitilde|textasciicircum|ldots)\{\}|\\[{}$&#_%]|\$[<>|]\$|\{[\[*]\}", "", written
    )
    assert not set(bare) & set("\\{}$&#_%~^<>|")


def test_a_latex_table_is_balanced_and_has_the_columns_that_it_declares() -> None:
    written = latex_table(hostile_table(), HOSTILE)
    begun, ended = re.findall(r"\\begin\{(\w+)\}", written), re.findall(r"\\end\{(\w+)\}", written)
    assert begun == ["table", "adjustbox", "tabular"]
    assert ended == ["tabular", "adjustbox", "table"]
    bare = re.sub(r"\\[{}]", "", written)
    assert bare.count("{") == bare.count("}")
    rows = [line for line in written.splitlines() if line.endswith("\\\\")]
    assert [len(re.findall(r"(?<!\\)&", row)) for row in rows] == [1] * 5
    assert rows[1].endswith("& $-$0.5 \\\\")
    assert rows[2] == " & \\footnotesize 0.1--0.2 \\\\", "small print stands below, as on the page"
    assert not any(row.lstrip().startswith(("[", "*")) for row in rows), (
        "LaTeX would take these as options of the line's end"
    )


def test_the_latex_file_is_balanced_whatever_the_names(tmp_path: Path) -> None:
    outcome = small_outcome()
    arms = tuple(replace(arm, title=HOSTILE + arm.title) for arm in outcome.arms)
    write_study_report(replace(outcome, arms=arms), tmp_path)
    written = (tmp_path / "table.tex").read_text(encoding="utf-8")
    assert written.count("\\begin{tabular}") == written.count("\\end{tabular}") == 3
    bare = re.sub(r"\\[{}]", "", written)
    assert bare.count("{") == bare.count("}")
    assert len(re.findall(r"(?<!\\)\$", written)) % 2 == 0


def test_markdown_has_as_many_cells_in_each_row_as_in_the_head() -> None:
    lines = [line for line in markdown_table(hostile_table()).splitlines() if line.startswith("|")]
    assert [len(re.findall(r"(?<!\\)\|", line)) for line in lines] == [3, 3, 3, 3]
    assert "−0.5<br>0.1–0.2 |" in lines[2], "small print stands below, as on the page"


def test_html_cells_have_their_small_print_below() -> None:
    written = html_table(hostile_table())
    assert "<td class=number>−0.5<small>0.1–0.2</small></td>" in written
    assert "<i>" not in written
    assert MINUS in written


def test_a_bare_table_is_named_with_its_paper() -> None:
    assert Sources("Someone: A title. 2021").full("table 2") == "table 2, in: Someone: A title. 2021"
    assert Sources("Someone: A title. 2021").full("Another (2019), table 1") == "Another (2019), table 1"
    assert Sources("").full("table 2") == "table 2"


def test_an_interval_that_says_nothing_is_called_too_few_and_that_is_explained() -> None:
    outcome = finished_outcome()
    otsu = replace(outcome.scores[2], value=0.736, interval=Interval(0.007, 0.999))
    table = main_table(replace(outcome, scores=(*outcome.scores[:2], otsu)), outcome.protocols[0])
    assert table.rows[2][2] == "0.736\n0.007–0.999\ntoo few images"
    assert table.notes[-1].startswith("'too few': the interval holds more than half of all values that there can be")
    assert not any("too few" in note for note in main_table(outcome, outcome.protocols[0]).notes)


def test_the_interval_over_seeds_stands_below_their_values() -> None:
    outcome = finished_outcome()
    scores = (replace(outcome.scores[0], seeds_interval=Interval(0.58, 0.82)), *outcome.scores[1:])
    table = main_table(replace(outcome, scores=scores), outcome.protocols[0])
    assert table.rows[0][3] == "0.700, 0.720\n0.580–0.820"
    assert any("Student's 95 % interval over them, for other seeds" in note for note in table.notes)
    rows = long_rows(replace(outcome, scores=scores))
    assert value(rows, arm="plain", metric=MAIN, variant="best", quantity="seeds_low") == 0.58


def test_what_seeds_say_of_a_difference_and_what_was_left_out_come_back_from_the_csv() -> None:
    outcome = finished_outcome()
    found = replace(outcome.differences[0], seeds={0: 0.02, 1: 0.04}, seeds_interval=Interval(-0.1, 0.16), left_out=2)
    changed = replace(outcome, differences=(found,))
    rows = long_rows(changed)
    assert value(rows, arm="wide", quantity="seed_difference", seed="1") == 0.04
    assert value(rows, arm="wide", quantity="difference_seeds_high") == 0.16
    assert value(rows, arm="wide", quantity="left_out") == 2
    assert any("(2 at most)" in note for note in main_table(changed, outcome.protocols[0]).notes)


def test_tables_say_that_a_program_made_the_images(tmp_path: Path) -> None:
    outcome = finished_outcome()
    assert outcome.data is not None
    made = replace(outcome, data=replace(outcome.data, generated=True))
    write_study_report(made, tmp_path)
    captions = re.findall(r"\\caption\{(.*)\}", (tmp_path / "table.tex").read_text(encoding="utf-8"))
    assert captions
    assert all("Images made by a program. " in each for each in captions)
    assert [value(long_rows(each), quantity="generated") for each in (outcome, made)] == [0, 1]


def test_of_two_divisions_each_has_its_costs_and_says_what_its_interval_is_for() -> None:
    outcome = small_outcome()
    seen = Protocol("seen", "the same images", honest=False)
    slower = tuple(
        replace(run, protocol="seen", cost=replace(run.cost, seconds=100 * run.cost.seconds))
        for run in outcome.runs
        if run.cost.seconds is not None
    )
    again = tuple(replace(score, protocol="seen") for score in outcome.scores)
    both = replace(
        outcome, protocols=(*outcome.protocols, seen), runs=(*outcome.runs, *slower), scores=(*outcome.scores, *again)
    )
    cells = [row[:2] for row in cost_table(both).rows]
    assert len(cells) == 2 * len(cost_table(outcome).rows)
    assert cells[0][0].endswith(f", {outcome.protocols[0].title}")
    assert cells[len(cells) // 2][0].endswith(", the same images")
    assert cells[0][1] != cells[len(cells) // 2][1]
    honest, dishonest = ("".join(main_table(both, protocol).notes) for protocol in both.protocols)
    assert "for new images with these trainings" in honest
    assert "for new images" not in dishonest
    assert "for other images that training saw, with these trainings" in dishonest
