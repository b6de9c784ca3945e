"""Pixels and truth of a sample, whatever files they lie in."""

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int32
from scipy import ndimage

from utome.data.coco import read_coco
from utome.data.formats import (
    COLOURED,
    Labels,
    Notice,
    Pixels,
    Quirk,
    exif_orientation,
    is_lossy,
    read_image,
    read_mask,
    unnoticed,
)
from utome.data.samples import Sample
from utome.data.turning import mask_stands_upright, stands_upright
from utome.errors import DataError

# In a truth: nothing is known of this pixel. No mask that is meant as one holds this value.
UNKNOWN = -(2**31)
# In a JPEG, what lies above is white: its compression blurs black and white alike.
THRESHOLD = 127
# Around an object that was drawn by hand, so many pixels are known not to be of it.
OUTLINE = 5
Objects = Int32[np.ndarray, "h w"]
Mask = Bool[np.ndarray, "h w"]


def read_pixels(sample: Sample, notice: Notice = unnoticed) -> Pixels:
    """The image of a sample, upright where its truth is; `notice` is told what is odd about its file."""
    upright = stands_upright(sample)
    if not upright and exif_orientation(sample.image) != 1:
        notice(Quirk.UNTURNED)
    return read_image(sample.image, page=sample.page, upright=upright, fill=sample.fill, notice=notice)


def read_truth(sample: Sample, notice: Notice = unnoticed) -> Labels:
    """The mask values of a sample, `UNKNOWN` outside its field of view; masks are turned by their own EXIF where they fit so.

    Objects in files or numbers of their own are united to 0 and 1; those of a COCO document have the value of their
    category, as `utome.data.coco` counts them.
    """
    truth = _values(sample, notice)
    if not sample.complete and sample.truth in {"instances", "objects"}:
        truth = np.where(_near(truth > 0), truth.astype(np.int64), UNKNOWN)
    if sample.field is None:
        return truth
    inside = _shown(sample.field, upright=True, notice=notice)
    if inside.shape != truth.shape:
        raise DataError(
            f"The field of view '{sample.field}' is {inside.shape[0]}x{inside.shape[1]}, but the mask "
            f"'{sample.truth_source}' is {truth.shape[0]}x{truth.shape[1]}. They must have the same size."
        )
    known = truth.astype(np.int64)
    known[~inside] = UNKNOWN
    return known


def read_objects(sample: Sample, notice: Notice = unnoticed) -> Objects:
    """Object numbers from 1, 0 elsewhere; `DataError` where the sample's truth tells no objects apart.

    Where objects overlap, the later one in the folder or the document wins. In a coloured mask each colour but black is an
    object.
    """
    if sample.truth == "objects":
        return _object_files(sample, notice)
    if sample.truth == "instances":
        return _object_numbers(sample, notice)
    if sample.truth == "coco" and sample.entry is not None:
        return read_coco(sample.masks[0]).objects(sample.entry)
    raise DataError(
        f"The truth '{sample.truth_source}' says which class a pixel has, not which object it belongs to. Give one file an object, "
        "or object numbers."
    )


def _near(objects: Mask) -> Mask:
    """The objects, and what lies so near to one that it would have been drawn if it were of it."""
    if not objects.any():
        return objects
    return np.asarray(ndimage.distance_transform_edt(~objects) <= OUTLINE)


def _values(sample: Sample, notice: Notice) -> Labels:
    if sample.truth == "labels":
        return _mask(sample, notice)
    if sample.truth == "coco" and sample.entry is not None:
        return read_coco(sample.masks[0]).labels(sample.entry)
    return (read_objects(sample, notice) > 0).astype(np.uint8)


def _mask(sample: Sample, notice: Notice) -> Labels:
    path, upright = sample.masks[0], mask_stands_upright(sample)
    if not upright and exif_orientation(path) != 1:
        notice(Quirk.MASK_UNTURNED)
    return read_mask(path, page=sample.page, upright=upright, notice=notice)


def _object_numbers(sample: Sample, notice: Notice) -> Objects:
    if is_lossy(sample.masks[0]):
        raise DataError(
            f"'{sample.truth_source}' is a JPEG, which cannot hold object numbers: its compression changes them. Save the numbers as "
            "PNG or TIFF."
        )
    numbers = _mask(sample, notice)
    if _is_coloured(numbers):
        return _numbered(numbers)
    lowest, highest = int(numbers.min()), int(numbers.max())
    if lowest < 0 or highest > np.iinfo(np.int32).max:
        raise DataError(
            f"'{sample.truth_source}' holds values from {lowest} to {highest}; accepted as object numbers: 0, where there is no object, "
            f"to {np.iinfo(np.int32).max}. Number the objects again."
        )
    return numbers.astype(np.int32)


def _object_files(sample: Sample, notice: Notice) -> Objects:
    objects: Objects | None = None
    upright = bool(sample.masks) and mask_stands_upright(sample)
    for number, path in enumerate(sample.masks, start=1):
        shown = _shown(path, upright=upright, notice=notice)
        if objects is None:
            objects = np.zeros(shown.shape, dtype=np.int32)
        elif shown.shape != objects.shape:
            raise DataError(
                f"The mask '{path}' is {shown.shape[0]}x{shown.shape[1]}, but the masks before it are "
                f"{objects.shape[0]}x{objects.shape[1]}. All masks of one image must have its size."
            )
        objects[shown] = number
    if objects is None:
        raise DataError(f"The image '{sample.source}' has no masks. Add them, or take it out.")
    return objects


def _shown(path: Path, *, upright: bool, notice: Notice) -> Mask:
    """Where a mask of one thing alone is not black; in a JPEG, where a colour lies above `THRESHOLD`."""
    mask = read_mask(path, upright=upright, notice=notice)
    if not is_lossy(path):
        return mask > (COLOURED if _is_coloured(mask) else 0)
    brightest = np.max([mask >> shift & 255 for shift in (0, 8, 16)], axis=0) if _is_coloured(mask) else mask
    if 0 < brightest.max() <= THRESHOLD:
        raise DataError(
            f"The mask '{path}' is a JPEG whose brightest value is {brightest.max()}; accepted in a JPEG: black, "
            f"and what lies above {THRESHOLD} for the object. Save it as PNG with 0 and 255."
        )
    notice(Quirk.NOISY)
    return brightest > THRESHOLD


def _is_coloured(mask: Labels) -> bool:
    """Whether all values are colours: they are, black too, in a file with any."""
    return mask.size > 0 and int(mask.min()) >= COLOURED and int(mask.max()) < 2 * COLOURED


def _numbered(colours: Labels) -> Objects:
    """The colours of a mask counted from 1 in order, black as 0."""
    found, numbers = np.unique(colours, return_inverse=True)
    first = 0 if found[0] == COLOURED else 1
    return (numbers.reshape(colours.shape) + first).astype(np.int32)
