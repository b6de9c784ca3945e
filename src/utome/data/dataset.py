"""Samples ready for the network, read when they are asked for."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32, UInt8

from utome.data.classes import ClassTable
from utome.data.preparation import Preparation
from utome.data.survey import Facts, content_hash
from utome.data.truth import read_objects, read_pixels, read_truth
from utome.errors import DataError

# Prepared images are kept up to this size together; what does not fit is read again each time.
CACHE_BYTES = 2**29
LabelMap = UInt8[np.ndarray, "h w"]
Objects = Int32[np.ndarray, "h w"]
Weights = Float32[np.ndarray, "h w"]
# From labels, and object numbers where the truth has them, to the labels to train on and the weight of each pixel.
Weigh = Callable[[LabelMap, Objects | None], tuple[LabelMap, Weights]]


@dataclass(frozen=True)
class Item:
    """An image as the network sees it, its labels, and the weights of its pixels if they differ, all at the same size."""

    facts: Facts
    image: Float32[np.ndarray, "c h w"]
    labels: LabelMap
    weights: Weights | None = None

    @property
    def nbytes(self) -> int:
        """Memory of its arrays."""
        return self.image.nbytes + self.labels.nbytes + (0 if self.weights is None else self.weights.nbytes)


class Dataset:
    """Items by number; files are opened when needed and kept while the cache has room."""

    def __init__(
        self, facts: Sequence[Facts], preparation: Preparation, classes: ClassTable, weigh: Weigh | None = None
    ) -> None:
        self.facts = tuple(facts)
        self._preparation = preparation
        self._classes = classes
        self._weigh = weigh
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
        if self._cached_bytes + item.nbytes <= CACHE_BYTES:
            self._cache[number] = item
            self._cached_bytes += item.nbytes
        return item

    def network_size(self, number: int) -> tuple[int, int]:
        """Height and width at which the network sees an item, without reading it."""
        facts = self.facts[number]
        return self._preparation.size or (facts.height, facts.width)

    def _read(self, facts: Facts) -> Item:
        sample = facts.sample
        pixels, truth = read_pixels(sample), read_truth(sample)
        _refuse_others(pixels, facts.content, sample.source)
        _refuse_others(truth[:, :, None], facts.truth, sample.truth_source)
        image = self._preparation.image(pixels, source=sample.source)
        labels = self._preparation.labels(self._classes.labels(truth, source=sample.truth_source))
        if self._weigh is None:
            return Item(facts, image, labels)
        objects = None if sample.truth == "labels" else self._preparation.labels(read_objects(sample))
        return Item(facts, image, *self._weigh(labels, objects))


def _refuse_others(pixels: np.ndarray, known: str, source: str) -> None:
    """`DataError` where a file is another than when the folder was looked at: what is trained on is known by its hash."""
    if content_hash(pixels) != known:
        raise DataError(
            f"'{source}' has changed since it was first read. Put back what it was: a training then goes on with --resume."
        )
