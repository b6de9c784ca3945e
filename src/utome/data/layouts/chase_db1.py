"""CHASE_DB1, retinas of school children: `Image_01L.jpg`, with `_1stHO.png` and `_2ndHO.png` by two observers.

M. M. Fraz et al., An ensemble classification-based approach applied to retinal blood vessel segmentation (2012).
"""

import re
from pathlib import Path

from utome.data.layouts.folders import by_stem, image_files, refuse_unpaired
from utome.data.samples import Listing, Sample

FIRST, SECOND = "_1stHO", "_2ndHO"
EYE = re.compile(r"^Image_(\d+)[LR]$", re.IGNORECASE)


def chase_db1(root: Path) -> Listing | None:
    """Two eyes a child, each drawn by two observers."""
    files = by_stem(path for path in image_files(root) if not path.stem.endswith(SECOND))
    truth = {stem.removesuffix(FIRST): path for stem, path in files.items() if stem.endswith(FIRST)}
    if not truth:
        return None
    images = {stem: path for stem, path in files.items() if not stem.endswith(FIRST)}
    refuse_unpaired(images, truth, f"an image in '{root}' without a '{FIRST}' of its name")
    refuse_unpaired(truth, images, f"a mask in '{root}' without an image of its name")
    second = {
        stem.removesuffix(SECOND): path for stem, path in by_stem(image_files(root)).items() if stem.endswith(SECOND)
    }
    samples = tuple(
        Sample(stem, images[stem], (truth[stem],), group=_child(stem), second=second.get(stem))
        for stem in sorted(images)
    )
    return Listing(root, "chase_db1", samples, tuple(_notes(samples)))


def _child(stem: str) -> str | None:
    found = EYE.match(stem)
    return found[1] if found else None


def _notes(samples: tuple[Sample, ...]) -> list[str]:
    notes = [f"The first observer's masks ({FIRST}) are the truth."]
    seconds = sum(sample.second is not None for sample in samples)
    if seconds:
        notes.append(
            f"The second observer's masks ({SECOND}) of {seconds} images are a human reference; no model learns from them."
        )
    children = {sample.group for sample in samples} - {None}
    if children:
        notes.append(
            f"The left and the right eye of one child are alike and stay in one part: {len(children)} children, {len(samples)} images."
        )
    return notes
