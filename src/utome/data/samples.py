"""What a folder holds, before any file is opened: samples, each an image with its truth, and the layout that says so."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Part = Literal["train", "val", "test"]
# What the files of truth hold: the class of each pixel; one object a file; the number of its object at each pixel; or
# outlines of a COCO document.
TruthKind = Literal["labels", "objects", "instances", "coco"]


@dataclass(frozen=True)
class Sample:
    """One image and the files of its truth.

    `part` is what the folders say it is for, if they say so. `page` is the page of a stack, the same in image and
    mask. `group` names what it shares with others and must not be split from: a child, a photograph, a stack. Outside
    the mask `field` nothing is known. `second` is the truth of a second observer. `entry` is the image's number in a
    COCO document. `fill` stands for values that are no numbers; with none, such an image is refused. Where a
    truth of objects is not `complete`, nothing is known of what it leaves unmarked.
    """

    name: str
    image: Path
    masks: tuple[Path, ...]
    truth: TruthKind = "labels"
    part: Part | None = None
    page: int | None = None
    group: str | None = None
    field: Path | None = None
    second: Path | None = None
    entry: int | None = None
    fill: float | None = None
    complete: bool = True

    @property
    def source(self) -> str:
        """Where the image is from, for messages."""
        return str(self.image) if self.page is None else f"{self.image}, page {self.page + 1}"

    @property
    def truth_source(self) -> str:
        """Where the truth is from, for messages."""
        return str(self.masks[0]) if self.page is None else f"{self.masks[0]}, page {self.page + 1}"


@dataclass(frozen=True)
class Listing:
    """What lies in a folder: its layout, its samples in order of their names, what should be said about it, and what is doubtful.

    `classes` are the classes of a layout whose values have a known meaning: a name and its mask values each; pixels with
    one of the values in `ignored` belong to none.
    """

    root: Path
    layout: str
    samples: tuple[Sample, ...]
    notes: tuple[str, ...] = ()
    classes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    ignored: tuple[int, ...] = ()
    doubts: tuple[str, ...] = ()
