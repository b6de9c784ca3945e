"""Which images train, which choose the model, and which are kept for the honest score."""

from collections.abc import Sequence
from dataclasses import dataclass

from utome.data.samples import Part
from utome.data.survey import Facts
from utome.errors import DataError
from utome.randomness import key


@dataclass(frozen=True)
class Split:
    """The samples of each part, each in order of the hash of its pixels: file names and their order change nothing."""

    train: tuple[Facts, ...]
    val: tuple[Facts, ...]
    test: tuple[Facts, ...]


def split(facts: Sequence[Facts], *, validation: float, test: float, seed: int) -> Split:
    """Parts as the folders say; what they do not say is drawn by content hash and seed.

    With a `test` or `val` folder given, only a missing validation part is drawn, from the training images. Images
    with the same pixels stay together. Every drawn part with a share above zero gets at least one image.
    `DataError` where there are too few images, or no training image.
    """
    said: dict[Part | None, list[Facts]] = {part: [] for part in ("train", "val", "test", None)}
    for fact in sorted(facts, key=lambda fact: fact.content):
        said[fact.sample.part].append(fact)
    pool, chosen, kept = said["train"] + said[None], said["val"], said["test"]
    shares = [0.0 if chosen else validation, 0.0 if chosen or kept else test]
    drawn_val, drawn_test, train = _draw(pool, shares, seed)
    parts = Split(tuple(train), (*chosen, *drawn_val), (*kept, *drawn_test))
    if not parts.train or not parts.val:
        raise DataError(
            "There is no image left to train on or none to choose the model by. Add pairs, or change data.validation and data.test."
        )
    _refuse_leaks(parts)
    return parts


def _draw(facts: list[Facts], shares: list[float], seed: int) -> list[list[Facts]]:
    """One list for each share, and the rest last."""
    contents = sorted({fact.content for fact in facts}, key=lambda content: key(seed, "split", content))
    counts = [max(1, round(share * len(contents))) if share else 0 for share in shares]
    if len(contents) <= sum(counts):
        raise DataError(_too_few(len(contents), counts))
    parts = []
    for count in counts:
        taken, contents = set(contents[:count]), contents[count:]
        parts.append([fact for fact in facts if fact.content in taken])
    rest = set(contents)
    return [*parts, [fact for fact in facts if fact.content in rest]]


def _too_few(count: int, drawn: list[int]) -> str:
    """Why `count` different images do not give the drawn parts, validation and test, and what would help."""
    if count == 0:
        return "There is no image to train on: the folders keep all for choosing or scoring the model. Add pairs to train on."
    if count > sum(1 for wanted in drawn if wanted):
        return (
            f"data.validation and data.test take {drawn[0]} and {drawn[1]} of {count} different images, so none is left to "
            "train on. Lower them."
        )
    if count == 1:
        third = ", and a third to score it" if drawn[1] else ""
        return (
            "There is only 1 different image to draw from; at least 2 are needed, to train and to choose the "
            f"model{third}. Add pairs."
        )
    return (
        f"There are only {count} different images to draw from; at least {count + 1} are needed to train, to choose the "
        "model, and to score it. Add pairs, or set data.test=0 to do without a score."
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
