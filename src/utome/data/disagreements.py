"""What differs from file to file and should not: palettes, depth, and the turn that an EXIF asks for."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from utome.data.classes import shown
from utome.data.formats import COLOURED, Quirk
from utome.data.survey import Facts


def disagreements(facts: Sequence[Facts], trained_on: Sequence[Facts]) -> Iterator[str]:
    """A sentence for each kind of disagreement, of the images that are trained on where prediction follows them."""
    yield from _palettes(facts)
    yield from _depths(facts)
    yield from _turns(trained_on)


def left_unturned(trained_on: Sequence[Facts]) -> bool:
    """Whether images are to be read as they are stored, whatever their EXIF says: so were all of these that have one."""
    quirks = frozenset[Quirk]().union(*(fact.quirks for fact in trained_on))
    return Quirk.UNTURNED in quirks and Quirk.TURNED not in quirks


def _palettes(facts: Sequence[Facts]) -> Iterator[str]:
    """The first index that stands for one colour here and another there."""
    first: dict[int, tuple[int, str]] = {}
    for fact in facts:
        for index, colour in fact.palette.items():
            known, name = first.setdefault(index, (colour, fact.sample.name))
            if known != colour:
                yield (
                    f"The palettes of the masks differ: index {index} is {shown(COLOURED + known)} in '{name}' and "
                    f"{shown(COLOURED + colour)} in '{fact.sample.name}'. If the colours are meant, save the masks as RGB."
                )
                return
    indexed = [fact.sample.name for fact in facts if fact.palette]
    coloured = [fact.sample.name for fact in facts if max(fact.values, default=0) >= COLOURED]
    if indexed and coloured:
        yield (
            f"Some masks have a palette, whose indices count (as '{indexed[0]}'), and others are coloured (as '{coloured[0]}'), so one "
            "class may have two values. Save all alike."
        )


def _depths(facts: Sequence[Facts]) -> Iterator[str]:
    named: dict[str, list[str]] = defaultdict(list)
    for fact in facts:
        named[fact.dtype].append(fact.sample.name)
    if len(named) > 1:
        counts = ", ".join(f"{len(names)} of {dtype} (as '{names[0]}')" for dtype, names in sorted(named.items()))
        yield (
            f"The images differ in depth: {counts}. data.normalization=image and percentile bring each to one scale; range, dataset and "
            "none make the same brightness another number. Save all alike if that is not meant."
        )


def _turns(facts: Sequence[Facts]) -> Iterator[str]:
    turned = [fact.sample.name for fact in facts if Quirk.TURNED in fact.quirks]
    not_turned = [fact.sample.name for fact in facts if Quirk.UNTURNED in fact.quirks]
    if turned and not_turned:
        yield (
            f"The EXIF of training images asks for a turn, and {len(turned)} are turned (as '{turned[0]}') while the masks of "
            f"{len(not_turned)} fit them as they are stored (as '{not_turned[0]}'); prediction turns all. Half turns and squares fit both "
            "ways, so look at the overlays, and save images and masks upright without EXIF."
        )
