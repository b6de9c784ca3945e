"""Keyed randomness: a draw depends on what it is for and on nothing else."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from utome.randomness import generator, key

PARTS = st.lists(st.integers() | st.text(alphabet=st.characters(exclude_characters="\x1f"), max_size=8), min_size=1)


def test_a_key_is_the_same_on_every_machine_and_in_every_version() -> None:
    assert key(0, "split", "a") == 3365938381757583650


def test_draws_are_the_same_on_every_machine_and_in_every_version() -> None:
    assert generator(0, "x").integers(0, 2**31, 3).tolist() == [373579237, 1804326244, 671244501]


@given(PARTS)
def test_a_key_is_a_function_of_its_parts_and_a_seed_that_numpy_and_torch_take(parts: list[int | str]) -> None:
    assert 0 <= key(*parts) < 2**63
    assert key(*parts) == key(*list(parts))


@given(PARTS, PARTS)
def test_other_parts_give_another_key(one: list[int | str], other: list[int | str]) -> None:
    assert (key(*one) == key(*other)) == (one == other)


def test_a_name_of_bytes_that_are_no_text_has_a_key() -> None:
    assert key("cell-\udcfc.png") != key("cell-\udce4.png")  # as Linux gives a file that was named in Latin-1


def test_a_number_and_its_digits_are_other_parts() -> None:
    assert key(1) != key("1")


def test_where_a_part_ends_matters() -> None:
    assert key("ab", "c") != key("a", "bc") != key("abc")


def test_the_order_of_parts_matters() -> None:
    assert key("a", "b") != key("b", "a")


def test_a_generator_does_not_depend_on_what_another_drew() -> None:
    expected = generator(1, "tile").normal(size=5)
    generator(2, "tile").normal(size=100)
    np.random.default_rng(0).normal(size=100)
    assert (generator(1, "tile").normal(size=5) == expected).all()


def test_generators_of_other_parts_draw_other_numbers() -> None:
    assert (generator(1, "tile").normal(size=5) != generator(2, "tile").normal(size=5)).all()
