"""CrackForest: road cracks, `image/NNN.jpg` with `segmentation_png/NNN.png` or `groundTruth/NNN.mat`.

Y. Shi et al., Automatic road crack detection using random structured forests (2016). Of the values 2 is crack; 1 is
road, 3 and 4 are other regions that are no cracks.
"""

from pathlib import Path

from utome.data.layouts.folders import by_stem, files_ending, folder_named, image_files, refuse_unpaired
from utome.data.samples import Listing, Sample

CLASSES = {"background": (1, 3, 4), "crack": (2,)}


def cfd(root: Path) -> Listing | None:
    """Road photographs, with the regions as PNG where there are such, else as MATLAB files."""
    images, drawn, matlab = (folder_named(root, {name}) for name in ("image", "segmentation_png", "groundTruth"))
    pngs = {} if drawn is None else by_stem(image_files(drawn))
    mats = {} if matlab is None else by_stem(files_ending(matlab, ".mat"))
    image_of = {} if images is None else by_stem(image_files(images))
    if not image_of or not (pngs or mats):
        return None
    masks = mats | pngs
    refuse_unpaired(image_of, masks, f"an image in '{images}' without regions of its name in '{drawn or matlab}'")
    refuse_unpaired(masks, image_of, f"a file of regions in '{drawn or matlab}' without an image in '{images}'")
    samples = tuple(Sample(stem, image_of[stem], (masks[stem],)) for stem in sorted(image_of))
    notes = (
        "2 is crack; 1, 3 and 4 (other regions) are background. data.classes says otherwise.",
        *_source(pngs, mats),
    )
    return Listing(root, "cfd", samples, notes, CLASSES)


def _source(pngs: dict[str, Path], mats: dict[str, Path]) -> list[str]:
    """Which of the two kinds of files is read, where both could be."""
    if pngs and mats.keys() - pngs.keys():
        return [f"{len(mats.keys() - pngs.keys())} of the masks are read from 'groundTruth', having no PNG."]
    if pngs and mats:
        return ["The masks are read from 'segmentation_png'; 'groundTruth' is left out."]
    return []
