"""`utome status`: a run in a few lines, several in a table."""

from collections.abc import Sequence
from pathlib import Path

from utome.cli.commands import say, say_json
from utome.events import duration
from utome.jobs.status import RunStatus, find_runs, run_status


def status(places: Sequence[Path], *, json: bool) -> None:
    """Show where each run stands; a single run has one JSON object, all else a list of them."""
    found = [run_status(run) for run in find_runs(places)]
    alone = len(found) == 1 and Path(found[0].run) == places[0]
    if json:
        say_json(found[0].as_json() if alone else [each.as_json() for each in found])
        return
    for line in _lines(found[0]) if alone else _table(found):
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
