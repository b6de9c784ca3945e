"""PNG, JPEG, GIF and BMP: read by Pillow, but for PNG of more than 8 bits a colour, which Pillow would cut to 8."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import BmpImagePlugin, ExifTags, GifImagePlugin, Image, ImageFile, JpegImagePlugin, PngImagePlugin

from utome.data.formats.kinds import Kind
from utome.data.formats.stored import Plane, StoredImage, without_warnings
from utome.errors import DataError

# The classes themselves and not Image.open, which tries every format that it knows and warns of images of more than 89
# million pixels; `stored.BUDGET` is the limit here.
DECODERS: dict[Kind, Callable[[BinaryIO], ImageFile.ImageFile]] = {
    Kind.PNG: PngImagePlugin.PngImageFile,
    Kind.JPEG: JpegImagePlugin.JpegImageFile,
    Kind.GIF: GifImagePlugin.GifImageFile,
    Kind.BMP: BmpImagePlugin.BmpImageFile,
}
ITEM_TYPES = {"1": np.bool_, "I;16": np.uint16, "I;16B": np.uint16, "I": np.int32, "F": np.float32}
# The bytes of a PNG up to its depth and colour type, the last two.
PNG_HEADER = 26
# Colour types of PNG, by their number in the header.
DEEP_CHANNELS = {2: 3, 4: 2, 6: 4}
TRANSPARENT = {"1": "LA", "L": "LA", "P": "RGBA", "RGB": "RGBA"}


@contextmanager
def open_picture(path: Path, kind: Kind) -> Iterator[StoredImage]:
    """A PNG, JPEG, GIF or BMP; its header is read."""
    with path.open("rb") as file:
        channels = _deep_channels(file.read(PNG_HEADER)) if kind is Kind.PNG else None
        file.seek(0)
        with without_warnings():
            image = DECODERS[kind](file)
            orientation = _orientation(image)
            pages = getattr(image, "n_frames", 1)
        with image:
            if channels is None:
                yield Picture(image, pages, orientation, indexed=kind is not Kind.GIF and pages == 1)
            else:
                yield DeepPng(path, Plane(image.height, image.width, channels, np.dtype(np.uint16), True), orientation)


class Picture(StoredImage):
    """What Pillow has opened. `indexed` says that a palette's indices mean something of themselves.

    Those of a GIF do not: it cannot be without a palette, which its writer sorts anew for each file and each page.
    """

    def __init__(self, image: ImageFile.ImageFile, pages: int, orientation: int, *, indexed: bool) -> None:
        self._image = image
        self.palette = indexed and image.mode == "P"
        self.pages = pages
        self.orientation = orientation

    def plane(self, page: int) -> Plane:
        """The size and channels of all pages; a palette counts as three channels."""
        image = self._image
        channels = 3 if image.mode == "P" else len(image.getbands())
        dtype = np.dtype(ITEM_TYPES.get(image.mode, np.uint8))
        return Plane(image.height, image.width, channels, dtype, transparency=True)

    def colours(self, page: int) -> np.ndarray:
        """The pixels of a page, where a palette or a transparent colour is looked up; CMYK is read as viewers show it."""
        image = self._frame(page)
        if image.mode in TRANSPARENT and image.has_transparency_data:
            return np.asarray(image.convert(TRANSPARENT[image.mode]))
        return np.asarray(image.convert("RGB") if image.mode in {"P", "CMYK"} else image)

    def numbers(self, page: int) -> np.ndarray:
        """The pixels of a page; a palette as its indices where they mean something, whatever is transparent."""
        image = self._frame(page)
        if self.palette:
            return np.asarray(image)
        return np.asarray(image.convert("RGB") if image.mode in {"P", "CMYK"} or self.pages > 1 else image)

    def palette_colours(self, page: int) -> np.ndarray:
        """Red, green and blue of each index."""
        colours = self._frame(page).getpalette() if self.palette else None
        return np.asarray(colours or [], dtype=np.uint8).reshape(-1, 3)

    def _frame(self, page: int) -> Image.Image:
        if page:
            self._image.seek(page)
        return self._image


class DeepPng(StoredImage):
    """A PNG of 16 bits a channel and several channels."""

    pages = 1

    def __init__(self, path: Path, plane: Plane, orientation: int) -> None:
        self._path = path
        self._plane = plane
        self.orientation = orientation

    def plane(self, page: int) -> Plane:
        """The size and channels."""
        return self._plane

    def colours(self, page: int) -> np.ndarray:
        """The pixels; `DataError` where the optional package that reads them is not installed."""
        try:
            import imagecodecs
        except ImportError:
            raise DataError(
                f"'{self._path}' is a PNG of 16 bits a channel, which would lose its depth without the package imagecodecs. "
                "Run `pip install 'utome[codecs]'`, or save it as TIFF."
            ) from None
        return np.asarray(imagecodecs.png_decode(self._path.read_bytes()))


def _orientation(image: Image.Image) -> int:
    """The orientation of the EXIF; 1 where there is none that makes sense, since viewers show such images all the same."""
    try:
        # Not the method of the PNG class, which decodes the image first.
        orientation = Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1)
    except Exception:  # a damaged EXIF fails in many ways
        return 1
    return orientation if orientation in range(1, 9) else 1


def _deep_channels(header: bytes) -> int | None:
    """How many channels a PNG has that has several, each of 16 bits; none for any other."""
    if len(header) < PNG_HEADER:
        return None
    depth, colour_type = header[-2:]
    return DEEP_CHANNELS.get(colour_type) if depth == 16 else None
