"""The challenge's scores in their parts, against the definitions spelt out in full on small random images."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from tests.isbi2012_definitions import immersed, kinds_slowly, warped_slowly
from utome.metrics.isbi2012.challenge import isbi2012
from utome.metrics.isbi2012.information import information_score
from utome.metrics.isbi2012.labelling import above, components
from utome.metrics.isbi2012.mismatches import kinds
from utome.metrics.isbi2012.overlap import foreground_overlap, full_overlap
from utome.metrics.isbi2012.rand import rand_score, rand_score_of_pairs
from utome.metrics.isbi2012.simple_points import SIMPLE, rings
from utome.metrics.isbi2012.warping import Warped, warp
from utome.metrics.isbi2012.watershed import thinned
from utome.randomness import generator

SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9))
IMAGES = arrays.arrays(np.bool_, SIZES)
CORNERS = np.ones((3, 3))
SMALL = settings(max_examples=60)


def _labels(size: tuple[int, int] = (4, 5)) -> st.SearchStrategy[np.ndarray]:
    return arrays.arrays(np.int32, size, elements=st.integers(0, 3))


def _mask_and_map(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Blobs, and a map of probabilities that resembles them."""
    noise = generator(seed, "isbi2012 test").normal(size=(3, 24, 20))
    truth = ndimage.gaussian_filter(noise[0], 1.5) > -0.05
    steepness = ndimage.gaussian_filter(truth + noise[1] * 0.8, 1) * 6 - 3 + noise[2] * 0.5
    return truth, (1 / (1 + np.exp(-steepness))).astype(np.float32)


@SMALL
@given(IMAGES)
def test_identity_has_no_error(truth: np.ndarray) -> None:
    scores = isbi2012(truth, truth)
    assert scores.squared_error == scores.pixel_error.value == scores.topological_error.value == 0
    if truth.any():
        assert scores.rand_error.value == 0
        assert scores.v_rand.value == 1
        assert scores.v_info.value == pytest.approx(float(components(truth).max() > 1))  # one cell tells nothing


@SMALL
@given(_labels(), _labels())
def test_rand_scores_count_pairs_of_pixels(truth: np.ndarray, proposal: np.ndarray) -> None:
    cells = truth[truth > 0]
    # Every border pixel of the proposal becomes a segment with a number of its own.
    segments = np.where(proposal > 0, proposal, -1 - np.arange(proposal.size).reshape(proposal.shape))[truth > 0]
    same_cell, same_segment = (values[:, None] == values[None] for values in (cells, segments))
    score = rand_score(foreground_overlap(truth, proposal))
    if not cells.size:
        assert score.sections == 0
        return
    assert score.error == pytest.approx((same_cell != same_segment).mean(), abs=1e-15)
    assert score.precision == pytest.approx((same_cell & same_segment).sum() / same_segment.sum())
    assert score.recall == pytest.approx((same_cell & same_segment).sum() / same_cell.sum())
    assert score.f_score == pytest.approx(2 / (1 / score.precision + 1 / score.recall))
    without = rand_score_of_pairs(foreground_overlap(truth, proposal))
    if cells.size > 1:
        others = ~np.eye(cells.size, dtype=np.bool_)
        assert without.error == pytest.approx((same_cell != same_segment)[others].mean(), abs=1e-15)


@SMALL
@given(_labels(), _labels())
def test_the_standard_rand_error_takes_the_border_for_a_segment(truth: np.ndarray, proposal: np.ndarray) -> None:
    differ = (truth.ravel()[:, None] == truth.ravel()) != (proposal.ravel()[:, None] == proposal.ravel())
    score = rand_score_of_pairs(full_overlap(truth, proposal))
    assert score.error == pytest.approx(differ[~np.eye(truth.size, dtype=np.bool_)].mean(), abs=1e-15)


