"""The size, place and length of objects.

Length has two definitions, because no single one suits both cracks and nuclei. The axis of a curved crack is much
shorter than the crack, and the skeleton of a round nucleus is a point. So a *thin* object has the length of its
skeleton, and any other the major axis of the ellipse with the same second moments. Thin is what by its skeleton is at
least `THIN` times as long as it is wide on average (area over length).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64

from utome.metrics.checks import Mask
from utome.metrics.overlaps import Instances, connected_objects
from utome.metrics.skeleton import skeleton

THIN = 4.0
# A pixel is a square, whose own second moment about its centre this is.
PIXEL_MOMENT = 1 / 12


@dataclass(frozen=True)
class Shapes:
    """Measures of objects 1 to n, in pixels; `centroids` are (y, x), the first pixel's centre being (0, 0).

    `skeletons` are lengths along the skeleton with all its branches, `axes` major axes and `minor_axes` the others of the same ellipses.
    """

    areas: Int64[np.ndarray, " n"]
    centroids: Float64[np.ndarray, "n 2"]
    axes: Float64[np.ndarray, " n"]
    minor_axes: Float64[np.ndarray, " n"]
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

    @property
    def eccentricities(self) -> Float64[np.ndarray, " n"]:
        """Of the ellipses: 0 is a circle, and what is near 1 a line."""
        return np.sqrt(1 - (self.minor_axes / self.axes) ** 2)


def described(found: Shapes, place: int, pixel_um: float | None) -> dict[str, Any]:
    """The size, length and place of one object by the names of a table's columns; µm are none where a pixel's size is not known."""
    area, length = int(found.areas[place]), float(found.lengths[place])
    diameter, (y, x) = float(found.diameters[place]), found.centroids[place].tolist()
    return {
        "area_px": area,
        "area_um2": None if pixel_um is None else area * pixel_um**2,
        "length_px": length,
        "length_um": None if pixel_um is None else length * pixel_um,
        "length_along": "skeleton" if found.thin[place] else "major axis",
        "diameter_px": diameter,
        "diameter_um": None if pixel_um is None else diameter * pixel_um,
        "centroid_y_px": y,
        "centroid_x_px": x,
    }


def shapes(mask: Mask) -> tuple[Int64[np.ndarray, "h w"], Shapes]:
    """The connected parts of a mask, corners included, as an instance map numbered from 1, and their measures."""
    instances = connected_objects(mask)
    return instances, measured(instances)


def measured(instances: Instances) -> Shapes:
    """The measures of the objects 1 to n of an instance map, each of which has a pixel; they may touch."""
    inside = np.flatnonzero(instances)
    places = instances.ravel()[inside].astype(np.int64) - 1
    y, x = np.divmod(inside, instances.shape[1])
    areas = np.bincount(places)
    mean_y, mean_x = (np.bincount(places, weights=each, minlength=areas.size) / areas for each in (y, x))
    off_y, off_x = y - mean_y[places], x - mean_x[places]
    yy, xx, yx = (
        np.bincount(places, weights=each, minlength=areas.size) / areas for each in (off_y**2, off_x**2, off_y * off_x)
    )
    middle, spread = (yy + xx) / 2 + PIXEL_MOMENT, np.hypot((yy - xx) / 2, yx)
    # Rounding may take a line's width below that of its pixels.
    axes, minor_axes = 4 * np.sqrt(middle + spread), 4 * np.sqrt(np.maximum(middle - spread, PIXEL_MOMENT))
    centroids = np.stack([mean_y, mean_x], axis=1)
    return Shapes(areas.astype(np.int64), centroids, axes, minor_axes, _skeletons(instances, areas.size))


def _skeletons(instances: Instances, count: int) -> Float64[np.ndarray, " n"]:
    """The length of the links between neighbouring pixels of each object's skeleton, and one pixel for its two halves of an end.

    Objects that touch are thinned one after another, so that the skeleton of all is that of each. A link across a corner
    counts only where there is no way around it.
    """
    lengths = np.ones(count)
    for chosen in _apart(instances, count):
        _add_links(lengths, skeleton(chosen[instances]), instances)
    return lengths


def _apart(instances: Instances, count: int) -> list[Bool[np.ndarray, " m"]]:
    """Sets of objects that do not touch, corners included, with all in one of them: by object number, is it in the set?"""
    below, right, falling, rising = (
        (instances[1:], instances[:-1]),
        (instances[:, 1:], instances[:, :-1]),
        (instances[1:, 1:], instances[:-1, :-1]),
        (instances[1:, :-1], instances[:-1, 1:]),
    )
    touching: dict[int, set[int]] = {}
    for ours, theirs in (below, right, falling, rising):
        meet = (ours != theirs) & (ours > 0) & (theirs > 0)
        for one, other in set(zip(ours[meet].tolist(), theirs[meet].tolist(), strict=True)):
            touching.setdefault(one, set()).add(other)
            touching.setdefault(other, set()).add(one)
    sets = np.zeros(count + 1, dtype=np.int64)
    for number, others in sorted(touching.items()):
        taken = {int(sets[other]) for other in others if other < number}
        sets[number] = next(place for place in range(count) if place not in taken)
    sets[0] = -1
    return [sets == place for place in range(int(sets.max(initial=-1)) + 1)]


def _add_links(lengths: Float64[np.ndarray, " n"], line: Mask, instances: Instances) -> None:
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
    for links, owners, length in starts:
        lengths += length * np.bincount(owners[links].astype(np.int64) - 1, minlength=lengths.size)
