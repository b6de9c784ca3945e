"""Showing what happens on standard error: on a terminal a bar, and beside it the course so far; one line an epoch elsewhere."""

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from utome.cli.blocks import blocks
from utome.errors import InterruptedRunError
from utome.events import (
    EpochDone,
    Estimated,
    Event,
    Listener,
    Noted,
    Progressed,
    TrialBegun,
    TrialEnded,
    silent,
)
from utome.launch import launched


@contextmanager
def shown() -> Iterator[Listener]:
    """A listener that shows events until the block ends; Ctrl-C becomes an error with a sentence.

    Of processes that were started together the first alone shows anything.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # as it is until a command's work begins
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with _display() as listen:
            yield listen
    except KeyboardInterrupt:
        raise InterruptedRunError(
            "Stopped by Ctrl-C. What was finished is kept; a training goes on with --resume."
        ) from None


@contextmanager
def _display() -> Iterator[Listener]:
    if launched().rank:
        yield silent
        return
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if not sys.stderr.isatty():
        yield lambda event: _say(console, event)
        return
    texts = [TextColumn(f"{{task.{field}}}") for field in ("description", "fields[plot]")]
    columns = (texts[0], BarColumn(bar_width=20), MofNCompleteColumn(), TimeRemainingColumn(), texts[1])
    with Progress(*columns, console=console, transient=True) as progress:
        bars: dict[str, TaskID] = {}
        epochs: list[EpochDone] = []

        def listen(event: Event) -> None:
            if isinstance(event, Progressed):
                _advance(progress, bars, event, plot=_plot(epochs, console))
                return
            if isinstance(event, EpochDone):
                epochs.append(event)
            _say(progress.console, event)

        yield listen


def epoch_line(epoch: EpochDone) -> str:
    """One epoch in one line."""
    return (
        f"epoch {epoch.epoch}/{epoch.epochs}  loss {epoch.train_loss:.4f}  val loss {epoch.val_loss:.4f}  "
        f"val mean IoU {epoch.val_mean_iou:.4f}  {epoch.seconds:.1f} s{'  best' if epoch.best else ''}"
    )


def trial_line(event: TrialBegun | TrialEnded) -> str:
    """One trial of a search in one line."""
    values = " ".join(
        f"{path}={value:.5g}" if isinstance(value, float) else f"{path}={value}" for path, value in event.params.items()
    )
    opening = f"trial {event.trial} ({event.trial + 1}/{event.trials})  {values}"
    if isinstance(event, TrialBegun):
        return f"{opening}  {'goes on' if event.again else 'begins'}"
    words = {"complete": "mean IoU", "pruned": "ended early at mean IoU"}
    if event.state not in words:
        return f"{opening}  failed: {event.reason}"
    return f"{opening}  {words[event.state]} {event.value:.4f}, {event.epochs} epochs{'  best' if event.best else ''}"


def _plot(epochs: Sequence[EpochDone], console: Console) -> str:
    """The course of the validation loss and mean IoU; nothing before the second epoch, nor where the terminal has no blocks."""
    if len(epochs) < 2 or console.options.ascii_only:
        return ""
    loss, score = (
        blocks([getattr(epoch, name) for epoch in epochs], width=10) for name in ("val_loss", "val_mean_iou")
    )
    return f"loss {loss} IoU {score}"


def _advance(progress: Progress, bars: dict[str, TaskID], event: Progressed, *, plot: str) -> None:
    if event.stage not in bars:
        for bar in bars.values():
            progress.remove_task(bar)
        bars.clear()
        bars[event.stage] = progress.add_task(event.stage, total=event.total, plot=plot)
    progress.update(bars[event.stage], completed=event.done)


def _say(console: Console, event: Event) -> None:
    if isinstance(event, EpochDone):
        console.print(epoch_line(event), markup=False)
    elif isinstance(event, Estimated):
        console.print(event.sentence, markup=False)
    elif isinstance(event, Noted):
        console.print(event.text, markup=False)
    elif isinstance(event, TrialBegun | TrialEnded):
        console.print(trial_line(event), markup=False)
