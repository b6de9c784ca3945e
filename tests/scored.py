"""Running `utome score` in this process, and looking at what it printed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.builders import save, square
from tests.inspected import Ended

# Eight by eight pixels: a truth of two objects, one found but for a column, the other missed, and one invented.
OBJECTS = np.zeros((8, 8), dtype=np.uint8)
OBJECTS[1:3, 1:5], OBJECTS[5:7, 1:3] = 1, 2
FOUND = np.zeros((8, 8), dtype=np.uint8)
FOUND[1:3, 1:4], FOUND[5:7, 5:7] = 1, 2

Run = Callable[..., Ended]


def document(ended: Ended) -> dict[str, Any]:
    """The JSON that was printed, which holds no NaN and no infinity."""
    assert ended.code == 0, ended.errors
    found: dict[str, Any] = json.loads(ended.output, parse_constant=lambda word: pytest.fail(f"{word} in JSON"))
    return found


def values(ended: Ended, family: str) -> dict[str, float]:
    """Each number of a family over the whole data set."""
    return {name: row["value"] for name, row in document(ended)["metrics"][family]["scores"].items()}


def folders(root: Path, count: int = 4) -> tuple[Path, Path]:
    """A folder of masks and one of predictions, in the n-th of which n rows of the square are missing."""
    for number in range(count):
        mask = square(16, 16)
        save(root / "truth" / f"a{number}.png", mask)
        mask[4 : 4 + number] = 0
        save(root / "found" / f"a{number}.png", mask)
    return root / "truth", root / "found"
