"""What the network sees of each of the six layouts: one preview page of each, from images that may be shown.

    python scripts/draw_previews.py OUT [DSB2018_FOLDER]

The terms of five of the six data sets do not allow their images to be passed on, so those five are drawn here: cells with
membranes, vessels and cracks, saved with the names, kinds of files and values of the real ones. The pages are those of
`utome recipes unet-2015 --preview`; their pictures are in docs/previews.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from scipy import ndimage
from scipy.spatial import cKDTree

from utome.config.overrides import override
from utome.jobs.preview import preview
from utome.randomness import generator
from utome.recipes.library import load_recipe

SIDE, COUNT = 256, 8
SETTINGS = (
    "training.tile=132",
    "model.width=4",
    "loss.weights.map=border",
    "loss.weights.w0=10",
    "loss.weights.sigma=5",
)
JPEG_QUALITY = 90


def main() -> None:
    """Draw the folders and write a page of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="where folders and pages are written")
    parser.add_argument("dsb2018", type=Path, nargs="?", help="the real nuclei, which may be shown")
    arguments = parser.parse_args()
    folders = {name: draw(arguments.out / "drawn" / name) for name, draw in DRAWN.items()}
    if arguments.dsb2018 is not None:
        folders["dsb2018"] = arguments.dsb2018
    for name, folder in folders.items():
        config = override(load_recipe("unet-2015").settings, list(SETTINGS))
        preview(folder, config, arguments.out / f"{name}.html", fixed=None)


def isbi2012(folder: Path) -> Path:
    """Sections with membranes: 0 where there is membrane, 255 inside of cells."""
    for number in range(COUNT):
        cells, image = _cells("isbi2012", number)
        _save(folder / "train" / "label" / f"{number}.png", np.where(_walls(cells), 0, 255))
        _save(folder / "train" / "image" / f"{number}.png", image)
    return folder


def drosophila_vnc(folder: Path) -> Path:
    """Sections whose cells hold mitochondria; one wall in four bears a synapse."""
    for number in range(COUNT):
        cells, image = _cells("drosophila", number)
        rng = generator("organelles", number)
        labels = np.where(_walls(cells), 0, 255)
        for kind, radius, depth in ((191, 9, 60), (223, 5, 90)):
            for y, x in rng.integers(radius, SIDE - radius, (10, 2)):
                spot = _disc(y, x, radius)
                labels[spot] = kind
                image[spot] = np.clip(image[spot].astype(int) - depth, 0, 255)
        _save(folder / "stack1" / "labels" / f"labels{number:08d}.png", labels)
        path = folder / "stack1" / "raw" / f"{number:02d}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, image)
    return folder


def chase_db1(folder: Path) -> Path:
    """Two eyes of each child, whose vessels two observers drew, one of them a little wider."""
    for number in range(COUNT):
        name = f"Image_{number // 2 + 1:02d}{'LR'[number % 2]}"
        vessels = _vessels(number)
        shade = 255 - ndimage.gaussian_filter(vessels * 110.0, 1) - 12 * _texture("retina", number, 3)
        colour = np.stack([0.85 * shade, 0.45 * shade, 0.25 * shade], axis=-1).clip(0, 255)
        _save(folder / f"{name}.jpg", colour)
        _save(folder / f"{name}_1stHO.png", vessels * 255)
        _save(folder / f"{name}_2ndHO.png", ndimage.binary_dilation(vessels) * 255)
    return folder


def cfd(folder: Path) -> Path:
    """Road with a crack: 2 where it is, 1 elsewhere."""
    for number in range(1, COUNT + 1):
        crack, image = _cracked("cfd", number)
        _save(folder / "image" / f"{number:03d}.jpg", image)
        _save(folder / "segmentation_png" / f"{number:03d}.png", crack + 1)
    return folder


