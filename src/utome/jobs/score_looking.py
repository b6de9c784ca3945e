"""How truths and predictions are read, told from what all of them hold: classes, object numbers or probabilities."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Shaped
from scipy import ndimage

from utome.data.classes import WHITE, ClassTable, Declared, class_table, shown
from utome.data.formats import Labels, is_lossy, read_map
from utome.data.numbering import NUMBERS, numbers_objects
from utome.data.samples import Sample
from utome.data.truth import UNKNOWN, read_truth
from utome.errors import ConfigError, DataError
from utome.events import Listener, Progressed

TruthKind = Literal["labels", "objects"]
PredictionKind = Literal["labels", "objects", "probability"]
TWO = ("background", "foreground")
BLACK_AND_WHITE = ({0, 1}, {0, WHITE})
MASK = ClassTable(TWO, ((0,), (1,)))
# Families that read whole numbers which are no classes as probabilities.
OF_PROBABILITIES = frozenset({"isbi2012", "ranking"})
# So many numbers are looked at to tell object numbers from grey values.
LOOKED_AT = 16


@dataclass(frozen=True)
class Asked:
    """What the user says of the files, none where nothing is said; and the families asked for."""

    truth: TruthKind | None = None
    prediction: PredictionKind | None = None
    ignore: tuple[int, ...] = ()
    foreground: int | None = None
    families: tuple[str, ...] | None = None


@dataclass
class Seen:
    """What was met so far in the files of one side: values and pixels, the file where each was met first, and types.

    `richest` is the number of the file with the most values, and how many these are; `largest` is told by type of pixel.
    """

    values: Counter[int] = field(default_factory=Counter)
    first: dict[int, Path] = field(default_factory=dict)
    both: bool = False
    fractions: Path | None = None
    richest: tuple[int, int] = (0, 0)
    largest: dict[str, float] = field(default_factory=dict)

    def add(self, pixels: Shaped[np.ndarray, "h w"], path: Path, number: int) -> None:
        """One file, or page."""
        kind = str(pixels.dtype)
        self.largest[kind] = max(self.largest.get(kind, 0.0), float(pixels.max()))
        if has_fractions(pixels):
            self.fractions = self.fractions or path
            return
        found, counts = np.unique(pixels, return_counts=True)
        numbers = dict(zip(map(int, found), map(int, counts), strict=True))
        self.values.update(numbers)
        self.both = self.both or numbers.keys() >= {1, WHITE}
        if len(numbers) > self.richest[1]:
            self.richest = (number, len(numbers))
        for value in numbers:
            self.first.setdefault(value, path)


@dataclass(frozen=True)
class How:
    """How files are read: the classes of truths and predictions, and what each side holds.

    With `positive` that class alone is foreground, and all others are background. `largest` is, by type of pixel, the
    largest value of all predictions.
    """

    table: ClassTable
    truth: TruthKind
    prediction: PredictionKind
    ignore: tuple[int, ...]
    positive: int | None
    largest: Mapping[str, float]
    said: tuple[str, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes that are scored."""
        return TWO if self.positive is not None else self.table.names


def has_fractions(pixels: Shaped[np.ndarray, "h w"]) -> bool:
    """Whether some pixels are no whole numbers, as only probabilities are."""
    return pixels.dtype.kind == "f" and bool((np.trunc(pixels) != pixels).any())


