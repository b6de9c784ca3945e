"""Weight maps: the reference map, closed forms, brute force, and what neither numbering nor mirroring may change."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from utome.augmentation import object_distances
from utome.augmentation.object_distances import nearest_two
from utome.augmentation.separation import IGNORED, components, separate
from utome.augmentation.weight_maps import Kind, WeightMapRule, border_term, class_counts, class_weights, weight_map
from utome.errors import DataError
from utome.randomness import generator

FIXTURES = Path(__file__).parent / "fixtures" / "weightmap"
CORNERS = np.ones((3, 3), dtype=bool)
PLAIN = WeightMapRule(separate=False)


def measured(objects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two smallest distances, one transform of the whole image an object."""
    stack = [ndimage.distance_transform_edt(objects != number) for number in np.unique(objects[objects > 0])]
    nothing = np.full(objects.shape, np.inf)
    first, second = np.sort([*stack, nothing, nothing], axis=0)[:2]
    return first, second


def by_brute_force(objects: np.ndarray, *, w0: float = 10.0, sigma: float = 5.0) -> np.ndarray:
    first, second = measured(objects)
    return w0 * np.exp(-((first + second) ** 2) / (2 * sigma**2))


def ellipses(count: int, height: int, width: int, *, largest: float, seed: int) -> np.ndarray:
    """Objects that touch, overlap (the later wins) and stand over the edge."""
    draws, (y, x) = generator("ellipses", seed), np.indices((height, width))
    objects = np.zeros((height, width), dtype=np.int32)
    for number in range(1, count + 1):
        down, right = draws.uniform(0, height), draws.uniform(0, width)
        tall, wide = draws.uniform(0.5, largest, 2)
        objects[((y - down) / tall) ** 2 + ((x - right) / wide) ** 2 <= 1] = number
    return objects