@SMALL
@given(_labels(), _labels())
def test_information_scores_follow_from_the_joint_distribution(truth: np.ndarray, proposal: np.ndarray) -> None:
    score = information_score(foreground_overlap(truth, proposal))
    own = np.where(proposal > 0, proposal, -1 - np.arange(proposal.size).reshape(proposal.shape))
    cells, segments = truth[truth > 0], own[truth > 0]
    if not cells.size:
        assert math.isnan(score.f_score)
        return
    shared = 0.0
    for cell, segment in product(set(cells), set(segments)):
        both = ((cells == cell) & (segments == segment)).mean()
        if both:
            shared += both * math.log(both / (cells == cell).mean() / (segments == segment).mean())
    assert score.shared == pytest.approx(shared, abs=1e-12)
    assert 0 <= score.f_score <= 1 + 1e-12
    assert score.variation >= -1e-12


@SMALL
@given(_labels(), _labels(), st.permutations([1, 2, 3]), st.permutations([1, 2, 3]))
def test_numbers_of_labels_mean_nothing(
    truth: np.ndarray, proposal: np.ndarray, one: list[int], two: list[int]
) -> None:
    plain = foreground_overlap(truth, proposal)
    renamed = foreground_overlap(np.asarray([0, *one])[truth], np.asarray([0, *two])[proposal])
    assert rand_score(renamed) == rand_score(plain)
    assert information_score(renamed).variation == pytest.approx(
        information_score(plain).variation, nan_ok=True, abs=1e-12
    )


@pytest.mark.parametrize("turned", [np.flipud, np.fliplr, np.transpose])
def test_mirrored_images_have_the_same_pixel_and_unthinned_rand_scores(turned: np.ufunc) -> None:
    """Not the thinned ones and the warping: there the order of visits decides between equals."""
    truth, probability = _mask_and_map(0)
    plain, mirrored = isbi2012(truth, probability), isbi2012(turned(truth), turned(probability))
    assert mirrored.squared_error == pytest.approx(plain.squared_error)
    for one, two in zip(plain.at, mirrored.at, strict=True):
        assert (one.pixel_f_score, one.rand) == (two.pixel_f_score, two.rand)


@SMALL
@given(IMAGES)
def test_thinning_is_the_watershed_with_its_flags_spelt_out(cells: np.ndarray) -> None:
    assert thinned(cells).tolist() == immersed(cells).tolist()


@SMALL
@given(IMAGES)
def test_thinning_keeps_the_cells_and_parts_the_segments_by_lines(cells: np.ndarray) -> None:
    segments = thinned(cells)
    if cells.any():
        assert (segments[cells] == components(cells)[cells]).all()
    for one, other in ((segments[1:], segments[:-1]), (segments[:, 1:], segments[:, :-1])):
        assert ((one == other) | (one == 0) | (other == 0)).all()


def test_the_first_to_come_takes_the_pixel_in_the_middle() -> None:
    row = np.asarray([[True, False, False, False, False, True]])
    assert thinned(row).tolist() == [[1, 1, 1, 0, 2, 2]]
    assert thinned(row.T).ravel().tolist() == [1, 1, 1, 0, 2, 2]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8])
def test_warping_changes_no_number_of_cells_or_borders_and_leaves_nothing_that_could_move(
    seed: int, threshold: float
) -> None:
    truth, probability = _mask_and_map(seed)
    warped = warp(truth, probability, threshold)
    assert _topology(warped.image) == _topology(truth)
    assert ((warped.image != above(probability, threshold)) == warped.mismatch).all()
    assert not any(SIMPLE[ring] for ring in rings(warped.image)[warped.mismatch])
    assert warped.mismatch.sum() < (truth != above(probability, threshold)).sum()


@pytest.mark.parametrize("seed", range(6))
def test_warping_is_its_definition_step_by_step(seed: int) -> None:
    truth, probability = _mask_and_map(seed)
    warped = warp(truth, probability, 0.5)
    assert warped.image.tolist() == warped_slowly(truth, probability, 0.5).tolist()


@SMALL
@given(st.integers(0, 2**32), st.floats(0.1, 0.9))
def test_every_kind_is_told_as_if_the_cells_were_counted_anew(seed: int, density: float) -> None:
    draws = generator(seed, "kinds")
    image, mismatch = (draws.random((9, 11)) < share for share in (density, 0.5))
    assert kinds(Warped(image, mismatch)).tolist() == kinds_slowly(image, mismatch).tolist()


def _topology(image: np.ndarray) -> tuple[int, int]:
    return ndimage.label(image)[1], ndimage.label(np.pad(~image, 1, constant_values=True), CORNERS)[1]