def look(samples: Sequence[Sample], asked: Asked, listen: Listener) -> How:
    """Look at all files, keeping none; `DataError` names the file that cannot be read or does not fit its partner."""
    truths, predictions = Seen(), Seen()
    for number, sample in enumerate(samples):
        true, predicted = _read_truth(sample), read_map(sample.image, page=sample.page)
        if true.shape != predicted.shape:
            raise DataError(
                f"The prediction '{sample.source}' is {_size(predicted)} (height x width), but its truth "
                f"'{sample.truth_source}' is {_size(true)}. They must have the same size."
            )
        truths.add(true, sample.masks[0], number)
        predictions.add(predicted, sample.image, number)
        listen(Progressed("looking", number + 1, len(samples)))
    for value in (UNKNOWN, *asked.ignore):
        truths.values.pop(value, None)
    table, truth, said = _truth(samples, truths, asked)
    positive = _positive(table, truth, asked)
    binary = table.count == 2 or positive is not None
    prediction = asked.prediction or _prediction(predictions, table, truth, binary=binary, families=asked.families)
    if prediction == "probability" and not binary:
        where = predictions.fractions or samples[0].image
        raise DataError(
            f"'{where}' holds one probability a pixel, which tells of two classes, but the truth has {table.count}. Name the class "
            "that it is the probability of: --foreground VALUE."
        )
    if truth == "labels" and prediction == "objects" and not binary:
        raise DataError(
            f"The truth has {table.count} classes, to which object numbers cannot be compared. Name one by --foreground VALUE, or say "
            "that the truth numbers objects: --truth objects."
        )
    return How(
        table, truth, prediction, asked.ignore, positive, predictions.largest, (said, _said_of(prediction, asked))
    )


def _read_truth(sample: Sample) -> Labels:
    truth = sample.masks[0]
    if has_fractions(read_map(truth, page=sample.page)):
        raise DataError(
            f"The truth '{truth}' holds fractions, as maps of probabilities do; accepted: whole numbers, one for each class "
            "or object. Were truth and prediction exchanged?"
        )
    return read_truth(sample)


def _truth(samples: Sequence[Sample], seen: Seen, asked: Asked) -> tuple[ClassTable, TruthKind, str]:
    """The classes, whether truths hold them or object numbers, and a sentence."""
    if asked.truth != "objects" and not seen.values:
        raise DataError(
            "Every pixel of every truth is ignored, so there is nothing to score. Check --ignore and --mask."
        )
    negative = min(seen.values, default=0)
    if negative < 0:
        raise DataError(
            f"The truth '{seen.first[negative]}' holds the value {negative}; classes and objects are numbered from 0 upwards. Export it "
            f"again, or leave these pixels out: --ignore {negative}."
        )
    table = None if asked.truth == "objects" else _classes(samples, seen, asked)
    if table is None:
        by = "" if asked.truth == "objects" else " If they are classes: --truth labels."
        return MASK, "objects", f"Truths are read as object numbers.{by}"
    classes = ", ".join(
        f"{name} ({', '.join(map(shown, values))})" for name, values in zip(table.names, table.values, strict=True)
    )
    noise = "" if table.threshold is None else f" They are noisy; above {table.threshold} is {table.names[1]}."
    ignored = f" Ignored: {', '.join(map(shown, table.ignored))}." if table.ignored else ""
    return table, "labels", f"Truths are read as classes: {classes}.{noise}{ignored}"


def _classes(samples: Sequence[Sample], seen: Seen, asked: Asked) -> ClassTable | None:
    """The classes of the truths; none where they number objects."""
    found = sorted(seen.values)
    if len(found) == 1:
        return _single(found[0], asked)
    richest = samples[seen.richest[0]]
    lossy = any(is_lossy(sample.masks[0]) for sample in samples)
    try:
        table, _ = class_table(seen.values, lossy=lossy, declared=Declared(ignored=asked.ignore), apart=not seen.both)
    except DataError:
        if asked.truth == "labels" or lossy or asked.foreground is not None or not _looks_numbered(richest):
            raise DataError(
                f"The truth '{richest.truth_source}' and its like hold {len(found)} different values ({_some(found)}), too many for "
                "classes. Were truth and prediction exchanged? If the values number objects: --truth objects."
            ) from None
        return None
    if asked.foreground is not None and asked.foreground in set(table.ignored) - set(asked.ignore):
        # 255 beside other classes is no class, but where it is asked for.
        names, members = (*table.names, f"class {asked.foreground}"), (*table.values, (asked.foreground,))
        return ClassTable(names, members, ignored=asked.ignore)
    by_itself = asked.truth is None and asked.foreground is None and table.count > 2 and not lossy
    if by_itself and WHITE not in table.ignored and _numbered(samples, found, asked.families):
        return None
    return table


