"""Folders of small images to predict, and what lies in the folder that comes of it."""

from pathlib import Path

import numpy as np

from tests.builders import noise, save, tiny_model
from tests.layout_trees import stack
from utome.modelfolder.folder import save_model


def tiny_run(folder: Path, *, classes: int = 2) -> Path:
    """A model folder; its networks see 64 pixels at a time."""
    model = tiny_model(classes=classes)
    save_model(folder, model.network.state_dict(), model.card)
    return folder


def smooth(height: int, width: int, *, seed: int = 0) -> np.ndarray:
    """Noise of squares of eight pixels, which gives few objects."""
    return np.kron(noise(-(-height // 8), -(-width // 8), seed=seed), np.ones((8, 8), dtype=np.uint8))[:height, :width]


def many_images(folder: Path, count: int) -> Path:
    """So many small images and a stack of three, all different."""
    for number in range(count):
        save(folder / f"{number}.png", smooth(40, 48, seed=number))
    stack(folder / "stack.tif", np.stack([smooth(32, 40, seed=100 + page) for page in range(3)]))
    return folder


def content(out: Path) -> dict[str, bytes]:
    """Every file below a folder, by its place."""
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}
