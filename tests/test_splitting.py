"""The split: by content and seed, whatever the files are called and in whatever order they come."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import look, pair, pair_folder, save_pairs
from utome.data.samples import Part, Sample
from utome.data.splitting import Split, split
from utome.data.survey import Facts
from utome.errors import DataError

EMPTY = Path("a.png")


def fact(content: str, *, part: Part | None = None, name: str = "a") -> Facts:
    sample = Sample(name, Path(f"{name}.png"), (EMPTY,), part=part)
    return Facts(sample, 4, 4, 1, "uint8", content, content, content, {0: 8, 1: 8})


def facts(count: int, *, part: Part | None = None, start: int = 0) -> list[Facts]:
    return [fact(f"{number:04x}", part=part, name=f"{part}-{number}") for number in range(start, start + count)]


def contents(parts: Split) -> list[list[str]]:
    return [[fact.content for fact in part] for part in (parts.train, parts.val, parts.test)]


def refusal(given: list[Facts], *, validation: float = 0.15, test: float = 0.15) -> str:
    with pytest.raises(DataError) as caught:
        split(given, validation=validation, test=test, seed=0)
    return str(caught.value)


@given(st.integers(3, 60), st.floats(0.05, 0.3), st.floats(0.0, 0.3), st.integers(0, 100))
def test_every_image_is_in_exactly_one_part_and_the_shares_are_kept(
    count: int, validation: float, test: float, seed: int
) -> None:
    train, val, kept = contents(split(facts(count), validation=validation, test=test, seed=seed))
    assert sorted([*train, *val, *kept]) == [fact.content for fact in facts(count)]
    assert len(val) == max(1, round(validation * count))
    assert len(kept) == (max(1, round(test * count)) if test else 0)
    assert train


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
    assert [len(part) for part in (parts.train, parts.val, parts.test)] == [8, 2, 3]
    assert all(fact.sample.part == "train" for fact in parts.val)


def test_with_a_validation_folder_nothing_is_drawn() -> None:
    parts = split([*facts(10, part="train"), *facts(3, part="val", start=10)], validation=0.2, test=0.2, seed=0)
    assert [len(part) for part in (parts.train, parts.val, parts.test)] == [10, 3, 0]


def test_two_images_are_refused_with_the_third_that_is_needed_or_how_to_do_without() -> None:
    assert refusal(facts(2)) == (
        "There are only 2 different images to draw from; at least 3 are needed to train, to choose the model, and to score "
        "it. Add pairs, or set data.test=0 to do without a score."
    )


@pytest.mark.parametrize(("test", "third"), [(0.15, ", and a third to score it"), (0.0, "")])
def test_one_image_is_refused_without_advice_that_would_not_help(test: float, third: str) -> None:
    assert refusal(facts(1), test=test) == (
        "There is only 1 different image to draw from; at least 2 are needed, to train and to choose the "
        f"model{third}. Add pairs."
    )


def test_shares_that_leave_no_image_to_train_on_are_refused() -> None:
    assert refusal(facts(10), validation=0.6, test=0.5) == (
        "data.validation and data.test take 6 and 5 of 10 different images, so none is left to train on. Lower them."
    )


def test_copies_do_not_count_as_further_images() -> None:
    assert "only 1 different image to draw from" in refusal([fact("0"), fact("0"), fact("0"), fact("0")])


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
