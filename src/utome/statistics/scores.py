"""A score as the statistics see it: a function of sums over units, worked for many data sets at once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from utome.statistics.units import Sums

Scored = Float64[np.ndarray, "b"]


@dataclass(frozen=True)
class Score:
    """How a data set's score follows from its sums.

    `of` takes b data sets' sums at once, (b, k, k) confusion counts or what else the units hold, and returns b scores,
    NaN where one does not exist; counts may be fractions. `bounds` are the least and the greatest score there can be,
    none where it has no bounds: intervals keep within them.
    """

    of: Callable[[Sums], Scored]
    bounds: tuple[float, float] | None = (0.0, 1.0)
    higher_is_better: bool = True


def mean_over_images(sums: Float64[np.ndarray, "b 2"]) -> Scored:
    """The plain mean of images' scores, whatever the groups' sizes; images without a score are left out."""
    return np.divide(sums[:, 0], sums[:, 1], out=np.full(len(sums), np.nan), where=sums[:, 1] > 0)


def mean_over_seeds(of: Callable[[Sums], Scored]) -> Callable[[Sums], Scored]:
    """The mean of the seeds' own scores, from sums (b, seeds, ...); seeds without a score are left out.

    For scores that choose something on the data set, as its best threshold: from counts averaged over seeds they would choose one for
    all, and fault an arm whose trainings differ in where their best threshold lies.
    """

    def mean(sums: Sums) -> Scored:
        values = of(sums.reshape(-1, *sums.shape[2:])).reshape(sums.shape[:2])
        # A seed that did not score any of these units holds nothing, which some scores take for a perfect match of nothing.
        known = ~np.isnan(values) & sums.any(axis=tuple(range(2, sums.ndim)))
        return mean_over_images(np.stack([np.where(known, values, 0).sum(axis=1), known.sum(axis=1)], axis=1))

    return mean


def weighted(sums: Sums, weights: Float64[np.ndarray, "b n"]) -> Float64[np.ndarray, "b ..."]:
    """The sums of b data sets in which unit i occurs `weights[:, i]` times.

    Only products and sums of numbers that are not negative: a class that is in no chosen unit counts exactly 0, which
    taking units away from a total would not give.
    """
    return np.tensordot(weights, sums, axes=1)
