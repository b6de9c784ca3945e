"""Training tiles, cut at places drawn by key and gathered into batches.

Each draw is keyed by (seed, epoch, content of the sample, number of the tile): the order of files changes nothing.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64, UInt8
from torch import Tensor

from utome.data.dataset import Dataset, Item
from utome.randomness import generator, key
from utome.tiling import Geometry, mirror

Image = Float32[np.ndarray, "c h w"]
LabelMap = UInt8[np.ndarray, "y x"]
Augment = Callable[[Image, LabelMap, np.random.Generator], tuple[Image, LabelMap]]


# Axes (rows, columns) along which a tile is mirrored.
MIRRORINGS: tuple[tuple[int, ...], ...] = ((), (1,), (0,), (0, 1))


@dataclass(frozen=True)
class Batch:
    """Tiles and their targets; a target is smaller than its tile by the network's border on each side."""

    image: Float[Tensor, "n c h w"]
    target: Int64[Tensor, "n y x"]


@dataclass(frozen=True)
class Draw:
    """How tiles are drawn: labelled side in pixels, tiles a step, tiles an image (none: to cover its area), and the seed.

    A side below two strides of the network is raised to them. On a `grid`, tiles lie side by side, centred, as many as
    fit whole, and `tiles_per_image` counts for nothing. With `each_flip` every tile comes four times, once in each mirroring.
    """

    tile: int
    batch: int
    tiles_per_image: int | None
    seed: int
    grid: bool = False
    each_flip: bool = False


class TileBatches:
    """The training tiles of any epoch, batch by batch."""

    def __init__(self, dataset: Dataset, geometry: Geometry, draw: Draw, augment: Augment) -> None:
        self._dataset = dataset
        self._border = geometry.border
        self._draw = draw
        self._augment = augment
        largest = max(max(dataset.network_size(number)) for number in range(len(dataset)))
        # Batch norm needs more than one value a channel: on a tile of one stride the bottom map is a single pixel, and
        # the last batch may be a single tile. An image smaller than two strides is mirrored to fill them.
        self.side = geometry.output_side(max(min(draw.tile, largest), 2 * geometry.stride))
        self._tiles = [(number, tile) for number in range(len(dataset)) for tile in range(self._count(number))]

    def __len__(self) -> int:
        """Steps an epoch."""
        return math.ceil(len(self._tiles) / self._draw.batch)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch; the last one may be smaller."""
        order = sorted(self._tiles, key=lambda tile: key(*self._parts(epoch, *tile), "order"))
        for start in range(0, len(order), self._draw.batch):
            tiles = [self._tile(epoch, *tile) for tile in order[start : start + self._draw.batch]]
            images, targets = zip(*tiles, strict=True)
            yield Batch(torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(targets).astype(np.int64)))

    def _count(self, number: int) -> int:
        height, width = self._dataset.network_size(number)
        if self._draw.grid:
            places = max(1, height // self.side) * max(1, width // self.side)
        else:
            places = self._draw.tiles_per_image or max(1, round(height * width / self.side**2))
        return places * (len(MIRRORINGS) if self._draw.each_flip else 1)

    def _parts(self, epoch: int, number: int, tile: int) -> tuple[int | str, ...]:
        return (self._draw.seed, "tile", epoch, self._dataset.facts[number].content, tile)

    def _tile(self, epoch: int, number: int, tile: int) -> tuple[Image, LabelMap]:
        item = self._dataset[number]
        draws = generator(*self._parts(epoch, number, tile))
        place, mirroring = divmod(tile, len(MIRRORINGS)) if self._draw.each_flip else (tile, 0)
        image, labels = self._cut(item, *self._corner(item.labels.shape, place, draws))
        axes = MIRRORINGS[mirroring]
        image, labels = np.flip(image, tuple(axis + 1 for axis in axes)), np.flip(labels, axes)
        return self._augment(image, labels, draws)

    def _corner(self, size: tuple[int, ...], place: int, draws: np.random.Generator) -> tuple[int, int]:
        """The first row and column of a tile; negative where the image is smaller than a tile and is mirrored."""
        if self._draw.grid:
            columns = max(1, size[1] // self.side)
            steps = divmod(place, columns)
            free = [length - max(1, length // self.side) * self.side for length in size]
            top, left = (space // 2 + step * self.side for space, step in zip(free, steps, strict=True))
        else:
            top, left = (int(draws.integers(min(0, side - self.side), max(0, side - self.side) + 1)) for side in size)
        return top, left

    def _cut(self, item: Item, top: int, left: int) -> tuple[Image, LabelMap]:
        height, width = item.labels.shape
        tile_rows, tile_columns = mirror(top, top + self.side, height), mirror(left, left + self.side, width)
        rows = mirror(top - self._border, top + self.side + self._border, height)
        columns = mirror(left - self._border, left + self.side + self._border, width)
        return item.image[:, rows[:, None], columns], item.labels[tile_rows[:, None], tile_columns]
