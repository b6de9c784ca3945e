"""Objects of label maps: what touches is parted at its neck and nowhere else, and what is too small is dropped."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from utome.config.prediction import ObjectSettings
from utome.errors import ConfigError
from utome.prediction.basins import Peaks, basins
from utome.prediction.objects import find_objects

USUAL = ObjectSettings()
MAPS = hnp.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 2))


def discs(*places: tuple[int, int, int], size: tuple[int, int] = (60, 80)) -> np.ndarray:
    """A label map with a disc of class 1 at each (row, column, radius)."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    masks = [(rows - y) ** 2 + (columns - x) ** 2 <= radius**2 for y, x, radius in places]
    return np.any(masks, axis=0).astype(np.uint8)


def test_two_discs_that_touch_are_one_component_and_two_basins_cut_at_the_neck() -> None:
    labels = discs((30, 25, 12), (30, 47, 12))
    assert find_objects(labels, "components", USUAL).count == 1
    found = find_objects(labels, "watershed", USUAL)
    assert found.count == 2
    assert ((found.instances > 0) == (labels > 0)).all()
    assert set(np.unique(found.instances[:, :36])) == {0, 1}
    assert set(np.unique(found.instances[:, 37:])) == {0, 2}


@pytest.mark.parametrize(("distance", "count"), [(4, 1), (8, 1), (22, 2), (26, 2)])
def test_what_overlaps_by_much_stays_one(distance: int, count: int) -> None:
    labels = discs((30, 25, 13), (30, 25 + distance, 13))
    assert find_objects(labels, "watershed", USUAL).count == count


def test_the_neck_is_that_share_of_the_smaller_width_at_any_size() -> None:
    for scale in (1, 2, 3):
        mask = np.zeros((30 * scale, 60 * scale), dtype=np.uint8)
        mask[5 * scale : 25 * scale, 5 * scale : 25 * scale] = 1
        mask[5 * scale : 25 * scale, 35 * scale : 55 * scale] = 1
        mask[9 * scale : 21 * scale, 25 * scale : 35 * scale] = 1  # 0.6 of the width
        assert find_objects(mask, "watershed", ObjectSettings(neck=0.75, smooth=0)).count == 2
        assert find_objects(mask, "watershed", ObjectSettings(neck=0.5, smooth=0)).count == 1


def test_peaks_that_are_near_are_one_object_if_the_reader_says_so() -> None:
    labels = discs((30, 25, 12), (30, 47, 12))
    assert find_objects(labels, "watershed", ObjectSettings(apart=21)).count == 2
    assert find_objects(labels, "watershed", ObjectSettings(apart=24)).count == 1


def test_probability_parts_where_it_falls_though_the_outline_has_no_neck() -> None:
    labels = np.ones((20, 60), dtype=np.uint8)
    foreground = 0.75 + 0.2 * np.cos(np.arange(60) / 60 * 4 * np.pi)[None].repeat(20, axis=0)
    probabilities = np.stack([1 - foreground, foreground]).astype(np.float32)
    by_probability = ObjectSettings(surface="probability")
    assert find_objects(labels, "watershed", by_probability, probabilities=probabilities).count == 3
    assert find_objects(labels, "watershed", USUAL, probabilities=probabilities).count == 1
    with pytest.raises(ConfigError, match=r"^`prediction\.objects\.surface` is probability, but there are no"):
        find_objects(labels, "watershed", by_probability)


@settings(max_examples=60)
@given(MAPS, st.floats(0, 1), st.floats(0, 3))
def test_basins_part_components_and_are_connected_themselves(labels: np.ndarray, neck: float, smooth: float) -> None:
    parts = find_objects(labels, "watershed", ObjectSettings(neck=neck, smooth=smooth))
    whole = find_objects(labels, "components", USUAL)
    assert ((parts.instances > 0) == (labels > 0)).all()
    for number in range(1, parts.count + 1):
        own = parts.instances == number
        assert ndimage.label(own, np.ones((3, 3)))[1] == 1
        assert np.unique(whole.instances[own]).size == 1
        assert np.unique(labels[own]).tolist() == [parts.classes[number - 1]]
    assert (
        find_objects(labels, "watershed", ObjectSettings(neck=0, smooth=smooth)).instances.tolist()
        == whole.instances.tolist()
    )


