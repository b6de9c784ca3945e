"""Arrays without names of their axes, and NumPy's `.npy`, which is never unpickled."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from utome.data.formats.stored import Plane, StoredImage
from utome.errors import DataError
from utome.tiling import Window

NPY_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
# Sizes of an axis that is taken for channels where an array does not name its axes.
CHANNELS_LAST = frozenset({1, 2, 3, 4})
CHANNELS_FIRST = frozenset({1, 3, 4})
# An axis so many times shorter than the others is one of channels too, though of more than can be read.
MUCH_SHORTER = 4


class StoredArray(StoredImage):
    """An array that names no axes: (h, w), (h, w, c), (c, h, w) with few channels, or a stack of one of these."""

    def __init__(self, array: np.ndarray, path: Path) -> None:
        self._array = array
        self._stack, self.channels_first = _stack(array, path)
        self.separate = self.channels_first
        self.pages = len(self._stack)

    def plane(self, page: int) -> Plane:
        """The size and channels of all pages."""
        _, height, width, channels = self._stack.shape
        return Plane(height, width, channels, self._stack.dtype)

    def colours(self, page: int) -> np.ndarray:
        """The pixels of a page."""
        return np.array(self._stack[page])

    def has_windows(self, page: int) -> bool:
        """Where the array lies on the disk."""
        del page
        return isinstance(self._array, np.memmap)

    def window(self, page: int, window: Window) -> np.ndarray:
        """The pixels of a window."""
        return np.array(self._stack[page][window.place])


@contextmanager
def open_npy(path: Path) -> Iterator[StoredImage]:
    """A `.npy` file; its header is read, and its pixels remain on disk."""
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        if version not in NPY_HEADERS:
            raise DataError(f"'{path}' is a NumPy file of version {version}; accepted: arrays of plain numbers.")
        shape, by_columns, dtype = NPY_HEADERS[version](file)
        offset = file.tell()
    if dtype.hasobject or 0 in shape or not shape:
        # What cannot be mapped is refused by its header alone: objects would have to be unpickled.
        yield StoredArray(np.broadcast_to(np.empty((), dtype), shape), path)
    elif path.stat().st_size < offset + math.prod(shape) * dtype.itemsize:
        raise DataError(f"'{path}' cannot be read as an image (the file is truncated). Copy it again.")
    else:
        yield StoredArray(np.memmap(path, dtype, "r", offset, shape, order="F" if by_columns else "C"), path)


def _stack(array: np.ndarray, path: Path) -> tuple[Shaped[np.ndarray, "pages h w c"], bool]:
    """The same numbers with all four axes, not copied, and whether the channels came first."""
    shape = array.shape
    if array.ndim == 2:
        return array[None, :, :, None], False
    if array.ndim not in {3, 4}:
        raise DataError(
            f"'{path}' is an array of shape {shape}; accepted: height by width, with or without channels, or a stack of these."
        )
    first, *_, last = shape[-3:]
    if last in CHANNELS_LAST:
        return (array if array.ndim == 4 else array[None]), False
    if first in CHANNELS_FIRST and min(shape[-2:]) > first:
        array = np.moveaxis(array, -3, -1)
        return (array if array.ndim == 4 else array[None]), True
    if array.ndim == 3:
        if 0 < MUCH_SHORTER * last <= min(shape[:2]):
            raise DataError(
                f"'{path}' is an array of shape {shape}, an image of {last} channels; accepted: 1 or 3 channels, or 2 or 4 the last of "
                "which is the same everywhere. Save the channels to use as one such image."
            )
        return array[..., None], False
    raise DataError(
        f"'{path}' is an array of shape {shape}, none of whose axes can be channels; accepted: pages by height by width, and 1, 3 or 4 "
        "channels last or before height."
    )
