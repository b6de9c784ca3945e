"""Images as networks see them, of which parts are cut out: those in memory, those that are read by windows, and their views."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int

from utome.data.formats import Windows
from utome.data.preparation import Preparation
from utome.data.scaling import scale_of
from utome.prediction.averaging import Turn
from utome.tiling import Window

Rows = Int[np.ndarray, "y"]
Columns = Int[np.ndarray, "x"]
Cut = Float32[np.ndarray, "c y x"]


@runtime_checkable
class Seen(Protocol):
    """An image as a network sees it."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""

    def cut(self, rows: Rows, columns: Columns) -> Cut:
        """The pixels of these rows and columns, in this order; some may be there more than once. Nobody may write to them."""


class Held:
    """An image in memory."""

    def __init__(self, image: Float32[np.ndarray, "c h w"]) -> None:
        self._image = image
        self.size = (image.shape[1], image.shape[2])

    def cut(self, rows: Rows, columns: Columns) -> Cut:
        """The pixels of these rows and columns."""
        if _in_a_row(rows) and _in_a_row(columns):  # as nearly all are, and copied many times as fast
            return np.ascontiguousarray(self._image[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
        return self._image[:, rows[:, None], columns]


class Prepared:
    """An image that is read by windows, each of which is prepared as the whole would be."""

    def __init__(self, image: Windows, preparation: Preparation, *, source: str) -> None:
        preparation.refuse_colour(image.shape[2], source=source)
        self._image, self._preparation, self._source = image, preparation, source
        self._scale = scale_of(preparation, image)
        self.size = image.shape[:2]

    def cut(self, rows: Rows, columns: Columns) -> Cut:
        """The pixels of these rows and columns; of the file, the rectangle that holds them is read."""
        (top, bottom), (left, right) = ((int(each.min()), int(each.max()) + 1) for each in (rows, columns))
        pixels = self._image.read(Window(top, left, bottom - top, right - left))
        planes = self._preparation.planes(pixels, self._scale, source=self._source)
        return Held(planes).cut(rows - top, columns - left)


class Turned:
    """A view of an image: `Turn.there` of what is cut, and not of the whole."""

    def __init__(self, image: Seen, turn: Turn) -> None:
        self._image, self._turn = image, turn
        self.size = turn.size_there(image.size)

    def cut(self, rows: Rows, columns: Columns) -> Cut:
        """The pixels of these rows and columns of the view."""
        return self._turn.cut(self._image.cut, self._image.size, rows, columns)


def _in_a_row(places: Int[np.ndarray, " n"]) -> bool:
    return bool(places[-1] - places[0] == len(places) - 1 and (np.diff(places) == 1).all())
