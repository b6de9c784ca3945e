"""Write finished studies into `docs/studies`, and the table of all of them.

    python scripts/publish_studies.py docs/studies STUDY... [--with-images STUDY...]

Of each study folder come the tables as Markdown, CSV, JSON and LaTeX, the methods, the figures and the record of what was asked.
Images of the data come along with those alone whose terms allow it. `docs/studies/README.md` is made anew of all that lie there, and
the table that the project's README shows first is printed.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from utome.events import silent
from utome.files import write_bytes, write_text
from utome.jobs.study.asking import read_images
from utome.jobs.study.standing import show_study
from utome.report.study.facts import honest_first, main_metric, networks, standings
from utome.report.study.markdown import FIGURES
from utome.report.study.numbers import listed, p_text, signed, signed_between
from utome.report.study.panels import pictures_of
from utome.report.study.table import Table, markdown_table, markdown_text
from utome.report.study.tables import main_table
from utome.report.study.words import answer, beside_the_paper, decimals_of, facts, verdict_words
from utome.report.study.writing import RESULTS, write_study_report, write_without_images
from utome.studies.folder import StudyFolder
from utome.studies.outcome import StudyOutcome, from_json

# Where one seed would have told another story.
FIRST = "fullattention-cracks"
# What was asked: the study file, and each training's every setting with a hash of the images.
RECORD = ("study.yaml", "asked.json")

HEAD = """# The papers' comparisons, run again

Each study below was run by one command at `--scale small`: about an hour on two processors, with at least 40 epochs and three seeds, few
steps and most of them with narrow networks, as each says. So its numbers are not those of the papers' long trainings; its differences are
paired on the same images, and each says whether it could be chance. No run was repeated, and no arm's settings were chosen by these
scores; what was chosen by earlier trials on the same data, or is by its nature chosen on the scored images, stands among a study's
differences. [docs/studies.md](../studies.md) says what the intervals and p mean, and how to run them; the tables of each study lie in
its folder as Markdown, CSV, JSON and LaTeX.
"""
MADE = """
The images of {studies} were not at hand: they ran on images made by a program, to show that they run, and their numbers say nothing
about real ones.
"""


def main() -> None:
    """Publish what is named, and make the table of all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="docs/studies")
    parser.add_argument("studies", type=Path, nargs="*", help="folders of `utome study run`")
    parser.add_argument("--with-images", type=Path, nargs="*", default=[], help="folders whose images may be shown")
    arguments = parser.parse_args()
    for folder in (*arguments.studies, *arguments.with_images):
        publish(folder, arguments.out, images=folder in arguments.with_images)
    write_text(arguments.out / "README.md", table_of_tables(arguments.out))
    sys.stdout.write(first_screen(arguments.out))


def publish(folder: Path, out: Path, *, images: bool) -> None:
    """Copy what of a study's folder a repository shows."""
    outcome = show_study(folder)
    there = out / outcome.about.name
    shutil.rmtree(there, ignore_errors=True)
    write_without_images(outcome, folder, there)
    (there / "report.html").unlink()  # the Markdown says the same, and is shown where the repository is
    if images:
        _write_with_images(outcome, folder)
        for path in sorted((folder / FIGURES).glob("*.png")):
            write_bytes(there / FIGURES / path.name, path.read_bytes())
        write_bytes(there / "results.md", (folder / "results.md").read_bytes())
    for record in RECORD:
        write_bytes(there / record, (folder / record).read_bytes())


def _write_with_images(outcome: StudyOutcome, folder: Path) -> None:
    """The folder's own report anew, so that it says what the tables say; from where the study was run, since it knows its images' place."""
    study = StudyFolder(folder)
    found, _ = read_images(study.study, Path(outcome.data.root if outcome.data else ""), study.asked(), silent)
    write_study_report(outcome, folder, pictures_of(outcome, folder, found))


def table_of_tables(out: Path) -> str:
    """`README.md`: a line a comparison, then each study's own table with its verdict."""
    outcomes = [from_json(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(out.glob(f"*/{RESULTS}"))]
    rows = tuple(row for outcome in outcomes for row in _rows(outcome))
    head = ("Study", "Arm", "Compared with", "Metric", "Difference here", "In the paper", "Corrected p", "Verdict")
    overview = Table("studies", "", head, rows, texts=frozenset({0, 1, 2, 3, 7}))
    generated = [outcome.about.name for outcome in outcomes if outcome.generated]
    made = MADE.format(studies=listed([f"`{name}`" for name in generated])) if generated else ""
    return "\n".join(
        [
            HEAD + made,
            markdown_table(overview.without_empty_columns()),
            "",
            *(_section(outcome) for outcome in outcomes),
        ]
    )


def first_screen(out: Path) -> str:
    """The table for the first screen of the project's README: the arms of one study, without what its paper prints."""
    outcome = from_json(json.loads((out / FIRST / RESULTS).read_text(encoding="utf-8")))
    whole = main_table(outcome, honest_first(outcome)[0])
    arms = {arm.title for arm in outcome.arms}
    rows = tuple(row for row in whole.rows if row[0].splitlines()[0] in arms)
    return markdown_table(replace(whole, rows=rows, notes=()).without_empty_columns())


def _rows(outcome: StudyOutcome) -> Iterator[tuple[str, ...]]:
    metric = main_metric(outcome)
    made = "\ngenerated images" if outcome.generated else ""
    learned = {arm.name: arm.title for arm in networks(outcome)}
    for protocol in honest_first(outcome)[:1]:
        rows = standings(outcome, protocol, metric)
        decimals = decimals_of(rows, outcome)
        for row in rows:
            found = row.difference
            if found is None or row.arm.name not in learned:
                continue
            size = f"{signed(found.difference, decimals)}\n{signed_between(found.interval, decimals)}"
            if found.seeds_interval is not None:
                size += f"\nseeds {signed_between(found.seeds_interval, decimals)}"
            paper = "" if row.published_difference is None else signed(row.published_difference, decimals)
            verdict = verdict_words(outcome, found)
            name, p = outcome.about.name + made, p_text(found.corrected_p)
            yield (name, row.arm.title, learned[outcome.baseline], metric.title, size, paper, p, verdict)


def _section(outcome: StudyOutcome) -> str:
    about, said = outcome.about, answer(outcome)
    parts = [
        f"## [{markdown_text(about.title)}]({about.name}/results.md)",
        markdown_text(" · ".join(facts(outcome))),
        f"**{markdown_text(said.verdict)}**",
        *(f"> {markdown_text(each)}" for each in said.warnings),
        *(markdown_table(main_table(outcome, protocol).without_empty_columns()) for protocol in honest_first(outcome)),
        "\n".join(f"- {markdown_text(each)}" for each in beside_the_paper(outcome)),
        "\n".join(f"- Note: {markdown_text(each)}" for each in about.notes),
        f"`{outcome.command}`" if outcome.command else "",
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


if __name__ == "__main__":
    main()
