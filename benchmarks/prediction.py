"""Large images through a narrow network: the network's share of the time, the memory beyond what was in use, and the cost of a pixel.

The largest takes minutes, so this runs only when it is named; UTOME_LARGEST is its side in pixels.
"""

import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.child import run_child
from benchmarks.table import Row, at_least, at_most

LARGEST = int(os.environ.get("UTOME_LARGEST", "20000"))
FORWARD, EXTRA_MB = 0.95, {"array": 100.0, "regions": 500.0}
DEARER = 1.1


def prediction() -> list[Row]:
    """An array of 4096 pixels a side; an image of that size by regions; and one of the largest."""
    rows, first = [], 0.0
    for way, side in (("array", 4096), ("regions", 4096), ("regions", LARGEST)):
        with TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "benchmarks.large_image", str(side), way, folder]
            os.environ["PYTHONPATH"] = os.pathsep.join(
                [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
            )
            found = json.loads(run_child(command, Path(folder)).output.splitlines()[-1])
        each = found["seconds"] / side**2 * 1e6
        rows.append(
            Row({
                "image": f"{side}x{side}, {way}",
                "threads": found["threads"],
                "seconds": found["seconds"],
                "of these the network": at_least(found["forward"] / found["seconds"], FORWARD),
                "extra memory, MB": at_most(found["extra_bytes"] / 1e6, EXTRA_MB[way]),
                "seconds a million pixels": each if way == "array" or side == 4096 else at_most(each, DEARER * first),
            })
        )  # fmt: skip
        first = each if side == 4096 else first
    return rows
