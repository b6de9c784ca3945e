"""The ISBI 2012 challenge of electron microscopy: `train/image/N.png` with `train/label/N.png`, or stacks of pages.

Ignacio Arganda-Carreras et al., Crowdsourcing the creation of image segmentation algorithms for connectomics (2015).
The stacks are `train-volume.tif` and `train-labels.tif`, and `test-volume.tif` without labels.
"""

import re
from dataclasses import replace
from pathlib import Path

from utome.data.layouts.folders import PARTS, files_ending, image_files, natural, subfolders
from utome.data.layouts.pairing import pair_up
from utome.data.layouts.stacks import TIFF, slices, slices_note
from utome.data.samples import Listing, Part, Sample
from utome.errors import DataError

VALUES = "In the labels of the challenge 0 is membrane and 255 the inside of cells."
RESEMBLE = (
    "The sections are slices of one stack and resemble their neighbours, so a score on some of them says little about another "
    "stack; data.group can keep neighbours together."
)
STACK = re.compile(r"^(?P<name>.+)[_-](?P<kind>volume|labels)$", re.IGNORECASE)


def isbi2012(root: Path) -> Listing | None:
    """Numbered sections of one stack, as files or as pages."""
    return _sections(root) or _stacks(root)


def _sections(root: Path) -> Listing | None:
    """`train/image`, `train/label` and unlabelled `test`, every file named by its number alone."""
    inner = {folder.name.lower(): folder for folder in subfolders(root)}
    if not {"train", "test"} <= inner.keys():
        return None
    kinds = {folder.name.lower(): folder for folder in subfolders(inner["train"])}
    if not {"image", "label"} <= kinds.keys():
        return None
    images, masks, unlabelled = map(image_files, (kinds["image"], kinds["label"], inner["test"]))
    if not (images and masks and unlabelled) or not all(
        path.stem.isdecimal() for path in (*images, *masks, *unlabelled)
    ):
        return None
    samples = sorted(pair_up(images, masks).samples, key=lambda sample: natural(sample.name))
    left_out = f"'test' holds {len(unlabelled)} images without labels; it is left out."
    return Listing(root, "isbi2012", tuple(samples), (left_out, VALUES, RESEMBLE))


def _stacks(root: Path) -> Listing | None:
    files = [(STACK.match(path.stem), path) for suffix in sorted(TIFF) for path in files_ending(root, suffix)]
    by_kind: dict[str, dict[str, Path]] = {"volume": {}, "labels": {}}
    for match, path in files:
        if match is not None:
            by_kind[match["kind"].lower()][match["name"]] = path
    volumes, labels = by_kind["volume"], by_kind["labels"]
    if not labels or not volumes:
        return None
    alone = sorted(labels.keys() - volumes.keys())
    if alone:
        raise DataError(
            f"There is no '{alone[0]}-volume.tif' beside '{labels[alone[0]]}'. Add the images, or take the labels out."
        )
    samples: list[Sample] = []
    for name in sorted(labels):
        pages = slices(Sample(volumes[name].stem, volumes[name], (labels[name],)))
        samples += [replace(page, part=_part(name) if len(labels) > 1 else None) for page in pages]
    left_out = [
        f"'{path.name}' has no labels; it is left out." for name, path in sorted(volumes.items()) if name not in labels
    ]
    return Listing(root, "isbi2012", tuple(samples), (*left_out, VALUES, *slices_note(samples)))


def _part(name: str) -> Part | None:
    """What a stack is for, where another has labels too: one stack alone is divided as any folder is."""
    return next((part for part, words in PARTS.items() if name.lower() in words), None)
