"""Samples ready for the network, read when they are asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8

from utome.data.classes import ClassTable
from utome.data.preparation import Preparation
from utome.data.survey import Facts
from utome.data.truth import read_pixels, read_truth

# Prepared images are kept up to this size together; what does not fit is read again each time.
CACHE_BYTES = 2**29


@dataclass(frozen=True)
class Item:
    """An image as the network sees it, and its labels at the same size."""

    facts: Facts
    image: Float32[np.ndarray, "c h w"]
    labels: UInt8[np.ndarray, "h w"]


class Dataset:
    """Items by number; files are opened when needed and kept while the cache has room."""

    def __init__(self, facts: Sequence[Facts], preparation: Preparation, classes: ClassTable) -> None:
        self.facts = tuple(facts)
        self._preparation = preparation
        self._classes = classes
        self._cache: dict[int, Item] = {}
        self._cached_bytes = 0

    def __len__(self) -> int:
        return len(self.facts)

    def __iter__(self) -> Iterator[Item]:
        return (self[number] for number in range(len(self)))

    def __getitem__(self, number: int) -> Item:
        if number in self._cache:
            return self._cache[number]
        item = self._read(self.facts[number])
        size = item.image.nbytes + item.labels.nbytes
        if self._cached_bytes + size <= CACHE_BYTES:
            self._cache[number] = item
            self._cached_bytes += size
        return item

    def network_size(self, number: int) -> tuple[int, int]:
        """Height and width at which the network sees an item, without reading it."""
        facts = self.facts[number]
        return self._preparation.size or (facts.height, facts.width)

    def _read(self, facts: Facts) -> Item:
        sample = facts.sample
        image = self._preparation.image(read_pixels(sample), source=sample.source)
        labels = self._classes.labels(read_truth(sample), source=sample.truth_source)
        return Item(facts, image, self._preparation.labels(labels))
