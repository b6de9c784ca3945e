"""The truth of a sample: a label map from one file, or from one file for each object."""

import numpy as np
from jaxtyping import Int32, UInt8

from utome.data.formats import Labels, read_mask
from utome.data.layouts import Sample
from utome.errors import DataError


def read_truth(sample: Sample) -> Labels:
    """The mask values of a sample; objects in files of their own are united to 0 and 1."""
    if sample.objects:
        return (read_objects(sample) > 0).astype(np.uint8)
    return read_mask(sample.masks[0])


def read_objects(sample: Sample) -> Int32[np.ndarray, "h w"]:
    """Object numbers from 1 of a sample with one file an object; where two overlap, the later file wins."""
    objects: Int32[np.ndarray, "h w"] | None = None
    for number, path in enumerate(sample.masks, start=1):
        mask: UInt8[np.ndarray, "h w"] | Labels = read_mask(path)
        if objects is None:
            objects = np.zeros(mask.shape, dtype=np.int32)
        elif mask.shape != objects.shape:
            raise DataError(
                f"The mask '{path}' is {mask.shape[0]}x{mask.shape[1]}, but the masks before it are "
                f"{objects.shape[0]}x{objects.shape[1]}. All masks of one image must have its size."
            )
        objects[mask > 0] = number
    if objects is None:
        raise DataError(f"The image '{sample.image}' has no masks. Add them, or take it out.")
    return objects
