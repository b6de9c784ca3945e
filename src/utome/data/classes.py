"""The class table: which value in a mask is which class, and which values mean that nothing is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Integer, UInt8

from utome.data.formats import COLOURED
from utome.data.truth import UNKNOWN
from utome.errors import DataError

# More distinct values than this are no classes but grey levels or object numbers.
MOST_CLASSES = 32
# Grey values this near to 0 or 255 are noise of compression or smoothing, when nearly all pixels have them.
NOISE = 32
NOISE_SHARE = 0.98
OBJECTS = "--set data.truth=instances"
# The largest value of 8 bits: what is found, where there are but 0 and this; not known, where it follows on few classes.
WHITE = 255
# The label of a pixel of which nothing is known: no loss and no score counts it.
IGNORED = 255
# A grey value below GREYS is the colour GREY times that value.
GREYS, GREY = 256, 0x010101
Values = Integer[np.ndarray, "h w"]


@dataclass(frozen=True)
class ClassTable:
    """Names of the classes and the mask values of each; the first is the background of two. A class that the masks of a
    folder do not have may be without values.

    With a `threshold` the masks are noisy black and white: what lies above it is the second class. Pixels with one of
    the values in `ignored` belong to no class.
    """

    names: tuple[str, ...]
    values: tuple[tuple[int, ...], ...]
    threshold: int | None = None
    ignored: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """How many classes there are."""
        return len(self.names)

    def number(self, value: int) -> int | None:
        """The class number of one mask value that was found when the table was made; none where it is ignored."""
        if value == UNKNOWN or value in self.ignored:
            return None
        if self.threshold is not None:
            return int(value > self.threshold)
        colour = COLOURED + GREY * value
        return next(number for number, values in enumerate(self.values) if value in values or colour in values)

    def labels(self, mask: Values, *, source: str) -> UInt8[np.ndarray, "h w"]:
        """Class numbers of a mask, `IGNORED` where nothing is known; `DataError` names `source` where a value is no class.

        With two classes, 0/1 and 0/255 mean the same.
        """
        ignored = np.isin(mask, (UNKNOWN, *self.ignored))
        if self.threshold is not None:
            labels = (mask > self.threshold).astype(np.uint8)
        else:
            some = next(value for values in self.values for value in values)
            labels = self._by_value(np.where(ignored, some, mask), source)
        labels[ignored] = IGNORED
        return labels

    def _by_value(self, mask: Values, source: str) -> UInt8[np.ndarray, "h w"]:
        if any(value >= COLOURED for values in self.values for value in values):
            wide = mask.astype(np.int64)
            mask = np.where(wide < GREYS, COLOURED + GREY * wide, wide)
        pairs = [(value, number) for number, values in enumerate(self.values) for value in values]
        if self.values in {((0,), (1,)), ((0,), (255,))} and mask.size and mask.max() in {1, 255}:
            pairs = [(0, 0), (int(mask.max()), 1)]
        known, numbers = map(np.asarray, zip(*sorted(pairs), strict=True))
        places = np.searchsorted(known, mask).clip(max=len(known) - 1)
        strange = mask[known[places] != mask]
        if strange.size:
            raise DataError(
                f"The mask '{source}' holds the value {shown(strange[0])}, which is no class; accepted: "
                f"{', '.join(map(shown, sorted(value for value, _ in pairs)))}."
            )
        return numbers[places].astype(np.uint8)


@dataclass(frozen=True)
class Declared:
    """What is said of the classes beforehand: their names and values, by the user or the layout; and what is ignored.

    `as_labels` says that the values are classes, however much they look like object numbers.
    """

    classes: tuple[tuple[str, tuple[int, ...]], ...] = ()
    ignored: tuple[int, ...] = ()
    as_labels: bool = False


def class_table(
    values: Mapping[int, int], *, lossy: bool, declared: Declared | None = None, apart: bool = False
) -> tuple[ClassTable, str]:
    """The classes behind the values found in all masks (value: pixels), and a sentence that says how they are read.

    `lossy` says that some mask is a JPEG, `apart` that no single mask holds both 1 and 255. `DataError` where the values
    cannot be classes.
    """
    declared = declared or Declared()
    if declared.classes:
        return _declared(values, declared)
    counted = {value: count for value, count in values.items() if value not in {UNKNOWN, *declared.ignored}}
    if max(counted, default=0) >= COLOURED:
        counted = _as_colours(counted)
    found = sorted(counted)
    if not found:
        raise DataError("Every pixel of every mask is ignored, so there is nothing to learn. Check data.ignore.")
    if found[0] < 0:
        raise DataError(
            f"A mask holds the value {found[0]}; classes are numbered from 0 upwards. Export the masks again, or say "
            f"what it means: --set data.ignore=[{found[0]}] leaves its pixels out."
        )
    if lossy or len(found) > MOST_CLASSES:
        return _thresholded(counted, declared)
    if len(found) == 1:
        raise DataError(
            f"Every mask holds the value {found[0]} alone, so there is nothing to learn. Check that these are the masks."
        )
    if apart and found == [0, 1, WHITE]:
        return _mixed(declared)
    return _found(found, declared)


def shown(value: int) -> str:
    """A mask value as people know it: a number, or the colour of a coloured mask.

    >>> shown(7), shown(COLOURED + 0xFF8000)
    ('7', '#ff8000')
    """
    return f"#{value - COLOURED:06x}" if value >= COLOURED else str(value)


def _as_colours(values: Mapping[int, int]) -> dict[int, int]:
    """The pixels of each value, grey ones as the colours that they are: a black mask among coloured ones was read as grey."""
    merged: dict[int, int] = {}
    for value, count in values.items():
        colour = COLOURED + GREY * value if 0 <= value < GREYS else value
        merged[colour] = merged.get(colour, 0) + count
    return merged


def _declared(values: Mapping[int, int], declared: Declared) -> tuple[ClassTable, str]:
    names, members = zip(*declared.classes, strict=True)
    if len(names) < 2:
        raise DataError(f"There is one class alone, '{names[0]}', so there is nothing to learn. Name a second one.")
    known = {value for each in members for value in each} | {UNKNOWN, *declared.ignored}
    strange = sorted(set(values) - known)
    if strange:
        raise DataError(
            f"The masks hold {', '.join(map(shown, strange[:5]))}{' and more' if len(strange) > 5 else ''}, which belongs to no class of "
            f"data.classes. Add it to a class, or to data.ignore."
        )
    parts = ", ".join(f"{name} ({', '.join(map(shown, each))})" for name, each in declared.classes)
    return ClassTable(names, members, ignored=declared.ignored), f"Classes: {parts}.{_left_out(declared)}"


def _found(found: Sequence[int], declared: Declared) -> tuple[ClassTable, str]:
    left_out = _left_out(declared)
    if len(found) > 2 and found == [*range(len(found) - 1), WHITE]:
        declared = Declared(ignored=(*declared.ignored, WHITE))
        left_out = " 255 is no class but marks pixels of which nothing is known; data.classes says otherwise."
        found = found[:-1]
    alone = tuple((value,) for value in found)
    if len(found) == 2 and found[0] in {0, COLOURED}:
        low, high = map(shown, found)
        note = (
            f"Masks hold {low} and {high}: read as two classes, background ({low}) and foreground ({high}).{left_out}"
        )
        return ClassTable(("background", "foreground"), alone, ignored=declared.ignored), note
    note = f"Masks hold {len(found)} values ({', '.join(map(shown, found))}): each is read as a class.{left_out}"
    return ClassTable(tuple(f"class {shown(value)}" for value in found), alone, ignored=declared.ignored), note


def _mixed(declared: Declared) -> tuple[ClassTable, str]:
    note = (
        "Some masks hold 0 and 1, others 0 and 255: read alike, as background (0) and foreground (1, 255). If 255 means "
        "that nothing is known: --set data.ignore='[255]'."
    )
    table = ClassTable(("background", "foreground"), ((0,), (1, WHITE)), ignored=declared.ignored)
    return table, note + _left_out(declared)


def _left_out(declared: Declared) -> str:
    return f" Ignored: {', '.join(map(shown, declared.ignored))}." if declared.ignored else ""


def _thresholded(values: Mapping[int, int], declared: Declared) -> tuple[ClassTable, str]:
    total = sum(values.values())
    black = sum(count for value, count in values.items() if value <= NOISE)
    white = sum(count for value, count in values.items() if 255 - NOISE <= value <= 255)
    clear = black + white
    if max(values) > 255 or clear < NOISE_SHARE * total:
        raise DataError(
            f"The masks hold {len(values)} different values, so they look like photographs or object numbers, not classes; "
            f"accepted: at most {MOST_CLASSES} values, one for each class, or black and white with at least "
            f"{NOISE_SHARE:.0%} of the pixels within {NOISE} of 0 or 255 (here {clear / total:.1%}). If the values number "
            f"objects: {OBJECTS}."
        )
    if not black or not white:
        raise DataError(
            f"The masks are JPEG or hold many values, so what lies above 127 would be foreground; but all of them are "
            f"{'black' if black else 'white'} (values {min(values)} to {max(values)}), so there is nothing to learn. "
            "Save the classes as 0 and 255 in a PNG."
        )
    note = (
        f"Masks are black and white with noise ({clear / total:.2%} of the pixels within {NOISE} of 0 or 255): above 127 is "
        f"foreground.{_left_out(declared)}"
    )
    return ClassTable(("background", "foreground"), ((0,), (255,)), 127, declared.ignored), note
