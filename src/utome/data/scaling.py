"""The scale of an image that is looked through by bands, as `Preparation` finds it where the image is whole in memory.

Integers of up to 16 bits are counted by value, so that sums and order are exact in whatever parts they come. Their mean and percentiles
are then those of the whole to the bit; their deviation is exact, where that of the whole is rounded, so as a number of 32 bits it may
differ in its last digit, once in ten million images. Of real numbers mean and deviation agree up to rounding, and percentiles exactly.
"""

import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float32, Int64, UInt32

from utome.data.formats import Pixels, Windows, bands
from utome.data.preparation import Preparation, Scale

# Values of 16 bits.
SHORT = 2**16
# Values that are counted at a time: more would fall out of the processor's caches.
PIECE = 2**20


def scale_of(preparation: Preparation, image: Windows) -> Scale:
    """How the image is normalised; its pixels are read once, real numbers for percentiles twice, or not at all."""
    fixed = preparation.fixed_scale(image.dtype)
    if fixed is not None:
        return fixed
    short = image.dtype.kind in "ui" and image.dtype.itemsize <= 2
    if preparation.normalization == "percentile":
        values = _Counted(image) if short else _Ordered(image)
        return preparation.scale_by_extremes(*(_percentile(values, each) for each in preparation.percentiles))
    return preparation.scale_by_moments(*(_Counted(image).moments if short else _moments(image)))


class _Counted:
    """Integers of up to 16 bits by how often each is there."""

    def __init__(self, image: Windows) -> None:
        self._lowest = int(np.iinfo(image.dtype).min)
        counts = np.zeros(SHORT, dtype=np.int64)
        for pixels in _read(image):
            values = pixels.ravel()
            for start in range(0, values.size, PIECE):
                piece = values[start : start + PIECE].astype(np.int64)
                counts += np.bincount(piece - self._lowest, minlength=SHORT)
        self._ends = np.cumsum(counts)
        self._counts = counts

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self._ends[-1])

    def ranked(self, place: int) -> np.float32:
        """The value at a place, from 0, of all in order."""
        return np.float32(np.searchsorted(self._ends, place, side="right") + self._lowest)

    @property
    def moments(self) -> tuple[float, float]:
        """Mean and deviation."""
        there = np.flatnonzero(self._counts)
        pairs = [(int(value) + self._lowest, int(self._counts[value])) for value in there]
        total = sum(value * count for value, count in pairs)
        squares = sum(value * value * count for value, count in pairs)
        return total / self.count, math.sqrt((self.count * squares - total * total) / self.count**2)


class _Ordered:
    """Real numbers: first by the upper 16 bits of where they stand in order, then those that are asked for by the lower ones."""

    def __init__(self, image: Windows) -> None:
        self._image = image
        upper = np.zeros(SHORT, dtype=np.int64)
        for pixels in _read(image):
            upper += np.bincount((_keys(pixels) >> 16).ravel(), minlength=SHORT)
        self._ends = np.cumsum(upper)
        self._lower: dict[int, Int64[np.ndarray, " n"]] = {}

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self._ends[-1])

    def ranked(self, place: int) -> np.float32:
        """The value at a place, from 0, of all in order."""
        upper = int(np.searchsorted(self._ends, place, side="right"))
        before = int(self._ends[upper - 1]) if upper else 0
        lower = np.searchsorted(self._lower_of(upper), place - before, side="right")
        return _value(upper << 16 | int(lower))

    def _lower_of(self, upper: int) -> Int64[np.ndarray, " n"]:
        if upper not in self._lower:
            counts = np.zeros(SHORT, dtype=np.int64)
            for pixels in _read(self._image):
                keys = _keys(pixels).ravel()
                counts += np.bincount(keys[keys >> 16 == upper] & (SHORT - 1), minlength=SHORT)
            self._lower[upper] = np.cumsum(counts)
        return self._lower[upper]


def _percentile(values: _Counted | _Ordered, percent: float) -> float:
    """Between two neighbours in order, as `numpy.percentile` has it of float32."""
    place = (values.count - 1) * (percent / 100)
    before = math.floor(place)
    low = values.ranked(before)
    step = values.ranked(min(before + 1, values.count - 1)) - low
    share = place - before
    return float(low) + float(step) * share if share < 0.5 else float(low + step) - float(step) * (1 - share)


def _moments(image: Windows) -> tuple[float, float]:
    """Mean and deviation; parts are joined by their own moments (Chan, Golub and LeVeque 1983)."""
    count, mean, squares = 0, 0.0, 0.0
    for pixels in _read(image):
        values = pixels.astype(np.float32)
        own = float(values.mean(dtype=np.float64))
        total = count + values.size
        squares += (
            float(np.square(values - own, dtype=np.float64).sum()) + (own - mean) ** 2 * count * values.size / total
        )
        mean += (own - mean) * values.size / total
        count = total
    return mean, math.sqrt(squares / count)


def _read(image: Windows) -> Iterator[Pixels]:
    for band in bands(*image.shape[:2]):
        yield image.read(band)


def _keys(pixels: Pixels) -> UInt32[np.ndarray, "h w c"]:
    """Whole numbers in the order of these, as float32: of negative ones all bits are turned, of others the first."""
    bits = np.ascontiguousarray(pixels, dtype=np.float32).view(np.uint32)
    return np.where(bits >> 31 == 1, ~bits, bits | np.uint32(1 << 31))


def _value(key: int) -> np.float32:
    bits = key ^ (1 << 31) if key >> 31 else ~key & (2**32 - 1)
    found: Float32[np.ndarray, " 1"] = np.asarray([bits], dtype=np.uint32).view(np.float32)
    return np.float32(found[0])
