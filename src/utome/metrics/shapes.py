"""The size, place and length of objects.

Length has two definitions, because no single one suits both cracks and nuclei. The axis of a curved crack is much
shorter than the crack, and the skeleton of a round nucleus is a point. So a *thin* object has the length of its
skeleton, and any other the major axis of the ellipse with the same second moments. Thin is what by its skeleton is at
least `THIN` times as long as it is wide on average (area over length).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from utome.metrics.checks import Mask
from utome.metrics.overlaps import connected_objects
from utome.metrics.skeleton import skeleton

THIN = 4.0
# A pixel is a square, whose own second moment about its centre this is.
PIXEL_MOMENT = 1 / 12


@dataclass(frozen=True)
class Shapes:
    """Measures of objects 1 to n, in pixels; `centroids` are (y, x), the first pixel's centre being (0, 0).

    `skeletons` are lengths along the skeleton with all its branches, `axes` major axes.
    """

    areas: Int64[np.ndarray, " n"]
    centroids: Float64[np.ndarray, "n 2"]
    axes: Float64[np.ndarray, " n"]
    skeletons: Float64[np.ndarray, " n"]

    @property
    def thin(self) -> Bool[np.ndarray, " n"]:
        """Which objects have the length of their skeleton."""
        return self.skeletons**2 >= THIN * self.areas

    @property
    def lengths(self) -> Float64[np.ndarray, " n"]:
        """The skeleton's length of what is thin, the major axis of all else."""
        return np.where(self.thin, self.skeletons, self.axes)

    @property
    def diameters(self) -> Float64[np.ndarray, " n"]:
        """The diameter of the disc of the same area."""
        return np.sqrt(4 * self.areas / np.pi)


def shapes(mask: Mask) -> tuple[Int64[np.ndarray, "h w"], Shapes]:
    """The connected parts of a mask, corners included, as an instance map numbered from 1, and their measures."""
    instances = connected_objects(mask)
    inside = np.flatnonzero(instances)
    places = instances.ravel()[inside] - 1
    y, x = np.divmod(inside, mask.shape[1])
    areas = np.bincount(places)
    mean_y, mean_x = (np.bincount(places, weights=each, minlength=areas.size) / areas for each in (y, x))
    off_y, off_x = y - mean_y[places], x - mean_x[places]
    yy, xx, yx = (
        np.bincount(places, weights=each, minlength=areas.size) / areas for each in (off_y**2, off_x**2, off_y * off_x)
    )
    largest = (yy + xx) / 2 + np.hypot((yy - xx) / 2, yx) + PIXEL_MOMENT
    centroids = np.stack([mean_y, mean_x], axis=1)
    return instances, Shapes(areas.astype(np.int64), centroids, 4 * np.sqrt(largest), _skeletons(mask, instances))


def _skeletons(mask: Mask, instances: Int64[np.ndarray, "h w"]) -> Float64[np.ndarray, " n"]:
    """The length of the links between neighbouring pixels of each part's skeleton, and one pixel for its two halves of an end.

    Parts do not touch, so that the mask's skeleton is that of its parts. A link across a corner counts only where there
    is no way around it.
    """
    line = skeleton(mask)
    below, right = line[1:] & line[:-1], line[:, 1:] & line[:, :-1]
    falling = line[1:, 1:] & line[:-1, :-1] & ~line[1:, :-1] & ~line[:-1, 1:]
    rising = line[1:, :-1] & line[:-1, 1:] & ~line[1:, 1:] & ~line[:-1, :-1]
    # A link belongs to the part of its upper pixel, or of its left one.
    starts = (
        (below, instances[:-1], 1.0),
        (right, instances[:, :-1], 1.0),
        (falling, instances[:-1, :-1], np.sqrt(2)),
        (rising, instances[:-1, 1:], np.sqrt(2)),
    )
    count = int(instances.max(initial=0))
    lengths = np.ones(count)
    for links, owners, length in starts:
        lengths += length * np.bincount(owners[links] - 1, minlength=count)
    return lengths
