"""The arithmetic of tiles, for every length, tile and network."""

from functools import cache
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from utome.config.architectures import UNetSettings
from utome.models.architectures import assemble
from utome.tiling import Geometry, Span, mirror, plan

PAPER = Geometry(stride=16, offset=60, shrink=184, halo=0)


@cache
def geometry_of(depth: int, convolution: str) -> Geometry:
    settings = UNetSettings.model_validate({"width": 1, "depth": depth, "convolution": convolution})
    return assemble(settings, in_channels=1, classes=2).geometry


GEOMETRIES = st.sampled_from([geometry_of(*each) for each in product(range(1, 6), ("valid", "same"))])
LENGTHS = st.integers(1, 3000)
TILES = st.integers(1, 1500)


def test_the_original_network_has_the_published_geometry() -> None:
    assert geometry_of(4, "valid") == PAPER
    assert PAPER.border == 92


@pytest.mark.parametrize(("side", "output"), [(188, 4), (204, 20), (572, 388), (700, 516)])
def test_the_original_network_takes_the_published_sizes(side: int, output: int) -> None:
    assert PAPER.takes(side)
    assert side - PAPER.shrink == output
    assert PAPER.input_side(output) == side
    assert PAPER.output_side(output) == output


@pytest.mark.parametrize("side", [0, 1, 16, 60, 172, 184, 187, 189, 196, 571, 573, 512])
def test_the_original_network_takes_no_other_sizes(side: int) -> None:
    assert not PAPER.takes(side)


def test_a_section_of_512_pixels_is_predicted_from_700_as_the_released_code_does() -> None:
    assert PAPER.input_side(512) == 700
    assert PAPER.output_side(512) == 516
    assert plan(512, PAPER, tile=1024) == [Span(start=-92, size=700, keep_start=0, keep_stop=512)]


@pytest.mark.parametrize("depth", range(1, 9))
def test_a_valid_network_of_any_depth_has_the_sizes_of_the_formula(depth: int) -> None:
    geometry = geometry_of(depth, "valid")
    assert geometry == Geometry(2**depth, 4 * (2**depth - 1), 12 * 2**depth - 8, halo=0)


