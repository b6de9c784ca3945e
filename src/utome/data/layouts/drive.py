"""DRIVE and what is laid out like it: retina photographs, `1st_manual` for truth, and `mask` for the field of view.

J. Staal et al., Ridge-based vessel segmentation in color images of the retina (2004). `training` and `test` hold
`images`, `1st_manual` and `mask`, and `test` the `2nd_manual` of a second observer; HRF has `images`, `manual1` and
`mask` alone. What `mask` holds is no label: outside it the camera saw nothing, so nothing is known.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from utome.data.layouts.folders import PARTS, by_stem, folder_named, image_files, refuse_unpaired
from utome.data.layouts.folders import natural as in_order
from utome.data.samples import Listing, Sample
from utome.errors import DataError

FIRST = frozenset({"1st_manual", "manual1"})
SECOND = frozenset({"2nd_manual", "manual2"})
# 21_training.tif, 21_manual1.gif and 21_training_mask.gif share 21.
ENDING = re.compile(r"(_training|_test|_mask|_manual\d?)+$", re.IGNORECASE)
# The field of view of an image of DRIVE itself.
FIELD = re.compile(r"^\d\d_(training|test)_mask$")


@dataclass(frozen=True)
class _Set:
    """The folders of one part."""

    images: Path
    truth: Path
    second: Path | None
    field: Path | None


def drive(root: Path) -> Listing | None:
    """Vessels by hand, with the field of view; in `training` and `test`, or alone."""
    samples: list[Sample] = []
    notes: list[str] = []
    for part, names in PARTS.items():
        folder = folder_named(root, names)
        folders = None if folder is None else _folders(folder)
        if folders is not None:
            samples += [replace(sample, part=part) for sample in _samples(folders)]
        elif folder is not None and (images := folder_named(folder, {"images"})) is not None:
            count = len(image_files(images))
            notes.append(f"'{folder.name}' has no '1st_manual': its {count} images without truth are left out.")
    if not samples:
        alone = _folders(root)
        if alone is None:
            _refuse_fields_for_labels(root)
            return None
        samples = _samples(alone)
    return Listing(root, "drive", tuple(samples), (*_notes(samples), *notes))


def _refuse_fields_for_labels(root: Path) -> None:
    """`DataError` where `images` and `mask` have DRIVE's own names, but the masks by hand are not there."""
    for folder in (root, *(each for names in PARTS.values() if (each := folder_named(root, names)) is not None)):
        field = folder_named(folder, {"mask"})
        files = [] if field is None else image_files(field)
        if files and all(FIELD.match(path.stem) for path in files):
            raise DataError(
                f"'{field}' holds the fields of view of DRIVE, which are no labels, and there is no '1st_manual' with masks by hand. Add "
                "it, or take the folder 'mask' out to predict the images."
            )


def _folders(folder: Path) -> _Set | None:
    images, truth = folder_named(folder, {"images"}), folder_named(folder, FIRST)
    if images is None or truth is None:
        return None
    return _Set(images, truth, folder_named(folder, SECOND), folder_named(folder, {"mask"}))


def _samples(folders: _Set) -> list[Sample]:
    images, truth = _by_number(folders.images), _by_number(folders.truth)
    refuse_unpaired(images, truth, f"an image in '{folders.images}' without a manual mask in '{folders.truth}'")
    refuse_unpaired(truth, images, f"a manual mask in '{folders.truth}' without an image in '{folders.images}'")
    second = {} if folders.second is None else _by_number(folders.second)
    field = {} if folders.field is None else _by_number(folders.field)
    if field:
        refuse_unpaired(images, field, f"an image in '{folders.images}' without a field of view in '{folders.field}'")
    return [
        Sample(
            images[number].stem, images[number], (truth[number],), field=field.get(number), second=second.get(number)
        )
        for number in sorted(images, key=in_order)
    ]


def _by_number(folder: Path) -> dict[str, Path]:
    return {ENDING.sub("", stem): path for stem, path in by_stem(image_files(folder)).items()}


def _notes(samples: list[Sample]) -> list[str]:
    notes = ["The first observer's masks are the truth."]
    fields = sum(sample.field is not None for sample in samples)
    if fields:
        notes.append(
            f"'mask' is the field of view of {fields} images and not a label: pixels outside it count neither in training nor in scores."
        )
    else:
        notes.append("There is no folder 'mask' with the field of view: every pixel counts.")
    second = sum(sample.second is not None for sample in samples)
    if second:
        notes.append(
            f"The second observer's masks of {second} images are a human reference; no model learns from them."
        )
    return notes
