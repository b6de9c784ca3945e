"""The tables of a run: `history.csv`, which repeats bit for bit, and `timing.csv`, which does not."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from utome.events import EpochDone

TIMES = ("seconds", "train_seconds", "val_seconds", "peak_memory_mb")
# What an epoch holds by name, and what stands before the name of its column.
NAMED = {"train_terms": "train_loss_", "val_terms": "val_loss_", "magnitudes": ""}


def history_csv(history: Sequence[EpochDone]) -> str:
    """A row an epoch: losses and their terms, scores, learning rate, magnitudes of features."""
    return _csv([_row(epoch) for epoch in history])


def timing_csv(history: Sequence[EpochDone]) -> str:
    """A row an epoch: seconds, of training, of validation, and the most memory so far in MB."""
    return _csv([{name: getattr(epoch, name) for name in ("epoch", *TIMES)} for epoch in history])


def _row(epoch: EpochDone) -> dict[str, Any]:
    plain = {name: value for name, value in asdict(epoch).items() if name not in {*TIMES, *NAMED}}
    named = {f"{before}{name}": value for of, before in NAMED.items() for name, value in getattr(epoch, of).items()}
    return plain | named


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    """Columns are those of any row, in the order in which they come first; a cell that a row has not is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
