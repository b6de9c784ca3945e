"""The Cell Tracking Challenge: `01/tNNN.tif` with `01_GT/SEG/man_segNNN.tif`, whose values are object numbers.

M. Maška et al., The Cell Tracking Challenge: 10 years of objective benchmarking (2023). Gold truth is drawn by hand and
for some frames only, often for some of their cells; silver truth (`01_ST`) is made by programs, for all.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from utome.data.layouts.folders import image_files, refuse_unpaired, subfolders
from utome.data.samples import Listing, Sample
from utome.errors import DataError

SEQUENCE = re.compile(r"^\d\d$")
FRAME = re.compile(r"^t(\d{3,4})$")
DRAWN = re.compile(r"^man_seg(\d{3,4})$")
OF_VOLUME = re.compile(r"^man_seg_?\d{3,4}_\d{3,4}$")


@dataclass(frozen=True)
class _Sequence:
    """The frames of one sequence that have truth, and what should be said of it."""

    samples: list[Sample]
    notes: list[str]


def ctc(root: Path) -> Listing | None:
    """Sequences of frames, with object numbers for some."""
    frames = [
        folder
        for folder in subfolders(root)
        if SEQUENCE.match(folder.name) and any((root / f"{folder.name}_{kind}").is_dir() for kind in ("GT", "ST"))
    ]
    if not frames:
        return None
    sequences = [_sequence(folder) for folder in frames]
    samples = [sample for sequence in sequences for sample in sequence.samples]
    if not samples:
        raise DataError(
            f"'{root}' is of the Cell Tracking Challenge, but no sequence has segmentation truth; accepted: "
            f"'{frames[0].name}_GT/SEG/man_segNNN.tif', or the same in '{frames[0].name}_ST'. Add it."
        )
    notes = [note for sequence in sequences for note in sequence.notes]
    return Listing(root, "ctc", *_grouped(samples, notes))


def _sequence(folder: Path) -> _Sequence:
    images = {int(found[1]): path for path in image_files(folder) if (found := FRAME.match(path.stem))}
    for kind in ("GT", "ST"):
        truth = folder.with_name(f"{folder.name}_{kind}") / "SEG"
        files = image_files(truth) if truth.is_dir() else []
        masks = {int(found[1]): path for path in files if (found := DRAWN.match(path.stem))}
        if masks:
            return _with_truth(folder, images, masks, kind)
        if any(OF_VOLUME.match(path.stem) for path in files):
            raise DataError(
                f"'{truth}' holds masks of single planes of volumes, as '{files[0].name}'; accepted: flat frames, "
                "'man_segNNN.tif'. Take the planes out as images of their own, or leave this sequence out."
            )
    return _Sequence([], [f"'{folder.name}' has no segmentation truth; its {len(images)} frames are left out."])


def _with_truth(folder: Path, images: dict[int, Path], masks: dict[int, Path], kind: str) -> _Sequence:
    truth = masks[min(masks)].parent
    refuse_unpaired(
        {str(number): path for number, path in masks.items()},
        map(str, images),
        f"a mask in '{truth}' without a frame of its number in '{folder}'",
    )
    samples = [
        Sample(f"{folder.name}-{images[number].stem}", images[number], (masks[number],), "instances", group=folder.name)
        for number in sorted(masks)
    ]
    notes = []
    if len(images) > len(masks):
        notes.append(f"{len(images) - len(masks)} of {len(images)} frames of '{folder.name}' have no truth; left out.")
    if kind == "ST":
        notes.append(f"'{folder.name}' has no gold truth: the silver truth, made by programs, is read instead.")
    else:
        notes.append(_cells_left_out(folder))
    return _Sequence(samples, notes)


def _cells_left_out(folder: Path) -> str:
    """What becomes of a cell without an outline, and what to do about it."""
    silver = folder.with_name(f"{folder.name}_ST") / "SEG"
    instead = f", or take '{folder.name}_GT' out so that the silver truth is read" if silver.is_dir() else ""
    return (
        f"The gold truth of '{folder.name}' need not outline every cell of a frame: cells that it leaves out are "
        f"background, or with --set data.unmarked=ignore count for nothing but 5 pixels around the others{instead}."
    )


def _grouped(samples: list[Sample], notes: list[str]) -> tuple[tuple[Sample, ...], tuple[str, ...]]:
    """Frames of a sequence stay together, where there is more than one sequence to divide."""
    sequences = sorted({str(sample.group) for sample in samples})
    united = "Object numbers of a mask are united into one foreground; the objects stay known."
    if len(sequences) > 1:
        return tuple(samples), (united, f"Frames of one sequence stay in one part: {len(sequences)} sequences.", *notes)
    alike = (
        f"Only the sequence '{sequences[0]}' has truth: its frames are divided though they resemble each other, so the score "
        "may be too good."
    )
    return tuple(replace(sample, group=None) for sample in samples), (united, alike, *notes)
