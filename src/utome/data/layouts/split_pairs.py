"""Pairs inside folders that say what they are for: `train/images`, `train` beside `train_lab`, or `images/train`."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from utome.data.layouts.folders import (
    IMAGE_FOLDERS,
    PARTS,
    image_files,
    image_folder,
    mask_folder,
    named,
    one_of,
    role,
    squeezed,
    subfolders,
)
from utome.data.layouts.pairs import between, pairs
from utome.data.samples import Listing, Part, Sample
from utome.errors import DataError


@dataclass
class _Found:
    """What the parts gave so far; `places` are the folders that hold pairs, as seen from the root."""

    samples: list[Sample] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)

    def add(self, part: Part, listing: Listing, place: str) -> None:
        self.samples += [replace(sample, part=part) for sample in listing.samples]
        self.notes += listing.notes
        self.places.append(place)


def split_pairs(root: Path) -> Listing | None:
    """Pairs inside folders named train, val and test, beside each other or within folders of images and masks."""
    found = _Found()
    for part in PARTS:
        _side_by_side(root, part, found)
    if not found.samples:
        _within_kinds(root, found)
    if not found.samples:
        return None
    _refuse_outer_pairs(root, found.places)
    strange = [folder.name for folder in subfolders(root) if role(folder.name) is None and _may_hold_pairs(folder)]
    if strange:
        found.notes.append(f"Left out, since the name says neither train nor val nor test: {named(strange)}.")
    return Listing(root, "split pairs", tuple(found.samples), tuple(found.notes))


def _side_by_side(root: Path, part: Part, found: _Found) -> None:
    """The pairs of `train`, or of `train` or `train_images` with `train_labels`."""
    both, images, masks = (_of_role(root, part, kind) for kind in (None, "image", "mask"))
    loose = images or (both if both is not None and image_files(both) else None)
    if loose is not None and masks is not None:
        found.add(part, between(root, loose, masks), loose.name)
        return
    folder = both or images
    if folder is None:
        return
    listing = pairs(folder)
    if listing is not None:
        found.add(part, listing, folder.name)
    elif _may_hold_pairs(folder):
        found.notes.append(f"'{folder.name}' holds images without masks; it is left out.")


def _within_kinds(root: Path, found: _Found) -> None:
    """The pairs of `images/train` with `labels/train`."""
    images, masks = image_folder(root), mask_folder(root)
    if images is None or masks is None:
        return
    for part in PARTS:
        inner, labels = _of_role(images, part, None), _of_role(masks, part, None)
        if inner is None or not image_files(inner):
            continue
        place = f"{images.name}/{inner.name}"
        if labels is None or not image_files(labels):
            found.notes.append(f"'{place}' holds images without masks; it is left out.")
        else:
            found.add(part, between(root, inner, labels), place)


def _of_role(root: Path, part: Part, kind: str | None) -> Path | None:
    folders = [(folder, role(folder.name)) for folder in subfolders(root)]
    return one_of([folder for folder, its in folders if its is not None and (its.part, its.kind) == (part, kind)])


def _may_hold_pairs(folder: Path) -> bool:
    return bool(image_files(folder)) or any(squeezed(inner.name) in IMAGE_FOLDERS for inner in subfolders(folder))


def _refuse_outer_pairs(root: Path, parts: Sequence[str]) -> None:
    """Pairs beside the folders that say what pairs are for would be passed over in silence."""
    images, masks = image_folder(root), mask_folder(root)
    if images is None or masks is None or not image_files(images):
        return
    shown = ", ".join(f"'{name}'" for name in parts)
    raise DataError(
        f"'{root}' holds pairs in '{images.name}' and '{masks.name}', and pairs in {shown} too; which are meant? "
        f"Take '{images.name}' and '{masks.name}' out to use {shown}, or take {shown} out to use all pairs as one."
    )
