"""COCO documents: outlines of objects in one JSON file, and their pixels.

T.-Y. Lin et al., Microsoft COCO: common objects in context (2014). An outline is a list of polygons, which are united, or
runs of pixels, column by column. A pixel belongs to a polygon when its centre does (by the even-odd rule; a centre on
the left or the upper edge is inside). The programs of COCO round corners to fifths of a pixel first, so that pixels at
the border may differ. Where objects overlap, the later in the document wins. A region of a crowd has a class, but is no
object.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from jaxtyping import Bool, Float, Int32, UInt16
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, NonNegativeInt, PositiveInt, ValidationError

from utome.errors import DataError

Mask = Bool[np.ndarray, "h w"]
# Documents that are kept while a folder is read: one a part, and one more.
KEPT = 4


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class CocoImage(_Entry):
    """An image of the document: where it lies and its size."""

    id: int
    file_name: Annotated[str, Field(min_length=1)]
    height: PositiveInt
    width: PositiveInt


class Category(_Entry):
    """A class of objects."""

    id: int
    name: str


class Runs(_Entry):
    """Runs of pixels outside and inside by turns, column by column; as numbers, or packed into a text."""

    size: tuple[NonNegativeInt, NonNegativeInt]
    counts: list[NonNegativeInt] | str


class Annotation(_Entry):
    """An object, or a region of a crowd: its image, its class and its outline, if it has one."""

    image_id: int
    category_id: int
    segmentation: list[list[FiniteFloat]] | Runs | None = None
    iscrowd: bool = False

    @property
    def outlined(self) -> bool:
        """Whether there is an outline, and not a box alone."""
        return bool(self.segmentation)


class _Document(_Entry):
    images: list[CocoImage]
    annotations: list[Annotation]
    categories: list[Category]


@dataclass(frozen=True)
class Coco:
    """A document: images and outlines by the number of the image; the value of each category, from 1, in order of ids."""

    path: Path
    images: Mapping[int, CocoImage]
    outlines: Mapping[int, Sequence[Annotation]]
    categories: Sequence[Category]
    values: Mapping[int, int]

    def labels(self, number: int) -> UInt16[np.ndarray, "h w"]:
        """The value of the category at each pixel of an image, 0 where there is no object."""
        drawn = np.zeros(self._shape(number), dtype=np.uint16)
        for annotation in self.outlines.get(number, ()):
            drawn[self._mask(annotation)] = self.values[annotation.category_id]
        return drawn

    def objects(self, number: int) -> Int32[np.ndarray, "h w"]:
        """The number of the object at each pixel of an image, from 1, 0 where there is none."""
        drawn = np.zeros(self._shape(number), dtype=np.int32)
        alone = (annotation for annotation in self.outlines.get(number, ()) if not annotation.iscrowd)
        for count, annotation in enumerate(alone, start=1):
            drawn[self._mask(annotation)] = count
        return drawn

    def _shape(self, number: int) -> tuple[int, int]:
        if number not in self.images:
            raise DataError(f"'{self.path}' has no image with the number {number}. Read the folder again.")
        return self.images[number].height, self.images[number].width

    def _mask(self, annotation: Annotation) -> Mask:
        height, width = self._shape(annotation.image_id)
        outline = annotation.segmentation
        try:
            return (
                runs_mask(outline, height, width)
                if isinstance(outline, Runs)
                else polygons_mask(outline or [], height, width)
            )
        except ValueError as error:
            raise DataError(
                f"'{self.path}' has an outline in the image '{self.images[annotation.image_id].file_name}' that cannot be drawn: {error}. "
                "Export the document again, or take the object out."
            ) from error


def read_coco(path: Path) -> Coco:
    """The document, parsed once as long as its file does not change; `DataError` where it is damaged or none of COCO."""
    document = find_coco(path)
    if document is None:
        raise DataError(f"'{path}' is no COCO document; accepted: images, annotations and categories. Give another.")
    return document


def find_coco(path: Path) -> Coco | None:
    """As `read_coco`, but none where the file is sound JSON of another kind."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        raise DataError(f"'{path}' is not there. Check the name.") from None
    return _read(path, stat.st_mtime_ns, stat.st_size)


