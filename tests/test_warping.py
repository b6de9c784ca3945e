"""Warping: exact where it can be, within a pixel's fraction elsewhere, and image, labels and weights together."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from tests.places import CPU, STILL, cornered, cut, drawn, fields, of_labels
from utome.augmentation.fields import QUARTERS, Motion, draw_motion
from utome.augmentation.warping import Warped, Warper
from utome.config.sections import AugmentationSettings
from utome.randomness import generator
from utome.tiling import Place

SIDE = 16
WILD = AugmentationSettings(rotation=180.0, scale=0.4, shift=6.0, elastic=3.0)


def warp(places: Sequence[Place], moved: Tensor, *, border: int = 0) -> Warped:
    return Warper(CPU)(places, moved, border=border)


def wild(number: int, *, side: int = SIDE) -> Tensor:
    return fields(draw_motion(WILD, (), generator("wild", number)), side=side)


def moving(matrix: object, *shift: float) -> Motion:
    return Motion(np.array(matrix, dtype=np.float64), np.array(shift or (0.0, 0.0), dtype=np.float64))


def corners() -> list[Place]:
    """Tiles inside, partly outside and wholly outside their images, and larger than them, in images of several sizes."""
    image = drawn(50, 40, channels=2)
    places = [cornered(image, *corner, SIDE) for corner in ((3, 5), (0, 0), (-7, 30), (40, -9), (-33, -100), (90, 7))]
    others = [drawn(7, 5, channels=2), drawn(1, 30, channels=2), drawn(1, 1, channels=2), drawn(2, 2, channels=2)]
    return [*places, *(cornered(other, -3, 2, SIDE) for other in others)]


def assert_unmoved(found: Warped, places: Sequence[Place], *, border: int = 0, side: int = SIDE) -> None:
    inner = slice(border, side - border)
    assert found.weights is not None
    for number, place in enumerate(places):
        assert place.weights is not None
        assert (found.image[number].numpy() == cut(place.image, place, side)).all()
        assert (found.labels[number].numpy() == cut(place.labels, place, side)[inner, inner]).all()
        assert (found.weights[number].numpy() == cut(place.weights, place, side)[inner, inner]).all()


@pytest.mark.parametrize("border", [0, 5])
def test_the_identity_cuts_a_tile_bit_for_bit_wherever_it_lies(border: int) -> None:
    places = corners()
    found = warp(places, fields(*[STILL] * len(places), side=SIDE), border=border)
    assert_unmoved(found, places, border=border)
    assert found.labels.dtype == torch.uint8


def test_the_identity_is_exact_among_tiles_that_are_moved_far() -> None:
    places = corners()
    far = Motion(7.3 * np.eye(2), np.array([90.2, -40.7]))
    found = warp([*places, places[0]], fields(*[STILL] * len(places), far, side=SIDE))
    kept = Warped(found.image[:-1], found.labels[:-1], None if found.weights is None else found.weights[:-1])
    assert_unmoved(kept, places)


@pytest.mark.parametrize("side", [5, 8, 33, 64])
@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("flip", [False, True])
def test_quarter_turns_and_flips_are_exact(side: int, turns: int, flip: bool) -> None:
    place = drawn(side, side, channels=3)
    matrix = np.array(QUARTERS[turns]) @ np.diag((1, -1 if flip else 1))
    found = warp([place], fields(moving(matrix), side=side))
    assert place.weights is not None
    assert found.weights is not None
    for ours, theirs in ((found.image, place.image), (found.labels, place.labels), (found.weights, place.weights)):
        turned = np.rot90(theirs, turns, axes=(-2, -1))
        assert (ours[0].numpy() == (np.flip(turned, -1) if flip else turned)).all()


@pytest.mark.parametrize("shift", [(3, -5), (-20, 11), (300, -1000)])
def test_shifts_by_whole_pixels_are_exact_also_far_beyond_the_image(shift: tuple[int, int]) -> None:
    place = cornered(drawn(20, 30), 4, 6, SIDE)
    found = warp([place], fields(moving(np.eye(2), *shift), side=SIDE))
    assert_unmoved(found, [cornered(place, 4 + shift[0], 6 + shift[1], SIDE)])


def test_a_shift_by_half_a_pixel_is_the_mean_of_two() -> None:
    place = cornered(drawn(30, 30), 4, 6, SIDE)
    found = warp([place], fields(moving(np.eye(2), 0.5, 0), side=SIDE)).image[0].numpy()
    pair = [cut(place.image, cornered(place, top, 6, SIDE), SIDE) for top in (4, 5)]
    assert found == pytest.approx(np.mean(pair, axis=0), abs=1e-5)


def test_image_and_weights_are_those_that_spline_interpolation_of_order_one_gives() -> None:
    place = cornered(drawn(40, 50, seed=3), 10, 20, SIDE)
    moved = wild(0)
    found = warp([place], moved)
    centre = np.array(place.centre)[:, None, None]
    expected = ndimage.map_coordinates(place.image[0].astype(float), moved[0].numpy() + centre, order=1, mode="mirror")
    assert found.image[0, 0].numpy() == pytest.approx(expected, abs=1e-4)


def test_labels_are_moved_but_none_is_new() -> None:
    place = drawn(40, 40)
    for number in range(10):
        labels = warp([place], wild(number)).labels
        assert set(labels.flatten().tolist()) <= {0, 1, 7, 200, 255}


@pytest.mark.parametrize("number", range(5))
def test_labels_and_image_agree_but_next_to_edges(number: int) -> None:
    labels = np.kron(generator("blocks").integers(0, 256, (6, 6)), np.ones((12, 12))).astype(np.uint8)
    edge = ndimage.maximum_filter(labels, 3) != ndimage.minimum_filter(labels, 3)
    place = of_labels(labels)
    both = Place(np.concatenate([place.image, edge[None].astype(np.float32)]), labels, place.weights, place.centre)
    found = warp([both], wild(number, side=48))
    inside = found.image[0, 1] == 0
    assert inside.float().mean() > 0.4
    assert (found.image[0, 0] - found.labels[0].float())[inside].abs().max() < 1e-3


def test_the_labels_of_a_valid_network_are_the_middle_of_what_the_image_shows() -> None:
    place = of_labels(np.arange(144).reshape(12, 12))
    motion = moving(QUARTERS[1], 3, -2)
    found = warp([place], fields(motion, side=20), border=6)
    assert found.image.shape == (1, 1, 20, 20)
    assert found.weights is not None
    assert (found.image[:, 0, 6:14, 6:14] == found.labels).all()
    assert (found.weights == found.labels).all()


@pytest.mark.parametrize("border", [0, 4])
def test_weights_move_as_the_image_does(border: int) -> None:
    place = drawn(30, 25)
    assert place.weights is not None
    same = Place(place.weights[None], place.labels, place.weights, place.centre)
    for number in range(5):
        found = warp([same], wild(number), border=border)
        assert found.weights is not None
        inner = slice(border, SIDE - border)
        torch.testing.assert_close(found.weights, found.image[:, 0, inner, inner])


def test_without_weights_there_are_none() -> None:
    assert warp([drawn(20, 20, weighted=False)], wild(0)).weights is None


@pytest.mark.parametrize("channels", [1, 3, 7])
def test_each_channel_is_moved_like_any_other(channels: int) -> None:
    place = drawn(30, 30, channels=channels)
    whole = warp([place], wild(1)).image
    assert whole.shape == (1, channels, SIDE, SIDE)
    for number in range(channels):
        alone = Place(place.image[number : number + 1], place.labels, None, place.centre)
        torch.testing.assert_close(warp([alone], wild(1)).image[:, 0], whole[:, number])


def test_a_batch_is_its_tiles_one_by_one() -> None:
    places, moved = corners(), [wild(number) for number in range(len(corners()))]
    together = warp(places, torch.cat(moved))
    assert together.weights is not None
    for number, place in enumerate(places):
        alone = warp([place], moved[number])
        assert alone.weights is not None
        torch.testing.assert_close(together.image[number], alone.image[0], atol=1e-4, rtol=0)
        torch.testing.assert_close(together.weights[number], alone.weights[0], atol=1e-3, rtol=0)
        assert (together.labels[number] == alone.labels[0]).float().mean() > 0.99


def smooth(side: int) -> np.ndarray:
    rows, columns = np.indices((side, side)) / 60
    return (np.sin(2 * np.pi * rows) + np.cos(2 * np.pi * (columns + rows / 2))).astype(np.float32)


def there_and_back(there: Tensor, back: Tensor, *, margin: int) -> float:
    """The largest difference in the interior, as a share of the image's range."""
    image, labels = smooth(96), np.zeros((96, 96), dtype=np.uint8)
    for moved in (there, back):
        changed = warp([Place(image[None], labels, None, (47.5, 47.5))], moved[None]).image[0, 0]
        image = changed.numpy()
    inner = slice(margin, -margin)
    return float(np.abs(image - smooth(96))[inner, inner].max() / np.ptp(smooth(96)))


