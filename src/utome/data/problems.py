"""What is doubtful about data that can be used: each problem in a sentence, with what mends it."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from utome.data.disagreements import disagreements
from utome.data.fingerprints import near_copies
from utome.data.grouping import Grouping
from utome.data.layouts.groups import groups_note
from utome.data.samples import Part
from utome.data.splitting import Rule, Split, group_count
from utome.data.survey import Facts, Survey

# With fewer images one split says little: every image is then worth testing on once.
FEW = 20
FOLDS = 5
MOST_NAMED = 3
SEEN_IN: tuple[tuple[Part, str], ...] = (("train", "training"), ("val", "validation"))


def problems(found: Survey, parts: Split, rule: Rule) -> list[str]:
    """Every doubt about a survey and its split by this rule."""
    return [
        *found.listing.doubts,
        *_sources(found, rule.groups),
        *_few(found, rule),
        *doubtful_images(found),
        *_unseen_classes(found, parts),
        *disagreements(found.facts, parts.train),
        *_copies(found, parts),
        *_one_subject(parts, rule.groups),
    ]


def doubtful_images(found: Survey) -> list[str]:
    """The doubts about single images, whatever they are for."""
    return [*_constant(found), *_empty(found)]


def _sources(found: Survey, groups: Grouping) -> Iterator[str]:
    """Groups that the names suggest, where neither the layout nor the user knows any."""
    if groups.said is None:
        yield from groups_note(found.listing.samples)


def _few(found: Survey, rule: Rule) -> Iterator[str]:
    count = len({fact.content for fact in found.facts})
    if count >= FEW or rule.folds is not None or any(fact.sample.part for fact in found.facts):
        return
    luck = f"There are {count} different images: the score of one split is a matter of luck."
    folds = min(FOLDS, group_count(found.facts, rule.groups))
    if folds < (3 if rule.shares[0] else 2):
        yield f"{luck} Add images, or score on others by `utome evaluate`."
        return
    yield f"{luck} Train on each of {folds} folds in turn: --set data.folds={folds} --set data.fold=0, and so on."


def _constant(found: Survey) -> Iterator[str]:
    constant = [fact for fact in found.facts if fact.constant]
    if constant:
        yield (
            f"{_images(constant)} {_verb(constant)} one value alone. Take {_them(constant)} out, unless that is what such "
            "images look like."
        )


def _empty(found: Survey) -> Iterator[str]:
    if found.classes.count != 2:
        return
    empty = [fact for fact in found.facts if _classes(fact, found) == {0}]
    if empty and len(empty) < len(found.facts):
        yield (
            f"The masks of {_images(empty)} are all {found.classes.names[0]}. That is fine where there is nothing to find; where "
            "the annotation is missing, take them out."
        )


def _unseen_classes(found: Survey, parts: Split) -> Iterator[str]:
    for part, name in SEEN_IN:
        seen = {number for fact in getattr(parts, part) for number in _classes(fact, found)}
        missing = [found.classes.names[number] for number in range(found.classes.count) if number not in seen]
        if missing:
            yield (
                f"No {name} image holds {' or '.join(repr(each) for each in missing)}. Move images with it there, or try another "
                "--set seed=N."
            )


def _copies(found: Survey, parts: Split) -> Iterator[str]:
    for content, count in Counter(fact.content for fact in found.facts).items():
        if count > 1:
            same = [fact for fact in found.facts if fact.content == content]
            yield f"{_images(same)} have the same pixels. They stay in one part; take all but one out."
    part_of = {id(fact): part for part in ("train", "val", "test") for fact in getattr(parts, part)}
    facts = [fact for fact in found.facts if not fact.constant]
    near = [
        (facts[one], facts[other])
        for one, other in near_copies([fact.fingerprint for fact in facts])
        if facts[one].content != facts[other].content
    ]
    across = [pair for pair in near if len({part_of.get(id(fact)) for fact in pair}) > 1]
    for one, other in near[:MOST_NAMED]:
        where = " They are in different parts, so the score will be too good." if (one, other) in across else ""
        yield (
            f"'{one.sample.name}' and '{other.sample.name}' look like copies of one image.{where} Take one out, or give "
            "both one group by data.group."
        )
    if len(near) > MOST_NAMED:
        yield f"{len(near) - MOST_NAMED} more pairs look like copies of one image."


def _one_subject(parts: Split, groups: Grouping) -> Iterator[str]:
    """Groups that are in more than one part, as the folders have it or because there are too few."""
    where: dict[str, set[str]] = defaultdict(set)
    for part in ("train", "val", "test"):
        for fact in getattr(parts, part):
            group = groups.of(fact.sample)
            if group is not None:
                where[group].add(part)
    split_up = sorted(group for group, names in where.items() if len(names) > 1)
    if split_up:
        shown = ", ".join(f"'{group}'" for group in split_up[:MOST_NAMED])
        more = f" and {len(split_up) - MOST_NAMED} more groups" if len(split_up) > MOST_NAMED else ""
        yield (
            f"Images of {shown}{more} are in more than one part, so the score will be too good. Move each group into one part; where "
            "there are too few groups for three parts, --set data.test=0 does without a score."
        )


def _classes(fact: Facts, found: Survey) -> set[int]:
    numbers = {found.classes.number(value) for value in fact.values}
    return {number for number in numbers if number is not None}


def _images(facts: Sequence[Facts]) -> str:
    shown = ", ".join(f"'{fact.sample.name}'" for fact in facts[:MOST_NAMED])
    return f"{shown} and {len(facts) - MOST_NAMED} more" if len(facts) > MOST_NAMED else shown


def _verb(facts: Sequence[Facts]) -> str:
    return "holds" if len(facts) == 1 else "hold"


def _them(facts: Sequence[Facts]) -> str:
    return "it" if len(facts) == 1 else "them"
