"""Whether masks that seem to hold many classes number objects instead."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy import ndimage

from utome.data.samples import Sample
from utome.data.truth import UNKNOWN, read_truth

# So many masks are looked at, and so many numbers must be met: fewer may well be classes of which each has one place.
MASKS, NUMBERS = 12, 4


def numbers_objects(samples: Sequence[Sample]) -> Literal["surely", "perhaps", "no"]:
    """Whether masks number objects.

    `surely` where in every mask each value but 0 is one connected piece, masks differ in the values that they hold, and there are
    many: classes come in several pieces, or are the same in most masks. `perhaps` where only the first holds.
    """
    step = -(-len(samples) // MASKS)
    held = []
    for sample in samples[::step]:
        truth = read_truth(sample)
        values = frozenset(map(int, np.unique(truth))) - {0, UNKNOWN}
        if not all(_is_one_piece(truth == value) for value in values):
            return "no"
        held.append(values)
    return "surely" if len(frozenset().union(*held)) >= NUMBERS and len(set(held)) > 1 else "perhaps"


def _is_one_piece(mask: np.ndarray) -> bool:
    return int(ndimage.label(mask, structure=np.ones((3, 3)))[1]) == 1
