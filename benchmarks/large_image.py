"""One image predicted in a process of its own: how long it took, how much of that the network itself, and how much memory.

    python -m benchmarks.large_image narrow|unet SIDE array|regions FOLDER

The image is made by repeating a section of ISBI 2012 where UTOME_DATA has it, else the bundled nuclei. The network is `unet` as it is, in
the number type that suits the machine, or one of width 2 in float32. Memory is what is taken beyond a small image's prediction; and what
of that is taken beyond the prediction of one tile, which is the network's own.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
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
Work = Callable[[], object]
SHORT = ("training.epochs=1", "training.tile=32", "training.tiles_per_image=1", "machine.device=cpu")
NETWORKS = {"narrow": ("model.width=2", "model.depth=2", "training.precision=float32"), "unet": ()}
SMALL, TILE = 512, 1024


def main(network: str, side: int, way: str, folder: Path) -> None:
    """Train a network for a moment, predict a small image to load all that is needed, then a tile, and then measure."""
    config = override(load_recipe("unet").settings, [*SHORT, *NETWORKS[network]])
    run = train(sample_folder(), config, folder / "run").run
    small, tile, large = (_image(folder / f"{each}.tif", each) for each in (SMALL, TILE, side))
    spent = _watched()
    work = _by_array(run) if way == "array" else _by_regions(run, folder)
    before = _most_after(work(small))
    with_tile = _most_after(work(tile))
    measured, spent[0] = work(large), 0.0
    started = time.perf_counter()
    after = _most_after(measured)
    found = {
        "seconds": time.perf_counter() - started,
        "forward": spent[0],
        "extra_bytes": after - before,
        "beyond_a_tile_bytes": after - with_tile,
        "threads": torch.get_num_threads(),
    }
    sys.stdout.write(json.dumps(found))


def _by_array(run: Path) -> Callable[[Path], Work]:
    """For an image its prediction from memory."""
    model = utome.load(run, device="cpu")
    return lambda path: partial(model.predict, read_image(path))


def _by_regions(run: Path, folder: Path) -> Callable[[Path], Work]:
    """For an image its prediction from file to file."""
    machine, manner = MachineSettings(device="cpu"), Manner(format="tiff")
    return lambda path: partial(predict, run, path, folder / path.stem, manner=manner, machine=machine)


def _image(path: Path, side: int) -> Path:
    """A tiled TIFF, written tile by tile."""
    sections = sorted((DATA / "isbi2012" / "train" / "image").glob("*.png"))
    source = sections[0] if sections else min((sample_folder() / "test" / "images").iterdir())
    section = read_image(source)[:, :, 0]
    tile = np.tile(section, (-(-SMALL // section.shape[0]), -(-SMALL // section.shape[1])))[:SMALL, :SMALL]

    def tiles() -> Iterator[np.ndarray]:
        for _ in range((-(-side // SMALL)) ** 2):
            yield tile

    options: dict[str, Any] = {"tile": (SMALL, SMALL), "compression": "zlib", "dtype": np.uint8}
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


def _most_after(work: Work) -> int:
    work()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MEMORY_UNIT


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
