"""The objects of a label map that is read by windows: numbered, measured and outlined as those of a map in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Int32, Int64

from utome.data.formats import Recent
from utome.errors import DataError
from utome.prediction.chunks import Chunks, Planes
from utome.prediction.joining import Joining
from utome.prediction.object_table import PredictedObject, object_rows
from utome.prediction.objects import Objects
from utome.prediction.outlines import Polygon, Ring, outlines
from utome.tiling import Window

# Objects in boxes of more pixels are measured one by one, and those of very many not at all.
ALONE, TOO_LARGE = 2**22, 2**26
# Bytes of numbered windows that are kept.
KEPT = 2**27


@dataclass(frozen=True)
class Described:
    """A row of the table and the outline of each object, in their order."""

    rows: list[PredictedObject]
    outlines: list[list[Polygon]]


class SpreadObjects:
    """Connected parts of each class but the first, as `find_objects` has them; the map is read by windows, in its own order."""

    def __init__(self, labels: Chunks, *, smallest: float, source: str) -> None:
        self._labels, self._source = labels, source
        joining = Joining()
        for number, window in enumerate(labels.windows):
            joining.add(labels.at(number)[0], top=window.top, left=window.left)
        self._joined = joining.finish(smallest=smallest)
        self._recent: Recent[int] = Recent(KEPT)
        self.classes = self._joined.classes

    @property
    def shape(self) -> tuple[int, int, int]:
        """One plane, height and width."""
        return 1, *self._labels.shape[1:]

    @property
    def dtype(self) -> np.dtype[Any]:
        """16 bits, or 32 where there are more than 65,535 objects."""
        return np.dtype(np.uint16 if self.count <= np.iinfo(np.uint16).max else np.uint32)

    @property
    def count(self) -> int:
        """How many objects there are."""
        return int(self.classes.size)

    def read(self, window: Window) -> Planes:
        """The numbers of objects in a window."""
        return self._numbers(window).astype(self.dtype)[None]

    def described(self, image: str, names: Sequence[str], pixel_um: float | None) -> Described:
        """Rows and outlines; `DataError` where an object reaches over too much of the image to be measured.

        As those of a map in memory, but that centroids may differ in their last digits, and mean probabilities are not known.
        """
        rows: dict[int, PredictedObject] = {}
        lines: dict[int, list[Polygon]] = {}
        boxes = self._boxes()
        height, width = self._labels.shape[1:]
        at_edge = (boxes[:, :2] == 0).any(axis=1) | (boxes[:, 2] == height) | (boxes[:, 3] == width)
        for numbers in self._groups(boxes):
            top, left = boxes[numbers, :2].min(axis=0).tolist()
            bottom, right = boxes[numbers, 2:].max(axis=0).tolist()
            window = Window(top, left, bottom - top, right - left)
            if window.height * window.width > TOO_LARGE:
                raise DataError(
                    f"'{self._source}' has an object {window.height} pixels high and {window.width} wide, too large to be measured "
                    "where images are read by regions. Predict without --objects, or cut the image."
                )
            own = self._only(window, numbers)
            found = object_rows(image, Objects(own, self.classes[numbers]), names, pixel_um=pixel_um)
            for number, row, polygons in zip(numbers.tolist(), found, outlines(own), strict=True):
                rows[number] = _moved_row(row, window, number, edge=bool(at_edge[number]))
                lines[number] = [_moved_polygon(each, window) for each in polygons]
        order = range(self.count)
        return Described([rows[number] for number in order], [lines[number] for number in order])

    def _numbers(self, window: Window) -> Int32[np.ndarray, "h w"]:
        found = np.empty((window.height, window.width), dtype=np.int32)
        for number in self._labels.touched(window):
            each = self._labels.windows[number]
            top, bottom = max(each.top, window.top), min(each.bottom, window.bottom)
            left, right = max(each.left, window.left), min(each.right, window.right)
            part = self._at(number)[top - each.top : bottom - each.top, left - each.left : right - each.left]
            found[top - window.top : bottom - window.top, left - window.left : right - window.left] = part
        return found

    def _at(self, number: int) -> Int32[np.ndarray, "h w"]:
        return self._recent.get(number, lambda _: self._joined.instances(number, self._labels.at(number)[0]))

    def _boxes(self) -> Int64[np.ndarray, "n 4"]:
        """First row and column of each object, and those after its last ones."""
        first = np.full((self.count, 2), np.iinfo(np.int64).max)
        last = np.full((self.count, 2), -1)
        for number, window in enumerate(self._labels.windows):
            y, x = np.nonzero(self._at(number))
            owners = self._at(number)[y, x] - 1
            for axis, place in enumerate((y + window.top, x + window.left)):
                np.minimum.at(first[:, axis], owners, place)
                np.maximum.at(last[:, axis], owners, place)
        return np.concatenate([first, last + 1], axis=1)

    def _groups(self, boxes: Int64[np.ndarray, "n 4"]) -> Iterator[Int64[np.ndarray, " m"]]:
        """Objects, counted from 0, that are measured together: those whose boxes begin in one window, and large ones alone."""
        large: Bool[np.ndarray, " n"] = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) > ALONE
        for number in np.flatnonzero(large):
            yield np.asarray([number])
        for window in self._labels.windows:
            rows = (boxes[:, 0] >= window.top) & (boxes[:, 0] < window.bottom)
            numbers = np.flatnonzero(rows & (boxes[:, 1] >= window.left) & (boxes[:, 1] < window.right) & ~large)
            if numbers.size:
                yield numbers

    def _only(self, window: Window, numbers: Int64[np.ndarray, " m"]) -> Int32[np.ndarray, "h w"]:
        """These objects alone, numbered from 1 in their order."""
        found = self._numbers(window)
        place = np.searchsorted(numbers, found - 1).clip(max=numbers.size - 1)
        return np.where((found > 0) & (numbers[place] == found - 1), place + 1, 0).astype(np.int32)


def _moved_row(row: PredictedObject, window: Window, number: int, *, edge: bool) -> PredictedObject:
    return replace(
        row,
        object_id=number + 1,
        centroid_y_px=row.centroid_y_px + window.top,
        centroid_x_px=row.centroid_x_px + window.left,
        box_top_px=row.box_top_px + window.top,
        box_left_px=row.box_left_px + window.left,
        at_edge=edge,
    )


def _moved_polygon(polygon: Polygon, window: Window) -> Polygon:
    return Polygon(_moved(polygon.shell, window), [_moved(ring, window) for ring in polygon.holes])


def _moved(ring: Ring, window: Window) -> Ring:
    return [(x + window.left, y + window.top) for x, y in ring]
