"""The class table: which value in a mask is which class."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from utome.data.formats import Labels
from utome.errors import DataError

# More distinct values than this are no classes but grey levels or object numbers.
MOST_CLASSES = 32
# Grey values this near to 0 or 255 are noise of compression or smoothing, when nearly all pixels have them.
NOISE = 32
NOISE_SHARE = 0.98


@dataclass(frozen=True)
class ClassTable:
    """Names of the classes and the mask value of each, in ascending order; the first is the background of two.

    With a `threshold` the masks are noisy black and white: what lies above it is the second class.
    """

    names: tuple[str, ...]
    values: tuple[int, ...]
    threshold: int | None = None

    @property
    def count(self) -> int:
        """How many classes there are."""
        return len(self.names)

    def number(self, value: int) -> int:
        """The class number of one mask value that was found when the table was made."""
        return int(value > self.threshold) if self.threshold is not None else self.values.index(value)

    def labels(self, mask: Labels, *, source: str) -> UInt8[np.ndarray, "h w"]:
        """Class numbers of a mask; `DataError` names `source` where a value belongs to no class.

        With two classes, 0/1 and 0/255 mean the same.
        """
        if self.threshold is not None:
            return (mask > self.threshold).astype(np.uint8)
        known = np.asarray(self.values)
        if self.values in {(0, 1), (0, 255)} and mask.size and mask.max() in {1, 255}:
            known = np.asarray([0, mask.max()])
        numbers = np.searchsorted(known, mask).clip(max=len(known) - 1)
        strange = mask[known[numbers] != mask]
        if strange.size:
            raise DataError(
                f"The mask '{source}' holds the value {strange[0]}, which is no class; accepted: {', '.join(map(str, self.values))}."
            )
        return numbers.astype(np.uint8)


def class_table(values: Mapping[int, int], *, lossy: bool) -> tuple[ClassTable, str]:
    """The classes behind the values found in all masks (value: pixels), and a sentence that says how they are read.

    `lossy` says that some mask is a JPEG. `DataError` where the values cannot be classes.
    """
    found = sorted(values)
    if found[0] < 0:
        raise DataError(f"A mask holds the value {found[0]}; classes are numbered from 0 upwards.")
    if lossy or len(found) > MOST_CLASSES:
        return _thresholded(values)
    if len(found) == 1:
        raise DataError(
            f"Every mask holds the value {found[0]} alone, so there is nothing to learn. Check that these are the masks."
        )
    if len(found) == 2 and found[0] == 0:
        note = f"Masks hold 0 and {found[1]}: read as two classes, background (0) and foreground ({found[1]})."
        return ClassTable(("background", "foreground"), tuple(found)), note
    note = f"Masks hold {len(found)} values ({', '.join(map(str, found))}): each is read as a class."
    return ClassTable(tuple(f"class {value}" for value in found), tuple(found)), note


def _thresholded(values: Mapping[int, int]) -> tuple[ClassTable, str]:
    total = sum(values.values())
    black = sum(count for value, count in values.items() if value <= NOISE)
    white = sum(count for value, count in values.items() if 255 - NOISE <= value <= 255)
    clear = black + white
    if max(values) > 255 or clear < NOISE_SHARE * total:
        raise DataError(
            f"The masks hold {len(values)} different values, so they look like photographs or object numbers, not classes; "
            f"accepted: at most {MOST_CLASSES} values, one for each class, or black and white with at least "
            f"{NOISE_SHARE:.0%} of the pixels within {NOISE} of 0 or 255 (here {clear / total:.1%})."
        )
    if not black or not white:
        raise DataError(
            f"The masks are JPEG or hold many values, so what lies above 127 would be foreground; but all of them are "
            f"{'black' if black else 'white'} (values {min(values)} to {max(values)}), so there is nothing to learn. "
            "Save the classes as 0 and 255 in a PNG."
        )
    note = f"Masks are black and white with noise ({clear / total:.2%} of the pixels within {NOISE} of 0 or 255): above 127 is foreground."
    return ClassTable(("background", "foreground"), (0, 255), threshold=127), note
