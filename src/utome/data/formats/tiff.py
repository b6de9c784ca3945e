"""TIFF of every kind: read by tifffile, and where a compression needs the optional imagecodecs, by Pillow if it can.

Pages are what is left of the axes when rows, columns and channels are taken away. Axes are only believed where the
file names them (OME-TIFF, ImageJ, tifffile); otherwise each page is an image of its own.
"""

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from PIL import ExifTags, Image, TiffImagePlugin

from utome.data.formats.orientation import turned_back
from utome.data.formats.stored import MOST_CHANNELS, Plane, StoredImage, without_warnings
from utome.data.formats.tiff_segments import Segments
from utome.errors import DataError
from utome.tiling import Window

# tifffile logs what is odd about a file, and Python prints what no one handles.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

PHOTOMETRIC = tifffile.PHOTOMETRIC
ALPHA = (tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA)
# What Pillow reads right: compressions with their predictors, and types with their samples and bits.
COMPRESSION = tifffile.COMPRESSION
BY_PILLOW: dict[int, tuple[int, ...]] = {
    COMPRESSION.CCITTRLE: (1,),
    COMPRESSION.CCITT_T4: (1,),
    COMPRESSION.CCITT_T6: (1,),
    COMPRESSION.LZW: (1, 2, 3),
    COMPRESSION.DEFLATE: (1, 2, 3),
    COMPRESSION.ADOBE_DEFLATE: (1, 2, 3),
    COMPRESSION.JPEG: (1,),
}
KEPT_BY_PILLOW = {
    ("bool", 1, 1), ("uint8", 1, 8), ("uint8", 3, 8), ("uint8", 4, 8), ("uint16", 1, 16), ("int32", 1, 32), ("float32", 1, 32),
}  # fmt: skip
Page = tifffile.TiffPage | tifffile.TiffFrame


@dataclass(frozen=True)
class Piece:
    """A page of the file, the page with all its tags, and where its pixels begin if not where its own tags say."""

    page: Page
    keyframe: tifffile.TiffPage
    offset: int | None = None


# One of our pages: a piece, or one for each channel.
Pieces = tuple[Piece, ...]


@contextmanager
def open_tiff(path: Path) -> Iterator[StoredImage]:
    """A TIFF; the tags of its pages are read. Other files that its metadata name are not opened."""
    with tifffile.TiffFile(path, _multifile=False) as file:
        if not len(file.pages):  # asked first: it finds the end of a chain of pages that bites its own tail
            raise DataError(f"'{path}' holds no page. Copy it again, or take it out.")
        planes = [pieces for series in file.series for pieces in _planes(series)]
        if all(series.kind == "generic" for series in file.series):
            planes.sort(key=lambda pieces: pieces[0].page.index)  # series gather pages of one size
        if not planes:
            raise DataError(f"'{path}' holds no page that is an image. Save it again, or take it out.")
        yield TiffStack(path, file.filehandle, planes)


