"""The report of a study: its files, its page, and that it says no more than is known."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.outcomes import MAIN, finished_outcome, small_outcome
from tests.reported import HOSTILE, Tags, on_disk, with_curve
from utome.errors import ConfigError
from utome.report.study.writing import write_study_report, write_without_images
from utome.studies.outcome import Run, StudyOutcome
from utome.studies.question import About

FILES = {"report.html", "results.md", "results.csv", "results.json", "table.tex", "methods.txt"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a finished study whose second arm has a name that could break any format."""
    folder = tmp_path_factory.mktemp("study")
    outcome = on_disk(folder)
    plain, wide, otsu = outcome.arms
    images = tuple(replace(image, name=f"<i>{image.name}") for image in outcome.images)
    outcome = replace(outcome, images=images)
    write_study_report(replace(outcome, arms=(plain, replace(wide, title=HOSTILE), otsu)), folder)
    return folder


def page(outcome: StudyOutcome, folder: Path) -> str:
    write_study_report(outcome, folder)
    return (folder / "report.html").read_text(encoding="utf-8")


def words(text: str) -> str:
    tags = Tags()
    tags.feed(text)
    return " ".join(" ".join(tags.text).split())


def test_a_report_without_images_has_all_but_those(tmp_path: Path) -> None:
    study, handed_on = tmp_path / "study", tmp_path / "handed-on"
    study.mkdir()
    outcome = on_disk(study)
    write_study_report(outcome, study)
    write_without_images(outcome, study, handed_on)
    write_without_images(outcome, study, handed_on)
    assert {path.name for path in handed_on.iterdir() if path.is_file()} == FILES
    of = {path: {figure.name for figure in (path / "figures").iterdir()} for path in (study, handed_on)}
    panels = {name for name in of[study] if name.startswith("panel")}
    assert panels
    assert of[handed_on] == of[study] - panels
    assert "panel" not in (handed_on / "results.md").read_text(encoding="utf-8")
    assert (handed_on / "results.csv").read_bytes() == (study / "results.csv").read_bytes()


def test_a_report_without_images_spares_a_folder_of_other_things(tmp_path: Path) -> None:
    study = tmp_path / "study"
    study.mkdir()
    outcome = on_disk(study)
    mine = tmp_path / "mine" / "figures" / "mine.png"
    mine.parent.mkdir(parents=True)
    mine.touch()
    with pytest.raises(ConfigError, match="mine holds other things"):
        write_without_images(outcome, study, mine.parents[1])
    write_study_report(outcome, study)
    of_another_study = (study / "results.csv").read_bytes()
    (study / "study.yaml").touch()
    with pytest.raises(ConfigError, match="study holds other things"):
        write_without_images(replace(outcome, images=()), study, study)
    assert (study / "results.csv").read_bytes() == of_another_study
    assert mine.is_file()


def test_a_report_is_a_page_three_tables_json_methods_and_figures(folder: Path) -> None:
    assert {path.name for path in folder.iterdir() if path.is_file()} == FILES
    drawn = {path.name for path in (folder / "figures").iterdir()}
    assert drawn >= {
        "scores.png",
        "differences-held-out.png",
        "curves-held-out.png",
        "features-held-out.png",
        "panel-1.png",
    }
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in (folder / "figures").iterdir())


def test_the_page_is_well_formed_and_fetches_nothing(folder: Path) -> None:
    text = (folder / "report.html").read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert len(tags.addresses) == len(list((folder / "figures").iterdir()))
    assert [address[:40] for address in tags.addresses if not address.startswith("data:image/png;base64,")] == []
    assert "url(" not in text
    assert "@import" not in text


def test_a_name_with_markup_is_shown_and_not_obeyed(folder: Path) -> None:
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "<i>" not in text
    assert HOSTILE in words(text)
    assert "Best: &lt;i&gt;image-5" in text


def test_markdown_names_every_figure_that_was_written(folder: Path) -> None:
    text = (folder / "results.md").read_text(encoding="utf-8")
    for path in (folder / "figures").iterdir():
        assert f"(figures/{path.name})" in text


def test_the_top_of_the_page_has_question_verdict_and_ground(folder: Path) -> None:
    text = words((folder / "report.html").read_text(encoding="utf-8"))
    top = text[: text.index("Results")]
    assert "Is a wider network better?" in top
    assert f"'{HOSTILE}' cannot be told from 'U-Net': what difference there is may be chance" in top
    assert "+0.030 (95 % interval −0.010 to +0.070), ahead on 5 of 6 images, p = 0.125" in top
    assert (
        "Otsu's threshold, of which training chooses the side alone, reaches 0.520: every network is ahead of it" in top
    )


