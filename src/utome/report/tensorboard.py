"""The history of a run for TensorBoard: a listener that writes what `history.csv` and `timing.csv` hold, and changes nothing.

It needs `pip install "utome[tensorboard]"`, and is imported only where it was asked for.
"""

import csv
from pathlib import Path
from typing import Any

from utome.errors import ConfigError
from utome.events import EpochDone, Event
from utome.files import writing

# Columns that are no figures of an epoch.
LEFT_OUT = ("epoch", "epochs", "best")


class TensorBoard:
    """Writes into `tensorboard` of the run's folder; `ConfigError` where the package is missing.

    The first epoch that it hears of brings the whole history, so that it may join a run that goes on; what stood there before is
    superseded.
    """

    def __init__(self, run: Path) -> None:
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError as error:
            raise ConfigError(
                "--tensorboard needs the package tensorboard, which is not installed. "
                'Install it with `pip install "utome[tensorboard]"`, or leave --tensorboard out; history.csv has the same figures.'
            ) from error
        self._kind, self._run = SummaryWriter, run
        self._writer: Any = None
        self._written = 0

    def __call__(self, event: Event) -> None:
        """Write the epochs that are new in the run's tables."""
        if not isinstance(event, EpochDone):
            return
        folder = self._run / "tensorboard"
        with writing(folder):
            if self._writer is None:
                self._writer = self._kind(str(folder), purge_step=1)
            for name in ("history.csv", "timing.csv"):
                with (self._run / name).open(encoding="utf-8", newline="") as file:
                    for row in list(csv.DictReader(file))[self._written :]:
                        self._write(row)
            self._written = event.epoch
            self._writer.flush()

    def close(self) -> None:
        """Nothing more will come."""
        if self._writer is not None:
            self._writer.close()

    def _write(self, row: dict[str, str]) -> None:
        for name, value in row.items():
            if name not in LEFT_OUT and value:
                self._writer.add_scalar(tag(name), float(value), int(row["epoch"]))


def tag(column: str) -> str:
    """Where TensorBoard shows a column: training and validation of one figure stand side by side.

    >>> tag("train_loss"), tag("val_loss_dice"), tag("learning_rate"), tag("bottom_mean")
    ('loss/train', 'loss_dice/val', 'training/learning_rate', 'magnitudes/bottom_mean')
    """
    part, _, rest = column.partition("_")
    if column.endswith("seconds") or column == "peak_memory_mb":
        return f"cost/{column}"
    if part in {"train", "val"}:
        return f"{rest}/{part}"
    return f"{'magnitudes' if column.endswith(('_mean', '_sum')) else 'training'}/{column}"
