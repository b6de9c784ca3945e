"""Reading one image or mask file, or only what its header says."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from utome.data.formats.arrays import open_npy
from utome.data.formats.colours import image_channels, map_values, mask_values
from utome.data.formats.kinds import ENDINGS, Kind, kind_of
from utome.data.formats.mat import open_mat
from utome.data.formats.ome_zarr import open_zarr
from utome.data.formats.orientation import ON_ITS_SIDE, turned
from utome.data.formats.pictures import open_picture
from utome.data.formats.quirks import Notice, Quirk, unnoticed
from utome.data.formats.stored import Labels, Pixels, Planes, StoredImage, affordable, guarded
from utome.data.formats.tiff import open_tiff
from utome.errors import DataError

# All other kinds are pictures.
OPENERS: dict[Kind, Callable[[Path], AbstractContextManager[StoredImage]]] = {
    Kind.TIFF: open_tiff,
    Kind.NPY: open_npy,
    Kind.MAT: open_mat,
    Kind.ZARR: open_zarr,
}


def read_image(
    path: Path,
    *,
    page: int | None = None,
    upright: bool = False,
    fill: float | None = None,
    notice: Notice = unnoticed,
) -> Pixels:
    """The pixels of an image, height by width by channels, one channel when it is grey and three when it is colour.

    Depth is kept as the file has it. A transparency that is the same everywhere is dropped, and a grey image stored
    as three equal channels becomes one. With `upright` the image is turned as its EXIF says, as viewers show it.
    `page` counts from 0 and must be given for a stack. NaN and infinity become `fill`, and `notice` is told what is
    odd. `DataError` where the file cannot be read, is too large to be decoded whole, has other channels, or holds NaN or
    infinity and there is no `fill`.
    """
    with opened(path, notice) as stored:
        page = chosen(page, stored, path)
        plane = stored.plane(page)
        affordable(plane, path)
        pixels = image_channels(stored.colours(page), plane, path, fill=fill, notice=notice)
        if stored.channels_first:
            notice(Quirk.CHANNELS_FIRST)
        if upright and stored.orientation != 1:
            notice(Quirk.TURNED)
        return turned(pixels, stored.orientation) if upright else pixels


def read_mask(path: Path, *, page: int | None = None, upright: bool = False, notice: Notice = unnoticed) -> Labels:
    """The values of a mask, height by width, as integers; a palette is read as its indices.

    A coloured mask has one number a pixel: `COLOURED` and above it red, green and blue. With `upright` it is turned as its
    own EXIF says. With a `page`, a file of one page is a stack of its channels where these lie one after another, as
    `section_count` has it. `notice` and `DataError` as in `read_image`, and for fractions.
    """
    with opened(path, notice, paged=page is not None) as stored:
        page = chosen(page, stored, path)
        plane = stored.plane(page)
        if stored.palette:
            notice(Quirk.PALETTE)
        affordable(plane, path)
        values = mask_values(stored.numbers(page), plane, path)
        if upright and stored.orientation != 1:
            notice(Quirk.MASK_TURNED)
        return turned(values, stored.orientation) if upright else values


def read_map(path: Path, *, page: int | None = None) -> Shaped[np.ndarray, "h w"]:
    """One number a pixel, height by width, as the file has them: as `read_mask`, but fractions are kept.

    So a map of probabilities, a mask and a map of object numbers can be told apart by what they hold.
    """
    with opened(path, paged=page is not None) as stored:
        page = chosen(page, stored, path)
        plane = stored.plane(page)
        affordable(plane, path)
        return map_values(stored.numbers(page), plane, path)


def palette_of(path: Path, *, page: int | None = None) -> dict[int, int]:
    """The colour of each index of a mask's palette, red, green and blue in one number; empty where it has no palette."""
    with opened(path) as stored:
        colours = stored.palette_colours(chosen(page, stored, path)).astype(np.int64) @ (1 << 16, 1 << 8, 1)
        return dict(enumerate(colours.tolist()))


def page_count(path: Path) -> int:
    """How many pages a file has, each of which is an image; nothing is decoded. `DataError` where it cannot be read."""
    with opened(path) as stored:
        return stored.pages


def section_count(path: Path) -> int:
    """How many sections a file holds: its pages, or the channels of its only page where they lie one after another.

    Such an image of a few channels may be a stack, whose axis a program named so. Whoever takes it for one reads its
    sections by `read_mask` or `read_map` with a `page`.
    """
    with opened(path, paged=True) as stored:
        return stored.pages


def image_size(path: Path, *, page: int | None = None, upright: bool = False) -> tuple[int, int]:
    """Height and width as stored, or turned as the EXIF says; nothing is decoded. `DataError` where the file cannot be read."""
    with opened(path) as stored:
        plane = stored.plane(chosen(page, stored, path))
        on_its_side = upright and stored.orientation in ON_ITS_SIDE
        return (plane.width, plane.height) if on_its_side else (plane.height, plane.width)


def exif_orientation(path: Path) -> int:
    """How the EXIF of a PNG or JPEG says that it must be turned: 1 (not at all) to 8; 1 for any other format.

    The tag of a TIFF is left alone: programs for science show it, and draw masks on it, as it is stored.
    """
    if kind_of(path) not in {Kind.PNG, Kind.JPEG}:
        return 1
    with opened(path) as stored:
        return stored.orientation


@contextmanager
def opened(path: Path, notice: Notice = unnoticed, *, paged: bool = False) -> Iterator[StoredImage]:
    """The file as the reader of its format sees it, while it is open; `paged` as a stack, if it can be one."""
    kind = kind_of(path)
    if path.suffix.lower() not in ENDINGS[kind]:
        notice(Quirk.MISNAMED)
    with guarded(path), opener(path) as stored:
        yield Planes(stored) if paged and stored.pages == 1 and stored.separate else stored


def opener(path: Path) -> AbstractContextManager[StoredImage]:
    """The file as the reader of its format opens it; whatever its decoder raises comes as it is."""
    kind = kind_of(path)
    return OPENERS[kind](path) if kind in OPENERS else open_picture(path, kind)


def chosen(page: int | None, stored: StoredImage, path: Path) -> int:
    """The page that is meant; `DataError` where none is named though there are several, or where it is not there."""
    if page is None and stored.pages > 1:
        raise DataError(
            f"'{path}' holds {stored.pages} pages; accepted: one image a file. Save each page as its own file, or channels with "
            "their axes named (CYX)."
        )
    if page is not None and page >= stored.pages:
        raise DataError(f"'{path}' holds {stored.pages} pages, so there is no page {page + 1}. Check the stack.")
    return page or 0
