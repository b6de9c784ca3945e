"""Make the bundled sample from the 2018 Data Science Bowl nuclei (CC0).

The rule, so that nothing is chosen by looks: of the fluorescence images (256x256, mean grey under 80) and
of the stained tissue (256x320, mean grey 80 or more, its left 256x256 kept) the first 20 each in order of
the image file's sha256; of each kind the first 12 train, the next 2 validate, the last 6 test.

    python scripts/make_sample.py DSB2018_FOLDER src/utome/sample/nuclei
"""

import argparse
import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 256
PER_KIND = 20
KINDS = {"fluorescence": (256, 256), "tissue": (256, 320)}
SPLITS = ["train"] * 12 + ["val"] * 2 + ["test"] * 6


def kind_of(image: Image.Image) -> str | None:
    """`fluorescence`, `tissue`, or None where the image fits neither rule."""
    dark = np.asarray(image.convert("L")).mean() < 80
    kind = "fluorescence" if dark else "tissue"
    return kind if (image.height, image.width) == KINDS[kind] else None


def chosen(source: Path, kind: str) -> list[Path]:
    """The folders of the first images of one kind, in order of the image's sha256."""
    found = [folder for folder in source.iterdir() if folder.is_dir() and kind_of(open_image(folder)) == kind]
    return sorted(found, key=lambda folder: hashlib.sha256(image_path(folder).read_bytes()).hexdigest())[:PER_KIND]


def image_path(folder: Path) -> Path:
    return folder / "images" / f"{folder.name}.png"


def open_image(folder: Path) -> Image.Image:
    return Image.open(image_path(folder)).convert("RGB")


def united_mask(folder: Path) -> Image.Image:
    """All nuclei of one image in one mask, 0 and 255."""
    masks = [np.asarray(Image.open(path).convert("L")) > 0 for path in sorted((folder / "masks").glob("*.png"))]
    return Image.fromarray(np.logical_or.reduce(masks).astype(np.uint8) * 255)


def sample(source: Path) -> Iterator[tuple[Path, Image.Image, Image.Image]]:
    """(path without folder kind, image, mask) of every chosen image."""
    for kind in KINDS:
        for number, (folder, split) in enumerate(zip(chosen(source, kind), SPLITS, strict=True), start=1):
            box = (0, 0, SIDE, SIDE)
            image = open_image(folder)
            yield Path(split) / f"{kind}-{number:02d}.png", image.crop(box), united_mask(folder).crop(box)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="the folder stage1_train")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    for relative, image, mask in sample(arguments.source):
        for name, picture in (("images", image), ("masks", mask)):
            path = arguments.out / relative.parent / name / relative.name
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path, optimize=True)


if __name__ == "__main__":
    main()