@pytest.mark.parametrize("depth", range(1, 9))
def test_the_halo_of_a_same_padded_network_covers_all_that_feels_its_border(depth: int) -> None:
    geometry = geometry_of(depth, "same")
    felt = 2
    for _ in range(depth):
        felt = -(-felt // 2) + 2
    for _ in range(depth):
        felt = 2 * felt + 2
    assert geometry.border == 0
    assert geometry.halo % geometry.stride == 0
    assert felt <= geometry.halo <= felt + geometry.stride + 2


@given(GEOMETRIES, LENGTHS)
def test_the_input_side_is_the_smallest_that_gives_the_output_asked_for(geometry: Geometry, output: int) -> None:
    side = geometry.input_side(output)
    assert geometry.takes(side)
    assert geometry.output_side(output) == side - geometry.shrink >= output
    assert side - geometry.stride - geometry.shrink < output


@given(GEOMETRIES, LENGTHS, TILES)
def test_kept_parts_cover_the_axis_without_a_gap_or_an_overlap(geometry: Geometry, length: int, tile: int) -> None:
    spans = plan(length, geometry, tile=tile)
    assert spans[0].keep_start == 0
    assert spans[-1].keep_stop == length
    assert all(span.keep_start < span.keep_stop for span in spans)
    assert all(one.keep_stop == other.keep_start for one, other in pairwise(spans))


@given(GEOMETRIES, LENGTHS, TILES)
def test_a_kept_part_lies_inside_what_its_tile_returns(geometry: Geometry, length: int, tile: int) -> None:
    for span in plan(length, geometry, tile=tile):
        assert span.start + geometry.border <= span.keep_start
        assert span.keep_stop <= span.start + span.size - geometry.border


@given(GEOMETRIES, LENGTHS, TILES)
def test_a_kept_part_is_a_halo_away_from_every_cut(geometry: Geometry, length: int, tile: int) -> None:
    spans = plan(length, geometry, tile=tile)
    for before, after in pairwise(spans):
        assert before.keep_stop <= before.start + before.size - geometry.border - geometry.halo
        assert after.keep_start >= after.start + geometry.border + geometry.halo


@given(GEOMETRIES, LENGTHS, TILES)
def test_every_tile_has_a_side_that_the_network_takes(geometry: Geometry, length: int, tile: int) -> None:
    assert all(geometry.takes(span.size) for span in plan(length, geometry, tile=tile))


@given(GEOMETRIES, LENGTHS, TILES)
def test_every_tile_begins_on_the_pooling_grid_of_the_whole_image(geometry: Geometry, length: int, tile: int) -> None:
    assert all((span.start + geometry.border) % geometry.stride == 0 for span in plan(length, geometry, tile=tile))


@given(GEOMETRIES, LENGTHS, TILES)
def test_the_last_tile_ends_where_the_whole_image_padded_to_fit_ends(
    geometry: Geometry, length: int, tile: int
) -> None:
    last = plan(length, geometry, tile=tile)[-1]
    assert last.start + last.size - geometry.border == geometry.output_side(length)


@given(GEOMETRIES, LENGTHS, TILES)
def test_a_tile_is_no_larger_than_asked_unless_the_network_needs_it(geometry: Geometry, length: int, tile: int) -> None:
    smallest = geometry.output_side(2 * geometry.halo + geometry.stride)
    assert all(span.size - geometry.shrink <= max(tile, smallest) for span in plan(length, geometry, tile=tile))


@given(GEOMETRIES, LENGTHS, TILES)
def test_tiles_are_as_few_as_the_largest_would_be_and_no_larger_than_so_few_must_be(
    geometry: Geometry, length: int, tile: int
) -> None:
    spans = plan(length, geometry, tile=tile)
    assert len(spans) == len(plan(length, geometry, tile=tile, level=False))
    smaller = spans[0].size - geometry.shrink - geometry.stride
    if len(spans) > 1 and smaller >= geometry.output_side(2 * geometry.halo + geometry.stride):
        assert len(plan(length, geometry, tile=smaller, level=False)) > len(spans)


@given(GEOMETRIES, LENGTHS, TILES)
def test_tiles_that_are_not_level_are_as_large_as_they_may_be(geometry: Geometry, length: int, tile: int) -> None:
    spans = plan(length, geometry, tile=tile, level=False)
    smallest = geometry.output_side(2 * geometry.halo + geometry.stride)
    output = spans[0].size - geometry.shrink
    assert len(spans) == 1 or max(tile, smallest) - geometry.stride < output <= max(tile, smallest)
    assert spans[-1].keep_stop == length
    assert all(one.keep_stop == other.keep_start for one, other in pairwise(spans))


@given(GEOMETRIES, LENGTHS)
def test_an_image_no_larger_than_a_tile_is_one_tile(geometry: Geometry, length: int) -> None:
    spans = plan(length, geometry, tile=geometry.output_side(length))
    assert spans == [Span(-geometry.border, geometry.input_side(length), 0, length)]


@given(st.integers(1, 60), st.integers(0, 200), st.integers(0, 200))
def test_mirroring_is_numpys_reflect_padding(length: int, before: int, after: int) -> None:
    expected = np.pad(np.arange(length), (before, after), mode="reflect")
    assert mirror(-before, length + after, length).tolist() == expected.tolist()


@given(st.integers(1, 60), st.integers(-300, 300), st.integers(0, 300))
def test_a_mirrored_range_is_a_part_of_the_mirrored_axis(length: int, start: int, size: int) -> None:
    whole = mirror(-300, 900, length)
    assert mirror(start, start + size, length).tolist() == whole[start + 300 : start + 300 + size].tolist()


def test_the_edge_pixel_is_not_repeated() -> None:
    assert mirror(-2, 6, 4).tolist() == [2, 1, 0, 1, 2, 3, 2, 1]


def test_an_image_of_one_pixel_is_mirrored_to_itself() -> None:
    assert mirror(-3, 4, 1).tolist() == [0] * 7