def test_the_command_the_source_and_the_differences_from_the_paper_are_on_the_page(folder: Path) -> None:
    text = words((folder / "report.html").read_text(encoding="utf-8"))
    assert "utome study run toy.yaml --data toy --out out" in text
    assert "Someone (2021), table 2" in text
    assert "There is no paper." in text


def test_the_same_outcome_gives_the_same_bytes_and_old_figures_go(tmp_path: Path) -> None:
    outcome = on_disk(tmp_path)
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "curves-of-old.png").write_bytes(b"")
    write_study_report(outcome, tmp_path)
    first = {path: path.read_bytes() for path in (*tmp_path.glob("*.*"), *tmp_path.glob("figures/*"))}
    write_study_report(outcome, tmp_path)
    assert {path: path.read_bytes() for path in (*tmp_path.glob("*.*"), *tmp_path.glob("figures/*"))} == first
    assert not (tmp_path / "figures" / "curves-of-old.png").exists()


def test_smoke_is_marked_in_large_and_has_no_verdict_anywhere(tmp_path: Path) -> None:
    outcome = finished_outcome()
    short = replace(outcome, arms=tuple(replace(arm, epochs=3 if arm.epochs else None) for arm in outcome.arms))
    better = replace(outcome.differences[0], outcome="better", corrected_p=0.01, verdict="'wide' is better")
    text = page(replace(short, differences=(better,)), tmp_path)
    assert "<div class=smoke><b>smoke, no conclusion</b>" in text
    assert "class=verdict" not in text
    for name in ("report.html", "results.md", "table.tex"):
        written = (tmp_path / name).read_text(encoding="utf-8")
        assert "smoke, no conclusion" in written.lower()
        assert "no conclusion" in written
        assert "is better than" not in written
        assert "▲" not in written
    assert (
        "for fewer than 30 epochs or 300 steps, so that no conclusion can be drawn"
        in (tmp_path / "methods.txt").read_text()
    )


def test_an_unfinished_study_says_so_and_shows_failed_and_missing_runs_with_their_reason(tmp_path: Path) -> None:
    text = words(page(small_outcome(), tmp_path))
    assert "Unfinished: 4 of 6 runs scored, 1 failed, 1 not done." in text
    assert "The loss became nan." in text
    assert "not begun" in text
    assert "Unfinished." in (tmp_path / "table.tex").read_text(encoding="utf-8")
    assert "4 of 6 runs scored, 1 failed" in (tmp_path / "methods.txt").read_text(encoding="utf-8")


def test_a_study_of_which_every_run_failed_has_a_page(tmp_path: Path) -> None:
    outcome = small_outcome()
    runs = tuple(replace(run, state="failed", reason="No such folder: 'a<b>'.") for run in outcome.runs)
    nothing = replace(outcome, runs=runs, scores=(), differences=(), images=(), data=None)
    text = page(nothing, tmp_path)
    assert "Nothing is scored yet." in text
    assert "&#x27;a&lt;b&gt;&#x27;" in text
    assert not list((tmp_path / "figures").iterdir())


def test_a_study_without_variants_arms_or_runs_has_a_page(tmp_path: Path) -> None:
    about = About("empty", "Empty", "Is there anything?", "", "small", "")
    empty = StudyOutcome(about, None, finished_outcome().metrics, MAIN, (), (), "", (), ())
    assert "Nothing is scored yet." in page(empty, tmp_path)
    one = replace(empty, runs=(Run("p", "gone", 0, 0, "runs/gone", "missing"),))
    assert "not begun" in page(one, tmp_path)


def test_a_learning_curve_leads_with_its_sentence_and_has_table_and_figure(tmp_path: Path) -> None:
    text = page(with_curve(finished_outcome()), tmp_path)
    assert "<p class=verdict>Ten more labels would probably help.</p>" in text
    assert (tmp_path / "figures" / "learning-curve.png").exists()
    assert "0.41–0.61" not in text, "shares have three places"
    assert "0.410–0.610" in text
    assert "0.660, –" in text


def test_two_images_are_too_few_to_tell_anything(tmp_path: Path) -> None:
    outcome = finished_outcome()
    few = replace(
        outcome.differences[0], units=2, won=2, lost=0, p=0.5, corrected_p=0.5, smallest_corrected_p=0.5, interval=None
    )
    scores = tuple(replace(score, units=2, interval=None) for score in outcome.scores)
    text = words(page(replace(outcome, differences=(few,), scores=scores, images=outcome.images[:6]), tmp_path))
    assert "cannot be told from" in text
    assert "No difference, however large, could have been told from chance" in text
    assert "too few to tell" in text
    assert "(without an interval)" in text


def test_a_report_needs_no_torch() -> None:
    code = "import sys, utome.report.study; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