class TiffStack(StoredImage):
    """What tifffile has opened. The tag of orientation is left alone, as programs for science do."""

    def __init__(self, path: Path, handle: tifffile.FileHandle, planes: Sequence[Pieces]) -> None:
        self._path = path
        self._size = handle.size
        self._segments = Segments(handle)
        self._planes = planes
        self.pages = len(planes)
        first = planes[0]
        self.separate = len(planes) == 1 and (len(first) > 1 or first[0].keyframe.axes.startswith("S"))
        self.palette = any(pieces[0].keyframe.colormap is not None for pieces in planes)

    def plane(self, page: int) -> Plane:
        """The size and channels of a page; a palette counts as three channels."""
        pieces = self._planes[page]
        first = pieces[0].keyframe
        _refuse_strange(first, self._path)
        channels = 3 if first.colormap is not None else first.samplesperpixel * len(pieces)
        alpha = bool(first.extrasamples) and first.extrasamples[-1] in ALPHA
        return Plane(first.imagelength, first.imagewidth, channels, np.dtype(first.dtype), alpha)

    def colours(self, page: int) -> np.ndarray:
        """The pixels of a page; a palette is looked up, in the 16 bits that TIFF gives it."""
        pixels = self.numbers(page)
        colormap = self._planes[page][0].keyframe.colormap
        if colormap is None:
            return pixels
        return np.moveaxis(colormap[:, pixels], 0, -1)

    def numbers(self, page: int) -> np.ndarray:
        """The pixels of a page; a palette as its indices."""
        decoded = [self._decoded(piece) for piece in self._planes[page]]
        return decoded[0] if len(decoded) == 1 else np.stack(decoded, axis=-1)

    def has_windows(self, page: int) -> bool:
        """Where pixels lie as they are, or in strips and tiles of a moderate size."""
        return all(
            piece.keyframe.photometric != PHOTOMETRIC.SEPARATED
            and (piece.offset is not None or self._segments.can_read(piece.page, piece.keyframe))
            for piece in self._planes[page]
        )

    def window(self, page: int, window: Window) -> np.ndarray:
        """The pixels of a window; a palette is looked up."""
        parts = [self._window_of(piece, window) for piece in self._planes[page]]
        pixels = parts[0] if len(parts) == 1 else np.stack(parts, axis=-1)
        colormap = self._planes[page][0].keyframe.colormap
        return pixels if colormap is None else np.moveaxis(colormap[:, pixels], 0, -1)

    def palette_colours(self, page: int) -> np.ndarray:
        """Red, green and blue of each index, the upper 8 of their 16 bits."""
        colormap = self._planes[page][0].keyframe.colormap
        return super().palette_colours(page) if colormap is None else (colormap >> 8).astype(np.uint8).T

    def _decoded(self, piece: Piece) -> np.ndarray:
        page, keyframe = piece.page, piece.keyframe
        self._refuse_truncated(page)
        if piece.offset is not None:
            stored = np.dtype(keyframe.dtype).newbyteorder(keyframe.parent.byteorder)
            pixels = np.fromfile(self._path, stored, keyframe.size, offset=piece.offset).reshape(keyframe.shape)
        else:
            try:
                pixels = page.asarray()
            # What tifffile raises for a packing that it leaves to imagecodecs, which is not installed; the rest is damage.
            except (ValueError, NotImplementedError, ImportError) as error:
                if "imagecodecs" not in str(error) and not isinstance(error, ImportError):
                    raise
                return _grey_or_rgb(_by_pillow(piece, self._path), keyframe)
        if keyframe.axes.startswith("S"):
            pixels = np.moveaxis(pixels, 0, -1)
        return _grey_or_rgb(_black_as_zero(pixels, keyframe), keyframe)

    def _window_of(self, piece: Piece, window: Window) -> np.ndarray:
        self._refuse_truncated(piece.page)
        pixels = self._segments.read(piece.page, piece.keyframe, window, offset=piece.offset)
        if not piece.keyframe.axes.endswith("S") and not piece.keyframe.axes.startswith("S"):
            pixels = pixels[:, :, 0]
        return _black_as_zero(pixels, piece.keyframe)

    def _refuse_truncated(self, page: Page) -> None:
        """Strips or tiles that end after the file would be read as zeros."""
        ends = map(sum, zip(page.dataoffsets, page.databytecounts, strict=False))
        if max(ends, default=0) > self._size:
            raise DataError(f"'{self._path}' cannot be read as an image (the file is truncated). Copy it again.")


def _planes(series: tifffile.TiffPageSeries) -> Iterator[Pieces]:
    """The pages of a series in their order, without thumbnails and pages that lie in other files."""
    pieces = _pieces(series)
    keyframe = series.keyframe
    axes, shape = series.get_axes(squeeze=True), series.get_shape(squeeze=True)
    outer = [(axis, count) for axis, count in zip(axes, shape, strict=True) if axis not in "YXS"]
    known = math.prod(count for _, count in outer) == len(pieces)
    channels = dict(outer).get("C", 1)
    if known and "S" not in keyframe.axes and 1 < channels <= MOST_CHANNELS:
        places = np.arange(len(pieces)).reshape([count for _, count in outer])
        places = np.moveaxis(places, [axis for axis, _ in outer].index("C"), -1)
        groups = [tuple(pieces[place] for place in row) for row in places.reshape(-1, channels)]
    else:
        groups = [(piece,) for piece in pieces]
    for group in groups:
        present = tuple(piece for piece in group if piece is not None)
        if len(present) == len(group) and not present[0].keyframe.is_reduced:
            yield present


