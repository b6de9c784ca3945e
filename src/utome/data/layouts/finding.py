"""Finding samples in a folder as it lies: the layouts are tried in turn, or one is forced."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from utome.data.formats import SUFFIXES
from utome.data.layouts.dsb2018 import dsb2018
from utome.data.layouts.folders import IMAGE_FOLDERS, contents, folder_named, image_files
from utome.data.layouts.pairs import pairs, split_pairs
from utome.data.samples import Listing
from utome.errors import ConfigError, DataError, nearest

Found = TypeVar("Found")
Reader = Callable[[Path], Listing | None]
# In the order in which they are tried: what only one kind of data set has comes first. A reader returns none where the
# folder is not of its layout, and refuses what is of it but cannot be used.
LAYOUTS: dict[str, Reader] = {
    "dsb2018": dsb2018,
    "split pairs": split_pairs,
    "pairs": pairs,
}


def find_samples(root: Path, layout: str | None = None) -> Listing:
    """List the samples below `root`, in the layout named or the first that fits; no image is opened.

    `DataError` where there are none, or some lack their partner; `ConfigError` for an unknown layout.
    """
    if layout is not None and layout not in LAYOUTS:
        raise ConfigError(f"There is no layout '{layout}'. {nearest(layout, LAYOUTS)}")
    if not root.is_dir():
        what = "is a file" if root.is_file() else "is not there"
        raise DataError(f"The folder '{root}' {what}. Give the folder that holds the images and the masks.")
    for reader in LAYOUTS.values() if layout is None else [LAYOUTS[layout]]:
        listing = _permitted(root, reader)
        if listing is not None:
            return listing
    if layout is not None:
        raise DataError(
            f"'{root}' is not of the layout '{layout}'. Leave --layout out, or name another. {contents(root)}"
        )
    raise DataError(
        f"No pairs of image and mask were found in '{root}'. Accepted: a folder `images` beside a folder `masks` (or "
        f"image|img and label|labels|mask), files of the same name in both; the same inside `train`, `val` and `test`; "
        f"or the 2018 Data Science Bowl layout. {contents(root)}"
    )


def find_images(path: Path) -> list[Path]:
    """The images to predict: one file, a folder of files, or only the images of a known layout."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError(f"'{path}' is not there. Give an image or a folder of images.")
    loose = _permitted(path, _loose_images)
    if loose:
        return loose
    try:
        return [sample.image for sample in find_samples(path).samples]
    except DataError:
        raise DataError(
            f"No images were found in '{path}'; accepted endings: {', '.join(sorted(SUFFIXES))}. {contents(path)}"
        ) from None


def _loose_images(root: Path) -> list[Path]:
    images = folder_named(root, IMAGE_FOLDERS)
    return image_files(root) or (image_files(images) if images is not None else [])


def _permitted(root: Path, reader: Callable[[Path], Found]) -> Found:
    try:
        return reader(root)
    except PermissionError as error:
        raise DataError(
            f"'{error.filename}' may not be read. Ask for permission, or copy the images elsewhere."
        ) from error
