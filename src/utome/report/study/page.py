"""`report.html` of a study: the question, the verdict, and all that it rests on. One file, nothing fetched."""

import base64
import html
from collections.abc import Iterable, Sequence

from utome.report.study.content import Content, Picture
from utome.report.study.table import Table, html_table
from utome.report.study.words import facts
from utome.report.style import STYLE
from utome.studies.outcome import SMOKE, StudyOutcome

OWN_STYLE = """
.smoke{border:4px solid var(--accent);border-radius:10px;padding:18px 22px;margin:20px 0;text-align:center}
.smoke b{display:block;font-size:34px;line-height:1.15;letter-spacing:.06em;text-transform:uppercase;color:var(--accent)}
.verdict{font-size:22px;line-height:1.35;font-weight:600;margin:24px 0 12px}
.grounds{margin:0 0 8px;padding-left:20px}.grounds li{margin:4px 0}
table.study th,table.study td{vertical-align:top;text-align:left}table.study .number{text-align:right}
table.study small{display:block;color:var(--soft);font-size:13px;font-weight:400}
table.study td.number,table.study td.number small{white-space:nowrap}
table.study tbody th{min-width:9em;max-width:20em}table.study td.text{min-width:7em}table.study .marked{background:var(--tile)}
table.study th:first-child{padding-left:8px}
.picture{margin:16px 0 28px}.picture img{max-width:100%;height:auto;display:block;border-radius:8px;background:#fff}
.picture figcaption{margin-top:6px}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--tile);border-radius:8px;padding:12px 14px}
pre{font:14px ui-monospace,Menlo,Consolas,monospace}
.methods p{max-width:46em}
@media print{details{display:block}.picture,table{break-inside:avoid}}
"""


def study_html(content: Content) -> str:
    """The page as text."""
    outcome = content.outcome
    sections = [
        _head(content),
        _results(content),
        _section("Beside the paper", _list(content.beside)),
        _section("Trainings", _pictures(content.curves)),
        _section("What it looks like", _looks(content.panels)),
        _cost(content.tables),
        _section("Failed and missing runs", _trouble(content)),
        _section("Ways to predict that were left out", _list(content.left_out)),
        _section("How it differs from the paper", _list(outcome.about.differences)),
        _section("Notes", _list(outcome.about.notes)),
        _section("Methods", _methods(content.methods)),
        _section("Repeat it", _repeat(outcome)),
    ]
    title = html.escape(outcome.about.title)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><title>{title} · utome study</title><style>{STYLE}{OWN_STYLE}</style></head>'
        f"<body><main>{''.join(sections)}</main></body></html>\n"
    )


def _head(content: Content) -> str:
    outcome, answer = content.outcome, content.answer
    about = outcome.about
    line = " · ".join(html.escape(fact) for fact in facts(outcome))
    smoke, warnings = "", list(answer.warnings)
    if outcome.smoke:
        smoke = f"<div class=smoke><b>{html.escape(SMOKE)}</b><span>{html.escape(warnings.pop(0))}</span></div>"
        verdict = ""
    else:
        verdict = f"<p class=verdict>{html.escape(answer.verdict)}</p>"
    doubts = "".join(f"<p class=warning>{html.escape(each)}</p>" for each in warnings)
    grounds = f"<ul class=grounds>{''.join(f'<li>{html.escape(each)}</li>' for each in answer.grounds)}</ul>"
    return (
        f"<header><h1>{html.escape(about.title)}</h1><p><b>{html.escape(about.question)}</b></p>"
        f"<p class=small>{line}</p></header>{smoke}{verdict}{grounds if answer.grounds else ''}{doubts}"
    )


def _results(content: Content) -> str:
    """Tables of scores and their figures, those of the main metric first."""
    own = [table for table in content.tables if table.name != "cost"]
    curve = [table for table in own if table.name == "learning-curve"]
    main = [table for table in own if table.name.startswith("main")]
    rest = [table for table in own if table not in (*curve, *main)]
    figures = _pictures(content.scores)
    first = [*map(_titled, curve), figures, *map(_titled, main)] if curve else [*map(_titled, main), figures]
    body = "".join([*first, *map(_titled, rest)])
    return _section("Results", body)


def _cost(tables: Sequence[Table]) -> str:
    return "".join(_section("Cost", html_table(table)) for table in tables if table.name == "cost")


def _trouble(content: Content) -> str:
    return html_table(content.trouble) if content.trouble.rows else ""


def _looks(panels: Sequence[Picture]) -> str:
    if not panels:
        return ""
    chosen = "Best, median and worst are by the mean over all networks and runs, so that none is favoured."
    return f"<p class=small>{chosen}</p>{_pictures(panels)}"


def _methods(text: str) -> str:
    paragraphs = "".join(f"<p>{html.escape(each)}</p>" for each in text.strip().split("\n\n"))
    return f"<div class=methods>{paragraphs}</div><p class=small>The same lies in methods.txt, ready to paste.</p>"


def _repeat(outcome: StudyOutcome) -> str:
    if not outcome.command:
        return ""
    versions = ", ".join(f"{name} {version}" for name, version in outcome.versions.items())
    used = f"<p class=small>With {html.escape(versions)}.</p>" if versions else ""
    data = (
        ""
        if outcome.data is None
        else f"<p class=small>sha256 of the data: <code>{html.escape(outcome.data.sha256)}</code></p>"
    )
    return f"<pre>{html.escape(outcome.command)}</pre>{used}{data}"


def _titled(table: Table) -> str:
    return f"<h3>{html.escape(table.title)}</h3>{html_table(table)}"


def _pictures(pictures: Iterable[Picture]) -> str:
    return "".join(_picture(picture) for picture in pictures)


def _picture(picture: Picture) -> str:
    title, caption = html.escape(picture.title), html.escape(picture.caption)
    address = f"data:image/png;base64,{base64.b64encode(picture.content).decode()}"
    image = f'<img width={picture.width} src="{address}" alt="{title}">'
    return f"<h3>{title}</h3><figure class=picture>{image}<figcaption>{caption}</figcaption></figure>"


def _list(sentences: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{html.escape(each)}</li>' for each in sentences)}</ul>" if sentences else ""


def _section(title: str, body: str) -> str:
    return f"<section><h2>{html.escape(title)}</h2>{body}</section>" if body else ""
