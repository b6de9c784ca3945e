"""One image predicted in a process of its own: how long it took, how much of that the network itself, and how much memory.

    python -m benchmarks.large_image SIDE array|regions FOLDER

The image is made by repeating a section of ISBI 2012 where UTOME_DATA has it, else the bundled nuclei.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import torch

import utome
from benchmarks.child import MEMORY_UNIT
from utome.config.overrides import override
from utome.config.sections import MachineSettings
from utome.data.formats import read_image
from utome.jobs.demo import sample_folder
from utome.jobs.predict import Manner, predict
from utome.jobs.train import train
from utome.prediction import tiled
from utome.recipes.library import load_recipe

DATA = Path(os.environ.get("UTOME_DATA", Path(__file__).parents[2] / "shared" / "data"))
SHORT = (
    "training.epochs=1",
    "training.tile=32",
    "training.tiles_per_image=1",
    "training.precision=float32",
    "machine.device=cpu",
)
TILE = 512


def main(side: int, way: str, folder: Path) -> None:
    """Train a narrow network for a moment, predict a small image to load all that is needed, and then measure."""
    config = override(load_recipe("unet").settings, [*SHORT, "model.width=2", "model.depth=2"])
    run = train(sample_folder(), config, folder / "run").run
    small, large = (_image(folder / f"{each}.tif", each) for each in (TILE, side))
    spent = _watched()
    if way == "array":
        model = utome.load(run, device="cpu")
        model.predict(read_image(small))
        pixels = read_image(large)
        work: Any = lambda: model.predict(pixels)  # noqa: E731
    else:
        machine, manner = MachineSettings(device="cpu"), Manner(format="tiff")
        predict(run, small, folder / "small", manner=manner, machine=machine)
        work = lambda: predict(run, large, folder / "large", manner=manner, machine=machine)  # noqa: E731
    before, spent[0] = _most(), 0.0
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    found = {
        "seconds": seconds,
        "forward": spent[0],
        "extra_bytes": _most() - before,
        "threads": torch.get_num_threads(),
    }
    sys.stdout.write(json.dumps(found))


def _image(path: Path, side: int) -> Path:
    """A tiled TIFF, written tile by tile."""
    sections = sorted((DATA / "isbi2012" / "train" / "image").glob("*.png"))
    source = sections[0] if sections else min((sample_folder() / "test" / "images").iterdir())
    section = read_image(source)[:, :, 0]
    tile = np.tile(section, (-(-TILE // section.shape[0]), -(-TILE // section.shape[1])))[:TILE, :TILE]

    def tiles() -> Iterator[np.ndarray]:
        for _ in range((-(-side // TILE)) ** 2):
            yield tile

    options: dict[str, Any] = {"tile": (TILE, TILE), "compression": "zlib", "dtype": np.uint8}
    tifffile.imwrite(path, tiles(), shape=(side, side), **options)
    return path


def _watched() -> list[float]:
    """The seconds that the network itself has taken."""
    spent, forward = [0.0], tiled._logits

    def timed(*arguments: Any) -> Any:
        started = time.perf_counter()
        found = forward(*arguments)
        spent[0] += time.perf_counter() - started
        return found

    setattr(tiled, "_logits", timed)  # noqa: B010 - mypy takes no other function
    return spent


def _most() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MEMORY_UNIT


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
