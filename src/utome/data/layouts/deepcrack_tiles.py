"""Tiles of DeepCrack: `train` with `train_lab` and `test` with `test_lab`; `11116-4-10.jpg` is a tile of `11116-4`.

Y. Liu et al., DeepCrack: a deep hierarchical feature learning architecture for crack segmentation (2019).
"""

import re
from dataclasses import replace
from pathlib import Path

from utome.data.layouts.folders import subfolders
from utome.data.layouts.groups import in_several_parts
from utome.data.layouts.split_pairs import split_pairs
from utome.data.samples import Listing

# The photograph has a number too: names such as image-1 only count.
TILE = re.compile(r"^(.*\d.*)-\d+$")
# DeepCrack's own photographs 11116-1 and 11116-4 were cut from one.
WHOLE = re.compile(r"^([^-]+)-")


def deepcrack_tiles(root: Path) -> Listing | None:
    """Pairs in folders side by side, each named by its photograph and its number."""
    if not {"train", "train_lab"} <= {folder.name.lower() for folder in subfolders(root)}:
        return None
    listing = split_pairs(root)
    if listing is None or not all(TILE.match(sample.name) for sample in listing.samples):
        return None
    samples = tuple(replace(sample, group=TILE.sub(r"\1", sample.name)) for sample in listing.samples)
    photographs = len({sample.group for sample in samples})
    if photographs == 1:
        return None
    notes = (
        *listing.notes,
        f"Tiles of one photograph (the name before the last '-') stay in one part: {photographs} photographs.",
    )
    doubts = in_several_parts(samples, WHOLE, "by the name before the first '-'")
    return Listing(root, "deepcrack_tiles", samples, notes, doubts=doubts)
