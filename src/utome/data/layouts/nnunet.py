"""nnU-Net's raw data: `dataset.json`, `imagesTr/CASE_0000.png` with `labelsTr/CASE.png`, and `imagesTs`, `labelsTs`.

F. Isensee et al., nnU-Net: a self-configuring method for deep learning-based biomedical image segmentation (2021). The
names of the classes are those of `dataset.json`; its label `ignore` belongs to no class.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utome.data.formats import SUFFIXES
from utome.data.layouts.folders import by_stem, image_files, named, refuse_unpaired
from utome.data.samples import Listing, Part, Sample
from utome.errors import DataError

CHANNEL = re.compile(r"^(?P<case>.+)_(?P<channel>\d{4})$")
IGNORE = "ignore"


@dataclass(frozen=True)
class _Labels:
    """What `dataset.json` says of the values."""

    classes: Mapping[str, tuple[int, ...]]
    ignored: tuple[int, ...]


def nnunet(root: Path) -> Listing | None:
    """Cases in `imagesTr` and `labelsTr`, and those of `imagesTs` that have labels."""
    if not (root / "dataset.json").is_file() or not (root / "imagesTr").is_dir():
        return None
    labels = _labels(root / "dataset.json")
    tested = (root / "imagesTs").is_dir() and (root / "labelsTs").is_dir()
    samples = _cases(root, "Tr", "train" if tested else None)
    notes = []
    if tested:
        samples += _cases(root, "Ts", "test")
    elif (root / "imagesTs").is_dir():
        notes.append(f"'imagesTs' holds {len(image_files(root / 'imagesTs'))} images without labels; left out.")
    return Listing(root, "nnunet", tuple(samples), tuple(notes), labels.classes, labels.ignored)


def _cases(root: Path, ending: str, part: Part | None) -> list[Sample]:
    folder, truth = root / f"images{ending}", root / f"labels{ending}"
    images: dict[str, Path] = {}
    for stem, path in by_stem(image_files(folder)).items():
        found = CHANNEL.match(stem)
        if found is None:
            raise DataError(
                f"'{path}' has no channel number; accepted: names such as 'case_0000{path.suffix}'. Rename it, or take it out."
            )
        if found["case"] in images:
            raise DataError(
                f"The case '{found['case']}' has several channels in files of their own, '{images[found['case']].name}' and '{path.name}'; "
                "accepted: one file a case, grey or RGB. Save the channels to use as one image, and take the others out."
            )
        images[found["case"]] = path
    if not images:
        raise DataError(
            f"'{folder}' holds no images that can be read; accepted endings: {', '.join(sorted(SUFFIXES))}."
        )
    masks = by_stem(image_files(truth)) if truth.is_dir() else {}
    refuse_unpaired(images, masks, f"an image in '{folder}' without labels of its case in '{truth}'")
    refuse_unpaired(masks, images, f"a mask in '{truth}' without an image of its case in '{folder}'")
    return [Sample(case, images[case], (masks[case],), part=part) for case in sorted(images)]


def _labels(path: Path) -> _Labels:
    described = _described(path)
    values = {name: _values(value, path, name) for name, value in described.items()}
    ignored = values.pop(IGNORE, ())
    owners: dict[int, list[str]] = {}
    for name, numbers in values.items():
        for number in numbers:
            owners.setdefault(number, []).append(name)
    shared = next((names for names in owners.values() if len(names) > 1), None)
    if shared is not None:
        raise DataError(
            f"'{path}' describes regions that overlap ({named(shared)} share a value); accepted: one class a pixel. Write a label for "
            "each value instead."
        )
    return _Labels(dict(sorted(values.items(), key=lambda entry: min(entry[1]))), ignored)


def _described(path: Path) -> dict[str, Any]:
    """The labels of the document by name; version 1 of nnU-Net wrote the value first."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"'{path}' is damaged or no JSON ({error}). Copy it again.") from error
    labels = document.get("labels") if isinstance(document, dict) else None
    if not isinstance(labels, dict) or not labels:
        raise DataError(f'\'{path}\' has no labels; accepted: "labels": {{"background": 0, "cell": 1}}. Add them.')
    if all(name.isdecimal() for name in labels) and all(isinstance(value, str) for value in labels.values()):
        return {name: int(value) for value, name in labels.items()}
    return labels


def _values(value: Any, path: Path, name: str) -> tuple[int, ...]:
    numbers = value if isinstance(value, list) else [value]
    if not numbers or not all(isinstance(number, int) and not isinstance(number, bool) for number in numbers):
        raise DataError(f"The label '{name}' of '{path}' is {value!r}; accepted: a number, or several in a list.")
    return tuple(numbers)
