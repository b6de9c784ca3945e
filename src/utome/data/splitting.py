"""Which images train, which choose the model, and which are kept for the honest score."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from utome.data.grouping import Grouping
from utome.data.samples import Part
from utome.data.survey import Facts
from utome.errors import ConfigError, DataError
from utome.randomness import key

LARGEST_KEY = 2**63
# Every image by itself.
APART = Grouping(apart=True)


@dataclass(frozen=True)
class Split:
    """The samples of each part, each in order of the hash of its pixels: file names and their order change nothing."""

    train: tuple[Facts, ...]
    val: tuple[Facts, ...]
    test: tuple[Facts, ...]


@dataclass(frozen=True)
class Rule:
    """How parts are drawn where the folders do not say.

    `shares` of validation and test: each group falls into a part by its own hash, so adding images moves none.
    `counts` of train, validation and test, in proportion: exact numbers, by rank of the hash. `folds` and `fold`: one of
    so many parts of equal size is the test part. `groups` tells what stays together.
    """

    shares: tuple[float, float] = (0.15, 0.15)
    counts: tuple[int, int, int] | None = None
    folds: int | None = None
    fold: int = 0
    groups: Grouping = field(default_factory=Grouping)


@dataclass
class _Group:
    """Images that stay together."""

    names: set[str] = field(default_factory=set)
    facts: list[Facts] = field(default_factory=list)

    @property
    def identity(self) -> str:
        """What its place is drawn by, whatever the order in which its images were found."""
        return min(f"group {name}" for name in self.names) if self.names else self.facts[0].content


def split(facts: Sequence[Facts], rule: Rule, *, seed: int) -> Split:
    """Parts as the folders say; what they do not say is drawn by group, content hash and seed.

    With a `test` or `val` folder given, only a missing validation part is drawn, from the training images. Images
    with the same pixels stay together. Every drawn part with a share above zero gets at least one group.
    `DataError` where there are too few images, or no training image.
    """
    said: dict[Part | None, list[Facts]] = {part: [] for part in ("train", "val", "test", None)}
    for fact in sorted(facts, key=lambda fact: fact.content):
        said[fact.sample.part].append(fact)
    pool, chosen, kept = said["train"] + said[None], said["val"], said["test"]
    wanted = _wanted(rule, has_val=bool(chosen), has_test=bool(kept))
    groups = _groups(pool, rule.groups)
    if rule.groups.said is None and len(groups) < _needed(wanted):
        # The layout's own groups are too few to be parted: its images are parted then, and `problems` says so.
        groups = _groups(pool, APART)
    ranked = sorted(groups, key=lambda group: key(seed, "split", group.identity))
    drawn_val, drawn_test, train = _drawn(ranked, wanted, seed)
    parts = Split(tuple(train), (*chosen, *drawn_val), (*kept, *drawn_test))
    if not parts.train or not parts.val:
        raise DataError(
            "There is no image left to train on or none to choose the model by. Add pairs, or change data.validation and data.test."
        )
    _refuse_leaks(parts)
    return parts


def limited(parts: Split, limit: int, grouping: Grouping, *, seed: int) -> Split:
    """The same with so many of the training images, by the hash of their group and then their own: fewer are always among more.

    `ConfigError` where there are not so many.
    """
    if limit > len(parts.train):
        raise ConfigError(
            f"data.limit is {limit}, but there are {len(parts.train)} training images. Give at most that many."
        )

    def place(fact: Facts) -> tuple[int, int]:
        return key(seed, "limit", grouping.of(fact.sample) or fact.content), key(seed, "limit", fact.content)

    chosen = {fact.content for fact in sorted(parts.train, key=place)[:limit]}
    # In the order that they have among all.
    return Split(tuple(fact for fact in parts.train if fact.content in chosen), parts.val, parts.test)


def group_count(facts: Sequence[Facts], grouping: Grouping) -> int:
    """How many groups of images can be parted from each other."""
    return len(_groups(facts, grouping))


def _groups(facts: Sequence[Facts], grouping: Grouping) -> list[_Group]:
    """Images by group; those with the same pixels join their groups to one."""
    by_name: dict[str, _Group] = {}
    by_content: dict[str, _Group] = {}
    for fact in facts:
        name = grouping.of(fact.sample)
        own, named = by_content.get(fact.content), None if name is None else by_name.get(name)
        group = own or named or _Group()
        if own is not None and named is not None and own is not named:
            _join(own, named, by_name, by_content)
        group.facts.append(fact)
        by_content[fact.content] = group
        if name is not None:
            group.names.add(name)
            by_name[name] = group
    return list({id(group): group for group in by_content.values()}.values())


def _join(into: _Group, other: _Group, *tables: dict[str, _Group]) -> None:
    into.facts += other.facts
    into.names |= other.names
    for table in tables:
        for name, group in table.items():
            if group is other:
                table[name] = into


def _wanted(rule: Rule, *, has_val: bool, has_test: bool) -> Rule:
    """The rule, without the parts that the folders give."""
    validation = 0.0 if has_val else rule.shares[0]
    test = 0.0 if has_val or has_test else rule.shares[1]
    if (has_val or has_test) and (rule.counts is not None or rule.folds is not None):
        raise ConfigError(
            "data.split and data.folds draw all parts, but the folders say already what is for validation or test. Leave them out, or "
            "put all images into one folder."
        )
    return Rule((validation, test), rule.counts, rule.folds, rule.fold, rule.groups)


def _drawn(ranked: list[_Group], rule: Rule, seed: int) -> list[list[Facts]]:
    """Validation, test and training images."""
    if rule.folds is not None:
        if rule.fold >= rule.folds or rule.folds > len(ranked):
            raise ConfigError(
                f"data.fold is {rule.fold} and data.folds {rule.folds}, but there are {len(ranked)} groups of images. Folds are "
                "counted from 0, and there can be as many as groups."
            )
        test = ranked[rule.fold :: rule.folds]
        others = [group for group in ranked if group not in test]
        _refuse_too_few(len(others), [bool(rule.shares[0])])
        count = max(1, round(rule.shares[0] * len(others))) if rule.shares[0] else 0
        return _facts(others[:count], test, others[count:])
    if rule.counts is not None:
        return _by_counts(ranked, rule.counts)
    return _by_shares(ranked, rule.shares, seed)


def _by_counts(ranked: list[_Group], counts: tuple[int, int, int]) -> list[list[Facts]]:
    """Parts in proportion to the counts, by rank; each with a count above zero gets a group."""
    total = sum(counts)
    _refuse_too_few(len(ranked), [bool(counts[1]), bool(counts[2])])
    val, test = (max(1, round(count * len(ranked) / total)) if count else 0 for count in counts[1:])
    if val + test >= len(ranked):
        raise DataError(
            f"data.split takes {val} and {test} of {len(ranked)} groups of images, so none is left to train on."
        )
    return _facts(ranked[:val], ranked[val : val + test], ranked[val + test :])


def _by_shares(ranked: list[_Group], shares: tuple[float, float], seed: int) -> list[list[Facts]]:
    """Each group where its own hash falls, whatever other groups there are; a part that stays empty takes the nearest."""
    _refuse_too_few(len(ranked), [bool(share) for share in shares])
    if sum(shares) >= 1:
        raise ConfigError(
            f"data.validation and data.test are {shares[0]} and {shares[1]} of all images, so none is left to train on. Lower them."
        )
    places = [key(seed, "split", group.identity) / LARGEST_KEY for group in ranked]
    first, second = shares[0], shares[0] + shares[1]
    val = [group for group, place in zip(ranked, places, strict=True) if place < first]
    test = [group for group, place in zip(ranked, places, strict=True) if first <= place < second]
    train = [group for group, place in zip(ranked, places, strict=True) if place >= second]
    # Each part in need takes the group nearest to its own range, from the fullest of the others.
    for part, share in ((val, shares[0]), (test, shares[1]), (train, 1.0)):
        if share and not part:
            fullest = max((val, test, train), key=len)
            part.append(fullest.pop(0 if fullest is train or part is val else -1))
    return _facts(val, test, train)


def _needed(rule: Rule) -> int:
    """So many groups give each part that is drawn one of its own."""
    if rule.folds is not None:
        return max(rule.folds, 2 + bool(rule.shares[0]))
    shares = rule.shares if rule.counts is None else rule.counts[1:]
    return 1 + sum(bool(share) for share in shares)


def _facts(*parts: list[_Group]) -> list[list[Facts]]:
    return [sorted((fact for group in part for fact in group.facts), key=lambda fact: fact.content) for part in parts]


def _refuse_too_few(count: int, drawn: Sequence[bool]) -> None:
    """Training and each drawn part, validation and test, need a group of images of their own."""
    needed = 1 + sum(drawn)
    if count >= needed:
        return
    if count == 0:
        raise DataError(
            "There is no image to train on: the folders keep all for choosing or scoring the model. Add pairs to train on."
        )
    scored = len(drawn) > 1 and drawn[1]
    if count == 1:
        third = ", and a third to score it" if scored else ""
        raise DataError(
            "There is only 1 different image, or group, to draw from; at least 2 are needed, to train and to choose the "
            f"model{third}. Add pairs."
        )
    raise DataError(
        f"There are only {count} different images, or groups, to draw from; at least {needed} are needed to train, to choose "
        "the model, and to score it. Add pairs, or set data.test=0 to do without a score."
    )


def _refuse_leaks(parts: Split) -> None:
    seen: dict[str, Facts] = {}
    for part in (parts.train, parts.val, parts.test):
        for fact in part:
            twin = seen.get(fact.content)
            if twin is not None:
                raise DataError(
                    f"'{fact.sample.source}' and '{twin.sample.source}' are the same image, but in different parts (train, val, "
                    "test): the score would be too good. Take one out."
                )
        seen |= {fact.content: fact for fact in part}