def _single(value: int, asked: Asked) -> ClassTable:
    """The classes where all truths hold one value alone, as where there is nothing to find."""
    if asked.foreground not in {None, value}:
        return ClassTable(TWO, ((value,), (asked.foreground or 0,)), ignored=asked.ignore)
    return ClassTable(TWO, ((0,), (value or 1,)), ignored=asked.ignore)


def _numbered(samples: Sequence[Sample], found: Sequence[int], families: tuple[str, ...] | None) -> bool:
    """Whether values number objects: surely, or perhaps and objects are asked for, or there are many."""
    numbered = numbers_objects(samples)
    many = families is None and len(set(found) - {0}) >= NUMBERS
    return numbered == "surely" or (numbered == "perhaps" and (many or "objects" in (families or ())))


def _looks_numbered(sample: Sample) -> bool:
    """Whether half of the values of a truth, or more, are one piece of several pixels, as objects are and grey values are not."""
    truth = read_truth(sample)
    values = [value for value in np.unique(truth).tolist() if value > 0]
    chosen = values[:: -(-len(values) // LOOKED_AT) or 1]
    pieces = [_is_piece(truth == value) for value in chosen]
    return bool(pieces) and 2 * sum(pieces) >= len(pieces)


def _is_piece(mask: np.ndarray) -> bool:
    return int(mask.sum()) > 1 and int(ndimage.label(mask, np.ones((3, 3)))[1]) == 1


def _positive(table: ClassTable, truth: TruthKind, asked: Asked) -> int | None:
    """The number of the class that --foreground names."""
    if asked.foreground is None:
        return None
    if truth == "objects":
        raise ConfigError("--foreground names a class, but the truth is read as object numbers. Leave one of both out.")
    try:
        number = table.number(asked.foreground)
    except StopIteration:
        number = None
    if number is None:
        accepted = ", ".join(shown(value) for values in table.values for value in values)
        raise DataError(f"No truth holds the value {asked.foreground} of --foreground; they hold {accepted}.")
    return number


def _prediction(
    seen: Seen, table: ClassTable, truth: TruthKind, *, binary: bool, families: tuple[str, ...] | None
) -> PredictionKind:
    """What predictions hold, where the user does not say."""
    if seen.fractions is not None:
        return "probability"
    values = set(seen.values)
    if truth == "objects":
        return "labels" if any(values <= pair for pair in BLACK_AND_WHITE) else "objects"
    grey = seen.largest.keys() <= {"uint8", "uint16"}
    if binary and grey and not _fits(values, table) and OF_PROBABILITIES & set(families or ()):
        return "probability"
    return "labels"


def _fits(values: Iterable[int], table: ClassTable) -> bool:
    known = {value for each in table.values for value in each}
    pairs = BLACK_AND_WHITE if known in BLACK_AND_WHITE else ()
    return any(set(values) <= accepted for accepted in (known, *pairs))


def _said_of(prediction: PredictionKind, asked: Asked) -> str:
    told = {
        "labels": "classes with the truth's values",
        "objects": "object numbers",
        "probability": "probabilities; above 0.5 is foreground",
    }
    otherwise = "" if asked.prediction else " Say otherwise by --prediction."
    return f"Predictions are read as {told[prediction]}.{otherwise}"


def _size(image: Shaped[np.ndarray, "h w"]) -> str:
    return f"{image.shape[0]}x{image.shape[1]}"


def _some(values: Sequence[int]) -> str:
    return ", ".join(map(shown, values[:5])) + (", ..." if len(values) > 5 else "")
