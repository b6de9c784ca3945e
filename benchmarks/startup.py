"""How soon `utome --help` answers: what every use of the command line waits for."""

import sysconfig
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.child import run_child
from benchmarks.table import Cell, Row, at_most

RUNS = 10
SECONDS = 0.4


def startup() -> list[Row]:
    """The median wall time of several runs."""
    command = [str(Path(sysconfig.get_path("scripts")) / "utome"), "--help"]
    with tempfile.TemporaryDirectory() as folder:
        seconds = [run_child(command, Path(folder)).seconds for _ in range(RUNS)]
    cells: dict[str, Cell] = {
        "command": "`utome --help`",
        "runs": RUNS,
        "median seconds": at_most(median(seconds), SECONDS),
    }
    return [Row(cells, {"seconds": seconds})]
