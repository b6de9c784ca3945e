"""Measures of objects: closed cases, and scikit-image where the definitions coincide."""

import numpy as np
import pytest
from skimage.measure import regionprops

from utome.metrics.shapes import shapes


def canvas(*parts: tuple[slice, slice], size: int = 80) -> np.ndarray:
    mask = np.zeros((size, size), dtype=bool)
    for part in parts:
        mask[part] = True
    return mask


def test_areas_centroids_diameters_and_axes_are_those_of_scikit_image() -> None:
    mask = np.random.default_rng(3).random((60, 70)) < 0.35
    instances, found = shapes(mask)
    for region in regionprops(instances):
        place = region.label - 1
        assert found.areas[place] == region.area
        assert found.centroids[place] == pytest.approx(region.centroid)
        assert found.diameters[place] == pytest.approx(region.equivalent_diameter_area)
        # Ours has the pixel's own moment, 1/12, so that one pixel has a length.
        assert found.axes[place] == pytest.approx(np.sqrt(region.axis_major_length**2 + 16 / 12))


@pytest.mark.parametrize("turned", [False, True])
def test_a_line_has_the_length_of_its_pixels_and_a_diagonal_one_that_of_its_steps(turned: bool) -> None:
    line = canvas((slice(5, 6), slice(3, 43)))
    (length,) = shapes(line.T if turned else line)[1].lengths
    assert length == pytest.approx(40)
    (diagonal,) = shapes(np.eye(30, dtype=bool)[:, ::-1] if turned else np.eye(30, dtype=bool))[1].lengths
    assert diagonal == pytest.approx(29 * np.sqrt(2) + 1)


def test_a_bent_crack_is_as_long_as_its_two_arms() -> None:
    bent = canvas((slice(5, 65), slice(5, 8)), (slice(62, 65), slice(5, 65)))
    _, found = shapes(bent)
    assert found.thin.tolist() == [True]
    assert found.lengths[0] == pytest.approx(57 + 57, abs=6)
    assert found.axes[0] < 100, "its major axis is much shorter"


def test_a_nucleus_has_the_length_of_its_axis() -> None:
    rows, columns = np.mgrid[-18:19, -18:19]
    mask = rows**2 + columns**2 <= 12.5**2
    _, found = shapes(mask)
    assert found.thin.tolist() == [False]
    assert found.lengths[0] == pytest.approx(25, abs=0.3)
    assert found.diameters[0] == pytest.approx(25, abs=0.3)


def test_parts_that_meet_at_a_corner_are_one_and_each_part_has_its_own_skeleton() -> None:
    mask = canvas((slice(2, 3), slice(2, 12)), (slice(3, 4), slice(12, 22)), (slice(40, 41), slice(0, 30)))
    instances, found = shapes(mask)
    assert instances.max() == 2
    assert found.areas.tolist() == [20, 30]
    assert found.lengths == pytest.approx([18 + np.sqrt(2) + 1, 30])


def test_an_empty_mask_has_no_objects_and_a_pixel_is_one() -> None:
    assert shapes(np.zeros((5, 6), dtype=bool))[1].lengths.tolist() == []
    _, found = shapes(canvas((slice(0, 1), slice(0, 1)), size=3))
    assert found.areas.tolist() == [1]
    assert found.centroids.tolist() == [[0.0, 0.0]]
    assert found.lengths[0] == pytest.approx(4 / np.sqrt(12))
