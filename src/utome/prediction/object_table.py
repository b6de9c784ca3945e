"""A table of predicted objects: a row each, with its measures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64

from utome.metrics.shapes import described, measured
from utome.prediction.objects import Objects, Probabilities


@dataclass(frozen=True)
class PredictedObject:
    """One object.

    Lengths of what is thin are those along (`length_along`) the "skeleton", of all else the "major axis"; axes and eccentricity are of the
    ellipse with the same second moments. The box holds all pixels: its first row and column, counted from 0, and its size.
    `mean_probability` is of the object's class. µm are none where the size of a pixel is not known.
    """

    image: str
    object_id: int
    class_name: str
    area_px: int
    area_um2: float | None
    length_px: float
    length_um: float | None
    length_along: Literal["skeleton", "major axis"]
    diameter_px: float
    diameter_um: float | None
    major_axis_px: float
    minor_axis_px: float
    eccentricity: float
    centroid_y_px: float
    centroid_x_px: float
    box_top_px: int
    box_left_px: int
    box_height_px: int
    box_width_px: int
    at_edge: bool
    mean_probability: float | None


def object_rows(
    image: str,
    objects: Objects,
    names: Sequence[str],
    *,
    probabilities: Probabilities | None = None,
    pixel_um: float | None = None,
) -> list[PredictedObject]:
    """A row for each object, in their order; `names` are those of all classes."""
    shapes = measured(objects.instances)
    tops, lefts, bottoms, rights = _boxes(objects)
    height, width = objects.instances.shape
    at_edge = (tops == 0) | (lefts == 0) | (bottoms == height) | (rights == width)
    means = None if probabilities is None else _means(objects, probabilities)

    return [
        PredictedObject(
            image=image,
            object_id=place + 1,
            class_name=names[objects.classes[place]],
            **described(shapes, place, pixel_um),
            major_axis_px=float(shapes.axes[place]),
            minor_axis_px=float(shapes.minor_axes[place]),
            eccentricity=float(shapes.eccentricities[place]),
            box_top_px=int(tops[place]),
            box_left_px=int(lefts[place]),
            box_height_px=int(bottoms[place] - tops[place]),
            box_width_px=int(rights[place] - lefts[place]),
            at_edge=bool(at_edge[place]),
            mean_probability=None if means is None else float(means[place]),
        )
        for place in range(objects.count)
    ]


def _boxes(objects: Objects) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """First row and column of each object, and those after its last ones."""
    inside = np.flatnonzero(objects.instances)
    owners = objects.instances.ravel()[inside] - 1
    places = np.divmod(inside, objects.instances.shape[1])
    first = [np.full(objects.count, max(objects.instances.shape)) for _ in places]
    last = [np.full(objects.count, -1) for _ in places]
    for side, place in enumerate(places):
        np.minimum.at(first[side], owners, place)
        np.maximum.at(last[side], owners, place)
    return first[0], first[1], last[0] + 1, last[1] + 1


def _means(objects: Objects, probabilities: Probabilities) -> Float64[np.ndarray, " n"]:
    inside = objects.instances > 0
    owners = objects.instances[inside] - 1
    y, x = np.nonzero(inside)
    values = probabilities[objects.classes[owners], y, x].astype(np.float64)
    return np.bincount(owners, weights=values, minlength=objects.count) / np.bincount(owners, minlength=objects.count)
