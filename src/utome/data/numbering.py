"""Whether masks that seem to hold many classes number objects instead."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from utome.data.samples import Sample
from utome.data.truth import read_truth

# So many masks are looked at, and so many numbers must be met: fewer may well be classes of which each has one place.
MASKS, NUMBERS = 12, 4


def numbers_objects(samples: Sequence[Sample]) -> bool:
    """Whether in every mask each value but 0 is one connected piece, and masks differ in the values that they hold.

    Classes come in several pieces, or are the same in most masks.
    """
    step = -(-len(samples) // MASKS)
    held = []
    for sample in samples[::step]:
        truth = read_truth(sample)
        values = frozenset(map(int, np.unique(truth))) - {0}
        if not all(_is_one_piece(truth == value) for value in values):
            return False
        held.append(values)
    return len(frozenset().union(*held)) >= NUMBERS and len(set(held)) > 1


def _is_one_piece(mask: np.ndarray) -> bool:
    return int(ndimage.label(mask, structure=np.ones((3, 3)))[1]) == 1