def rings() -> np.ndarray:
    """Rings within rings, with a disc in the middle."""
    y, x = np.indices((61, 61)) - 30
    return np.array([1, 0, 2, 2, 0, 0, 3, 3, 3, 0])[np.minimum(np.hypot(y, x).astype(int) // 3, 9)]


def scene(name: str) -> np.ndarray:
    objects = np.zeros((50, 70), dtype=np.int32)
    match name:
        case "nested":
            objects[5:45, 5:65], objects[10:40, 10:60], objects[20:22, 30:31] = 1, 2, 3
        case "rings":
            return rings()
        case "single pixels":
            objects[[0, 0, 49, 49, 25, 25], [0, 69, 0, 69, 30, 31]] = range(1, 7)
        case "edges":
            objects[0, :], objects[:, 0], objects[20:, 69], objects[49, 3:50] = 1, 2, 3, 4
        case "touching":
            objects[10:20, 10:20], objects[10:20, 20:30], objects[20:30, 30:40] = 1, 2, 3
        case "in pieces":
            objects[[2, 40], [3, 60]], objects[20:25, 20:25] = 9, 4
        case "the whole image":
            objects[:, :] = 2
            objects[24:26, 33] = 7
    return objects


def half_planes(gap: int) -> np.ndarray:
    objects = np.zeros((7, 20 + gap), dtype=np.int32)
    objects[:, :10], objects[:, 10 + gap :] = 1, 2
    return objects


def test_the_reference_map_is_met_inside_objects_too() -> None:
    objects = tifffile.imread(FIXTURES / "wmap_labels.tif")
    found = border_term(objects)
    assert found.dtype == np.float32
    assert np.abs(found - np.load(FIXTURES / "wmap_border_term.npy")).max() < 1e-6
    assert [found[10, 17], found[20, 10], found[20, 17], found[17, 15]] == pytest.approx(
        [4.8675225596, 0.8892161746, 0.6446448761, 1.9838145593], abs=1e-6
    )
    assert found[objects == 0].sum(dtype=np.float64) == pytest.approx(683.558660469618, abs=1e-4)


@pytest.mark.parametrize(("gap", "value"), [(1, 9.2311634639), (3, 7.2614903707), (4, 6.0653065971)])
def test_every_pixel_between_two_half_planes_has_the_value_of_the_closed_form(gap: int, value: float) -> None:
    between = border_term(half_planes(gap))[:, 10 : 10 + gap]
    assert between == pytest.approx(np.full((7, gap), value), abs=1e-6)


@pytest.mark.parametrize(
    "name", ["nested", "rings", "single pixels", "edges", "touching", "in pieces", "the whole image"]
)
def test_distances_and_border_term_are_those_of_brute_force(name: str) -> None:
    objects = scene(name)
    for found, expected in zip(nearest_two(objects), measured(objects), strict=True):
        assert found == pytest.approx(expected, abs=1e-9)
    assert np.abs(border_term(objects) - by_brute_force(objects)).max() < 1e-6


@pytest.mark.parametrize("seed", range(6))
def test_random_objects_of_all_sizes_are_measured_as_by_brute_force(seed: int) -> None:
    objects = ellipses(12, 90, 120, largest=(3, 12, 60)[seed % 3], seed=seed)
    assert np.abs(border_term(objects) - by_brute_force(objects)).max() < 1e-6
    wide = border_term(objects, w0=50.0, sigma=9.0)
    assert np.abs(wide - by_brute_force(objects, w0=50.0, sigma=9.0)).max() < 4e-6  # of float32 near 50


@pytest.mark.parametrize("seed", range(4))
def test_objects_that_are_cut_into_blocks_are_measured_as_by_brute_force(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(object_distances, "BLOCK", 8)
    objects = ellipses(9, 70, 90, largest=(5, 50)[seed % 2], seed=seed)
    objects[np.arange(70), np.arange(70)] = 77  # a line aslant, whose box is nearly the image
    for found, expected in zip(nearest_two(objects, reach=4.3), measured(objects), strict=True):
        near = expected <= 4.3
        assert found[near] == pytest.approx(expected[near], abs=1e-9)
        assert np.isinf(found[~near]).all()


def test_a_distance_equal_to_the_reach_is_within_it() -> None:
    objects = np.array([[1, 0, 0, 0, 0, 0, 2]])
    first, second = nearest_two(objects, reach=3.0)
    assert first.tolist() == [[0, 1, 2, 3, 2, 1, 0]]
    assert second.tolist() == [[np.inf, np.inf, np.inf, 3, np.inf, np.inf, np.inf]]


@settings(max_examples=25)
@given(st.lists(st.lists(st.integers(0, 4), min_size=9, max_size=9), min_size=1, max_size=9))
def test_any_small_image_is_measured_as_by_brute_force(rows: list[list[int]]) -> None:
    objects = np.array(rows)
    for found, expected in zip(nearest_two(objects), measured(objects), strict=True):
        assert (found == expected).all()


@pytest.mark.parametrize("numbers", [[5, 3, 1, 2, 4], [1, 900, 2**31 - 1, 7, 2**20]])
def test_the_numbers_of_the_objects_change_nothing(numbers: list[int]) -> None:
    objects = ellipses(5, 60, 80, largest=15, seed=3)
    renumbered = np.array([0, *numbers])[objects]
    for one, other in zip(nearest_two(objects, reach=20.0), nearest_two(renumbered, reach=20.0), strict=True):
        assert (one == other).all()


@pytest.mark.parametrize("type_", [np.uint8, np.uint16, np.int32, np.int64])
def test_objects_may_be_of_any_integer_type(type_: type) -> None:
    objects = ellipses(5, 40, 30, largest=9, seed=1)
    assert (border_term(objects.astype(type_)) == border_term(objects)).all()


def test_objects_without_a_pixel_free_are_measured_whatever_their_numbers() -> None:
    objects = np.array([[2**30, 2**30, 2**30 + 1]])
    assert [each.tolist() for each in nearest_two(objects)] == [[[0, 0, 0]], [[2, 1, 1]]]


@pytest.mark.parametrize("kind", ["border", "2019"])
def test_a_mirrored_or_turned_image_has_the_mirrored_or_turned_map(kind: Kind) -> None:
    objects = ellipses(9, 60, 80, largest=15, seed=5)
    rule = replace(PLAIN, kind=kind)
    labels = (objects > 0).astype(np.uint8)
    _, weights = weight_map(labels, objects, rule)
    for turned in (np.fliplr, np.flipud, np.rot90):
        _, found = weight_map(turned(labels), turned(objects), rule)
        assert (found == turned(weights)).all()


@pytest.mark.parametrize("objects", [np.zeros((6, 5), dtype=np.int32), np.eye(6, dtype=np.int32)])
def test_fewer_than_two_objects_have_no_border_term(objects: np.ndarray) -> None:
    first, second = nearest_two(objects)
    assert np.isinf(second).all()
    assert np.isinf(first).all() == (not objects.any())
    assert not border_term(objects).any()
    labels = (objects > 0).astype(np.uint8)
    assert (weight_map(labels, objects, WeightMapRule())[1] == 1).all()


@pytest.mark.parametrize("kind", ["border", "2019", "none"])
@pytest.mark.parametrize("label", [0, 1, IGNORED])
def test_an_image_of_one_pixel_has_a_finite_weight(kind: Kind, label: int) -> None:
    objects = np.array([[int(label == 1)]])
    target, weights = weight_map(np.array([[label]], dtype=np.uint8), objects, WeightMapRule(kind=kind))
    assert target.tolist() == [[label]]
    expected = {0: 0.1 if kind == "2019" else 1.0, 1: 1.0, IGNORED: 0.0}[label]
    assert weights.tolist() == [[pytest.approx(expected)]]


@pytest.mark.parametrize("kind", ["border", "2019", "none"])
def test_weights_are_finite_and_those_of_ignored_pixels_zero(kind: Kind) -> None:
    objects = ellipses(30, 80, 80, largest=9, seed=2)
    labels = np.where(objects % 3 == 1, 2, objects > 0).astype(np.uint8)
    ignored = generator("ignored").random(labels.shape) < 0.1
    labels[ignored] = IGNORED
    rule = WeightMapRule(kind=kind, class_weights=(0.5, 2.0, 7.0))
    target, weights = weight_map(labels, objects, rule)
    assert weights.dtype == np.float32
    assert np.isfinite(weights).all()
    assert (weights[ignored] == 0).all()
    assert (weights[~ignored] > 0).all()
    assert ((target == IGNORED) == ignored).all()


def test_the_weight_of_2015_is_that_of_the_class_plus_the_border_term() -> None:
    objects = half_planes(3)
    labels = (objects > 0).astype(np.uint8)
    rule = replace(PLAIN, class_weights=(2.0, 0.5))
    target, weights = weight_map(labels, objects, rule)
    assert (target == labels).all()
    assert weights == pytest.approx(np.where(labels, 0.5, 2.0) + by_brute_force(objects), abs=1e-6)
    _, background = weight_map(labels, objects, replace(rule, border_on="background"))
    assert (background[labels == 1] == 0.5).all()
    assert (background[labels == 0] == weights[labels == 0]).all()
    _, alone = weight_map(labels, objects, replace(rule, kind="none"))
    assert (alone == np.where(labels, 0.5, 2.0)).all()


def test_the_border_term_lies_between_objects_of_any_classes() -> None:
    objects = half_planes(1)
    labels = objects.astype(np.uint8)
    _, weights = weight_map(labels, objects, PLAIN)
    assert weights[:, 10] == pytest.approx(np.full(7, 1 + 9.2311634639), abs=1e-6)


def test_the_weight_of_2019_is_one_on_objects_and_the_given_sum_on_the_background() -> None:
    objects = ellipses(6, 60, 90, largest=10, seed=8)
    labels = (objects > 0).astype(np.uint8)
    first, second = measured(objects)
    background = 0.1 + 50 * np.exp(-((first + second) ** 2) / 72) + 0.9 * np.exp(-(first**2) / 200)
    _, weights = weight_map(labels, objects, replace(PLAIN, kind="2019"))
    assert weights == pytest.approx(np.where(labels, 1.0, background), abs=4e-6)
    assert weights.min() >= np.float32(0.1)


def test_in_2019_each_class_adds_its_own_terms() -> None:
    one, other = np.zeros((9, 40), dtype=np.int32), np.zeros((9, 40), dtype=np.int32)
    one[:, :5], one[:, 9:12], other[:, 20:24], other[:, 28:30] = 1, 2, 3, 4
    labels = np.where(one, 1, np.where(other, 2, 0)).astype(np.uint8)
    rule = replace(PLAIN, kind="2019")
    _, weights = weight_map(labels, one + other, rule)
    alone = [weight_map((each > 0).astype(np.uint8), each, rule)[1] for each in (one, other)]
    free = labels == 0
    assert weights[free] == pytest.approx(alone[0][free] + alone[1][free] - 0.1, abs=4e-6)


def test_a_gap_cut_between_touching_objects_has_the_weight_of_the_objects_as_they_were() -> None:
    objects = half_planes(0).T
    labels = (objects > 0).astype(np.uint8)
    target, weights = weight_map(labels, objects, WeightMapRule(kind="2019"))
    assert (target[10] == 0).all()
    assert (np.delete(target, 10, axis=0) == 1).all()
    assert weights[10] == pytest.approx(np.full(7, 0.1 + 50 * np.exp(-1 / 72) + 0.9), abs=4e-6)
    _, classic = weight_map(labels, objects, WeightMapRule(class_weights=(3.0, 1.0)))
    assert classic[10] == pytest.approx(np.full(7, 3 + 10 * np.exp(-1 / 50)), abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_separated_objects_touch_nowhere_and_labels_only_lose_pixels(seed: int) -> None:
    objects = ellipses(25, 60, 60, largest=14, seed=seed)
    labels = (objects > 0).astype(np.uint8)
    before = labels.copy()
    target = separate(labels, objects)
    assert (labels == before).all()
    assert ((target == labels) | (target == 0)).all()
    for number in np.unique(objects[target > 0]):
        around = ndimage.binary_dilation((objects == number) & (target > 0), CORNERS)
        assert set(np.unique(objects[around & (target > 0)])) == {number}
    assert (target != labels).any()


@pytest.mark.parametrize("seed", range(3))
def test_a_pixel_is_given_up_exactly_where_an_earlier_neighbour_is_of_another_object(seed: int) -> None:
    objects = ellipses(25, 30, 40, largest=9, seed=seed)
    target = separate((objects > 0).astype(np.uint8), objects)
    framed = np.pad(objects, 1)
    for y, x in np.argwhere(objects):
        earlier = {*framed[y, x : x + 3].tolist(), int(framed[y + 1, x])}
        assert (target[y, x] == 0) == bool(earlier - {0, int(objects[y, x])})


def test_the_gap_is_one_pixel_wide_below_an_object_and_two_beside_it() -> None:
    objects = np.array([[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 3, 3], [3, 3, 3, 3]])
    target = separate(np.ones((4, 4), dtype=np.uint8), objects)
    assert target.tolist() == [[1, 1, 0, 1], [1, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]]


def test_objects_that_touch_at_a_corner_are_parted() -> None:
    for objects in (np.array([[1, 0], [0, 2]]), np.array([[0, 1], [2, 0]])):
        assert separate((objects > 0).astype(np.uint8), objects).tolist() == (objects == 1).astype(int).tolist()


def test_objects_of_two_classes_and_pixels_without_a_number_are_not_parted() -> None:
    labels = np.array([[1, 2, 2, IGNORED, IGNORED, 0, 0]], dtype=np.uint8)
    objects = np.array([[1, 2, 0, 3, 4, 5, 6]])
    assert (separate(labels, objects) == labels).all()


def test_components_are_the_connected_parts_of_each_class() -> None:
    labels = np.array([[1, 0, 2, 2], [0, 1, 0, 1], [2, 0, IGNORED, 1]], dtype=np.uint8)
    assert components(labels).tolist() == [[1, 0, 3, 3], [0, 1, 0, 2], [4, 0, 0, 2]]
    assert components(labels).dtype == np.int32
    assert components(labels, background=2).tolist() == [[2, 1, 0, 0], [1, 2, 1, 3], [0, 1, 0, 3]]


def test_components_of_nothing_are_nothing_and_have_nothing_to_part() -> None:
    assert not components(np.zeros((3, 4), dtype=np.uint8)).any()
    labels = generator("labels").integers(0, 3, (40, 40), dtype=np.uint8)
    assert (separate(labels, components(labels)) == labels).all()


def test_class_weights_make_all_classes_count_alike_and_have_the_mean_one() -> None:
    labels = np.array([[0, 0, 0, 0, 0, 0], [1, 1, 3, IGNORED, IGNORED, IGNORED]], dtype=np.uint8)
    counts = class_counts(labels, classes=4)
    assert counts.tolist() == [6, 2, 0, 1]
    weights = np.array(class_weights(counts))
    assert weights[2] == 1
    assert (weights * counts)[[0, 1, 3]] == pytest.approx(np.full(3, 3.0))
    assert class_weights(counts.tolist()) == class_weights(counts)


def test_class_weights_of_no_pixels_are_one() -> None:
    assert class_weights([0, 0]) == (1.0, 1.0)
    assert class_weights([7]) == (1.0,)


def test_what_the_map_does_to_its_input_is_nothing() -> None:
    objects = ellipses(9, 30, 30, largest=9, seed=4)
    labels = (objects > 0).astype(np.uint8)
    labels[:3] = IGNORED
    before = labels.copy(), objects.copy()
    for rule in (PLAIN, WeightMapRule(kind="2019")):
        target, _ = weight_map(labels, objects, rule)
        target[:] = 9
    assert (labels == before[0]).all()
    assert (objects == before[1]).all()


def test_a_class_without_a_weight_is_refused() -> None:
    labels = np.array([[0, 1, 2]], dtype=np.uint8)
    with pytest.raises(DataError, match="no weight for class 2; class weights are given for 0 to 1"):
        weight_map(labels, labels.astype(np.int32), WeightMapRule(class_weights=(1.0, 2.0)))
