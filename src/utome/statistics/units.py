"""Results become units: the image, or the group of images that belong together, such as the eyes of one child.

Units are what is drawn from the population, so they alone are n. Seeds and folds are nested in an image: all results
that an arm has of an image are averaged first, confusion matrices count by count. The score of a data set is then one
function of sums over units, and a resample of the data set is a matrix of weights times these sums. Averaging the
counts, and not the scores of each seed's data set, needs no complete table: an image may have three seeds and
another two, or fall into the test part of several folds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from utome.errors import DataError

Sums = Float64[np.ndarray, "n ..."]
Value = float | np.ndarray


@dataclass(frozen=True)
class Result:
    """What one arm reached on one image in one run.

    `value` is the image's confusion matrix (k, k), or its score; a score that does not exist is NaN.
    """

    arm: str
    image: str
    value: Value
    group: str | None = None
    seed: int = 0
    fold: int = 0


@dataclass(frozen=True)
class Unit:
    """What is drawn from the population as one: a group, or an image that stands alone."""

    name: str
    images: tuple[str, ...]
    is_group: bool


@dataclass(frozen=True)
class Arm:
    """One model's results, a row a unit, units sorted by name.

    `sums` over the images of a unit: of confusion matrices (n, k, k); or, of scores, their sum and how many they are
    (n, 2), so that the mean over images is a function of sums as well.
    """

    name: str
    units: tuple[Unit, ...]
    sums: Sums


def arms(results: Iterable[Result]) -> list[Arm]:
    """The arms in order of appearance.

    `DataError` for no results at all, for two results of one arm, image, seed and fold, for an image in two groups,
    and for values of several shapes.
    """
    rows = list(results)
    if not rows:
        raise DataError("There are no results to compare. Give at least one image's result of each arm.")
    _refuse_contradictions(rows)
    by_arm: dict[str, list[Result]] = {}
    for row in rows:
        by_arm.setdefault(row.arm, []).append(row)
    return [_arm(name, own) for name, own in by_arm.items()]


def paired(one: Arm, other: Arm) -> tuple[Sums, Sums]:
    """The sums of both arms, a row a unit; units in which neither arm has anything to count are left out.

    `DataError` where the arms have other images or other groups.
    """
    if one.units != other.units:
        raise DataError(
            f"'{one.name}' and '{other.name}' have not the same images in the same groups{_example(one, other)}. "
            "A paired comparison needs every image in both: score both on the same images."
        )
    if one.sums.shape != other.sums.shape:
        raise DataError(
            f"'{one.name}' has results of shape {one.sums.shape[1:]} and '{other.name}' of {other.sums.shape[1:]}. "
            "Score both under the same classes."
        )
    held = holds_anything(one.sums) | holds_anything(other.sums)
    return one.sums[held], other.sums[held]


def holds_anything(sums: Sums) -> Bool[np.ndarray, " n"]:
    """Which units have anything to count: not those none of whose images has a score."""
    return np.asarray(sums.any(axis=tuple(range(1, sums.ndim))))


def noun(units: Sequence[Unit], count: int) -> str:
    """What to call so many units.

    >>> noun([Unit("a", ("a",), is_group=False)], 1), noun([Unit("child", ("l", "r"), is_group=True)], 2)
    ('image', 'groups')
    """
    return ("group" if any(unit.is_group for unit in units) else "image") + ("" if count == 1 else "s")


def _arm(name: str, results: Sequence[Result]) -> Arm:
    images: dict[tuple[bool, str], dict[str, list[Value]]] = {}
    for row in results:
        unit = (row.group is not None, row.image if row.group is None else row.group)
        images.setdefault(unit, {}).setdefault(row.image, []).append(row.value)
    ordered = sorted(images)
    units = tuple(Unit(unit, tuple(sorted(images[is_group, unit])), is_group) for is_group, unit in ordered)
    return Arm(name, units, np.stack([sum(_average(values) for values in images[unit].values()) for unit in ordered]))


def _average(values: Sequence[Value]) -> Float64[np.ndarray, "..."]:
    """One image's mean over seeds and folds, in the form that is summed over images."""
    table = np.asarray(values, dtype=np.float64)
    if table.ndim > 1:
        return table.mean(axis=0)
    known = table[~np.isnan(table)]
    return np.asarray([known.mean(), 1.0]) if known.size else np.zeros(2)


def _refuse_contradictions(rows: Sequence[Result]) -> None:
    seen: set[tuple[str, str, int, int]] = set()
    groups: dict[str, str | None] = {}
    shape = np.shape(rows[0].value)
    for row in rows:
        run = (row.arm, row.image, row.seed, row.fold)
        if run in seen:
            raise DataError(
                f"'{row.arm}' has two results of image '{row.image}' with seed {row.seed} and fold {row.fold}. "
                "Give each run's result once, or runs of their own their own seed or fold."
            )
        seen.add(run)
        if groups.setdefault(row.image, row.group) != row.group:
            raise DataError(
                f"Image '{row.image}' is in group {groups[row.image]!r} and in {row.group!r}. An image belongs to one."
            )
        if np.shape(row.value) != shape:
            raise DataError(
                f"The result of image '{row.image}' has shape {np.shape(row.value)}, that of '{rows[0].image}' {shape}. "
                "All must be scores, or confusion matrices of the same classes."
            )


def _example(one: Arm, other: Arm) -> str:
    images = [{image for unit in arm.units for image in unit.images} for arm in (one, other)]
    lone = sorted(images[0] ^ images[1])
    return f": '{lone[0]}', for example, is in only one of them" if lone else ""
