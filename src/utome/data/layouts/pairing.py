"""Which mask belongs to which image, by their names: the same name, or one that differs by a mark such as `_mask`.

Truths and predictions of them pair the same way, by marks of their own.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from utome.data.layouts.folders import by_stem, refuse_unpaired, stem_of
from utome.data.layouts.stacks import slices, slices_note
from utome.data.samples import Sample
from utome.errors import DataError

_MASK_WORDS = (
    r"(?:masks?|labels?|labs?|lbls?|gt|ground[_\-. ]?truth|truth|annotations?|annot|targets?|segs?|segmentations?|"
    r"manual1?)"
)
_IMAGE_WORDS = r"(?:images?|imgs?|im|photo|raw|sat|orig|original|input)"
_OBSERVERS = "1stHO|2ndHO"
_PREDICTION_WORDS = (
    r"(?:pred(?:s|icted|ictions?)?|prob(?:s|ability|abilities)?|prop(?:s|osals?)?|res(?:ults?)?|out(?:puts?)?|test|"
    r"training)"
)


def _marks(words: str) -> re.Pattern[str]:
    """A word at the end or the start of a name, set off by a sign; at the start a number may follow at once."""
    return re.compile(rf"[_\-. ]+{words}$|^{words}(?:[_\-. ]+|(?=\d))", re.IGNORECASE)


MASK_MARK = _marks(_MASK_WORDS)
IMAGE_MARK = _marks(_IMAGE_WORDS)


@dataclass(frozen=True)
class Side:
    """One of two kinds of files that belong together: what messages call it, and the marks in the names of its files."""

    noun: str
    mark: re.Pattern[str]


IMAGES, MASKS = Side("image", IMAGE_MARK), Side("mask", MASK_MARK)
# Truths and predictions, and fields of view, as programs and data sets name them: `man_seg001` and `mask001`, `a_gt` and
# `a_pred`, `21_manual1`, `21_training` and `21_training_mask`, `Image_01L_1stHO`.
TRUTHS = Side("truth", _marks(rf"(?:man_seg|man_track|{_OBSERVERS}|{_MASK_WORDS})"))
PREDICTIONS = Side(
    "prediction",
    _marks(rf"(?:(?:test|training)[_\-. ])?(?:{_PREDICTION_WORDS}|{_OBSERVERS}|{_MASK_WORDS})"),
)
FIELDS = Side("field of view", _marks(r"(?:(?:test|training)[_\-. ])?(?:masks?|fov|field|roi|valid)"))


@dataclass(frozen=True)
class Coupled:
    """Files of two sides that belong together, in order of the first ones' names, and what should be said of it."""

    couples: tuple[tuple[Path, Path], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Paired:
    """Samples in order of their names, and what should be said of how they were paired."""

    samples: tuple[Sample, ...]
    notes: tuple[str, ...]


def pair_up(images: Iterable[Path], masks: Iterable[Path]) -> Paired:
    """Samples of images and masks, one or more of each; `DataError` names those without a partner, or with two."""
    found = couple(images, masks)
    samples = tuple(part for image, mask in found.couples for part in slices(Sample(stem_of(image), image, (mask,))))
    return Paired(samples, (*found.notes, *slices_note(samples)))


def couple(ones: Iterable[Path], others: Iterable[Path], *, sides: tuple[Side, Side] = (IMAGES, MASKS)) -> Coupled:
    """Files of two sides, one or more of each; `DataError` names those without a partner, or with two.

    The same name goes first. Of the rest, two belong together when their names are the same without their marks.
    """
    (one, other), (one_of, other_of) = sides, (by_stem(ones), by_stem(others))
    one_place, other_place = (next(iter(files.values())).parent for files in (one_of, other_of))
    partner = {stem: stem for stem in one_of.keys() & other_of.keys()}
    _by_marks(one_of, other_of, partner, sides)
    if one_place == other_place:
        wanted_other = f"{_a(other.noun)} such as 'NAME_{other.noun}' for 'NAME'"
        wanted_one = f"{_a(one.noun)} of its name"
    else:
        wanted_other = f"{_a(other.noun)} of the same name in '{other_place}'"
        wanted_one = f"{_a(one.noun)} of the same name in '{one_place}'"
    refuse_unpaired(one_of, partner, f"{_a(one.noun)} in '{one_place}' without {wanted_other}")
    left = {stem: other_of[stem] for stem in other_of.keys() - set(partner.values())}
    for stem, path in left.items():
        if (twin := bare(stem, other.mark)) in partner:
            raise _two_others(one_of[twin], [other_of[partner[twin]], path], sides)
    refuse_unpaired(left, (), f"{_a(other.noun)} in '{other_place}' without {wanted_one}")
    stems = [(stem, partner[stem]) for stem in sorted(one_of)]
    couples = tuple((one_of[stem], other_of[partner]) for stem, partner in stems)
    marked = [couples[number] for number, (stem, partner) in enumerate(stems) if stem != partner]
    return Coupled(couples, _marks_note(marked, sides))


def beside(files: Iterable[Path]) -> tuple[list[Path], list[Path]] | None:
    """Images and masks that lie in one folder, told apart by the marks of the masks; none where there is no pair."""
    stems = {path: stem_of(path) for path in files}
    masks = [path for path, stem in stems.items() if bare(stem, MASK_MARK) != stem]
    images = [path for path, stem in stems.items() if bare(stem, MASK_MARK) == stem]
    names = {name for path in images for name in (stems[path], bare(stems[path], IMAGE_MARK))}
    return (images, masks) if any(bare(stems[path], MASK_MARK) in names for path in masks) else None


def bare(stem: str, mark: re.Pattern[str]) -> str:
    """A name without its mark; the name itself where nothing else would be left.

    >>> bare("a_mask", MASK_MARK), bare("img12", IMAGE_MARK), bare("mask_", MASK_MARK)
    ('a', '12', 'mask_')
    """
    return mark.sub("", stem, count=1) or stem


def _by_marks(
    ones: Mapping[str, Path], others: Mapping[str, Path], partner: dict[str, str], sides: tuple[Side, Side]
) -> None:
    """Add the partners of those files of the first side that have none of their own name."""
    one, other = sides
    free: dict[str, list[str]] = {}
    for stem in others.keys() - partner.values():
        for name in {stem, bare(stem, other.mark)}:
            free.setdefault(name, []).append(stem)
    owner: dict[str, str] = {}
    for stem in sorted(ones.keys() - partner.keys()):
        found = sorted({each for name in (stem, bare(stem, one.mark)) for each in free.get(name, ())})
        if len(found) > 1:
            raise _two_others(ones[stem], [others[each] for each in found], sides)
        for each in found:
            if each in owner:
                raise DataError(
                    f"The {other.noun} '{others[each]}' would belong to two {one.noun}s, '{ones[owner[each]].name}' and "
                    f"'{ones[stem].name}'; which one is meant? Rename the {other.noun}, or take one {one.noun} out."
                )
            owner[each] = stem
            partner[stem] = each


def _two_others(path: Path, others: list[Path], sides: tuple[Side, Side]) -> DataError:
    one, other = sides
    shown = " and ".join(f"'{each.name}'" for each in others[:2])
    return DataError(f"The {one.noun} '{path}' has two {other.noun}s, {shown}; which one is meant? Take one out.")


def _marks_note(marked: Sequence[tuple[Path, Path]], sides: tuple[Side, Side]) -> tuple[str, ...]:
    if not marked:
        return ()
    (path, partner), (one, other) = marked[0], sides
    return (
        (
            f"{len(marked)} {other.noun}s have another name than their {one.noun} and are paired by it without words such as "
            f"{other.noun} or {one.noun}: '{partner.name}' goes with '{path.name}'."
        ),
    )


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
