"""How two labellings overlap: all that Rand scores and information scores need to know of them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64, Integer
from scipy import sparse

Labels = Integer[np.ndarray, "h w"]


@dataclass(frozen=True)
class Overlap:
    """Numbers of pixels. The proposal's border pixels belong to no segment, and each is counted as one by itself."""

    # Of each true cell that meets the proposal, with segments; the parts within a cell and a segment; the border.
    cells: Int64[np.ndarray, " cells"]
    segments: Int64[np.ndarray, " segments"]
    shared: Int64[np.ndarray, " parts"]
    border: int

    @property
    def pixels(self) -> int:
        """All pixels that were compared."""
        return int(self.cells.sum())


def foreground_overlap(truth: Labels, proposal: Labels) -> Overlap:
    """The overlap over the pixels of true cells; label 0 is border in both."""
    inside = truth > 0
    return _overlap(truth[inside], proposal[inside])


def full_overlap(truth: Labels, proposal: Labels) -> Overlap:
    """The overlap over all pixels, with the border as a cell and a segment like any other."""
    return _overlap(truth.ravel(), proposal.ravel() + 1)


def _overlap(cells: Integer[np.ndarray, " n"], segments: Integer[np.ndarray, " n"]) -> Overlap:
    together = (
        sparse.coo_array((np.ones(cells.size, dtype=np.int64), (cells, segments))).tocsr() if cells.size else None
    )
    sizes = np.bincount(segments, minlength=1)
    return Overlap(
        cells=_present(np.bincount(cells)),
        segments=_present(sizes[1:]),
        shared=np.zeros(0, dtype=np.int64) if together is None else together.data[together.indices > 0],
        border=int(sizes[0]),
    )


def _present(sizes: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " m"]:
    return sizes[sizes > 0]
