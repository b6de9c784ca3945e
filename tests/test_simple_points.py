"""Simple points: the table of all 512 patches, and what flipping one must never change."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from utome.metrics.isbi2012.simple_points import NEIGHBOURS, SIMPLE, is_simple, rings

TABLE = Path(__file__).parent / "fixtures" / "isbi2012" / "simple_point_table.txt"
CENTRE = 4  # of the nine bits of a patch, row by row


def test_all_512_patches_are_as_in_the_table() -> None:
    table = TABLE.read_text(encoding="ascii").strip()
    computed = "".join(str(int(SIMPLE[_without_centre(patch)])) for patch in range(512))
    assert len(table) == 512
    assert computed == table
    assert computed.count("1") == 232


def test_the_table_is_the_definition() -> None:
    assert tuple(is_simple(ring) for ring in range(256)) == SIMPLE


@pytest.mark.parametrize("ring", range(256))
def test_a_pixel_among_border_is_simple_exactly_when_flipping_it_changes_no_number_of_cells_or_borders(
    ring: int,
) -> None:
    patch = np.zeros((5, 5), dtype=np.bool_)  # the frame is border, and has room to go around
    for number, (row, column) in enumerate(NEIGHBOURS):
        patch[2 + row, 2 + column] = ring >> number & 1
    black, white = patch.copy(), patch.copy()
    white[2, 2] = True
    assert SIMPLE[ring] == (_topology(black) == _topology(white))


@given(arrays.arrays(np.bool_, st.tuples(st.integers(1, 6), st.integers(1, 6))))
def test_rings_number_the_neighbours_row_by_row(image: np.ndarray) -> None:
    padded = np.pad(image, 1)
    for (row, column), ring in np.ndenumerate(rings(image)):
        patch = padded[row : row + 3, column : column + 3].ravel()
        assert ring == _without_centre(sum(int(white) << bit for bit, white in enumerate(patch)))


def _without_centre(patch: int) -> int:
    return patch & (1 << CENTRE) - 1 | patch >> CENTRE + 1 << CENTRE


def _topology(image: np.ndarray) -> tuple[int, int]:
    return ndimage.label(image)[1], ndimage.label(~image, np.ones((3, 3)))[1]
