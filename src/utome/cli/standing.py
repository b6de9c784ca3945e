"""`utome status`: a run or a search in a few lines, several runs in a table, and searches below it."""

from collections.abc import Sequence
from pathlib import Path

from utome.cli.saying import say, say_json
from utome.events import duration
from utome.jobs.search_status import SearchStatus, is_search, search_status
from utome.jobs.status import RunStatus, find_runs, run_status


def status(places: Sequence[Path], *, json: bool) -> None:
    """Show where each run and search stands; a single one has one JSON object, all else a list of them."""
    folders = find_runs(places)
    searches = [search_status(each) for each in folders if is_search(each)]
    runs = [run_status(each) for each in folders if not is_search(each)]
    alone = len(folders) == 1 and folders[0] == places[0]
    if json:
        documents = [*(run.as_json() for run in runs), *(search.as_json() for search in searches)]
        say_json(documents[0] if alone else documents)
        return
    for line in _lines(runs[0]) if alone and runs else _table(runs) if runs else ():
        say(line)
    for search in searches:
        for line in _search_lines(search):
            say(line)


def _lines(run: RunStatus) -> list[str]:
    lines = [f"{run.run}: {run.status}{f' ({run.reason})' if run.reason else ''}", f"epoch {_epoch(run)}{_best(run)}"]
    if run.seconds_left is not None:
        lines.append(
            f"About {duration(run.seconds_left)} left{'' if run.status == 'running' else ', once it goes on'}."
        )
    if run.next is not None:
        lines.append(f"Next: {run.next}")
    return lines


def _search_lines(search: SearchStatus) -> list[str]:
    counts = ", ".join(f"{count} {state}" for state, count in search.trials.items()) or "none yet"
    lines = [
        f"{search.study}: {search.status}{f' ({search.reason})' if search.reason else ''}",
        f"trials {sum(search.trials.values())}/{search.of}: {counts}; {search.epochs} epochs trained",
    ]
    if search.best_trial is not None:
        values = " ".join(f"{path}={value}" for path, value in search.best_params.items())
        lines.append(f"The best so far is {search.best_trial}: {values}, mean IoU {search.best_val_mean_iou:.3f}")
    return lines if search.next is None else [*lines, f"Next: {search.next}"]


def _table(runs: Sequence[RunStatus]) -> list[str]:
    heads = ("run", "status", "epoch", "best mean IoU", "left", "recipe")
    rows = [heads, *(_row(run) for run in runs)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _row(run: RunStatus) -> tuple[str, ...]:
    best = "" if run.best_val_mean_iou is None else f"{run.best_val_mean_iou:.3f} (epoch {run.best_epoch})"
    left = "" if run.seconds_left is None else duration(run.seconds_left)
    return run.run, run.status, _epoch(run), best, left, run.recipe or ""


def _epoch(run: RunStatus) -> str:
    return f"{run.epoch}/{run.epochs}" if run.epochs is not None else str(run.epoch)


def _best(run: RunStatus) -> str:
    if run.best_epoch is None:
        return ", none done yet" if run.epoch == 0 else ""
    scores = f"mean IoU {run.best_val_mean_iou:.3f}, loss {run.best_val_loss:.4f} on the validation images"
    return f"; the best so far is {run.best_epoch}: {scores}"
