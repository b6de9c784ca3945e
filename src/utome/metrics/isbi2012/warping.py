"""Warping: the truth is deformed towards the proposal, pixel by simple pixel, and what cannot follow is an error.

Jain and others (2010). The pixels on which the two differ are tried in the order of how far the probability lies from
the threshold, the surest first (columns decide between equals), again and again until nothing moves. Each that is a
simple point of the truth as it then is changes its colour. Where borders are merely displaced, nothing remains.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from utome.metrics.isbi2012.labelling import above
from utome.metrics.isbi2012.simple_points import NEIGHBOURS, SIMPLE, rings


@dataclass(frozen=True)
class Warped:
    """The truth after warping, and where it still differs from the proposal."""

    image: Bool[np.ndarray, "h w"]
    mismatch: Bool[np.ndarray, "h w"]


def warp(truth: Bool[np.ndarray, "h w"], probability: Float32[np.ndarray, "h w"], threshold: float) -> Warped:
    """The truth, warped towards what is more probable than the threshold; beyond the image all is border."""
    proposal = above(probability, threshold)
    columns, rows = np.nonzero((truth != proposal).T)
    # The challenge keeps the distances as float32, and equals keep their order.
    distance = np.abs(probability[rows, columns] - np.float64(threshold)).astype(np.float32)
    surest_first = np.argsort(-distance, kind="stable")
    padded = np.pad(rings(truth), 1)
    queue = np.ravel_multi_index((rows + 1, columns + 1), padded.shape)[surest_first].tolist()
    mismatch = np.zeros(padded.shape, dtype=np.bool_)
    mismatch.ravel()[_unmoved(queue, bytearray(padded), width=padded.shape[1])] = True
    mismatch = mismatch[1:-1, 1:-1]
    return Warped(proposal ^ mismatch, mismatch)


def _unmoved(queue: list[int], rings: bytearray, *, width: int) -> list[int]:
    """What is left of the queue when nothing moves any more."""
    # To a neighbour, a pixel is the neighbour on the opposite side: number 7 - k.
    flips = [(down * width + right, 1 << (7 - number)) for number, (down, right) in enumerate(NEIGHBOURS)]
    while True:
        left = []
        for pixel in queue:
            if SIMPLE[rings[pixel]]:
                for step, bit in flips:
                    rings[pixel + step] ^= bit
            else:
                left.append(pixel)
        if len(left) == len(queue):
            return left
        queue = left
