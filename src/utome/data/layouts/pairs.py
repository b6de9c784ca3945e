"""Images beside masks: in two folders, or in one with masks whose names end in `_mask` or the like."""

from pathlib import Path

from utome.data.formats import SUFFIXES
from utome.data.layouts.folders import contents, image_files, image_folder, mask_folder, named
from utome.data.layouts.pairing import beside, pair_up
from utome.data.samples import Listing
from utome.errors import DataError


def pairs(root: Path) -> Listing | None:
    """A folder of images beside a folder of masks, or both kinds of files in one folder."""
    images, masks = image_folder(root), mask_folder(root)
    if images is None or masks is None:
        return _in_one_folder(root)
    loose = image_files(root)
    listing = between(root, images, masks)
    if not loose:
        return listing
    note = (
        f"{len(loose)} image files beside '{images.name}' and '{masks.name}' are left out: "
        f"{named([path.name for path in loose])}."
    )
    return Listing(root, "pairs", listing.samples, (*listing.notes, note))


def between(root: Path, images: Path, masks: Path) -> Listing:
    """The pairs of two folders; `DataError` where there are none."""
    image_paths, mask_paths = image_files(images), image_files(masks)
    accepted = f"accepted endings: {', '.join(sorted(SUFFIXES))}"
    if not image_paths:
        raise DataError(f"'{images}' holds no images; {accepted}.")
    if not mask_paths:
        raise DataError(f"'{masks}' holds no masks; {accepted}. {contents(masks)}")
    paired = pair_up(image_paths, mask_paths)
    return Listing(root, "pairs", paired.samples, paired.notes)


def _in_one_folder(root: Path) -> Listing | None:
    kinds = beside(image_files(root))
    if kinds is None:
        return None
    paired = pair_up(*kinds)
    return Listing(root, "pairs", paired.samples, paired.notes)
