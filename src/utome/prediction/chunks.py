"""A large map on the disk as one file a window, until it gets its format: any number of processes write, each window has one writer.

A file begins with the sha256 of what follows, so what is there after a process was killed is whole or is not used.
"""

import hashlib
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Shaped

from utome.data.formats import Recent
from utome.files import new_folder, write_bytes
from utome.tiling import Window

Planes = Shaped[np.ndarray, "p h w"]
HASH: Final = hashlib.sha256().digest_size
# Bytes of windows that are kept in memory while the map is read.
KEPT: Final = 2**26


class Chunks:
    """Planes of numbers of one type over these windows, which lie in rows from left to right. Integers are packed."""

    def __init__(self, folder: Path, windows: Sequence[Window], planes: int, dtype: np.dtype[Any]) -> None:
        self._folder, self.windows, self._planes, self._dtype = folder, tuple(windows), planes, dtype
        self._tops, self._lefts = (sorted({getattr(each, side) for each in windows}) for side in ("top", "left"))
        self._recent: Recent[int] = Recent(KEPT)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Planes, height and width of the whole."""
        return self._planes, self.windows[-1].bottom, self.windows[-1].right

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the numbers."""
        return self._dtype

    def has(self, number: int) -> bool:
        """Whether this window is there, and whole."""
        return self._content(number) is not None

    def write(self, number: int, planes: Planes) -> None:
        """Write the planes of a window, whole or not at all."""
        content = np.ascontiguousarray(planes, dtype=self._dtype).tobytes()
        if self._dtype.kind in "ui":
            content = zlib.compress(content, 1)
        new_folder(self._folder)
        write_bytes(self._place(number), hashlib.sha256(content).digest() + content)

    def read(self, window: Window) -> Planes:
        """What the whole has in a window, from as many files as it takes."""
        found = np.empty((self._planes, window.height, window.width), dtype=self._dtype)
        for number in self.touched(window):
            each = self.windows[number]
            top, bottom = max(each.top, window.top), min(each.bottom, window.bottom)
            left, right = max(each.left, window.left), min(each.right, window.right)
            inner = Window(top - each.top, left - each.left, bottom - top, right - left)
            outer = Window(top - window.top, left - window.left, bottom - top, right - left)
            found[:, *outer.place] = self.at(number)[:, *inner.place]
        return found

    def touched(self, window: Window) -> Iterator[int]:
        """The numbers of the windows that have pixels of this one."""
        rows = range(bisect_right(self._tops, window.top) - 1, bisect_left(self._tops, window.bottom))
        columns = range(bisect_right(self._lefts, window.left) - 1, bisect_left(self._lefts, window.right))
        for row, column in product(rows, columns):
            yield row * len(self._lefts) + column

    def at(self, number: int) -> Planes:
        """The planes of one of the windows; those that were asked for last are kept."""
        return self._recent.get(number, self._load)

    def _load(self, number: int) -> Planes:
        content = self._content(number)
        if content is None:
            raise AssertionError(f"window {number} of '{self._folder}' was written before it is read")
        window = self.windows[number]
        if self._dtype.kind in "ui":
            content = zlib.decompress(content)
        return np.frombuffer(content, self._dtype).reshape(self._planes, window.height, window.width)

    def _content(self, number: int) -> bytes | None:
        try:
            content = self._place(number).read_bytes()
        except FileNotFoundError:
            return None
        return content[HASH:] if hashlib.sha256(content[HASH:]).digest() == content[:HASH] else None

    def _place(self, number: int) -> Path:
        return self._folder / f"{number}.{self._dtype.name}"
