"""Windows of a TIFF page: the strips or tiles that they touch, decoded by tifffile, or the rows themselves where nothing is packed."""

import math
from collections.abc import Iterator
from itertools import product
from typing import Final

import numpy as np
import tifffile
from jaxtyping import Shaped

from utome.data.formats.recent import Recent
from utome.tiling import Window

Page = tifffile.TiffPage | tifffile.TiffFrame
Pixels = Shaped[np.ndarray, "h w c"]
# Bytes of one strip or tile as numbers; what is larger is decoded with its whole page.
LARGEST: Final = 2**26
# Bytes of decoded segments that are kept: strips are as wide as the image, so that windows side by side need the same ones.
KEPT: Final = 2**26


class Segments:
    """Reads windows of the pages of one open file, and remembers what it decoded last."""

    def __init__(self, handle: tifffile.FileHandle) -> None:
        self._handle = handle
        self._recent: Recent[tuple[int, int]] = Recent(KEPT)

    def can_read(self, page: Page, keyframe: tifffile.TiffPage) -> bool:
        """Whether windows of this page need not decode all of it; asked by decoding a segment, since packings may be unknown."""
        if _is_plain(page, keyframe):
            return True
        shape = _segment_shape(keyframe)
        if keyframe.dtype is None or math.prod(shape) * keyframe.dtype.itemsize > LARGEST or keyframe.imagedepth > 1:
            return False
        try:
            self._segment(page, keyframe, 0)
        # A packing that tifffile leaves to imagecodecs, which is not installed, or damage: reading the whole page tells which.
        except (ValueError, NotImplementedError, ImportError):
            return False
        return True

    def read(self, page: Page, keyframe: tifffile.TiffPage, window: Window, *, offset: int | None = None) -> Pixels:
        """The pixels of a window that lies inside the page, channels last; `offset` is where they begin, if not where its tags say."""
        if offset is not None or _is_plain(page, keyframe):
            return self._rows(keyframe, window, page.dataoffsets[0] if offset is None else offset)
        found = np.zeros((window.height, window.width, keyframe.samplesperpixel), dtype=keyframe.dtype)
        if keyframe.nodata:
            found[...] = keyframe.nodata
        for number in _touched(keyframe, window):
            segment = self._segment(page, keyframe, number)
            (channel, top, left), _ = _place(keyframe, number)
            height, width, channels = segment.shape
            rows = slice(max(top, window.top), min(top + height, window.bottom))
            columns = slice(max(left, window.left), min(left + width, window.right))
            found[
                rows.start - window.top : rows.stop - window.top,
                columns.start - window.left : columns.stop - window.left,
                channel : channel + channels,
            ] = segment[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        return found

    def _rows(self, keyframe: tifffile.TiffPage, window: Window, offset: int) -> Pixels:
        """Numbers that lie in the file as they do in memory."""
        dtype = np.dtype(keyframe.dtype).newbyteorder(keyframe.parent.byteorder)
        separate = keyframe.planarconfig == tifffile.PLANARCONFIG.SEPARATE and keyframe.samplesperpixel > 1
        together = 1 if separate else keyframe.samplesperpixel
        planes = keyframe.samplesperpixel if separate else 1
        row = keyframe.imagewidth * together * dtype.itemsize
        found = np.empty((planes, window.height, window.width, together), dtype=dtype)
        for plane, number in product(range(planes), range(window.height)):
            line = window.top + number + plane * keyframe.imagelength
            self._handle.seek(offset + line * row + window.left * together * dtype.itemsize)
            content = self._handle.read(window.width * together * dtype.itemsize)
            found[plane, number] = np.frombuffer(content, dtype).reshape(window.width, together)
        return np.ascontiguousarray(np.moveaxis(found[..., 0], 0, -1)) if separate else found[0]

    def _segment(self, page: Page, keyframe: tifffile.TiffPage, number: int) -> Pixels:
        return self._recent.get((page.index, number), lambda _: self._decoded(page, keyframe, number))

    def _decoded(self, page: Page, keyframe: tifffile.TiffPage, number: int) -> Pixels:
        size = page.databytecounts[number]
        content: bytes | None = None
        if size:
            self._handle.seek(page.dataoffsets[number])
            content = self._handle.read(size)
        tables = {} if page.jpegtables is None else {"jpegtables": page.jpegtables, "jpegheader": keyframe.jpegheader}
        decoded, _, shape = keyframe.decode(content, number, **tables)
        if decoded is None:  # an empty segment, which stands for no data
            return np.full(shape[1:], keyframe.nodata or 0, dtype=keyframe.dtype)
        return np.asarray(decoded)[0, : shape[1], : shape[2]]


def _is_plain(page: Page, keyframe: tifffile.TiffPage) -> bool:
    """Whether all pixels lie in the file one after another, as they do in memory."""
    return bool(page.is_final) and keyframe.imagedepth == 1


def _segment_shape(page: tifffile.TiffPage) -> tuple[int, int, int]:
    """Height, width and channels of strips or tiles."""
    channels = page.samplesperpixel if page.planarconfig == tifffile.PLANARCONFIG.CONTIG else 1
    if page.is_tiled:
        return page.tilelength, page.tilewidth, channels
    return min(page.rowsperstrip, page.imagelength), page.imagewidth, channels


def _grid(page: tifffile.TiffPage) -> tuple[int, int]:
    """How many segments there are below and beside each other."""
    height, width, _ = _segment_shape(page)
    return -(-page.imagelength // height), -(-page.imagewidth // width)


def _place(page: tifffile.TiffPage, number: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Channel, row and column where a segment begins, and its shape."""
    height, width, channels = _segment_shape(page)
    down, across = _grid(page)
    plane, rest = divmod(number, down * across)
    row, column = divmod(rest, across)
    return (plane, row * height, column * width), (height, width, channels)


def _touched(page: tifffile.TiffPage, window: Window) -> Iterator[int]:
    """The numbers of the segments that have pixels of a window."""
    height, width, channels = _segment_shape(page)
    down, across = _grid(page)
    planes = page.samplesperpixel // channels
    for plane, row, column in product(
        range(planes),
        range(window.top // height, -(-window.bottom // height)),
        range(window.left // width, -(-window.right // width)),
    ):
        yield (plane * down + row) * across + column
