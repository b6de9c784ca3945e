"""Sections of the nerve cord of Drosophila: `stack1/raw/NN.tif` with `stack1/labels/labelsNNNNNNNN.png`.

S. Gerhard et al., Segmented anisotropic ssTEM dataset of neural tissue (2013). The nine values of the labels are the four
classes that R. Ando and K. Hotta learn in Cell Image Segmentation by Feature Random Enhancement Module (2021).
"""

import re
from pathlib import Path

from utome.data.layouts.folders import image_files, named, refuse_unpaired, subfolders
from utome.data.samples import Listing, Sample

# 159 is glia or extracellular and 255 the inside of cells; membranes have four directions and a junction.
CLASSES = {
    "background": (159, 255),
    "membrane": (0, 32, 64, 96, 128),
    "mitochondria": (191,),
    "synapse": (223,),
}
LABELS = re.compile(r"^labels(\d{8})$")


def drosophila_vnc(root: Path) -> Listing | None:
    """The stacks that have labels, in folders of their own or at `root`."""
    stacks = [folder for folder in (root, *subfolders(root)) if _has_labels(folder)]
    if not stacks:
        return None
    samples = tuple(sample for stack in stacks for sample in _samples(stack, alone=len(stacks) == 1))
    return Listing(root, "drosophila_vnc", samples, tuple(_notes(root, stacks)), CLASSES)


def _has_labels(folder: Path) -> bool:
    labels = folder / "labels"
    return (
        (folder / "raw").is_dir()
        and labels.is_dir()
        and any(LABELS.match(path.stem) is not None for path in image_files(labels))
    )


def _samples(stack: Path, *, alone: bool) -> list[Sample]:
    raw, labels = stack / "raw", stack / "labels"
    images = {str(int(path.stem)): path for path in image_files(raw) if path.stem.isdecimal()}
    masks = {str(int(found[1])): path for path in image_files(labels) if (found := LABELS.match(path.stem))}
    refuse_unpaired(images, masks, f"an image in '{raw}' without labels of its number in '{labels}'")
    refuse_unpaired(masks, images, f"a mask in '{labels}' without an image of its number in '{raw}'")
    prefix = "" if alone else f"{stack.name}-"
    return [
        Sample(prefix + images[number].stem, images[number], (masks[number],)) for number in sorted(images, key=int)
    ]


def _notes(root: Path, stacks: list[Path]) -> list[str]:
    notes = [
        (
            "The nine values of the labels are read as the four classes of the paper frem (Ando and Hotta, 2021); data.classes "
            "says otherwise."
        ),
        (
            "The sections are slices of one stack and resemble their neighbours, so a score on some of them says little about "
            "another stack; data.group can keep neighbours together."
        ),
    ]
    unlabelled = [folder.name for folder in subfolders(root) if folder not in stacks and (folder / "raw").is_dir()]
    if unlabelled:
        notes.append(f"Without labels and left out: {named(unlabelled)}.")
    single = [folder.name for stack in stacks for folder in subfolders(stack) if folder.name not in {"raw", "labels"}]
    if single:
        notes.append(f"Masks of single structures are left out, 'labels' having them all: {named(single)}.")
    return notes
