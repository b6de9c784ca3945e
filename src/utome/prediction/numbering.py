"""Numbers of objects by their first pixel, so that one set of objects has one numbering."""

import numpy as np
from jaxtyping import Int32, Int64, Integer


def by_first_pixel(
    instances: Integer[np.ndarray, "h w"],
) -> tuple[Int32[np.ndarray, "h w"], Int64[np.ndarray, " n"]]:
    """The same objects numbered from 1 in reading order of their first pixels, and the number that each had before.

    Numbers before may be any from 1, with gaps; 0 stays.

    >>> by_first_pixel(np.asarray([[0, 7, 7], [2, 2, 7]]))[0].tolist()
    [[0, 1, 1], [2, 2, 1]]
    """
    flat = instances.ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=-1))
    numbers, first = np.unique(flat[starts], return_index=True)  # the first of equal ones
    objects = numbers > 0
    order = np.argsort(first[objects])
    before = numbers[objects][order].astype(np.int64)
    table = np.zeros(int(numbers.max(initial=0)) + 1, dtype=np.int32)
    table[before] = np.arange(1, before.size + 1)
    return table[instances], before
