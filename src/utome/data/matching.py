"""Reading the masks of another folder as a model's classes: by name where both sides have names, else by value."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from utome.data.classes import GREY, GREYS, NOISE, OBJECTS, WHITE, ClassTable, Declared, class_table, shown
from utome.data.formats import COLOURED
from utome.data.samples import Listing
from utome.data.survey import Facts, masks_seen
from utome.data.truth import UNKNOWN
from utome.errors import DataError

# Names that say nothing of what a class shows.
NAMELESS = re.compile(r"background|foreground|class \S+", re.IGNORECASE)
BACKGROUND = "background"
# Tables of masks without any declaration: black and white by whatever two numbers.
BLACK_AND_WHITE = {((0,), (1,)), ((0,), (WHITE,)), ((0,), (1, WHITE))}
# Of noisy masks so many pixels lie near black or white; fewer than at training, since a few images may be the noisiest.
NOISE_SHARE = 0.9


@dataclass(frozen=True)
class Found:
    """What the masks of a folder hold (value: pixels, without those ignored), and what is known of their files."""

    values: Mapping[int, int]
    ignored: tuple[int, ...]
    classes: Mapping[str, tuple[int, ...]]
    lossy: bool
    apart: bool


def found_in(listing: Listing, facts: Sequence[Facts], ignored: tuple[int, ...]) -> Found:
    """What the masks of a listing hold; pixels of the values in `ignored`, and in the listing's own, count for nothing."""
    left_out = tuple(dict.fromkeys((*ignored, *listing.ignored)))
    masks = masks_seen(listing, facts)
    return Found(
        values={value: count for value, count in masks.values.items() if value not in {UNKNOWN, *left_out}},
        ignored=left_out,
        # United objects have no classes, whatever a document says of the values of their files.
        classes=listing.classes if any(sample.truth in {"labels", "coco"} for sample in listing.samples) else {},
        lossy=masks.lossy,
        apart=masks.apart,
    )


def matched(trained: ClassTable, found: Found, *, own_names: bool = False) -> tuple[ClassTable, str]:
    """The classes of `trained` with the values that they have in this folder, and a sentence that says how they are read.

    `own_names`: the classes were declared by whoever trained the model, and not by a layout, so that other names forbid
    nothing, and only numbers that were exchanged are matched by name. `DataError` where the masks hold other classes.
    """
    trained = replace(trained, ignored=found.ignored)
    if not found.values:
        raise DataError("Every pixel of every mask is ignored, so there is nothing to score. Check data.ignore.")
    if found.classes:
        by_name = _by_name(trained, found, own_names=own_names)
        if by_name is not None:
            how = "matched by name" if _telling(trained.names) and _telling(found.classes) else "as the folder has them"
            return by_name, f"Classes, {how}: {_listed(by_name)}.{_left_out(by_name)}"
    return _by_value(trained, found)


def _by_name(trained: ClassTable, found: Found, *, own_names: bool) -> ClassTable | None:
    """None where the names decide nothing."""
    if own_names and set(found.classes.values()) != set(trained.values):
        return None  # at training, too, other values than the layout's were meant
    class_table(found.values, lossy=False, declared=Declared(tuple(found.classes.items()), found.ignored))
    if not (_telling(trained.names) and _telling(found.classes)):
        first = next(iter(found.classes.items()))
        background = 0 in first[1] or first[0].casefold() == BACKGROUND
        if not (_is_pair(trained) and len(found.classes) == 2 and background):
            return None
        return replace(trained, values=tuple(found.classes.values()), threshold=None)
    fold = _folding(trained.names, found.classes)
    there = {fold(name): values for name, values in found.classes.items() if found.values.keys() & set(values)}
    if there.keys() <= set(map(fold, trained.names)):
        return replace(trained, values=tuple(there.get(fold(name), ()) for name in trained.names), threshold=None)
    if own_names:
        return None
    strange = [name for name in found.classes if fold(name) in there.keys() - set(map(fold, trained.names))]
    raise DataError(
        f"The model does not know {' or '.join(map(repr, strange))}: its classes are {', '.join(trained.names)}, those of the "
        f"folder {', '.join(found.classes)}. Give the classes the model's names where they are the same; it cannot be scored on others."
    )


