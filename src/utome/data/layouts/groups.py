"""Images that share a source, seen from their names: tiles of a photograph, two sides of a body, slices of a stack."""

import re
from collections.abc import Sequence

from utome.data.layouts.folders import named
from utome.data.samples import Sample

# The first group of a pattern is what images share. In the order in which they are tried: the plainest mark comes first.
_PATTERNS = (
    r"^(.+)[-_ ]\d+[-_ ]\d+$",
    r"^(.+?)[-_ ]?(?:slice|section|frame|page|plane|tile|crop|patch)[-_ ]?\d+$",
    r"^(.+)[-_ ][zt]\d+$",
    r"^(.+?)[-_ ]?(?:left|right|Left|Right|LEFT|RIGHT)$",
    r"^(.*\d)[-_ ]?[LR]$",
    r"^(.+)[-_ ][lrLR]$",
    # A last number alone counts images as often as tiles, unless a number before it tells the photograph.
    r"^(.*\d.*)[-_ ]\d+$",
)


def suggest_groups(samples: Sequence[Sample]) -> tuple[str, int] | None:
    """A pattern for `data.group` that the names suggest, and how many groups it makes; none where they suggest none.

    Every name must have the pattern, and it must make more than one group, some of them of several images.
    """
    names = [sample.name for sample in samples]
    for pattern in _PATTERNS:
        found = [re.search(pattern, name) for name in names]
        groups = {match[1] for match in found if match is not None}
        if all(found) and 1 < len(groups) < len(names):
            return pattern, len(groups)
    return None


def groups_note(samples: Sequence[Sample]) -> tuple[str, ...]:
    """What to say where the names suggest groups, and the layout knows none."""
    suggested = None if any(sample.group for sample in samples) else suggest_groups(samples)
    if suggested is None:
        return ()
    pattern, count = suggested
    return (
        (
            f"The names look as if {len(samples)} images come from {count} sources (as '{_first(samples, pattern)}'); images of "
            f"one source should stay in one part: --set data.group='{pattern}'."
        ),
        *in_several_parts(samples, re.compile(pattern), "by its name"),
    )


def in_several_parts(samples: Sequence[Sample], source: re.Pattern[str], what: str) -> tuple[str, ...]:
    """What to say where the folders put images of one source, read from the name, into several parts; or nothing."""
    parts: dict[str, set[str]] = {}
    for sample in samples:
        found = source.search(sample.name)
        if found is not None and sample.part is not None:
            parts.setdefault(found[1], set()).add(sample.part)
    shared = sorted(name for name, its in parts.items() if len(its) > 1)
    if not shared:
        return ()
    return (
        (
            f"Perhaps a leak: images of one source ({what}) lie in several of the folders train, val and test, so their score may be too "
            f"good: {named(shared)}. Move them together."
        ),
    )


def _first(samples: Sequence[Sample], pattern: str) -> str:
    match = re.search(pattern, samples[0].name)
    return match[1] if match else samples[0].name
