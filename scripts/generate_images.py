"""Images made by a program, in the layouts of data sets that may not be passed on, for the studies `frem-mouse` and `unet2015-cells`.

    python scripts/generate_images.py mouse FOLDER    # 50 images of 256x256: cells with membranes and nuclei
    python scripts/generate_images.py cells FOLDER    # two sequences of frames of touching cells, some of them annotated

They have the structure of the real ones, not their difficulty: a study on them shows that it runs, and what its report looks like,
and says nothing about any paper. A file GENERATED.txt says so, and so do the study's page and tables.
"""

import argparse
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from scipy import ndimage

from utome.randomness import generator

SAID = "These images were made by scripts/generate_images.py of utome. Scores on them say nothing about real images.\n"
BACKGROUND, MEMBRANE, NUCLEUS = 0, 1, 2


def main() -> None:
    """Make what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["mouse", "cells"])
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    if arguments.folder.exists():
        raise SystemExit(f"'{arguments.folder}' is there already.")
    (mouse if arguments.kind == "mouse" else cells)(arguments.folder)


def mouse(root: Path, *, count: int = 50, side: int = 256) -> Path:
    """`images/NN.png` and `masks/NN.png`: 0 background, 1 membrane, 2 nucleus; dark walls around cells, each with a nucleus."""
    for number in range(count):
        draws = generator(0, "mouse", number)
        nearest, second, _ = _distances(draws, side, cells=max(4, side * side // 2500))
        truth = np.full((side, side), BACKGROUND, dtype=np.uint8)
        truth[nearest < 0.22 * np.sqrt(2500)] = NUCLEUS
        truth[second - nearest < 3] = MEMBRANE
        grey = np.choose(truth, [170.0, 90.0, 120.0]) + 25 * _cloud(draws, side, 12)
        _png(root / "images" / f"{number:02d}.png", _seen(draws, grey))
        _png(root / "masks" / f"{number:02d}.png", truth)
    return _said(root)


def cells(root: Path, *, frames: int = 20, annotated: int = 10, side: int = 512) -> Path:
    """`01/tNNN.tif`, `01_GT/SEG/man_segNNN.tif` and the same of `02`: cells that touch, drift from frame to frame, and are numbered."""
    for sequence in (1, 2):
        draws = generator(0, "cells", sequence)
        many = max(4, side * side // 6000)
        centres, radii = draws.uniform(0, side, (many, 2)), draws.uniform(22, 36, many) * min(1.0, side / 256)
        for frame in range(frames):
            labels = _discs(centres, radii, side)
            edge = ndimage.morphological_gradient(labels, size=3) > 0
            grey = (
                120
                + 18 * (labels > 0)
                - 60 * ndimage.gaussian_filter(edge.astype(float), 1.5)
                + 12 * _cloud(draws, side, 6)
            )
            _tiff(root / f"{sequence:02d}" / f"t{frame:03d}.tif", _seen(draws, grey))
            if frame % max(1, frames // annotated) == 0:
                _tiff(root / f"{sequence:02d}_GT" / "SEG" / f"man_seg{frame:03d}.tif", labels)
            centres = (centres + draws.normal(0, 3, centres.shape)) % side
    return _said(root)


def _distances(draws: np.random.Generator, side: int, *, cells: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each pixel: the distances to the nearest and the second nearest of so many centres, and which is the nearest."""
    centres = draws.uniform(0, side, (cells, 2))
    rows, columns = np.mgrid[:side, :side]
    far = np.hypot(rows[..., None] - centres[:, 0], columns[..., None] - centres[:, 1])
    ordered = np.partition(far, 1, axis=2)
    return ordered[..., 0], ordered[..., 1], far.argmin(axis=2)


def _discs(centres: np.ndarray, radii: np.ndarray, side: int) -> np.ndarray:
    """Discs numbered from 1; where two overlap, a pixel is of the one that it is deeper in."""
    rows, columns = np.mgrid[:side, :side]
    deep = radii - np.hypot(rows[..., None] - centres[:, 0], columns[..., None] - centres[:, 1])
    return np.where(deep.max(axis=2) > 0, deep.argmax(axis=2) + 1, 0).astype(np.uint16)


def _cloud(draws: np.random.Generator, side: int, size: float) -> np.ndarray:
    """Smooth noise of unit deviation."""
    noise = ndimage.gaussian_filter(draws.normal(size=(side, side)), size, mode="wrap")
    return np.asarray(noise / noise.std())


def _seen(draws: np.random.Generator, grey: np.ndarray) -> np.ndarray:
    """Blurred a little, with noise, in 8 bits."""
    blurred = ndimage.gaussian_filter(grey, 0.8) + draws.normal(0, 12, grey.shape)
    return np.clip(np.rint(blurred), 0, 255).astype(np.uint8)


def _png(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def _tiff(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels)


def _said(root: Path) -> Path:
    (root / "GENERATED.txt").write_text(SAID, encoding="utf-8")
    return root


if __name__ == "__main__":
    main()