def polygons_mask(polygons: Sequence[Sequence[float]], height: int, width: int) -> Mask:
    """The pixels of polygons, each x1, y1, x2, y2 and so on, united; `ValueError` where a number is missing.

    >>> polygons_mask([[0, 0, 2, 0, 2, 1, 0, 1]], 2, 3).astype(int).tolist()
    [[1, 1, 0], [0, 0, 0]]
    """
    mask = np.zeros((height, width), dtype=bool)
    for polygon in polygons:
        if len(polygon) % 2:
            raise ValueError(f"a polygon has {len(polygon)} numbers, not pairs of x and y")
        _fill(mask, np.asarray(polygon, dtype=np.float64).reshape(-1, 2))
    return mask


def runs_mask(runs: Runs, height: int, width: int) -> Mask:
    """The pixels of runs; `ValueError` where they do not cover the image."""
    counts = unpacked(runs.counts) if isinstance(runs.counts, str) else runs.counts
    if runs.size != (height, width) or min(counts, default=0) < 0 or sum(counts) != height * width:
        raise ValueError(
            f"its runs are {sum(counts)} pixels of {runs.size[0]}x{runs.size[1]}, the image {height}x{width}"
        )
    inside = np.arange(len(counts)) % 2 == 1
    return np.repeat(inside, counts).reshape(width, height).T


def unpacked(text: str) -> list[int]:
    """The runs packed into a text: five bits a sign, the lowest first; from the third on, changes since the last but one.

    >>> unpacked("52203")
    [5, 2, 2, 2, 5]
    """
    counts: list[int] = []
    value = shift = 0
    for sign in text:
        bits = ord(sign) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"{sign!r} is no sign of packed runs")
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("its packed runs break off")
    return counts


def _fill(mask: Mask, points: Float[np.ndarray, "n 2"]) -> None:
    """Set the pixels whose centre has an odd number of edges to its left."""
    height, width = mask.shape
    (x0, y0), (x1, y1) = points.T, np.roll(points, -1, axis=0).T
    # The rows whose centre lies between the ends of an edge, the upper end counting and the lower not.
    first, last = (
        np.ceil(end - 0.5).clip(0, height).astype(np.int64) for end in (np.minimum(y0, y1), np.maximum(y0, y1))
    )
    crossed = last - first
    edge = np.repeat(np.arange(len(points)), crossed)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(crossed) - crossed, crossed) + first[edge]
    if not len(row):
        return
    x = x0[edge] + (row + 0.5 - y0[edge]) * (x1 - x0)[edge] / (y1 - y0)[edge]
    column = np.ceil(x - 0.5).clip(0, width).astype(np.int64)
    top, left = row.min(), column.min()
    crossings = np.zeros((row.max() - top + 1, column.max() - left + 1), dtype=np.int32)
    np.add.at(crossings, (row - top, column - left), 1)
    inside = crossings.cumsum(axis=1)[:, :-1] % 2 == 1
    mask[top : top + inside.shape[0], left : left + inside.shape[1]] |= inside


@lru_cache(maxsize=KEPT)
def _read(path: Path, _changed: int, _size: int) -> Coco | None:
    raw = _parsed(path)
    if not isinstance(raw, dict) or not {"images", "annotations", "categories"} <= raw.keys():
        return None
    try:
        document = _Document.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise DataError(
            f"'{path}' is a COCO document that cannot be read ({place}: {first['msg']}). Export it again, or mend it there."
        ) from None
    images = {image.id: image for image in document.images}
    if len(images) < len(document.images):
        raise DataError(f"'{path}' has several images with the same number. Export it again.")
    categories = sorted(document.categories, key=lambda category: category.id)
    values = {category.id: value for value, category in enumerate(categories, start=1)}
    outlines: dict[int, list[Annotation]] = {}
    for annotation in document.annotations:
        if annotation.category_id not in values:
            raise DataError(
                f"'{path}' has an object of the category {annotation.category_id}, which it does not name. Export it again."
            )
        outlines.setdefault(annotation.image_id, []).append(annotation)
    return Coco(path, images, outlines, categories, values)


def _parsed(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"'{path}' is damaged or no JSON ({error}). Copy it again, or take it out.") from error
