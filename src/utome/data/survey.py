"""Looking at every file of a listing once: sizes, depth, mask values, hashes; and refusing what cannot be trained on."""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from utome.data.classes import OBJECTS, WHITE, ClassTable, Declared, class_table
from utome.data.fingerprints import fingerprint
from utome.data.formats import Pixels, Quirk, file_sha256, is_lossy, palette_of
from utome.data.numbering import numbers_objects
from utome.data.oddities import oddities
from utome.data.samples import Listing, Sample
from utome.data.truth import read_pixels, read_truth
from utome.errors import DataError
from utome.events import Listener, Progressed, silent
from utome.files import sha256_bytes

# Decoding releases the interpreter, so threads help; more than this only cost memory.
READERS = 4
# So many samples that cannot be used are named one by one.
MOST_NAMED = 10


@dataclass(frozen=True)
class Facts:
    """What was seen of one sample.

    `content` and `truth` are hashes of pixels, whatever the file format; `fingerprint` is nearly the same for near copies;
    a `constant` image holds one value alone. `means` and `squares` are the mean value and mean square of each channel.
    `quirks` are what is odd about its files and was put right. `palette` has the colour, red, green and blue in one number, of
    each class index that the mask uses, where it has a palette.
    """

    sample: Sample
    height: int
    width: int
    channels: int
    dtype: str
    sha256: str
    content: str
    truth: str
    values: Mapping[int, int]
    fingerprint: bytes = b""
    constant: bool = False
    means: tuple[float, ...] = ()
    squares: tuple[float, ...] = ()
    quirks: frozenset[Quirk] = frozenset()
    palette: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Survey:
    """A folder, looked at whole: its listing, the facts of each sample in the same order, and its classes."""

    listing: Listing
    facts: tuple[Facts, ...]
    classes: ClassTable
    notes: tuple[str, ...]

    @property
    def channels(self) -> int:
        """1 where every image is grey, else 3."""
        return max(fact.channels for fact in self.facts)

    def class_pixels(self, facts: Sequence[Facts]) -> list[int]:
        """How many pixels of these samples each class has."""
        pixels = [0] * self.classes.count
        for fact in facts:
            for value, count in fact.values.items():
                number = self.classes.number(value)
                if number is not None:
                    pixels[number] += count
        return pixels


def survey(listing: Listing, declared: Declared | None = None, *, listen: Listener = silent) -> Survey:
    """Look at every sample, keeping none in memory; `DataError` names each that cannot be used, the first few of many.

    Classes and ignored values are those `declared`, else the layout's own, else as the values found suggest.
    """
    facts = look_at(listing.samples, listen=listen)
    declared = declared or Declared()
    by_user = bool(declared.classes)
    if not by_user:
        classes, ignored = tuple(listing.classes.items()), (*declared.ignored, *listing.ignored)
        declared = replace(declared, classes=classes, ignored=tuple(dict.fromkeys(ignored)))
    masks = masks_seen(listing, facts)
    table, note = class_table(masks.values, lossy=masks.lossy, declared=declared, apart=masks.apart)
    asked = table.count > 2 and not declared.classes and not declared.as_labels
    numbered = numbers_objects(listing.samples) if asked else "no"
    if numbered == "perhaps":
        note += f" In each mask every value is one piece: if they number objects, {OBJECTS}."
    if numbered == "surely":
        raise DataError(
            f"The masks hold {table.count} values, and in each mask every value is one piece, as the numbers of objects are. Say what they "
            "are: --set data.truth=instances unites the objects to one foreground, --set data.truth=labels makes each value a class."
        )
    # Of objects the layout has said already how they are read.
    notes = (note,) if any(sample.truth == "labels" for sample in listing.samples) or by_user else ()
    quirks = {fact.sample.name: fact.quirks for fact in facts}
    return Survey(listing, tuple(facts), table, (*listing.notes, *notes, *oddities(quirks)))


@dataclass(frozen=True)
class Masks:
    """What the masks of a folder hold together (value: pixels), whether some are JPEG, and whether none holds both 1 and 255."""

    values: Mapping[int, int]
    lossy: bool
    apart: bool


def masks_seen(listing: Listing, facts: Sequence[Facts]) -> Masks:
    """What was seen of the masks of a listing."""
    values: Counter[int] = Counter()
    for fact in facts:
        values.update(fact.values)
    lossy = any(is_lossy(path) for sample in listing.samples if sample.truth == "labels" for path in sample.masks)
    return Masks(values, lossy, not any({1, WHITE} <= fact.values.keys() for fact in facts))


def look_at(samples: Sequence[Sample], *, listen: Listener = silent) -> list[Facts]:
    """The facts of each sample, in the same order; `DataError` names each that cannot be used, the first few of many."""
    facts, refused = [], []
    with ThreadPoolExecutor(max_workers=READERS) as pool:
        for number, seen in enumerate(pool.map(_facts_or_refusal, samples), start=1):
            if isinstance(seen, Facts):
                facts.append(seen)
            else:
                refused.append(str(seen))
            listen(Progressed("reading", number, len(samples)))
    if len(refused) == 1:
        raise DataError(refused[0])
    if refused:
        more = f"\n  and {len(refused) - MOST_NAMED} more" if len(refused) > MOST_NAMED else ""
        raise DataError(
            f"{len(refused)} of {len(samples)} samples cannot be used:\n  " + "\n  ".join(refused[:MOST_NAMED]) + more
        )
    return facts


def content_hash(pixels: Pixels) -> str:
    """A hash of the pixels themselves: the same for a PNG and a TIFF of one image."""
    return sha256_bytes(f"{pixels.shape}{pixels.dtype.str}".encode() + np.ascontiguousarray(pixels).tobytes())


def _facts_or_refusal(sample: Sample) -> Facts | DataError:
    try:
        return _facts(sample)
    except DataError as error:
        return error


def _facts(sample: Sample) -> Facts:
    quirks: set[Quirk] = set()
    pixels, truth = read_pixels(sample, quirks.add), read_truth(sample, quirks.add)
    if truth.shape != pixels.shape[:2]:
        height, width = truth.shape
        turned = " Its rows and columns have changed places." if truth.shape == pixels.shape[1::-1] else ""
        raise DataError(
            f"The image '{sample.source}' is {pixels.shape[0]}x{pixels.shape[1]} (height x width), but its mask "
            f"'{sample.truth_source}' is {height}x{width}.{turned} They must have the same size: export the mask again, or take the "
            "pair out."
        )
    values, counts = np.unique(truth, return_counts=True)
    indexed = sample.truth == "labels" and Quirk.PALETTE in quirks
    palette = palette_of(sample.masks[0], page=sample.page) if indexed else {}
    return Facts(
        sample=sample,
        height=pixels.shape[0],
        width=pixels.shape[1],
        channels=pixels.shape[2],
        dtype=pixels.dtype.name,
        sha256=file_sha256(sample.image),
        content=content_hash(pixels),
        truth=content_hash(truth[:, :, None]),
        values={int(value): int(count) for value, count in zip(values, counts, strict=True)},
        fingerprint=fingerprint(pixels),
        constant=bool((pixels == pixels[:1, :1]).all()),
        means=tuple(map(float, pixels.mean(axis=(0, 1), dtype=np.float64))),
        squares=tuple(map(float, np.square(pixels, dtype=np.float64).mean(axis=(0, 1)))),
        quirks=frozenset(quirks),
        palette={int(value): palette[int(value)] for value in values if int(value) in palette},
    )
