"""Large images: the network's share of the time, the memory beyond what was in use, and the cost of a pixel.

Through a network of width 2, whose rest has the largest share, and through `unet` as it is (`auto` has the same network). A tile of the
latter takes more than the target for memory by itself, so there the target is for what is taken beyond a tile.

The largest takes minutes, so this runs only when it is named; UTOME_LARGEST is its side in pixels.
"""

import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.child import run_child
from benchmarks.table import Cell, Row, at_least, at_most

LARGEST = int(os.environ.get("UTOME_LARGEST", "20000"))
SIDE = 4096
FORWARD, EXTRA_MB = 0.95, {SIDE: 100.0, LARGEST: 500.0}
DEARER = 1.1
IMAGES = (
    ("narrow", "array", SIDE),
    ("unet", "array", SIDE),
    ("unet", "regions", SIDE),
    ("narrow", "regions", SIDE),
    ("narrow", "regions", LARGEST),
)


def prediction() -> list[Row]:
    """Arrays of 4096 pixels a side, images of that size by regions, and one of the largest."""
    rows: list[Row] = []
    first = 0.0
    for network, way, side in IMAGES:
        found = _measured(network, way, side)
        each = found["seconds"] / side**2 * 1e6
        extra, beyond = found["extra_bytes"] / 1e6, found["beyond_a_tile_bytes"] / 1e6
        narrow = network == "narrow"
        cells: dict[str, Cell] = {
            "image": f"{side}x{side}, {way}",
            "network": "width 2" if narrow else "`unet` as it is",
            "threads": found["threads"],
            "seconds": found["seconds"],
            "of these the network": at_least(found["forward"] / found["seconds"], FORWARD),
            "extra memory, MB": at_most(extra, EXTRA_MB[side]) if narrow else extra,
            "of these beyond a tile, MB": beyond if narrow else at_most(beyond, EXTRA_MB[side]),
            "seconds a million pixels": each if side == SIDE else at_most(each, DEARER * first),
        }
        rows.append(Row(cells))
        first = each
    return rows


def _measured(network: str, way: str, side: int) -> dict[str, Any]:
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.large_image", network, str(side), way, folder]
        found: dict[str, Any] = json.loads(run_child(command, Path(folder)).output.splitlines()[-1])
    return found
