"""One image that is read, predicted and written by regions: first a chunk for each region, and from all of them the files."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from utome.data.formats import BAND, Windows, open_windows, pixel_size
from utome.device import enough_memory
from utome.errors import DataError
from utome.files import sha256_bytes
from utome.jobs import objects as object_files
from utome.jobs.inputs import Input
from utome.jobs.journal_lines import Content
from utome.jobs.objects import ObjectFiles
from utome.prediction.chunks import Chunks
from utome.prediction.classes import classify
from utome.prediction.deviation import Deviation
from utome.prediction.objects import smallest_area
from utome.prediction.pictures import colour_png, overlay
from utome.prediction.predictor import Predictor
from utome.prediction.probability_maps import Depth, count_of, pages
from utome.prediction.sinks import write_tiff, write_zarr
from utome.prediction.spread import SpreadObjects
from utome.tiling import Window

# The longest side of a picture of an image, and of its part that `--verify` looks at.
PICTURE: Final = 2048
VERIFIED: Final = 2048


@dataclass(frozen=True)
class Tools:
    """What predicts an image by regions, what is made of it beside its labels, and how its pixels are read."""

    predictor: Predictor
    objects: ObjectFiles | None
    probabilities: Depth | None
    upright: bool
    fill: float | None


class Regions:
    """An open image. Its chunks lie in `folder`, under names that no other model, settings or image gives."""

    def __init__(self, tools: Tools, image: Input, windows: Windows, folder: Path, key: str) -> None:
        self._tools, self._image, self._windows = tools, image, windows
        self._folder = folder
        self._predicted = tools.predictor.by_windows(windows, source=image.source)
        self._grid = self._predicted.windows
        own = folder / sha256_bytes(f"{key} {self._grid}".encode())[:16]
        self._labels = Chunks(own, self._grid, 1, np.dtype(np.uint8))
        depth, classes = tools.probabilities, len(tools.predictor.card.classes)
        self._depth = depth
        self._probabilities = (
            None if depth is None else Chunks(own / "probabilities", self._grid, count_of(classes), np.dtype(depth))
        )

    @property
    def count(self) -> int:
        """How many regions there are."""
        return len(self._grid)

    @property
    def missing(self) -> list[int]:
        """The regions that are not there yet."""
        maps = [each for each in (self._labels, self._probabilities) if each is not None]
        return [number for number in range(self.count) if not all(each.has(number) for each in maps)]

    def predict(self, number: int) -> None:
        """Predict a region and write its chunk."""
        with enough_memory():
            logits = self._predicted.logits(self._grid[number])
        if self._probabilities is not None and self._depth is not None:
            self._probabilities.write(number, pages(logits.softmax(dim=0).numpy(), self._depth))
        self._labels.write(number, classify(logits)[None])

    def files(self, outputs: list[str]) -> tuple[dict[str, Content], int | None]:
        """The files of these names from all regions, and how many objects there are if they are asked for."""
        label_map, picture, *others = outputs
        size = pixel_size(self._image.path)
        write = write_zarr if label_map.endswith(".zarr") else write_tiff
        found: dict[str, Content] = {picture: self._picture(), label_map: self._folder / "labels"}
        write(self._folder / "labels", self._labels, size)
        if self._probabilities is not None:
            write_tiff(self._folder / "probabilities", self._probabilities, size)
            found[others[0]] = self._folder / "probabilities"
        objects = self._tools.objects
        if objects is None:
            return found, None
        side = objects.pixel_um(self._image.path, self._image.source)
        smallest = smallest_area(objects.settings, side)
        spread = SpreadObjects(self._labels, smallest=smallest, source=self._image.source)
        described = spread.described(self._image.name, objects.names, side)
        write_tiff(self._folder / "objects", spread, size)
        contents = objects.described(described.rows, described.outlines, spread.classes.tolist())
        names = object_files.outputs(self._image.name)
        return {**found, **dict(zip(names, (self._folder / "objects", *contents), strict=True))}, spread.count

    def deviation(self) -> Deviation:
        """How far tiles are from the whole in the middle of the image."""
        height, width = (min(VERIFIED, side) for side in self._windows.shape[:2])
        top, left = ((whole - part) // 2 for whole, part in zip(self._windows.shape, (height, width), strict=False))
        pixels = self._windows.read(Window(top, left, height, width))
        return self._tools.predictor.deviation(pixels, source=self._image.source)

    def _picture(self) -> bytes:
        """The overlay; of an image that is larger than `PICTURE`, of every so many-th pixel."""
        height, width = self._windows.shape[:2]
        step = -(-max(height, width) // PICTURE)
        rows = step * max(1, BAND // (width * step))
        bands = [self._thinned(Window(top, 0, min(rows, height - top), width), step) for top in range(0, height, rows)]
        pixels, labels = (np.concatenate(each) for each in zip(*bands, strict=True))
        return colour_png(overlay(pixels, labels))

    def _thinned(self, band: Window, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Every so many-th pixel of a band, and its class."""
        pixels, labels = self._windows.read(band)[::step, ::step], self._labels.read(band)[0, ::step, ::step]
        return pixels.copy(), labels.copy()  # views would keep the bands


@contextmanager
def regions_of(tools: Tools, image: Input, folder: Path, key: str) -> Iterator[Regions]:
    """An image by regions, while its file is open; `DataError` where the image, the model or the settings need it whole."""
    refusal = tools.predictor.refusal_of_windows
    if refusal is not None:
        raise DataError(f"'{image.source}' cannot be predicted by regions: {refusal}. Cut it, or make it smaller.")
    if tools.objects is not None:
        _refuse_whole(tools.objects, image)
    with open_windows(image.path, page=image.page, upright=tools.upright, fill=tools.fill) as windows:
        yield Regions(tools, image, windows, folder, key)


def _refuse_whole(objects: ObjectFiles, image: Input) -> None:
    """`DataError` for ways to tell objects apart that need all of an image, or a size that it does not say."""
    objects.pixel_um(image.path, image.source)
    if objects.wanted.way == "watershed":
        raise DataError(
            f"'{image.source}' is read by regions, where a watershed cannot be told from its parts. Give --objects components."
        )
    if objects.settings.holes_px:
        raise DataError(
            f"'{image.source}' is read by regions, where holes cannot be filled. Leave prediction.objects.holes_px out."
        )
