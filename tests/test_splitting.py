"""The split: by content and seed, whatever the files are called and in whatever order they come."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import look, pair, pair_folder, save_pairs
from utome.data.grouping import grouping
from utome.data.samples import Part, Sample
from utome.data.splitting import Rule, Split
from utome.data.splitting import split as split_by
from utome.data.survey import Facts
from utome.errors import ConfigError, DataError

EMPTY = Path("a.png")


def fact(content: str, *, part: Part | None = None, name: str = "a") -> Facts:
    sample = Sample(name, Path(f"{name}.png"), (EMPTY,), part=part)
    return Facts(sample, 4, 4, 1, "uint8", content, content, content, {0: 8, 1: 8})


def facts(count: int, *, part: Part | None = None, start: int = 0) -> list[Facts]:
    return [fact(f"{number:04x}", part=part, name=f"{part}-{number}") for number in range(start, start + count)]


def split(given: Sequence[Facts], *, validation: float = 0.2, test: float = 0.2, seed: int = 0, **rule: Any) -> Split:
    groups = grouping(rule.pop("group", None))
    return split_by(given, Rule((validation, test), **rule, groups=groups), seed=seed)


def contents(parts: Split) -> list[list[str]]:
    return [[fact.content for fact in part] for part in (parts.train, parts.val, parts.test)]


def refusal(given: list[Facts], *, validation: float = 0.15, test: float = 0.15) -> str:
    with pytest.raises(DataError) as caught:
        split(given, validation=validation, test=test)
    return str(caught.value)


@given(st.integers(3, 60), st.floats(0.05, 0.3), st.floats(0.0, 0.3), st.integers(0, 100))
def test_every_image_is_in_exactly_one_part_and_no_part_is_empty(
    count: int, validation: float, test: float, seed: int
) -> None:
    train, val, kept = contents(split(facts(count), validation=validation, test=test, seed=seed))
    assert sorted([*train, *val, *kept]) == [fact.content for fact in facts(count)]
    assert train
    assert val
    assert bool(kept) == bool(test)


def test_the_parts_of_many_images_have_the_shares() -> None:
    train, val, kept = contents(split(facts(2000), validation=0.2, test=0.1))
    assert len(val) == pytest.approx(400, abs=60)
    assert len(kept) == pytest.approx(200, abs=45)
    assert len(train) == 2000 - len(val) - len(kept)


@given(st.integers(20, 60), st.integers(1, 40), st.integers(0, 20))
def test_adding_images_moves_none_between_parts_that_were_drawn(count: int, more: int, seed: int) -> None:
    before, after = split(facts(count), seed=seed), split(facts(count + more), seed=seed)
    part_of = {content: number for number, part in enumerate(contents(after)) for content in part}
    moved = [content for number, part in enumerate(contents(before)) for content in part if part_of[content] != number]
    # A part that would have been empty had borrowed one image.
    assert len(moved) <= sum(len(part) == 1 for part in contents(before))


def test_parts_in_an_exact_proportion_are_of_exact_size() -> None:
    parts = split(facts(50), counts=(35, 5, 10))
    assert [len(part) for part in contents(parts)] == [35, 5, 10]
    assert [len(part) for part in contents(split(facts(20), counts=(35, 5, 10)))] == [14, 2, 4]
    assert [len(part) for part in contents(split(facts(20), counts=(90, 10, 0)))] == [18, 2, 0]


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_over_all_folds_every_image_is_tested_on_once(folds: int) -> None:
    tested = [contents(split(facts(20), folds=folds, fold=fold))[2] for fold in range(folds)]
    assert sorted(content for part in tested for content in part) == [fact.content for fact in facts(20)]
    assert max(map(len, tested)) - min(map(len, tested)) <= 1
    for fold in range(folds):
        train, val, kept = contents(split(facts(20), folds=folds, fold=fold))
        assert sorted([*train, *val, *kept]) == [fact.content for fact in facts(20)]
        assert val


def test_a_fold_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"data.fold is 3 and data.folds 3, but there are 20 groups"):
        split(facts(20), folds=3, fold=3)
    with pytest.raises(ConfigError, match=r"data.folds 30, but there are 20 groups"):
        split(facts(20), folds=30)


def test_folds_of_images_that_the_folders_have_parted_are_refused() -> None:
    with pytest.raises(ConfigError, match="the folders say already"):
        split([*facts(5, part="train"), *facts(3, part="test", start=5)], folds=2)


@given(st.integers(0, 50))
def test_the_images_of_a_group_stay_together(seed: int) -> None:
    given = [fact(f"{child}{eye}", name=f"Image_{child:02}{eye}") for child in range(12) for eye in "LR"]
    for part in contents(split(given, seed=seed, group=r"_(\d+)")):
        assert all(f"{content[:-1]}{'R' if content[-1] == 'L' else 'L'}" in part for content in part)


def test_groups_that_share_an_image_are_one_group() -> None:
    given = [fact(f"{number}", name=f"{number}-a") for number in range(20)]
    given += [fact("x", name="3-b"), fact("x", name="7-b")]
    for part in contents(split(given, group=r"^(\d+)-")):
        assert ("3" in part) == ("7" in part) == ("x" in part)


def test_the_group_that_a_layout_knows_is_used() -> None:
    given = [
        replace(each, sample=replace(each.sample, group=str(number // 4))) for number, each in enumerate(facts(40))
    ]
    for part in contents(split(given)):
        assert len(part) % 4 == 0


def test_a_group_that_is_in_no_name_and_one_that_is_no_pattern_are_refused() -> None:
    with pytest.raises(DataError, match=r"data.group is 'child', but for the image 'None-0' it finds nothing"):
        split(facts(5), group="child")
    with pytest.raises(ConfigError, match=r"data.group is '\(', which is no regular expression"):
        split(facts(5), group="(")


@given(st.permutations(facts(12)))
def test_the_order_of_files_changes_nothing(order: list[Facts]) -> None:
    expected = split(facts(12), validation=0.2, test=0.2, seed=0)
    assert split(order, validation=0.2, test=0.2, seed=0) == expected


def test_the_names_of_files_change_nothing(tmp_path: Path) -> None:
    one = look(pair_folder(tmp_path / "one", 10))
    other = look(save_pairs(tmp_path / "other", {f"{(7 * seed) % 10}-new": pair(seed) for seed in range(10)}))
    assert [fact.content for fact in one.facts] != [fact.content for fact in other.facts]
    parts = [split(found.facts, validation=0.2, test=0.2, seed=3) for found in (one, other)]
    assert contents(parts[0]) == contents(parts[1])


def test_another_format_of_the_same_pixels_changes_nothing(tmp_path: Path) -> None:
    pairs = {f"{seed}": pair(seed) for seed in range(8)}
    parts = [
        split(look(save_pairs(tmp_path / suffix, pairs, suffix=suffix)).facts, validation=0.2, test=0.2, seed=0)
        for suffix in (".png", ".tif")
    ]
    assert contents(parts[0]) == contents(parts[1])


def test_another_seed_gives_another_split() -> None:
    splits = [contents(split(facts(30), validation=0.2, test=0.2, seed=seed)) for seed in range(4)]
    assert len({str(parts) for parts in splits}) == 4


@given(st.integers(0, 50))
def test_images_with_the_same_pixels_stay_together(seed: int) -> None:
    twice = [*facts(8), *(fact(f"{number:04x}", name=f"copy-{number}") for number in range(8))]
    train, val, kept = (set(part) for part in contents(split(twice, validation=0.3, test=0.3, seed=seed)))
    assert train.isdisjoint(val)
    assert train.isdisjoint(kept)
    assert val.isdisjoint(kept)
    assert len(train) + len(val) + len(kept) == 8


def test_parts_that_the_folders_say_are_kept() -> None:
    given = [*facts(5, part="train"), *facts(2, part="val", start=5), *facts(3, part="test", start=7)]
    parts = split(given, validation=0.5, test=0.5, seed=0)
    assert [len(part) for part in (parts.train, parts.val, parts.test)] == [5, 2, 3]
    assert all(fact.sample.part == "val" for fact in parts.val)


def test_with_a_test_folder_only_the_validation_part_is_drawn_and_from_the_training_images() -> None:
    parts = split([*facts(10, part="train"), *facts(3, part="test", start=10)], validation=0.2, test=0.2, seed=0)
    assert len(parts.test) == 3
    assert len(parts.train) + len(parts.val) == 10
    assert parts.val
    assert all(fact.sample.part == "train" for fact in parts.val)


def test_with_a_validation_folder_nothing_is_drawn() -> None:
    parts = split([*facts(10, part="train"), *facts(3, part="val", start=10)], validation=0.2, test=0.2, seed=0)
    assert [len(part) for part in (parts.train, parts.val, parts.test)] == [10, 3, 0]


def test_two_images_are_refused_with_the_third_that_is_needed_or_how_to_do_without() -> None:
    assert refusal(facts(2)) == (
        "There are only 2 different images, or groups, to draw from; at least 3 are needed to train, to choose the model, and "
        "to score it. Add pairs, or set data.test=0 to do without a score."
    )


@pytest.mark.parametrize(("test", "third"), [(0.15, ", and a third to score it"), (0.0, "")])
def test_one_image_is_refused_without_advice_that_would_not_help(test: float, third: str) -> None:
    assert refusal(facts(1), test=test) == (
        "There is only 1 different image, or group, to draw from; at least 2 are needed, to train and to choose the "
        f"model{third}. Add pairs."
    )


def test_shares_that_leave_no_image_to_train_on_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"are 0.6 and 0.5 of all images, so none is left to train on. Lower them."):
        split(facts(10), validation=0.6, test=0.5)


def test_copies_do_not_count_as_further_images() -> None:
    assert "only 1 different image, or group, to draw from" in refusal([fact("0"), fact("0"), fact("0"), fact("0")])


def test_two_images_are_enough_without_a_score() -> None:
    parts = split(facts(2), validation=0.15, test=0, seed=0)
    assert [len(part) for part in (parts.train, parts.val, parts.test)] == [1, 1, 0]


def test_no_image_to_choose_the_model_by_is_refused() -> None:
    assert "none to choose the model by" in refusal(facts(5), validation=0)


def test_folders_without_a_training_image_are_refused() -> None:
    given = [*facts(2, part="val"), *facts(2, part="test", start=2)]
    assert refusal(given) == (
        "There is no image to train on: the folders keep all for choosing or scoring the model. Add pairs to train on."
    )


@pytest.mark.parametrize(("one", "other"), [("train", "val"), ("train", "test"), ("val", "test")])
def test_an_image_in_two_parts_is_refused_with_both_files(one: Part, other: Part) -> None:
    given = [
        *facts(3, part="train"), *facts(2, part="val", start=3), *facts(2, part="test", start=5),
        fact("twin", part=one, name="first"), fact("twin", part=other, name="second"),
    ]  # fmt: skip
    sentence = refusal(given)
    assert "'first.png'" in sentence
    assert "'second.png'" in sentence
    assert "are the same image" in sentence
    assert "the score would be too good. Take one out." in sentence


def test_each_part_is_in_order_of_its_contents() -> None:
    for part in contents(split(facts(20)[::-1], validation=0.3, test=0.3, seed=0)):
        assert part == sorted(part)


@pytest.mark.parametrize("order", [1, -1])
def test_a_copy_in_a_group_and_one_outside_are_parted_alike_in_any_order(order: int) -> None:
    given = [replace(each, sample=replace(each.sample, group=None)) for each in facts(30)]
    copies = [replace(each, sample=replace(each.sample, name="copy", group="child")) for each in facts(1)]
    expected = contents(split(given + copies))
    assert contents(split([*copies, *given][::order])) == expected


def test_where_a_layout_has_too_few_groups_its_images_are_parted() -> None:
    given = [replace(each, sample=replace(each.sample, group=str(number % 2))) for number, each in enumerate(facts(40))]
    assert all(contents(split(given)))
    with pytest.raises(DataError, match="only 1 different image, or group"):
        split(given, group="^(None)-")  # the user's own word is not set aside
