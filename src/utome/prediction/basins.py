"""Parting a mask at its necks: each pixel belongs to the peak to which the steepest way up from it leads.

These are the catchment basins of the watershed by topographic distance (Meyer 1994, Topographic distance and watershed
lines) of the surface turned upside down, with no line between them. A surface has many small peaks, so basins are
united where two peaks are hardly parted: from the highest pass between two basins to the lowest, as a flood would find
them (the dynamics of Grimaud 1992, as a share of the lower peak and not as a difference, so that it has no unit).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64

from utome.metrics.skeleton import NEIGHBOURS

Mask = Bool[np.ndarray, "h w"]
Surface = Float64[np.ndarray, "h w"]
# Each pair of neighbours once.
FORWARD = ((0, 1), (1, -1), (1, 0), (1, 1))


@dataclass(frozen=True)
class Peaks:
    """When two peaks are one: the pass between them is at least `neck` of the lower one, or they are less than `apart` pixels apart."""

    neck: float
    apart: float


def basins(mask: Mask, surface: Surface, peaks: Peaks) -> Int32[np.ndarray, "h w"]:
    """The mask's pixels numbered by their peak from 1 without gaps; 0 outside.

    Pixels that touch at a corner are neighbours. The surface must be above 0 in the mask, and is looked at nowhere else. Of equal
    heights the pixel that comes first in reading order counts as the higher, so that the answer is one.
    """
    found = np.zeros(mask.shape, dtype=np.int32)
    if not mask.any():
        return found
    inside = np.flatnonzero(np.pad(mask, 1))
    width = mask.shape[1] + 2
    places = np.full((mask.shape[0] + 2) * width, -1, dtype=np.int64)
    places[inside] = np.arange(inside.size)
    heights = surface[mask]
    summits = _summits(_upward(heights, inside, places, width))
    tops = np.flatnonzero(summits == np.arange(summits.size))
    own = np.searchsorted(tops, summits)
    passes = _passes(heights, own, inside, places, width)
    points = np.stack(np.divmod(inside[tops], width), axis=1).astype(np.float64)
    _, united = np.unique(_united(passes, heights[tops], points, peaks), return_inverse=True)
    found[mask] = (united + 1).astype(np.int32)[own]
    return found


@dataclass(frozen=True)
class Passes:
    """Pairs of basins that touch, the highest pass first; a pass is as high as the lower of its two pixels, where that is highest."""

    first: Int64[np.ndarray, " m"]
    second: Int64[np.ndarray, " m"]
    heights: Float64[np.ndarray, " m"]


def _upward(
    heights: Float64[np.ndarray, " n"], inside: Int64[np.ndarray, " n"], places: Int64[np.ndarray, " p"], width: int
) -> Int64[np.ndarray, " n"]:
    """For each pixel the neighbour to which it rises most steeply, or itself at a peak."""
    itself = np.arange(inside.size)
    target, steepest = itself.copy(), np.full(inside.size, -1.0)
    for down, right in NEIGHBOURS:
        neighbour = places[inside + (down * width + right)]
        there = neighbour >= 0
        rise = np.where(there, heights[neighbour] - heights, -1.0) / np.hypot(down, right)
        # On a plateau the way leads to what comes before.
        higher = (rise > 0) | ((rise == 0) & there & (neighbour < itself))
        better = higher & (rise > steepest)
        target[better] = neighbour[better]
        steepest[better] = rise[better]
    return target


def _summits(target: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """Where each way up ends: ways are followed twice as far each time."""
    while True:
        further = target[target]
        if (further == target).all():
            return target
        target = further


def _passes(
    heights: Float64[np.ndarray, " n"],
    own: Int64[np.ndarray, " n"],
    inside: Int64[np.ndarray, " n"],
    places: Int64[np.ndarray, " p"],
    width: int,
) -> Passes:
    lower, higher, levels = [], [], []
    for down, right in FORWARD:
        neighbour = places[inside + (down * width + right)]
        ours = np.flatnonzero((neighbour >= 0) & (own != own[neighbour]))
        theirs = neighbour[ours]
        lower.append(np.minimum(own[ours], own[theirs]))
        higher.append(np.maximum(own[ours], own[theirs]))
        levels.append(np.minimum(heights[ours], heights[theirs]))
    first, second, level = np.concatenate(lower), np.concatenate(higher), np.concatenate(levels)
    order = np.lexsort((second, first, -level))
    first, second, level = first[order], second[order], level[order]
    _, highest = np.unique(first * inside.size + second, return_index=True)
    highest.sort()
    return Passes(first[highest], second[highest], level[highest])


def _united(
    passes: Passes, heights: Float64[np.ndarray, " k"], points: Float64[np.ndarray, "k 2"], peaks: Peaks
) -> Int64[np.ndarray, " k"]:
    """The peak that each peak is counted to: itself, or a higher one."""
    parents = list(range(heights.size))

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    near = peaks.apart**2
    tops, ys, xs = heights.tolist(), points[:, 0].tolist(), points[:, 1].tolist()
    for one, other, level in zip(passes.first.tolist(), passes.second.tolist(), passes.heights.tolist(), strict=True):
        first, second = root(one), root(other)
        # Of equal peaks the one that comes first stays.
        high, low = (first, second) if (-tops[first], first) <= (-tops[second], second) else (second, first)
        between = (ys[high] - ys[low]) ** 2 + (xs[high] - xs[low]) ** 2
        if high != low and (level >= peaks.neck * tops[low] or between < near):
            parents[low] = high
    return np.asarray([root(place) for place in range(heights.size)], dtype=np.int64)
