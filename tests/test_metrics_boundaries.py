"""Distances between boundaries, beside SciPy and scikit-image, and by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial.distance import directed_hausdorff
from skimage.metrics import hausdorff_distance
from skimage.segmentation import find_boundaries

from utome.errors import DataError
from utome.metrics.boundaries import boundary, boundary_distances

EMPTY = np.zeros((20, 24), dtype=bool)


def box(top: int, bottom: int, left: int, right: int) -> np.ndarray:
    mask = EMPTY.copy()
    mask[top:bottom, left:right] = True
    return mask


def blobs(seed: int) -> np.ndarray:
    smooth = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((40, 45)), 2)
    return np.asarray(smooth > smooth.mean())


@given(st.integers(0, 1000))
def test_the_boundary_is_scikit_images_inner_boundary(seed: int) -> None:
    mask = blobs(seed)
    everything = np.ones_like(mask)
    assert boundary(mask, everything).tolist() == find_boundaries(mask, connectivity=1, mode="inner").tolist()


@given(st.integers(0, 1000))
def test_distances_are_those_of_scipy_and_scikit_image(seed: int) -> None:
    truth, predicted = blobs(seed), blobs(seed + 1)
    found = boundary_distances(truth, predicted)
    edges = [find_boundaries(mask, connectivity=1, mode="inner") for mask in (truth, predicted)]
    points = [np.argwhere(edge) for edge in edges]
    assert found.to_predicted.max() == directed_hausdorff(points[0], points[1])[0]
    assert found.to_truth.max() == directed_hausdorff(points[1], points[0])[0]
    assert found.hausdorff == hausdorff_distance(*edges)
    maps = [ndimage.distance_transform_edt(~edge) for edge in edges]
    to_truth, to_predicted = maps[0][edges[1]], maps[1][edges[0]]
    assert found.hausdorff_95 == pytest.approx(max(np.percentile(to_truth, 95), np.percentile(to_predicted, 95)))
    assert found.mean_distance == pytest.approx(np.concatenate([to_truth, to_predicted]).mean())


def test_the_95th_percentile_leaves_out_one_far_pixel_of_many() -> None:
    truth = box(4, 16, 4, 16)
    predicted = truth.copy()
    predicted[0, 0] = True
    found = boundary_distances(truth, predicted)
    assert (found.hausdorff, found.hausdorff_95) == (math.sqrt(32), 0)
    assert found.mean_distance == pytest.approx(math.sqrt(32) / (44 + 45))


def test_boundary_f_counts_what_lies_within_the_tolerance_both_ways() -> None:
    found = boundary_distances(box(4, 16, 4, 16), box(4, 16, 4, 18))
    near = found.within(1.0)
    assert (near.predicted, near.truth) == (48, 44)
    # The 12 pixels of the prediction's column 17 lie 2 from the truth's boundary,
    assert near.predicted_right == 48 - 12
    # and the 8 middle pixels of the truth's column 15 lie 2 from the prediction's.
    assert near.truth_found == 44 - 8
    assert near.f1 == pytest.approx(2 * (36 / 48) * (36 / 44) / (36 / 48 + 36 / 44))
    assert found.within(2.0).f1 == 1


def test_a_tolerance_is_a_euclidean_distance() -> None:
    found = boundary_distances(box(5, 6, 5, 6), box(6, 7, 6, 7))
    assert (found.within(1.0).f1, found.within(1.4).f1, found.within(1.5).f1) == (0, 0, 1)


def test_distances_are_in_micrometres_where_a_pixel_has_a_size() -> None:
    truth, predicted = box(5, 6, 5, 6), box(8, 9, 9, 10)
    assert (boundary_distances(truth, predicted).hausdorff, boundary_distances(truth, predicted).unit) == (5, "px")
    found = boundary_distances(truth, predicted, pixel_size_um=(2.0, 0.5))
    assert (found.hausdorff, found.unit) == (math.sqrt(6**2 + 2**2), "µm")


def test_a_mask_that_leaves_the_image_or_meets_the_unknown_has_no_boundary_there() -> None:
    assert not boundary(~EMPTY, ~EMPTY).any()
    assert boundary(box(0, 20, 0, 6), ~EMPTY).tolist() == box(0, 20, 5, 6).tolist()
    known = ~box(0, 20, 6, 9)
    assert not boundary(box(0, 20, 0, 6), known).any()
    assert math.isnan(boundary_distances(box(0, 20, 0, 6), box(0, 20, 0, 8), known=known).hausdorff)


def test_without_a_boundary_in_either_there_is_no_score() -> None:
    found = boundary_distances(EMPTY, ~EMPTY)
    scores = [found.hausdorff, found.hausdorff_95, found.mean_distance, found.within(2.0).f1]
    assert all(math.isnan(score) for score in scores)


@pytest.mark.parametrize("swapped", [False, True])
def test_with_a_boundary_in_one_alone_distances_are_infinite_and_f_is_zero(swapped: bool) -> None:
    masks = (EMPTY, box(4, 9, 4, 9)) if swapped else (box(4, 9, 4, 9), EMPTY)
    found = boundary_distances(*masks)
    assert found.hausdorff == found.hausdorff_95 == found.mean_distance == math.inf
    assert found.within(100.0).f1 == 0


def test_images_add_up_to_the_scores_of_all_their_boundary_pixels() -> None:
    one = boundary_distances(box(4, 16, 4, 16), box(4, 16, 4, 17))
    two = boundary_distances(box(2, 5, 2, 5), box(2, 5, 12, 15))
    both = one + two
    assert both.within(1.0) == one.within(1.0) + two.within(1.0)
    assert both.hausdorff == two.hausdorff == 10
    assert one.hausdorff_95 < both.hausdorff_95
    # Where one image has no boundary in the prediction, no more than 5 % of the distances being infinite is borne.
    lost = one + boundary_distances(box(2, 3, 2, 3), EMPTY)
    assert (lost.hausdorff, lost.hausdorff_95) == (math.inf, one.hausdorff_95)


def test_pixels_and_micrometres_do_not_add_up() -> None:
    masks = box(4, 9, 4, 9), box(4, 9, 4, 9)
    with pytest.raises(DataError, match="Scores of unit px and µm cannot be added"):
        boundary_distances(*masks) + boundary_distances(*masks, pixel_size_um=(1.0, 1.0))


def test_what_has_no_size_or_another_is_refused() -> None:
    with pytest.raises(DataError, match="The truth is 20x24 pixels, but the prediction 19x24"):
        boundary_distances(EMPTY, EMPTY[1:])
    with pytest.raises(DataError, match="the mask of what is known 20x23"):
        boundary_distances(EMPTY, EMPTY, known=EMPTY[:, 1:])
    with pytest.raises(DataError, match=r"A pixel of 0\.0 by 1\.0 µm has no size"):
        boundary_distances(EMPTY, EMPTY, pixel_size_um=(0.0, 1.0))
    with pytest.raises(DataError, match=r"The tolerance is -1\.0"):
        boundary_distances(EMPTY, EMPTY).within(-1.0)
