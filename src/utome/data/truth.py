"""Pixels and truth of a sample, whatever files they lie in."""

import numpy as np
from jaxtyping import Int32, Integer

from utome.data.formats import Labels, Pixels, read_image, read_mask
from utome.data.samples import Sample
from utome.errors import DataError

# In a truth: nothing is known of this pixel. No mask that is meant as one holds this value.
UNKNOWN = -(2**31)
Objects = Int32[np.ndarray, "h w"]


def read_pixels(sample: Sample) -> Pixels:
    """The image of a sample."""
    return read_image(sample.image, page=sample.page)


def read_truth(sample: Sample) -> Labels:
    """The mask values of a sample, `UNKNOWN` outside its field of view; objects are united to 0 and 1."""
    truth = read_mask(sample.masks[0], page=sample.page) if sample.truth == "labels" else _united(sample)
    if sample.field is None:
        return truth
    field = read_mask(sample.field)
    if field.shape != truth.shape:
        raise DataError(
            f"The field of view '{sample.field}' is {field.shape[0]}x{field.shape[1]}, but the mask "
            f"'{sample.truth_source}' is {truth.shape[0]}x{truth.shape[1]}. They must have the same size."
        )
    known = truth.astype(np.int64)
    known[field == 0] = UNKNOWN
    return known


def read_objects(sample: Sample) -> Objects:
    """Object numbers from 1, 0 elsewhere; `DataError` where the sample's truth tells no objects apart.

    Where objects in files of their own overlap, the later file wins.
    """
    if sample.truth == "objects":
        return _object_files(sample)
    if sample.truth == "instances":
        return read_mask(sample.masks[0], page=sample.page).astype(np.int32)
    raise DataError(
        f"The truth '{sample.truth_source}' says which class a pixel has, not which object it belongs to. Give one file an object, "
        "or object numbers."
    )


def _united(sample: Sample) -> Integer[np.ndarray, "h w"]:
    return (read_objects(sample) > 0).astype(np.uint8)


def _object_files(sample: Sample) -> Objects:
    objects: Objects | None = None
    for number, path in enumerate(sample.masks, start=1):
        mask = read_mask(path)
        if objects is None:
            objects = np.zeros(mask.shape, dtype=np.int32)
        elif mask.shape != objects.shape:
            raise DataError(
                f"The mask '{path}' is {mask.shape[0]}x{mask.shape[1]}, but the masks before it are "
                f"{objects.shape[0]}x{objects.shape[1]}. All masks of one image must have its size."
            )
        objects[mask > 0] = number
    if objects is None:
        raise DataError(f"The image '{sample.source}' has no masks. Add them, or take it out.")
    return objects
