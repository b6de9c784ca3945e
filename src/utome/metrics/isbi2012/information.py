"""Information scores: how much do cells and segments tell of each other? Natural logarithms (V_Info once thinned)."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from utome.metrics.isbi2012.overlap import Overlap


@dataclass(frozen=True)
class InformationScore:
    """Entropies of cells and of segments, and what they share, in nats; all NaN where the truth holds no cell."""

    cells: float
    segments: float
    shared: float

    @property
    def precision(self) -> float:
        """The shared part of the cells' entropy; 0 where nothing is shared, as with a single cell."""
        return _share(self.shared, self.cells)

    @property
    def recall(self) -> float:
        """The shared part of the segments' entropy; 0 where nothing is shared, as with a single segment."""
        return _share(self.shared, self.segments)

    @property
    def f_score(self) -> float:
        """Harmonic mean of precision and recall; 0 where nothing is shared."""
        return _share(2 * self.shared, self.cells + self.segments)

    @property
    def variation(self) -> float:
        """Variation of information, in nats: what remains unknown of each when the other is known."""
        return self.cells + self.segments - 2 * self.shared


def information_score(overlap: Overlap) -> InformationScore:
    """The proposal's border pixels are segments of one pixel each."""
    if not overlap.pixels:
        return InformationScore(math.nan, math.nan, math.nan)
    border = overlap.border / overlap.pixels * math.log(overlap.pixels)
    cells = _entropy(overlap.cells, overlap.pixels)
    segments = _entropy(overlap.segments, overlap.pixels) + border
    both = _entropy(overlap.shared, overlap.pixels) + border
    # Of independent labellings rounding may leave a trace; less than nothing is never shared.
    shared = max(cells + segments - both, 0.0) if cells and segments else 0.0
    return InformationScore(cells, segments, shared)


def _entropy(sizes: Int64[np.ndarray, " n"], pixels: int) -> float:
    shares = sizes / pixels
    return float(0.0 - (shares * np.log(shares)).sum())


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
