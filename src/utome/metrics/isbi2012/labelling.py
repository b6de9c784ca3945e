"""From probabilities to cells: the challenge's thresholds, what lies above them, and what hangs together."""

from itertools import accumulate

import numpy as np
from jaxtyping import Bool, Float32, Int32
from scipy import ndimage

# 0 to 0.9, and to 1 for the thinned scores. The challenge's loops add 0.1 again and again, so that the last two lie
# just below 0.9 and 1; that matters where a probability is exactly 0.8, 0.9 or 1.
THINNED_THRESHOLDS = tuple(accumulate([0.0] + 10 * [0.1]))
THRESHOLDS = THINNED_THRESHOLDS[:10]


def above(probability: Float32[np.ndarray, "*shape"], threshold: float) -> Bool[np.ndarray, "*shape"]:
    """Where a probability is greater than the threshold; float32 against a double, which NumPy would round first.

    >>> bool(above(np.float32([0.2]), 0.2)[0])  # float32 has no 0.2, and its nearest number is greater
    True
    """
    return probability > np.float64(threshold)


def components(cells: Bool[np.ndarray, "h w"]) -> Int32[np.ndarray, "h w"]:
    """Cells numbered from 1, which hang together over their sides (4-connected); 0 is border.

    >>> components(np.asarray([[True, False], [False, True]])).tolist()
    [[1, 0], [0, 2]]
    """
    return ndimage.label(cells, output=np.int32)[0]