def _by_value(trained: ClassTable, found: Found) -> tuple[ClassTable, str]:
    plain = _black_and_white(trained, found)
    if plain is not None:
        return plain, f"Masks are read as {_listed(plain)}.{_left_out(plain)}"
    if trained.threshold is not None and _noisy(found):
        return trained, f"Masks are black and white with noise: above {trained.threshold} is {trained.names[1]}." + (
            _left_out(trained)
        )
    if trained.threshold is None and all(_knows(trained, value) for value in found.values):
        return trained, f"Masks are read as in training: {_listed(trained)}.{_left_out(trained)}"
    own, note = class_table(
        found.values, lossy=found.lossy, declared=Declared(ignored=found.ignored), apart=found.apart
    )
    if _is_pair(trained) and _is_pair(own):
        alike = "" if trained.names == own.names else f" To the model they are {' and '.join(trained.names)}."
        return replace(own, names=trained.names), note + alike
    if trained.threshold is None and all(_knows(trained, value) for values in own.values for value in values):
        return replace(trained, ignored=own.ignored), note
    objects = f" If the values number objects: {OBJECTS}." if trained.count == 2 else ""
    raise DataError(
        f"The masks hold {_some(found.values)}, but the model's classes are {_listed(trained)}. It can only be scored on "
        f"masks of the same classes; pixels of other values are left out by data.ignore.{objects}"
    )


def _black_and_white(trained: ClassTable, found: Found) -> ClassTable | None:
    """The table where the model's masks were black and white, and these hold 0 and 1, or 0 and 255."""
    if trained.values not in BLACK_AND_WHITE:
        return None
    # In a JPEG 1 is noise of black.
    high = next((high for high in (1, WHITE)[found.lossy :] if found.values.keys() <= {0, high}), None)
    return None if high is None else replace(trained, values=((0,), (high,)), threshold=None)


def _noisy(found: Found) -> bool:
    """Whether masks are black and white with noise, also where a few of them hold few values."""
    values = sorted(found.values)
    if values[0] < 0 or values[-1] > WHITE:
        return False
    clear = sum(count for value, count in found.values.items() if value <= NOISE or value >= WHITE - NOISE)
    labels = [value for value in values if value < WHITE] == [*range(len(values) - (WHITE in values))]
    dark = values[-1] <= NOISE
    return clear >= NOISE_SHARE * sum(found.values.values()) and (found.lossy or not (labels or dark))


def _knows(table: ClassTable, value: int) -> bool:
    colour = COLOURED + GREY * value if 0 <= value < GREYS else value
    return any(value in values or colour in values for values in table.values)


def _is_pair(table: ClassTable) -> bool:
    """Whether there is a background and one other class."""
    background = table.names[0].casefold() == BACKGROUND or table.values[0] in {(0,), (COLOURED,)}
    return table.count == 2 and background


def _telling(names: Iterable[str]) -> bool:
    """Whether some name says what its class shows."""
    return any(NAMELESS.fullmatch(name) is None for name in names)


def _folding(*sides: Iterable[str]) -> Callable[[str], str]:
    """What makes names comparable: upper and lower case count only where one side has names that differ in nothing else."""
    names = [list(side) for side in sides]
    return str.casefold if all(len(set(map(str.casefold, side))) == len(side) for side in names) else str


def _listed(table: ClassTable) -> str:
    return ", ".join(
        f"{name} ({', '.join(map(shown, values)) or 'none here'})"
        for name, values in zip(table.names, table.values, strict=True)
    )


def _some(values: Iterable[int]) -> str:
    found = sorted(values)
    return f"{', '.join(map(shown, found[:8]))}{f' and {len(found) - 8} more values' if len(found) > 8 else ''}"


def _left_out(table: ClassTable) -> str:
    return f" Ignored: {', '.join(map(shown, table.ignored))}." if table.ignored else ""
