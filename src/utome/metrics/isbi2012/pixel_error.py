"""Scores of single pixels, over an image or a whole stack."""

import numpy as np
from jaxtyping import Bool, Float32

Mask = Bool[np.ndarray, "*shape"]


def pixel_f_score(truth: Mask, proposal: Mask) -> float:
    """F score (Dice) of the cells' pixels; 1 where neither holds any. 1 - its maximum is the pixel error of 2012."""
    either = int(truth.sum()) + int(proposal.sum())
    return 2 * int((truth & proposal).sum()) / either if either else 1.0


def pixel_error(truth: Mask, proposal: Mask) -> float:
    """Share of the pixels that differ."""
    return float((truth != proposal).mean())


def squared_error(truth: Mask, probability: Float32[np.ndarray, "*shape"]) -> float:
    """Mean squared difference of truth (0 or 1) and probability, without any threshold."""
    return float(np.square(probability.astype(np.float64) - truth).mean())
