"""How long looking at a folder takes and how much memory, on the nuclei of the 2018 Data Science Bowl, where they are.

UTOME_DATA names the folder of real data sets. The same is done on a quarter of the images, since memory must not grow with
their number.
"""

import os
import sys
import tempfile
from pathlib import Path

from benchmarks.child import run_child
from benchmarks.table import Cell, Row, at_most

DATA = Path(os.environ.get("UTOME_DATA", Path(__file__).parents[2] / "shared" / "data"))
COUNTS = (50, 200)
SECONDS, GROWTH = 30.0, 1.15


def inspection() -> list[Row]:
    """One row for each number of images; none where the images are not there."""
    everything = DATA / "dsb2018" / "stage1_train"
    if not everything.is_dir():
        return [Row({"images": f"'{everything}' is not there; set UTOME_DATA"})]
    found = [_inspected(everything, count) for count in COUNTS]
    return [
        _row(count, masks, seconds, memory, memory / found[0][2])
        for count, (masks, seconds, memory) in zip(COUNTS, found, strict=True)
    ]


def _inspected(everything: Path, count: int) -> tuple[int, float, float]:
    """Mask files, seconds and peak bytes."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "stage1_train"
        data.mkdir()
        chosen = sorted(path for path in everything.iterdir() if path.is_dir())[:count]
        for path in chosen:
            (data / path.name).symlink_to(path, target_is_directory=True)
        done = run_child([sys.executable, "-m", "utome", "inspect", str(data), "--no-cost"], Path(folder))
    return sum(len(list((path / "masks").iterdir())) for path in chosen), done.seconds, done.peak_bytes


def _row(count: int, masks: int, seconds: float, memory: float, growth: float) -> Row:
    cells: dict[str, Cell] = {
        "images": count,
        "masks": masks,
        "seconds": at_most(seconds, SECONDS),
        "peak memory, GB": memory / 1e9,
        "times the memory of fewer": at_most(growth, GROWTH),
    }
    return Row(cells)
