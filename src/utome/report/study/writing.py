"""The report of a study: a page, its tables as Markdown, CSV, JSON and LaTeX, its methods as text, its figures as PNG.

All follow from the outcome and what lies in the study's folder. The same outcome gives the same bytes, and a report may be
written at any time, however far the study is.
"""

from pathlib import Path

from utome.errors import ConfigError
from utome.files import new_folder, write_bytes, write_json, write_text
from utome.report.study.content import Content, content
from utome.report.study.long import results_csv
from utome.report.study.markdown import FIGURES, study_markdown
from utome.report.study.page import study_html
from utome.report.study.panels import Pictures, pictures_of
from utome.report.study.table import latex_table, latex_text
from utome.studies.outcome import SMOKE, StudyOutcome

RESULTS = "results.json"
WRITTEN = {FIGURES, RESULTS, "results.csv", "table.tex", "methods.txt", "results.md", "report.html"}


def write_study_report(outcome: StudyOutcome, folder: Path, pictures: Pictures | None = None) -> None:
    """Write the report into the study's folder, each file whole; the page comes last.

    `pictures` shows images with truth and predictions (`utome.report.study.panels.pictures_of` makes it from a survey of the data);
    without it images are read from the data's root, and their truth is not known.
    """
    _write(content(outcome, folder, pictures or pictures_of(outcome, folder)), folder)


def write_without_images(outcome: StudyOutcome, folder: Path, out: Path) -> None:
    """Write the report of the study in `folder` into `out`, with everything but what shows images of the data.

    `ConfigError` where `out` holds anything but such a report.
    """
    there = {path.name for path in out.iterdir()} if out.is_dir() else set()
    if there and not (RESULTS in there and there <= WRITTEN):  # as another study's folder, whose figures would be lost
        raise ConfigError(f"{out} holds other things than a report without images; name a new folder, or an empty one.")
    _write(content(outcome, folder, None), out)


def _write(shown: Content, folder: Path) -> None:
    outcome = shown.outcome
    new_folder(folder / FIGURES)
    for picture in shown.pictures:
        write_bytes(folder / FIGURES / f"{picture.name}.png", picture.content)
    _remove_others(folder / FIGURES, {f"{picture.name}.png" for picture in shown.pictures})
    write_json(folder / RESULTS, outcome.as_json())
    write_text(folder / "results.csv", results_csv(outcome))
    write_text(folder / "table.tex", study_latex(shown))
    write_text(folder / "methods.txt", shown.methods)
    write_text(folder / "results.md", study_markdown(shown))
    write_text(folder / "report.html", study_html(shown))


def study_latex(shown: Content) -> str:
    """All tables as floats for LaTeX with the packages array, booktabs and adjustbox."""
    outcome = shown.outcome
    mark = f"{SMOKE.upper()}. " if outcome.smoke else ""
    mark += "" if outcome.done else "Unfinished. "
    mark += "Images made by a program. " if outcome.generated else ""
    head = f"% {latex_text(outcome.about.name)}: needs \\usepackage{{array,booktabs,adjustbox}}\n"
    return head + "\n".join(
        latex_table(table, f"{mark}{outcome.about.title}: {table.title}.") for table in shown.tables
    )


def _remove_others(figures: Path, kept: set[str]) -> None:
    """Remove what an earlier report drew and this one does not."""
    for path in figures.glob("*.png"):
        if path.name not in kept:
            path.unlink(missing_ok=True)
