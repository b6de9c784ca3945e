"""Folders of pairs: `images` beside `masks`, files of the same stem; alone, or inside `train`, `val` and `test`."""

from dataclasses import replace
from pathlib import Path

from utome.data.formats import SUFFIXES
from utome.data.layouts.folders import IMAGE_FOLDERS, MASK_FOLDERS, by_stem, folder_named, image_files, refuse_unpaired
from utome.data.samples import Listing, Part, Sample
from utome.errors import DataError

PARTS: dict[Part, frozenset[str]] = {
    "train": frozenset({"train", "training"}),
    "val": frozenset({"val", "valid", "validation"}),
    "test": frozenset({"test", "testing"}),
}


def split_pairs(root: Path) -> Listing | None:
    """Pairs inside folders that say what they are for."""
    samples: list[Sample] = []
    notes: list[str] = []
    for part, names in PARTS.items():
        folder = folder_named(root, names)
        if folder is None:
            continue
        listing = pairs(folder)
        if listing is not None:
            samples += [replace(sample, part=part) for sample in listing.samples]
        elif image_files(folder) or folder_named(folder, IMAGE_FOLDERS) is not None:
            notes.append(f"'{folder.name}' holds images without masks; it is left out.")
    if not samples:
        return None
    _refuse_outer_pairs(root, sorted({sample.image.parents[1].name for sample in samples}))
    return Listing(root, "split pairs", tuple(samples), tuple(notes))


def _refuse_outer_pairs(root: Path, parts: list[str]) -> None:
    """Pairs beside the folders that say what pairs are for would be passed over in silence."""
    images, masks = folder_named(root, IMAGE_FOLDERS), folder_named(root, MASK_FOLDERS)
    if images is None or masks is None or not image_files(images):
        return
    shown = ", ".join(f"'{name}'" for name in parts)
    raise DataError(
        f"'{root}' holds pairs in '{images.name}' and '{masks.name}', and pairs in {shown} too; which are meant? "
        f"Take '{images.name}' and '{masks.name}' out to use {shown}, or take {shown} out to use all pairs as one."
    )


def pairs(root: Path) -> Listing | None:
    """A folder of images beside a folder of masks."""
    images, masks = folder_named(root, IMAGE_FOLDERS), folder_named(root, MASK_FOLDERS)
    if images is None or masks is None:
        return None
    image_of, mask_of = by_stem(images), by_stem(masks)
    if not image_of:
        raise DataError(f"'{images}' holds no images; accepted endings: {', '.join(sorted(SUFFIXES))}.")
    refuse_unpaired(image_of, mask_of, f"an image in '{images}' without a mask of the same name in '{masks}'")
    refuse_unpaired(mask_of, image_of, f"a mask in '{masks}' without an image of the same name in '{images}'")
    samples = tuple(Sample(stem, image_of[stem], (mask_of[stem],)) for stem in sorted(image_of))
    return Listing(root, "pairs", samples)
