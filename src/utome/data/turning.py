"""Whether an image and its mask are turned as their EXIF says: where either has such a tag, so that the two fit."""

from dataclasses import dataclass

from utome.data.coco import read_coco
from utome.data.formats import exif_orientation, image_size
from utome.data.samples import Sample


@dataclass(frozen=True)
class Turns:
    """Which of the two stand upright; it changes nothing for a file whose EXIF asks for no turn."""

    image: bool
    mask: bool


# In order of trust: as viewers show both; a tag that a program copied from the image to a mask that it saved upright; a mask drawn
# on the image as it is stored.
WAYS = (Turns(True, True), Turns(True, False), Turns(False, True), Turns(False, False))


def turns(sample: Sample) -> Turns:
    """The first of `WAYS` by which image and mask have one size; the first of all where none does.

    So both are turned where sizes tell nothing apart: half turns, squares, and images without truth.
    """
    return next((way for way in WAYS if _image_size(sample, way) == _mask_size(sample, way)), WAYS[0])


def stands_upright(sample: Sample) -> bool:
    """Whether the image is turned as its EXIF says, as viewers show it: always, but where only the stored size fits the truth.

    False where the EXIF asks for no turn.
    """
    return exif_orientation(sample.image) != 1 and turns(sample).image


def mask_stands_upright(sample: Sample) -> bool:
    """Whether the masks are turned as their own EXIF says; false where that of the first asks for no turn."""
    return sample.truth != "coco" and exif_orientation(sample.masks[0]) != 1 and turns(sample).mask


def _image_size(sample: Sample, way: Turns) -> tuple[int, int]:
    return image_size(sample.image, page=sample.page, upright=way.image)


def _mask_size(sample: Sample, way: Turns) -> tuple[int, int] | None:
    """Height and width of the truth, without reading it; none where there is no truth."""
    if not sample.masks:
        return None
    if sample.truth == "coco" and sample.entry is not None:
        entry = read_coco(sample.masks[0]).images.get(sample.entry)
        return None if entry is None else (entry.height, entry.width)
    page = sample.page if sample.truth != "objects" else None
    return image_size(sample.masks[0], page=page, upright=way.mask)