@pytest.mark.parametrize("number", range(4))
def test_a_turn_with_scale_and_shift_and_its_inverse_give_the_image_back(number: int) -> None:
    settings = AugmentationSettings(rotation=25.0, scale=0.1, shift=6.0)
    motion = draw_motion(settings, (), generator("inverse", number))
    inverse = np.linalg.inv(motion.matrix)
    back = Motion(inverse, -inverse @ motion.shift)
    there = fields(motion, back, side=96)
    assert there_and_back(there[0], there[1], margin=32) < 0.01


def test_an_elastic_field_and_its_inverse_give_the_image_back() -> None:
    vectors = generator("elastic").normal(0, 5, (2, 3, 3))
    there = fields(Motion(np.eye(2), np.zeros(2), vectors), side=96)[0]
    still = fields(STILL, side=96)[0].numpy()
    displaced, back = there.numpy() - still, np.zeros_like(still)
    for _ in range(60):
        back = -np.stack(
            [ndimage.map_coordinates(each, still + back + 47.5, order=1, mode="nearest") for each in displaced]
        )
    assert np.abs(displaced).max() > 3
    assert there_and_back(there, torch.from_numpy((still + back).astype(np.float32)), margin=20) < 0.01


@pytest.mark.parametrize("size", [4096, 500_000])
def test_memory_that_is_used_again_leaves_nothing_behind(size: int) -> None:
    places, moved = corners(), torch.cat([wild(number) for number in range(len(corners()))])
    warper, fresh = Warper(CPU), warp(places, moved)
    warper._planes = torch.full((size,), float("nan"))
    for _ in range(2):
        again = warper(places, moved, border=0)
        warper([drawn(90, 90, channels=2, seed=9)], wild(3, side=64), border=0)
        assert torch.equal(again.image, fresh.image)
        assert torch.equal(again.labels, fresh.labels)


def test_places_that_rounding_moves_to_the_last_pixel_see_nothing_beyond_it() -> None:
    warper = Warper(CPU)
    warper._planes = torch.full((3 * 257**2,), float("nan"))
    for shift in np.linspace(-2e-5, 2e-5, 41):
        found = warper([drawn(65, 65)], fields(moving(np.eye(2), shift, shift), side=65), border=0)
        assert torch.isfinite(found.image).all()
        assert found.weights is not None
        assert torch.isfinite(found.weights).all()
