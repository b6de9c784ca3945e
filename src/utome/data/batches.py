"""Training tiles, cut at places drawn by key and gathered into batches.

Each draw is keyed by (seed, pass over all tiles, content of the sample, number of the tile): the order of files changes nothing.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from utome.data.dataset import Dataset
from utome.distributed import share
from utome.randomness import generator, key
from utome.tiling import Geometry, Place

# A tile: which pass over all tiles it belongs to, the number of its image, and its own number in that image.
Tile = tuple[int, int, int]
# Axes (rows, columns) along which a tile is mirrored.
MIRRORINGS: tuple[tuple[int, ...], ...] = ((), (1,), (0,), (0, 1))


@runtime_checkable
class Tiles(Protocol):
    """Tiles that were cut and changed; labels and weights lack the border that the network consumes."""

    @property
    def image(self) -> Float[Tensor, "n c h w"]:
        """What the network sees."""

    @property
    def labels(self) -> UInt8[Tensor, "n y x"]:
        """The class of each pixel."""

    @property
    def weights(self) -> Float[Tensor, "n y x"] | None:
        """The weight of each pixel, if they differ."""


@runtime_checkable
class Augment(Protocol):
    """Cuts and changes the tiles at these places, each with its own generator of draws: see `utome.augmentation.tiles`."""

    def __call__(
        self, places: Sequence[Place], draws: Sequence[np.random.Generator], *, side: int, border: int
    ) -> Tiles:
        """Tiles of `side` pixels, of which `border` on each side have no label."""


@dataclass(frozen=True)
class Batch:
    """Tiles, their targets, the weights of the targets' pixels if they differ, and the names of the images they are of.

    A target is smaller than its tile by the network's border on each side. Where several processes share a step, the tiles are
    this process's, none perhaps, and the names those of all.
    """

    image: Float[Tensor, "n c h w"]
    target: Int64[Tensor, "n y x"]
    weight: Float[Tensor, "n y x"] | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draw:
    """How tiles are drawn: labelled side in pixels, tiles a step, tiles an image (none: to cover its area), and the seed.

    A side below two strides of the network is raised to them. On a `grid`, tiles lie side by side, centred, as many as
    fit whole, and `tiles_per_image` counts for nothing. With `each_flip` every tile comes four times, once in each mirroring.
    An epoch has so many `steps`, however many passes over all tiles that takes; none: one pass.
    """

    tile: int
    batch: int
    tiles_per_image: int | None
    seed: int
    grid: bool = False
    each_flip: bool = False
    steps: int | None = None


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
        self.input_side = self.side + geometry.shrink
        self._tiles = [(number, tile) for number in range(len(dataset)) for tile in range(self._count(number))]

    def __len__(self) -> int:
        """Steps an epoch."""
        return self._draw.steps or math.ceil(len(self._tiles) / self._draw.batch)

    @property
    def dataset(self) -> Dataset:
        """The images that tiles are cut from."""
        return self._dataset

    def epoch(self, epoch: int, *, after: int = 0) -> Iterator[Batch]:
        """The batches of one epoch, from 1, but for those of the first steps; of a pass over all tiles the last may be smaller.

        Where several processes share a step, each gets the tiles that are its own.
        """
        tiles = islice(self._chosen(epoch), after * self._draw.batch, None)
        while chosen := list(islice(tiles, self._draw.batch)):
            own = chosen[share(len(chosen))]
            batch = self.batch(own, self._augment) if own else _without_tiles(self.batch(chosen[:1], self._augment))
            yield batch if len(own) == len(chosen) else replace(batch, names=self._names(chosen))

    def batch(self, tiles: Sequence[Tile], augment: Augment) -> Batch:
        """These tiles, changed by this augmentation; where they lie does not depend on it."""
        draws = [generator(*self._parts(*tile)) for tile in tiles]
        places = [self._place(*tile[1:], own) for tile, own in zip(tiles, draws, strict=True)]
        made = augment(places, draws, side=self.side + 2 * self._border, border=self._border)
        return Batch(made.image, made.labels.long(), made.weights, self._names(tiles))

    def _names(self, tiles: Sequence[Tile]) -> tuple[str, ...]:
        return tuple(self._dataset.facts[number].sample.name for _, number, _ in tiles)

    def _chosen(self, epoch: int) -> Iterator[Tile]:
        """The tiles of an epoch in their order; with a number of steps it begins where the epoch before it ended."""
        count = len(self._tiles)
        size = count if self._draw.steps is None else self._draw.steps * self._draw.batch
        first = (epoch - 1) * size
        for round_ in range(first // count, -(-(first + size) // count)):
            start, stop = max(first - round_ * count, 0), min(first + size - round_ * count, count)
            tiles = [(round_ + 1, *tile) for tile in self._tiles]
            yield from sorted(tiles, key=lambda tile: key(*self._parts(*tile), "order"))[start:stop]

    def _count(self, number: int) -> int:
        height, width = self._dataset.network_size(number)
        if self._draw.grid:
            places = max(1, height // self.side) * max(1, width // self.side)
        else:
            places = self._draw.tiles_per_image or max(1, round(height * width / self.side**2))
        return places * (len(MIRRORINGS) if self._draw.each_flip else 1)

    def _parts(self, round_: int, number: int, tile: int) -> tuple[int | str, ...]:
        return (self._draw.seed, "tile", round_, self._dataset.facts[number].content, tile)

    def _place(self, number: int, tile: int, draws: np.random.Generator) -> Place:
        item = self._dataset[number]
        place, mirroring = divmod(tile, len(MIRRORINGS)) if self._draw.each_flip else (tile, 0)
        middle = (self.side - 1) / 2
        top, left = self._corner(item.labels.shape, place, draws)
        return Place(item.image, item.labels, item.weights, (top + middle, left + middle), MIRRORINGS[mirroring])

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


def _without_tiles(batch: Batch) -> Batch:
    """Nothing, in the shape of a batch."""
    return Batch(batch.image[:0], batch.target[:0], None if batch.weight is None else batch.weight[:0])
