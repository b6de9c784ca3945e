"""Finding samples in a folder as it lies: the layouts are tried in turn, or one is forced."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from utome.data.formats import SUFFIXES, is_image_file
from utome.data.layouts.cfd import cfd
from utome.data.layouts.chase_db1 import chase_db1
from utome.data.layouts.coco import coco
from utome.data.layouts.ctc import ctc
from utome.data.layouts.deepcrack_tiles import deepcrack_tiles
from utome.data.layouts.drive import drive
from utome.data.layouts.drosophila_vnc import drosophila_vnc
from utome.data.layouts.dsb2018 import dsb2018
from utome.data.layouts.folders import contents, image_files, image_folder, subfolders
from utome.data.layouts.isbi2012 import isbi2012
from utome.data.layouts.leftovers import leftovers
from utome.data.layouts.nnunet import nnunet
from utome.data.layouts.pairs import pairs
from utome.data.layouts.split_pairs import split_pairs
from utome.data.samples import Listing
from utome.errors import ConfigError, DataError, nearest

Found = TypeVar("Found")
Reader = Callable[[Path], Listing | None]
# In the order in which they are tried: what only one kind of data set has comes first. A reader returns none where the
# folder is not of its layout, and refuses what is of it but cannot be used.
LAYOUTS: dict[str, Reader] = {
    "isbi2012": isbi2012,
    "dsb2018": dsb2018,
    "drive": drive,
    "chase_db1": chase_db1,
    "ctc": ctc,
    "drosophila_vnc": drosophila_vnc,
    "cfd": cfd,
    "nnunet": nnunet,
    "coco": coco,
    "deepcrack_tiles": deepcrack_tiles,
    "split pairs": split_pairs,
    "pairs": pairs,
}
# An archive unpacks to a folder in a folder, sometimes twice.
DEEPEST = 3


def find_samples(root: Path, layout: str | None = None) -> Listing:
    """List the samples below `root`, in the layout named or the first that fits; no image is decoded.

    Where nothing fits and `root` holds a single folder, that one is looked into. `DataError` where there are none, or
    some lack their partner; `ConfigError` for an unknown layout.
    """
    if layout is not None and layout not in LAYOUTS:
        raise ConfigError(f"There is no layout '{layout}'. {nearest(layout, LAYOUTS)}")
    if not root.is_dir():
        what = "is a file" if root.is_file() else "is not there"
        raise DataError(f"The folder '{root}' {what}. Give the folder that holds the images and the masks.")
    listing = _listed(root, layout)
    if listing is not None:
        return replace(listing, notes=(*listing.notes, *leftovers(listing)))
    if layout is not None:
        raise DataError(
            f"'{root}' is not of the layout '{layout}'. Leave --layout out, or name another. {contents(root)}"
        )
    raise DataError(
        f"No pairs of image and mask were found in '{root}'. Accepted: a folder `images` beside a folder `masks` (or "
        f"image|img and label|labels|mask), files of the same name in both, or both in one folder as 'a.png' and "
        f"'a_mask.png'; the same inside `train`, `val` and `test`; or one of the layouts "
        f"{', '.join(name for name in LAYOUTS if 'pairs' not in name)}. {contents(root)}"
    )


def find_images(path: Path) -> list[Path]:
    """The images to predict: one file, a folder of files, or only the images of a known layout; each file once."""
    if path.is_file() or is_image_file(path):
        return [path]
    if not path.is_dir():
        raise DataError(f"'{path}' is not there. Give an image or a folder of images.")
    loose = _permitted(path, _loose_images)
    try:
        listing = _listed(path, None)
    except DataError:
        # Images to predict need no partners.
        if loose:
            return loose
        raise
    if loose:
        return [image for image in loose if listing is None or image not in _truth(listing)]
    if listing is None:
        raise DataError(
            f"No images were found in '{path}'; accepted endings: {', '.join(sorted(SUFFIXES))}. {contents(path)}"
        )
    return list(dict.fromkeys(sample.image for sample in listing.samples))


def _listed(root: Path, layout: str | None, *, depth: int = 0) -> Listing | None:
    for reader in LAYOUTS.values() if layout is None else [LAYOUTS[layout]]:
        listing = _permitted(root, reader)
        if listing is not None:
            return listing
    inner = subfolders(root)
    if len(inner) != 1 or depth == DEEPEST or image_files(root):
        return None
    return _listed(inner[0], layout, depth=depth + 1)


def _truth(listing: Listing) -> set[Path]:
    """The files of a listing that are no images to predict."""
    return {
        path for sample in listing.samples for path in (*sample.masks, sample.second, sample.field) if path is not None
    }


def _loose_images(root: Path) -> list[Path]:
    images = image_folder(root)
    return image_files(root) or (image_files(images) if images is not None else [])


def _permitted(root: Path, reader: Callable[[Path], Found]) -> Found:
    try:
        return reader(root)
    except PermissionError as error:
        raise DataError(
            f"'{error.filename}' may not be read. Ask for permission, or copy the images elsewhere."
        ) from error
