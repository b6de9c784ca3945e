"""The skeleton keeps parts and holes, is thin, and runs along the middle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from skimage.morphology import disk, skeletonize

from utome.metrics.skeleton import skeleton

EIGHT = np.ones((3, 3), dtype=bool)


def same_parts(larger: np.ndarray, smaller: np.ndarray, structure: np.ndarray | None) -> bool:
    """Does every part of the larger mask hold exactly one part of the smaller?"""
    (outer, many), (inner, few) = ndimage.label(larger, structure), ndimage.label(smaller, structure)
    pairs = np.unique(np.stack([outer[smaller], inner[smaller]]), axis=1)
    return bool((smaller <= larger).all()) and many == few == pairs.shape[1] == np.unique(pairs[0]).size


def keeps_topology(mask: np.ndarray, thin: np.ndarray) -> bool:
    """8-connected parts of the mask and 4-connected parts of its background, around which is background."""
    around = np.pad(mask, 1), np.pad(thin, 1)
    return same_parts(*around, EIGHT) and same_parts(~around[1], ~around[0], None)


def test_every_mask_of_four_by_four_pixels_keeps_its_parts_and_holes() -> None:
    bits = np.arange(1 << 16)[:, None] >> np.arange(16) & 1
    tiles = np.pad(bits.astype(bool).reshape(256, 256, 4, 4), ((0, 0), (0, 0), (1, 1), (1, 1)))
    mask = tiles.transpose(0, 2, 1, 3).reshape(256 * 6, 256 * 6)
    thin = skeleton(mask)
    assert keeps_topology(mask, thin)
    assert thin.sum() < 0.8 * mask.sum()


@given(st.integers(0, 10_000), st.floats(0, 4), st.floats(0.2, 0.8))
def test_random_blobs_keep_their_parts_and_holes(seed: int, smoothness: float, share: float) -> None:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((37, 50)), smoothness)
    mask = np.asarray(noise > np.quantile(noise, 1 - share))
    thin = skeleton(mask)
    assert keeps_topology(mask, thin)
    assert skeleton(thin).tolist() == thin.tolist()


@pytest.mark.parametrize("smoothness", [0, 1, 2])
def test_no_more_two_by_two_blocks_are_left_than_scikit_image_leaves(smoothness: int) -> None:
    noise = ndimage.gaussian_filter(np.random.default_rng(7).standard_normal((150, 200)), smoothness)
    blocks = [ndimage.binary_erosion(thin(noise > 0), np.ones((2, 2))).sum() for thin in (skeleton, skeletonize)]
    assert blocks[0] <= blocks[1]
    assert blocks[0] < 0.01 * skeleton(noise > 0).sum()


@pytest.mark.parametrize("width", [1, 2, 3, 4, 7])
def test_a_bar_becomes_a_line_in_its_middle(width: int) -> None:
    mask = np.zeros((30, 60), dtype=bool)
    mask[10 : 10 + width, 5:55] = True
    thin = skeleton(mask)
    assert (thin[:, 15:45].sum(axis=0) == 1).all()
    rows = np.nonzero(thin[:, 15:45])[0]
    assert np.abs(rows - (10 + (width - 1) / 2)).max() <= 0.5
    assert skeleton(mask.T).sum() >= 50 - width


def test_lines_one_pixel_wide_stay_as_they_are() -> None:
    line = np.eye(12, dtype=bool)
    line[5] = True
    assert (skeleton(np.eye(12, dtype=bool)) == np.eye(12, dtype=bool)).all()
    assert skeleton(line).sum() >= line.sum() - 2


@pytest.mark.parametrize("filled", [False, True])
def test_an_empty_mask_stays_empty_and_a_full_one_leaves_something(filled: bool) -> None:
    assert skeleton(np.full((9, 14), filled)).any() == filled


def test_the_middle_of_a_winding_vessel_is_within_a_pixel_of_scikit_images() -> None:
    y, x = np.mgrid[:120, :200]
    points = np.zeros((120, 200), dtype=bool)
    along = np.linspace(20, 180, 4000)
    points[np.rint(60 + 30 * np.sin(along / 18)).astype(int), np.rint(along).astype(int)] = True
    vessel = ndimage.binary_dilation(points, disk(3))
    ours, theirs = skeleton(vessel), skeletonize(vessel)
    assert ndimage.distance_transform_edt(~theirs)[ours & (x > 25) & (x < 175)].max() <= 1
    assert ndimage.distance_transform_edt(~ours)[theirs & (x > 25) & (x < 175)].max() <= 1
    assert 60 + 30 - y[ours].max() <= 1


def test_the_mask_that_is_given_is_not_changed() -> None:
    mask = np.ones((6, 7), dtype=bool)
    skeleton(mask)
    assert mask.all()