def _pieces(series: tifffile.TiffPageSeries) -> list[Piece | None]:
    if series.is_truncated:  # one page's tags, and the pixels of all pages in a row
        keyframe = series.keyframe
        count = math.prod(series.shape) // keyframe.size
        start, step = keyframe.dataoffsets[0], keyframe.nbytes
        return [Piece(keyframe, keyframe, start + place * step) for place in range(count)]
    return [None if page is None else Piece(page, page.keyframe or series.keyframe) for page in series.pages]


def _refuse_strange(page: tifffile.TiffPage, path: Path) -> None:
    """`DataError` for volumes inside one page, and colours that would be taken for others."""
    if page.dtype is None or (
        page.dtype == np.bool_ and page.samplesperpixel > 1
    ):  # truth values of colours are misread
        raise DataError(
            f"'{path}' holds pixels of {page.samplesperpixel} x {page.bitspersample} bits, which are not read; accepted: integers or "
            "real numbers of 8 to 64 bits. Save it so."
        )
    if "Z" in page.axes:
        raise DataError(
            f"'{path}' is an image of shape {page.shape}; accepted: one plane, height by width, with or without channels."
        )
    jpeg = page.compression in {COMPRESSION.JPEG, COMPRESSION.OJPEG}
    plain = {PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.RGB, PHOTOMETRIC.PALETTE, PHOTOMETRIC.MASK}
    inks = {PHOTOMETRIC.SEPARATED} if page.dtype == np.uint8 and page.samplesperpixel == 4 else set()
    if page.photometric not in plain | inks | ({PHOTOMETRIC.YCBCR} if jpeg else set()):
        name = getattr(page.photometric, "name", page.photometric)
        raise DataError(f"'{path}' has colours of the kind {name}; accepted: grey, palette or RGB. Save it as RGB.")


def _by_pillow(piece: Piece, path: Path) -> np.ndarray:
    """Pixels of a compression that tifffile alone cannot read; `DataError` where Pillow would change them."""
    keyframe = piece.keyframe
    if not _kept_by_pillow(keyframe):
        name = getattr(keyframe.compression, "name", keyframe.compression)
        raise DataError(
            f"'{path}' is a TIFF compressed as {name}, which needs the package imagecodecs. Run `pip install 'utome[codecs]'`, "
            "or save it uncompressed."
        )
    with path.open("rb") as file:
        with without_warnings():
            image = TiffImagePlugin.TiffImageFile(file)
            image.seek(piece.page.index)
            orientation = image.tag_v2.get(ExifTags.Base.Orientation, 1)
        with image:
            pixels = turned_back(np.asarray(image), orientation)
    # Pillow has turned white-as-zero round already, but for 16 bits.
    if pixels.dtype == np.bool_ and _white_as_zero(keyframe):
        pixels = ~pixels
    return pixels if pixels.dtype == np.uint8 else _black_as_zero(pixels, keyframe)


def _kept_by_pillow(page: tifffile.TiffPage) -> bool:
    """Whether Pillow reads the pixels as they are, and without a warning of their number."""
    kind = (str(page.dtype), page.samplesperpixel, page.bitspersample)
    known = kind in KEPT_BY_PILLOW and page.predictor in BY_PILLOW.get(page.compression, ())
    deep = page.compression == COMPRESSION.JPEG and page.bitspersample > 8
    return known and not deep and page.imagelength * page.imagewidth < (Image.MAX_IMAGE_PIXELS or math.inf)


def _grey_or_rgb(pixels: np.ndarray, page: tifffile.TiffPage) -> np.ndarray:
    """The pixels, inks for print as the colours that viewers show."""
    if page.photometric != PHOTOMETRIC.SEPARATED:
        return pixels
    size = (page.imagewidth, page.imagelength)
    return np.asarray(Image.frombytes("CMYK", size, np.ascontiguousarray(pixels).tobytes()).convert("RGB"))


def _black_as_zero(pixels: np.ndarray, page: tifffile.TiffPage) -> np.ndarray:
    """Integers stored with white as zero (photometric MINISWHITE), turned round to what viewers show."""
    if not _white_as_zero(page) or pixels.dtype.kind not in "bui":
        return pixels
    # tifffile itself declares every array of truth values MINISWHITE, but stores it as it is: True means white.
    if pixels.dtype == np.bool_ and page.software.startswith("tifffile"):
        return pixels
    return 2**page.bitspersample - 1 - pixels if pixels.dtype.kind == "u" else ~pixels


def _white_as_zero(page: tifffile.TiffPage) -> bool:
    return page.photometric == PHOTOMETRIC.MINISWHITE