@settings(max_examples=40)
@given(hnp.arrays(np.float64, (7, 9), elements=st.sampled_from([1.0, 2.0, 3.0, 4.0])))
def test_with_no_tolerance_there_is_a_basin_for_each_top_of_a_surface(surface: np.ndarray) -> None:
    """A top is a connected plateau without a higher neighbour: what is lower than it by however little parts it from others."""
    mask = np.ones(surface.shape, dtype=bool)
    higher = ndimage.maximum_filter(surface, size=3, mode="constant", cval=0)
    tops = 0
    for level in np.unique(surface):
        plateaus, count = ndimage.label(surface == level, np.ones((3, 3)))
        tops += sum((higher[plateaus == place] <= level).all() for place in range(1, count + 1))
    assert basins(mask, surface, Peaks(neck=1.0, apart=0.0)).max() == tops


def test_objects_are_numbered_by_their_first_pixels_whatever_their_class() -> None:
    labels = np.asarray([[0, 0, 2, 0, 1], [1, 0, 2, 0, 0], [1, 0, 0, 0, 2]], dtype=np.uint8)
    found = find_objects(labels, "components", USUAL)
    assert found.instances.tolist() == [[0, 0, 1, 0, 2], [3, 0, 1, 0, 0], [3, 0, 0, 0, 4]]
    assert found.classes.tolist() == [2, 1, 1, 2]


def test_small_objects_are_dropped_by_pixels_and_by_their_area() -> None:
    labels = np.zeros((10, 20), dtype=np.uint8)
    labels[1:3, 1:3], labels[1:4, 6:9], labels[5:9, 12:16] = 1, 2, 1
    assert find_objects(labels, "components", ObjectSettings(smallest_px=9)).classes.tolist() == [2, 1]
    assert find_objects(labels, "components", ObjectSettings(smallest_px=10)).classes.tolist() == [1]
    by_area = ObjectSettings(smallest_um2=2.0)
    assert find_objects(labels, "components", by_area, pixel_um=0.5).count == 2
    with pytest.raises(ConfigError, match=r"smallest_um2` is 2, but the size of a pixel is not known.*--pixel-size"):
        find_objects(labels, "components", by_area)


def test_holes_are_filled_if_they_are_small_enclosed_and_empty() -> None:
    labels = np.zeros((12, 30), dtype=np.uint8)
    labels[2:9, 2:9], labels[4, 4] = 1, 0
    labels[2:9, 12:19], labels[4:7, 14:17] = 1, 0
    labels[2:9, 22:29], labels[4, 24] = 1, 2
    labels[5, 0:3] = 0  # a bay, which reaches the edge
    areas = {
        holes: np.bincount(find_objects(labels, "components", ObjectSettings(holes_px=holes)).instances.ravel())[
            1:
        ].tolist()
        for holes in (0, 1, 8, 9)
    }
    assert areas == {0: [47, 40, 48, 1], 1: [48, 40, 48, 1], 8: [48, 40, 48, 1], 9: [48, 49, 48, 1]}


@pytest.mark.parametrize("shape", [(1, 1), (5, 7)])
def test_an_image_that_is_all_of_one_class_is_one_object(shape: tuple[int, int]) -> None:
    assert (
        find_objects(np.ones(shape, dtype=np.uint8), "watershed", USUAL).instances.tolist() == np.ones(shape).tolist()
    )
    assert find_objects(np.zeros(shape, dtype=np.uint8), "watershed", USUAL).count == 0
