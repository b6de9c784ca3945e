"""`report.html` of a search: what was searched, what was best, how it went, and what ending trials early saved. One file, nothing fetched."""

import html
from collections.abc import Sequence

from utome.report.style import STYLE
from utome.report.tuning_figures import figures_svg
from utome.tuning.savings import Curves, Sooner
from utome.tuning.search import Search
from utome.tuning.space import Range, space_as_dict
from utome.tuning.trial import Trial, best_of

# So many of the best trials are listed.
LISTED = 10


def study_html(search: Search, trials: Sequence[Trial], curves: Curves, early: Sequence[Sooner]) -> str:
    """The page as text."""
    name = html.escape(search.name)
    figures = "".join(f"<figure>{svg}</figure>" for svg in figures_svg(search.space, trials, curves))
    sections = [
        f"<header><h1>{name}</h1><p>{_summary(search, trials)}</p></header>",
        _headline(search, trials),
        f"<section><h2>Trials</h2><div class=curves>{figures}</div></section>",
        _best_table(search, trials),
        _failed_table(search, trials),
        _sooner_table(early),
        _space_table(search),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name} · utome</title><style>{STYLE}</style></head><body><main>{''.join(sections)}</main></body></html>\n"
    )


def _summary(search: Search, trials: Sequence[Trial]) -> str:
    counts = [(sum(trial.state == state for trial in trials), words) for state, words in (
        ("complete", "to the end"), ("pruned", "ended early"), ("failed", "failed"), ("running", "under way"),
    )]  # fmt: skip
    return (
        f"Recipe <b>{html.escape(search.recipe)}</b> · {len(trials)} trial{'' if len(trials) == 1 else 's'}: {', '.join(f'{count} {words}' for count, words in counts if count)} · "
        f"{search.epochs} epochs, {len(search.repetitions)} training{'s' if len(search.repetitions) > 1 else ''} each · pruner {search.pruner}"
    )


def _headline(search: Search, trials: Sequence[Trial]) -> str:
    best = best_of(trials)
    if best is None:
        return "<section><p class=warning>No trial came to its end yet.</p></section>"
    spent = sum(trial.epochs for trial in trials)
    whole = search.epochs_to_the_end(trials)
    values = [
        *((path, _said(value)) for path, value in best.params.items()),
        ("validation mean IoU", f"{best.value:.4f}"),
    ]
    tiles = "".join(
        f"<div class=tile><b>{html.escape(value)}</b><span>{html.escape(label)}</span></div>" for label, value in values
    )
    return (
        f"<section><h2>Best: trial {best.number}</h2><div class=tiles>{tiles}</div>"
        f"<p>{spent} epochs were trained, of {whole} that all trials would have taken at most: {spent / max(1, whole):.0%}. The choice was made on the "
        "validation images, so its score there is too good: the best of many is lucky, too. Train with <code>best.yaml</code> and other seeds "
        "before you compare.</p></section>"
    )


def _best_table(search: Search, trials: Sequence[Trial]) -> str:
    ended = sorted((trial for trial in trials if trial.state == "complete"), key=lambda trial: -(trial.value or 0.0))
    heads = ["Trial", *search.space, "Mean IoU", "Of each training"]
    rows = "".join(
        f"<tr><th>{trial.number}</th>{''.join(f'<td>{_said(value)}</td>' for value in trial.params.values())}<td>{trial.value:.4f}</td>"
        f"<td>{' '.join(f'{value:.3f}' for value in trial.rungs[-1].values)}</td></tr>"
        for trial in ended[:LISTED]
    )
    return _table(f"The best {min(LISTED, len(ended))}", heads, rows)


def _failed_table(search: Search, trials: Sequence[Trial]) -> str:
    """Which trials failed, with their values and why; nothing where none did."""
    failed = [trial for trial in trials if trial.state == "failed"]
    rows = "".join(
        f"<tr><th>{trial.number}</th>{''.join(f'<td>{_said(trial.params[path])}</td>' for path in search.space)}"
        f"<td class=text>{html.escape(trial.reason or '')}</td></tr>"
        for trial in failed
    )
    return _table(f"Failed: {len(failed)}", ["Trial", *search.space, "Why"], rows) if failed else ""


def _sooner_table(early: Sequence[Sooner]) -> str:
    if not early:
        return ""
    rows = "".join(
        f"<tr><th>{each.pruner}</th><td>{each.epochs} of {each.of} ({each.share:.0%})</td><td>{each.pruned}</td><td>{each.trial}</td>"
        f"<td>{each.value:.4f}</td><td>{'the same choice' if each.lost == 0 else f'{each.lost:.4f} lower'}</td></tr>"
        for each in early
    )
    note = (
        "<p class=small>Each rule was asked about the histories of these trials, in their order; nothing was trained for it. A search of its own "
        "would have suggested other values after other trials.</p>"
    )
    return _table(
        "Sooner: what ending trials early would have saved",
        ["Rule", "Epochs", "Ended early", "Choice", "Its mean IoU", "Against the best"],
        rows,
        note,
    )


def _space_table(search: Search) -> str:
    rows = "".join(
        f"<tr><th><code>{html.escape(path)}</code></th><td class=text>{_words(search, path)}</td></tr>"
        for path in space_as_dict(search.space)
    )
    return _table("Searched", ["Setting", "Values"], rows)


def _words(search: Search, path: str) -> str:
    dimension = search.space[path]
    if not isinstance(dimension, Range):
        return html.escape(", ".join(map(str, dimension.choices)))
    more = [
        *(["logarithmic"] if dimension.log else []),
        *([] if dimension.step is None else [f"in steps of {dimension.step:g}"]),
    ]
    return f"{dimension.low:g} to {dimension.high:g}{', ' if more else ''}{', '.join(more)}"


def _said(value: object) -> str:
    return f"{value:.5g}" if isinstance(value, float) else html.escape(str(value))


def _table(title: str, heads: Sequence[str], rows: str, note: str = "") -> str:
    head = "".join(
        f"<{'th' if number == 0 else 'td'}>{html.escape(each)}</{'th' if number == 0 else 'td'}>"
        for number, each in enumerate(heads)
    )
    return f"<section><h2>{title}</h2><div class=wide><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{note}</section>"
