"""Windows of an image that need not fit into memory, with the same pixels as reading it whole gives."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from utome.data.formats.colours import grey_or_colour, numbers, refuse_transparency
from utome.data.formats.reading import chosen, opener, read_image
from utome.data.formats.stored import Pixels, Plane, StoredImage, guarded, refuse_no_pixels
from utome.tiling import Window

# Pixels of a band that is read at a time where all of an image is looked through.
BAND = 2**22


@runtime_checkable
class Windows(Protocol):
    """An image of which windows can be read, (h, w, c); grey ones have one channel, all others three."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its numbers."""

    def read(self, window: Window) -> Pixels:
        """The pixels of a window that lies inside the image."""


class HeldWindows:
    """Windows of an image that is in memory."""

    def __init__(self, pixels: Pixels) -> None:
        self._pixels = pixels

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        height, width, channels = self._pixels.shape
        return height, width, channels

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its numbers."""
        return self._pixels.dtype

    def read(self, window: Window) -> Pixels:
        """The pixels of a window."""
        return self._pixels[window.place]


class StoredWindows:
    """Windows of a page of an open file.

    Where it has several channels it is looked through once, since a transparency that is the same everywhere is dropped, and three
    equal channels become one. `DataError` as in `read_image`.
    """

    def __init__(self, stored: StoredImage, page: int, path: Path, fill: float | None) -> None:
        self._stored, self._page, self._path, self._fill = stored, page, path, fill
        self._plane: Plane = stored.plane(page)
        refuse_no_pixels(self._plane, path)
        first = self._raw(Window(0, 0, 1, 1))
        self.dtype: np.dtype[Any] = first.dtype
        self._kept = first.shape[2]
        if self._kept > 1:
            self._kept = self._told_apart(first)
        self.shape = (self._plane.height, self._plane.width, self._kept)

    def read(self, window: Window) -> Pixels:
        """The pixels of a window."""
        return np.ascontiguousarray(self._raw(window)[:, :, : self._kept])

    def _raw(self, window: Window) -> Pixels:
        with guarded(self._path):
            pixels = self._stored.window(self._page, window)
            pixels = numbers(pixels, self._path, fill=self._fill)
            return pixels if pixels.ndim == 3 else pixels[:, :, None]

    def _told_apart(self, first: Pixels) -> int:
        """How many of the first channels say something."""
        count = first.shape[2]
        opaque, grey = count in {2, 4}, True
        colours = count - 1 if opaque else count
        for band in bands(self._plane.height, self._plane.width):
            pixels = self._raw(band)
            opaque = opaque and bool((pixels[:, :, -1] == first[0, 0, -1]).all())
            grey = grey and bool((pixels[:, :, :colours] == pixels[:, :, :1]).all())
            if not (opaque or grey):
                break
        if count in {2, 4} and not opaque:
            refuse_transparency(self._plane, self._path)
            grey_or_colour(first, self._path)
        grey_or_colour(first[:, :, :colours], self._path)
        return 1 if grey else colours


@contextmanager
def open_windows(
    path: Path, *, page: int | None = None, upright: bool = False, fill: float | None = None
) -> Iterator[Windows]:
    """Windows of what `read_image` gives, while the file is open.

    TIFF in strips or tiles, OME-Zarr and NumPy are read by windows, whatever their size; all else is decoded whole, and refused where it
    is too large for that.
    """
    with ExitStack() as held:
        with guarded(path):  # and not what is done with the windows
            stored = held.enter_context(opener(path))
            number = chosen(page, stored, path)
            by_windows = stored.has_windows(number)
        if by_windows:
            yield StoredWindows(stored, number, path, fill)
            return
    yield HeldWindows(read_image(path, page=page, upright=upright, fill=fill))


def bands(height: int, width: int) -> Iterator[Window]:
    """An image from top to bottom in bands of all its columns."""
    rows = max(1, BAND // width)
    for top in range(0, height, rows):
        yield Window(top, 0, min(rows, height - top), width)
