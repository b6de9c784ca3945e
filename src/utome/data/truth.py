"""Pixels and truth of a sample, whatever files they lie in."""

import numpy as np
from jaxtyping import Int32

from utome.data.coco import read_coco
from utome.data.formats import (
    ON_ITS_SIDE,
    Labels,
    Notice,
    Pixels,
    exif_orientation,
    image_size,
    read_image,
    read_mask,
    unnoticed,
)
from utome.data.samples import Sample
from utome.errors import DataError

# In a truth: nothing is known of this pixel. No mask that is meant as one holds this value.
UNKNOWN = -(2**31)
Objects = Int32[np.ndarray, "h w"]


def read_pixels(sample: Sample, notice: Notice = unnoticed) -> Pixels:
    """The image of a sample, upright where its truth is; `notice` is told what is odd about its file."""
    return read_image(sample.image, page=sample.page, upright=stands_upright(sample), fill=sample.fill, notice=notice)


def stands_upright(sample: Sample) -> bool:
    """Whether the image is turned as its EXIF says, as viewers show it: always, but where only the stored size fits the truth.

    False where the EXIF asks for no turn.
    """
    orientation = exif_orientation(sample.image)
    if orientation == 1:
        return False
    stored = image_size(sample.image, page=sample.page)
    return stored != _truth_size(sample) or orientation not in ON_ITS_SIDE or stored[0] == stored[1]


def read_truth(sample: Sample, notice: Notice = unnoticed) -> Labels:
    """The mask values of a sample, `UNKNOWN` outside its field of view.

    Objects in files or numbers of their own are united to 0 and 1; those of a COCO document have the value of their
    category, as `utome.data.coco` counts them.
    """
    truth = _values(sample, notice)
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

    Where objects overlap, the later one in the folder or the document wins.
    """
    if sample.truth == "objects":
        return _object_files(sample)
    if sample.truth == "instances":
        return _object_numbers(sample)
    if sample.truth == "coco" and sample.entry is not None:
        return read_coco(sample.masks[0]).objects(sample.entry)
    raise DataError(
        f"The truth '{sample.truth_source}' says which class a pixel has, not which object it belongs to. Give one file an object, "
        "or object numbers."
    )


def _truth_size(sample: Sample) -> tuple[int, int] | None:
    """Height and width of the truth, without reading it; none where there is no truth."""
    if not sample.masks:
        return None
    if sample.truth == "coco" and sample.entry is not None:
        entry = read_coco(sample.masks[0]).images.get(sample.entry)
        return None if entry is None else (entry.height, entry.width)
    return image_size(sample.masks[0], page=sample.page)


def _values(sample: Sample, notice: Notice) -> Labels:
    if sample.truth == "labels":
        return read_mask(sample.masks[0], page=sample.page, notice=notice)
    if sample.truth == "coco" and sample.entry is not None:
        return read_coco(sample.masks[0]).labels(sample.entry)
    return (read_objects(sample) > 0).astype(np.uint8)


def _object_numbers(sample: Sample) -> Objects:
    numbers = read_mask(sample.masks[0], page=sample.page)
    lowest, highest = int(numbers.min()), int(numbers.max())
    if lowest < 0 or highest > np.iinfo(np.int32).max:
        raise DataError(
            f"'{sample.truth_source}' holds values from {lowest} to {highest}; accepted as object numbers: 0, where there is no object, "
            f"to {np.iinfo(np.int32).max}. Number the objects again."
        )
    return numbers.astype(np.int32)


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