def deepcrack_tiles(folder: Path) -> Path:
    """Tiles of photographs, with masks saved as JPEG."""
    for part, first in (("train", 0), ("test", COUNT)):
        for number in range(first, first + COUNT):
            crack, image = _cracked("deepcrack", number)
            name = f"{11100 + number // 2}-{number % 2}.jpg"
            _save(folder / part / name, image)
            _save(folder / f"{part}_lab" / name, crack * 255)
    return folder


DRAWN: dict[str, Callable[[Path], Path]] = {
    each.__name__: each for each in (isbi2012, drosophila_vnc, chase_db1, cfd, deepcrack_tiles)
}


def _cells(kind: str, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of cells with bent walls, and their image."""
    rng = generator("cells", kind, number)
    grid = np.moveaxis(np.indices((SIDE, SIDE)), 0, -1).astype(float)
    bend = np.stack([_texture("bend", kind, number, axis, 12) for axis in range(2)], axis=-1)
    cells = cKDTree(rng.uniform(0, SIDE, (45, 2))).query(grid + 7 * bend)[1]
    dark = ndimage.gaussian_filter(_walls(cells) * 140.0, 1)
    image = 175 - dark + 14 * _texture("grain", kind, number, 1) + 10 * _texture("cytoplasm", kind, number, 5)
    return cells, image.clip(0, 255).astype(np.uint8)


def _walls(cells: np.ndarray) -> np.ndarray:
    """Where neighbouring pixels belong to different cells, three pixels wide."""
    return np.asarray(ndimage.maximum_filter(cells, 3) != ndimage.minimum_filter(cells, 3))


def _vessels(number: int) -> np.ndarray:
    """Trunks that leave one place, bend, branch and grow thin."""
    rng, vessels = generator("vessels", number), np.zeros((SIDE, SIDE), dtype=bool)
    start = (SIDE / 2, SIDE * (0.3 if number % 2 else 0.7))
    tips = [(*start, angle, 4.5) for angle in rng.uniform(0, 2 * np.pi, 7)]
    while tips:
        y, x, angle, width = tips.pop()
        while width > 0.8 and 0 <= y < SIDE and 0 <= x < SIDE:
            vessels |= _disc(y, x, width)
            angle += rng.normal(0, 0.12)
            y, x, width = y + 2 * np.sin(angle), x + 2 * np.cos(angle), width * 0.992
            if rng.random() < 0.02:
                tips.append((y, x, angle + rng.choice([-0.7, 0.7]), width * 0.7))
    return vessels


def _cracked(kind: str, number: int) -> tuple[np.ndarray, np.ndarray]:
    """A crack across the picture, and the road around it."""
    rng, crack = generator("crack", kind, number), np.zeros((SIDE, SIDE), dtype=bool)
    for _ in range(2):
        y, x, angle = rng.uniform(0.2, 0.8) * SIDE, 0.0, 0.0
        while x < SIDE:
            crack |= _disc(y, x, rng.uniform(1, 2.5))
            angle = 0.9 * angle + rng.normal(0, 0.35)
            y, x = y + 1.5 * np.sin(angle), x + max(0.3, 1.5 * np.cos(angle))
    image = 150 - ndimage.gaussian_filter(crack * 120.0, 0.8) + 25 * _texture("gravel", kind, number, 1)
    return crack.astype(np.uint8), image.clip(0, 255).astype(np.uint8)


def _disc(y: float, x: float, radius: float) -> np.ndarray:
    rows, columns = np.ogrid[:SIDE, :SIDE]
    return np.asarray((rows - y) ** 2 + (columns - x) ** 2 <= radius**2)


def _texture(*key: str | int) -> np.ndarray:
    """Smooth noise of deviation 1; the last part of the key is how smooth."""
    noise = ndimage.gaussian_filter(generator("texture", *key).normal(size=(SIDE, SIDE)), float(key[-1]))
    return np.asarray(noise / noise.std())


def _save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path, quality=JPEG_QUALITY)


if __name__ == "__main__":
    main()
