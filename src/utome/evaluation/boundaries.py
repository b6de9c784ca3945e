"""Boundaries: how far those of truth and prediction lie apart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from utome.evaluation.case import Case
from utome.evaluation.measures import Family, Measure, Sums
from utome.metrics.boundaries import BoundaryDistances, boundary_distances
from utome.metrics.twosided import TwoSided


@dataclass(frozen=True)
class ClassBoundaries:
    """Of one class: the boundary pixels of either side that lie near the other, and all distances, image by image."""

    near: TwoSided
    images: tuple[BoundaryDistances, ...] = ()

    def __add__(self, other: "ClassBoundaries") -> "ClassBoundaries":
        return ClassBoundaries(self.near + other.near, (*self.images, *other.images))

    @cached_property
    def together(self) -> BoundaryDistances:
        """The distances of all images."""
        return BoundaryDistances(
            np.concatenate([each.to_truth for each in self.images]),
            np.concatenate([each.to_predicted for each in self.images]),
            self.images[0].unit,
        )


@dataclass(frozen=True)
class BoundaryCounts:
    """The boundaries of each class that is scored."""

    classes: tuple[ClassBoundaries, ...]

    def __add__(self, other: "BoundaryCounts") -> "BoundaryCounts":
        return BoundaryCounts(tuple(a + b for a, b in zip(self.classes, other.classes, strict=True)))


class Boundaries(Family[BoundaryCounts]):
    """Boundary F at a tolerance, Hausdorff and mean distances; of two classes that of the second, else of each."""

    name = "boundaries"

    def __init__(self, classes: Sequence[str], *, tolerance: float, pixel_size_um: float | None) -> None:
        chosen = list(enumerate(classes))[1 if len(classes) == 2 else 0 :]
        self._numbers = tuple(number for number, _ in chosen)
        self._pixel_size_um = pixel_size_um
        self._tolerance = tolerance * (pixel_size_um or 1)
        unit = "pixels" if pixel_size_um is None else "µm"
        within = f"within {self._tolerance:g} {unit}"
        self.about = f"the boundary pixels of all images together; distances in {unit}"
        self.headline = f"{chosen[0][1]}.f1"
        self.measures = tuple(
            measure for place, (_, name) in enumerate(chosen) for measure in _measures(place, name, within, unit)
        )

    def count(self, case: Case) -> BoundaryCounts:
        """The distances of each class."""
        size = self._pixel_size_um
        pixel = None if size is None else (size, size)
        found = (
            boundary_distances(case.truth == number, case.predicted == number, known=case.known, pixel_size_um=pixel)
            for number in self._numbers
        )
        # A distance of two pixels of 0.1 µm is rounded as the tolerance is not.
        reach = self._tolerance * (1 + 1e-9)
        return BoundaryCounts(tuple(ClassBoundaries(each.within(reach), (each,)) for each in found))

    def pack(self, counts: BoundaryCounts) -> Sums:
        """The four numbers behind the boundary F of each class."""
        return np.asarray(
            [
                number
                for each in counts.classes
                for number in (each.near.predicted_right, each.near.predicted, each.near.truth_found, each.near.truth)
            ],
            dtype=np.float64,
        )

    def unpack(self, sums: Sums) -> BoundaryCounts:
        """What the boundary F needs; distances are gone."""
        rows = np.rint(sums).astype(int).reshape(-1, 4).tolist()
        return BoundaryCounts(tuple(ClassBoundaries(TwoSided(*row)) for row in rows))


def _measures(place: int, name: str, within: str, unit: str) -> list[Measure[BoundaryCounts]]:
    near = {
        "f1": f"boundary F: harmonic mean of the boundary's precision and recall; none without any boundary ({within})",
        "precision": f"share of the predicted boundary that lies {within} of the true one",
        "recall": f"share of the true boundary that lies {within} of the predicted one",
    }
    far = {
        "hausdorff_95": f"the larger of the two directions' 95th percentiles, in {unit}; infinite where one side has no boundary",
        "hausdorff": f"the largest of all distances, in {unit}",
        "mean_distance": f"mean over the boundary pixels of both sides, in {unit}",
    }
    return [
        *(Measure(f"{name}.{score}", _near(place, score), told) for score, told in near.items()),
        *(
            Measure(f"{name}.{score}", _far(place, score), told, bounds=None, interval=False)
            for score, told in far.items()
        ),
    ]


def _near(place: int, score: str) -> Callable[[BoundaryCounts], float]:
    return lambda counts: float(getattr(counts.classes[place].near, score))


def _far(place: int, score: str) -> Callable[[BoundaryCounts], float]:
    return lambda counts: float(getattr(counts.classes[place].together, score))
