"""Small images in the layout of each shipped study's data set, and the settings that make a study on them take seconds."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from scripts.generate_images import cells, mouse

from tests.builders import noise, save

SIDE = 48
# Short, small and on the processor.
SHORT = (
    "training.epochs=1", "training.steps_per_epoch=1", "training.batch=2", "training.tile=32", "training.precision=float32",
    "machine.device=cpu", "machine.threads=1", "data.size=null", "optimizer.name=sgd", "optimizer.learning_rate=0.001",
)  # fmt: skip
NARROW = ("model.width=2", "model.depth=2")
# Encoders for whole images have their width; a small decoder is what can be had, and images of 32 pixels.
SHALLOW_DECODER = ("model.decoder=[4,4,4,4,4]", "data.size=[32,32]")


def scene(seed: int, side: int = SIDE) -> tuple[np.ndarray, np.ndarray]:
    """A noisy grey image with two bright discs, and their numbers."""
    rows, columns = np.mgrid[:side, :side]
    first = (rows - 12 - seed % 5) ** 2 + (columns - 14) ** 2 < 64
    second = (rows - 34) ** 2 + (columns - 30 - seed % 4) ** 2 < 50
    numbers = first + 2 * (second & ~first)
    return (noise(side, side, seed=seed) // 3 + 150 * (numbers > 0)).astype(np.uint8), numbers.astype(np.uint8)


def colour(grey: np.ndarray) -> np.ndarray:
    """The same in three channels that differ."""
    return np.stack([grey, grey // 2, 255 - grey], axis=2)


def sections(root: Path) -> Path:
    """ISBI 2012: 0 membrane, 255 cell."""
    for number in range(8):
        grey, discs = scene(number)
        save(root / "train" / "image" / f"{number}.png", grey)
        save(root / "train" / "label" / f"{number}.png", np.where(discs > 0, 0, 255).astype(np.uint8))
        save(root / "test" / f"{number}.png", scene(100 + number)[0])
    return root


def nerve_cord(root: Path) -> Path:
    """Drosophila: membranes, mitochondria and synapses as stripes and discs."""
    for number in range(6):
        grey, discs = scene(number)
        values = np.choose(discs, [255, 191, 223]).astype(np.uint8)
        values[::12] = 64
        save(root / "stack1" / "raw" / f"{number:02d}.tif", grey)
        save(root / "stack1" / "labels" / f"labels{number:08d}.png", values)
    save(root / "stack2" / "raw" / "00.tif", scene(50)[0])
    return root


def roads(root: Path) -> Path:
    """CrackForest: 2 is crack."""
    for number in range(8):
        grey, discs = scene(number)
        save(root / "image" / f"{number:03d}.jpg", colour(grey))
        save(root / "segmentation_png" / f"{number:03d}.png", (1 + (discs > 0)).astype(np.uint8))
    return root


def nuclei(root: Path) -> Path:
    """Data Science Bowl: a file a nucleus."""
    for number in range(8):
        grey, discs = scene(number)
        save(root / f"n{number}" / "images" / f"n{number}.png", colour(grey))
        for nucleus in (1, 2):
            save(root / f"n{number}" / "masks" / f"{nucleus}.png", np.where(discs == nucleus, 255, 0).astype(np.uint8))
    return root


def retinas(root: Path) -> Path:
    """CHASE_DB1: two eyes a child, two observers an eye."""
    for child in range(1, 5):
        for place, eye in enumerate("LR"):
            grey, discs = scene(2 * child + place)
            name = f"Image_{child:02d}{eye}"
            save(root / f"{name}.jpg", colour(grey))
            save(root / f"{name}_1stHO.png", discs > 0)
            save(root / f"{name}_2ndHO.png", discs == 1)
    return root


# Of each shipped study: its images, and the settings that make it small.
TOYS: dict[str, tuple[Callable[[Path], Path], tuple[str, ...]]] = {
    "frem-drosophila": (nerve_cord, NARROW),
    "frem-mouse": (lambda root: mouse(root, count=6, side=SIDE), (*NARROW, "model.enhancement.maps=3")),
    "fullattention-em": (sections, NARROW),
    "fullattention-cracks": (roads, NARROW),
    "effunet-nuclei": (nuclei, SHALLOW_DECODER),
    "effunet-vessels": (retinas, SHALLOW_DECODER),
    "unet2015-em": (sections, NARROW),
    "unet2015-cells": (lambda root: cells(root, frames=4, annotated=4, side=64), NARROW),
}
