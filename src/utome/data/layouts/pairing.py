"""Which mask belongs to which image, by their names: the same name, or one that differs by a mark such as `_mask`."""

import re
from collections.abc import Iterable, Mapping
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


def _marks(words: str) -> re.Pattern[str]:
    """A word at the end or the start of a name, set off by a sign; at the start a number may follow at once."""
    return re.compile(rf"[_\-. ]+{words}$|^{words}(?:[_\-. ]+|(?=\d))", re.IGNORECASE)


MASK_MARK = _marks(_MASK_WORDS)
IMAGE_MARK = _marks(_IMAGE_WORDS)


@dataclass(frozen=True)
class Paired:
    """Samples in order of their names, and what should be said of how they were paired."""

    samples: tuple[Sample, ...]
    notes: tuple[str, ...]


def pair_up(images: Iterable[Path], masks: Iterable[Path]) -> Paired:
    """Samples of images and masks, one or more of each; `DataError` names those without a partner, or with two.

    The same name goes first. Of the rest, an image and a mask belong together when their names are the same without
    their marks.
    """
    image_of, mask_of = by_stem(images), by_stem(masks)
    image_place, mask_place = (next(iter(files.values())).parent for files in (image_of, mask_of))
    partner = {stem: stem for stem in image_of.keys() & mask_of.keys()}
    _by_marks(image_of, mask_of, partner)
    if image_place == mask_place:
        wanted_mask, wanted_image = "a mask such as 'NAME_mask' for 'NAME'", "an image of its name"
    else:
        wanted_mask = f"a mask of the same name in '{mask_place}'"
        wanted_image = f"an image of the same name in '{image_place}'"
    refuse_unpaired(image_of, partner, f"an image in '{image_place}' without {wanted_mask}")
    left = {stem: mask_of[stem] for stem in mask_of.keys() - set(partner.values())}
    for stem, path in left.items():
        if (twin := bare(stem, MASK_MARK)) in partner:
            raise _two_masks(image_of[twin], [mask_of[partner[twin]], path])
    refuse_unpaired(left, (), f"a mask in '{mask_place}' without {wanted_image}")
    couples = [(stem, image_of[stem], mask_of[partner[stem]]) for stem in sorted(image_of)]
    samples = tuple(part for name, image, mask in couples for part in slices(Sample(name, image, (mask,))))
    return Paired(samples, (*_marks_note(partner, couples), *slices_note(samples)))


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


def _by_marks(images: Mapping[str, Path], masks: Mapping[str, Path], partner: dict[str, str]) -> None:
    """Add the partners of those images that have none of their own name."""
    free: dict[str, list[str]] = {}
    for stem in masks.keys() - partner.values():
        for name in {stem, bare(stem, MASK_MARK)}:
            free.setdefault(name, []).append(stem)
    owner: dict[str, str] = {}
    for stem in sorted(images.keys() - partner.keys()):
        found = sorted({mask for name in (stem, bare(stem, IMAGE_MARK)) for mask in free.get(name, ())})
        if len(found) > 1:
            raise _two_masks(images[stem], [masks[mask] for mask in found])
        for mask in found:
            if mask in owner:
                raise DataError(
                    f"The mask '{masks[mask]}' would belong to two images, '{images[owner[mask]].name}' and "
                    f"'{images[stem].name}'; which one is meant? Rename the mask, or take one image out."
                )
            owner[mask] = stem
            partner[stem] = mask


def _two_masks(image: Path, masks: list[Path]) -> DataError:
    shown = " and ".join(f"'{mask.name}'" for mask in masks[:2])
    return DataError(f"The image '{image}' has two masks, {shown}; which one is meant? Take one out.")


def _marks_note(partner: Mapping[str, str], couples: list[tuple[str, Path, Path]]) -> tuple[str, ...]:
    marked = [(image, mask) for name, image, mask in couples if partner[name] != name]
    if not marked:
        return ()
    image, mask = marked[0]
    return (
        (
            f"{len(marked)} masks have another name than their image and are paired by it without words such as mask or "
            f"image: '{mask.name}' goes with '{image.name}'."
        ),
    )
