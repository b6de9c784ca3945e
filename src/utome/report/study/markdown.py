"""`results.md` of a study, with its figures beside it: what a repository shows."""

from collections.abc import Iterable, Sequence

from utome.report.study.content import Content, Picture
from utome.report.study.table import Table, markdown_table, markdown_text
from utome.report.study.words import facts
from utome.studies.outcome import SMOKE

FIGURES = "figures"


def study_markdown(content: Content) -> str:
    """The file as text."""
    about, answer = content.outcome.about, content.answer
    parts = [
        f"# {markdown_text(about.title)}",
        f"**{markdown_text(about.question)}**",
        markdown_text(" · ".join(facts(content.outcome))),
        *([f"> # {SMOKE.upper()}"] if content.outcome.smoke else [f"**{markdown_text(answer.verdict)}**"]),
        _list(answer.grounds),
        *(f"> {markdown_text(each)}" for each in answer.warnings),
        *(_titled(table) for table in content.tables),
        _section("Failed and missing runs", markdown_table(content.trouble) if content.trouble.rows else ""),
        _section("Beside the paper", _list(content.beside)),
        *_pictures((*content.scores, *content.curves, *content.panels)),
        _section("Ways to predict that were left out", _list(content.left_out)),
        _section("How it differs from the paper", _list(about.differences)),
        _section("Notes", _list(about.notes)),
        _section("Methods", "\n\n".join(markdown_text(each) for each in content.methods.strip().split("\n\n"))),
        _section("Repeat it", f"```\n{content.outcome.command}\n```" if content.outcome.command else ""),
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _titled(table: Table) -> str:
    return _section(table.title, markdown_table(table))


def _pictures(pictures: Iterable[Picture]) -> list[str]:
    return [
        f"## {markdown_text(each.title)}\n\n![{markdown_text(each.title)}]({FIGURES}/{each.name}.png)\n\n{markdown_text(each.caption)}"
        for each in pictures
    ]


def _list(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {markdown_text(each)}" for each in sentences)


def _section(title: str, body: str) -> str:
    return f"## {markdown_text(title)}\n\n{body}" if body else ""
