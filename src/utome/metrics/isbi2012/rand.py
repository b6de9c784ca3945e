"""Rand scores: of two pixels of the same cell, are both in the same segment, and the other way round?

The challenge draws two pixels with replacement from the true cells. A pixel on the proposal's border is a segment by
itself, so that thick borders cost recall. Without thinning this makes the Rand error of 2012, and with it V_Rand.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from utome.metrics.isbi2012.overlap import Overlap


@dataclass(frozen=True)
class RandScore:
    """Shares of pairs of pixels, summed over sections, in which every section counts alike. 0/0 is NaN."""

    same_cell: float = 0.0
    same_segment: float = 0.0
    same_both: float = 0.0
    sections: int = 0

    def __add__(self, other: "RandScore") -> "RandScore":
        return RandScore(
            self.same_cell + other.same_cell,
            self.same_segment + other.same_segment,
            self.same_both + other.same_both,
            self.sections + other.sections,
        )

    @property
    def precision(self) -> float:
        """Of pairs in one segment, the share in one cell: what mergers cost (the "split score")."""
        return _share(self.same_both, self.same_segment)

    @property
    def recall(self) -> float:
        """Of pairs in one cell, the share in one segment: what splits cost (the "merge score")."""
        return _share(self.same_both, self.same_cell)

    @property
    def f_score(self) -> float:
        """Harmonic mean of precision and recall."""
        return _share(2 * self.same_both, self.same_cell + self.same_segment)

    @property
    def error(self) -> float:
        """Share of pairs on which truth and proposal disagree; 1 - the Rand index."""
        return _share(self.same_cell + self.same_segment - 2 * self.same_both, float(self.sections))


def rand_score(overlap: Overlap) -> RandScore:
    """With replacement, as in the challenge; nothing is counted where the truth holds no cell."""
    if not overlap.pixels:
        return RandScore()
    square = overlap.pixels**2
    # A border pixel's only partner in its segment is itself.
    return RandScore(
        _squares(overlap.cells) / square,
        (_squares(overlap.segments) + overlap.border) / square,
        (_squares(overlap.shared) + overlap.border) / square,
        sections=1,
    )


def rand_score_of_pairs(overlap: Overlap) -> RandScore:
    """Without replacement, the textbook's Rand index: a border pixel has no partner; one pixel makes no pair."""
    pairs = _pairs(np.asarray([overlap.pixels]))
    if not pairs:
        return RandScore()
    return RandScore(
        _pairs(overlap.cells) / pairs, _pairs(overlap.segments) / pairs, _pairs(overlap.shared) / pairs, sections=1
    )


def _squares(sizes: Int64[np.ndarray, " n"]) -> int:
    return int((sizes * sizes).sum())


def _pairs(sizes: Int64[np.ndarray, " n"]) -> int:
    return int((sizes * (sizes - 1)).sum()) // 2


def _share(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
