"""A large image is predicted in little memory."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from tests.builders import tiny_model
from tests.faulty_runs import ROOT
from tests.predicted import smooth
from utome.config.architectures import UNetSettings
from utome.modelfolder.folder import save_model
from utome.models.architectures import build_network

SIDE = 6000
# Beyond what was in use before. The image alone has 36 MB, what networks see of it 144 MB, and logits of the whole would be 288 MB.
MOST = 260e6


def repeated(path: Path, side: int) -> Path:
    """An image of so many pixels a side, of tiles that are all the same."""
    tile = smooth(512, 512)

    def tiles() -> Iterator[np.ndarray]:
        for _ in range((-(-side // 512)) ** 2):
            yield tile

    tifffile.imwrite(path, tiles(), shape=(side, side), dtype=np.uint8, tile=(512, 512), compression="zlib")
    return path


def narrow_model(folder: Path) -> Path:
    """A network of width 2 and depth 1, whose tiles have 1024 pixels."""
    settings = UNetSettings(width=2, depth=1)
    network = build_network(settings, in_channels=1, classes=2, seed=0)
    card = tiny_model().card.model_copy(update={"architecture": settings, "prediction_tile": 1024})
    save_model(folder, network.state_dict(), card)
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell the most memory of a process in this way")
def test_a_large_image_takes_less_memory_than_its_logits(tmp_path: Path) -> None:
    model = narrow_model(tmp_path / "model")
    small, large = repeated(tmp_path / "small.tif", 512), repeated(tmp_path / "large.tif", SIDE)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    command = [sys.executable, "-m", "tests.large_image", *map(str, (model, small, large, tmp_path / "out"))]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["after"] - found["before"] < MOST, found
    labels = tifffile.imread(tmp_path / "out" / "large" / "large.tif")
    assert labels.shape == (SIDE, SIDE)
