"""Augmentation as a whole: from places and generators to tiles, and nothing else that could have a say."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.places import CPU, cornered, cut, drawn, of_labels
from utome.augmentation.tiles import TileAugmentation
from utome.augmentation.warping import Warped
from utome.config.sections import AugmentationSettings
from utome.randomness import generator
from utome.tiling import Place

DRAWS = 40
SIDE = 16
STILL = AugmentationSettings(flips=False, quarter_turns=False)
EVERYTHING = AugmentationSettings(
    rotation=30.0, scale=0.2, shift=4.0, elastic=2.0,
    brightness=0.3, contrast=0.3, colour=0.2, gamma=0.3, blur=1.0, noise=0.1,
)  # fmt: skip
LABELS = np.arange(64, dtype=np.uint8).reshape(8, 8)


def augmented(settings: AugmentationSettings, place: Place, *, side: int, border: int = 0) -> list[Warped]:
    """The tile at one place, by many draws."""
    change = TileAugmentation(settings, CPU)
    return [change([place], [generator(number)], side=side, border=border) for number in range(DRAWS)]


def bits(found: Warped) -> tuple[bytes, ...]:
    return tuple(b"" if each is None else each.numpy().tobytes() for each in (found.image, found.labels, found.weights))


def batch(channels: int = 3) -> list[Place]:
    """Tiles of images of several sizes."""
    sizes = ((40, 50), (9, 30), (60, 21), (16, 16))
    return [
        cornered(drawn(*size, channels=channels, seed=number), number - 3, 2 * number, SIDE)
        for number, size in enumerate(sizes)
    ]


def test_settings_of_zero_return_the_tile_bit_for_bit() -> None:
    place = cornered(drawn(30, 30, channels=3), -4, 20, SIDE)
    for found in augmented(STILL, place, side=SIDE):
        assert found.image.dtype == torch.float32
        assert (found.image[0].numpy() == cut(place.image, place, SIDE)).all()
        assert (found.labels[0].numpy() == cut(place.labels, place, SIDE)).all()


def test_labels_and_weights_move_with_the_image() -> None:
    for found in augmented(AugmentationSettings(), of_labels(LABELS), side=8):
        assert found.weights is not None
        assert (found.image[:, 0] == found.labels).all()
        assert (found.weights == found.labels).all()


def test_flips_and_turns_keep_every_label_and_grey_values_change_none() -> None:
    settings = AugmentationSettings(brightness=1.0, contrast=1.0, gamma=1.0, blur=1.0, noise=1.0)
    for found in augmented(settings, of_labels(LABELS), side=8):
        assert found.labels.dtype == torch.uint8
        assert sorted(found.labels.flatten().tolist()) == LABELS.ravel().tolist()


@pytest.mark.parametrize("side", [8, 7])
@pytest.mark.parametrize(("flips", "turns", "count"), [(True, True, 8), (False, True, 4), (True, False, 2)])
def test_every_flip_and_quarter_turn_that_is_asked_for_occurs_and_no_other(
    side: int, flips: bool, turns: bool, count: int
) -> None:
    labels = LABELS[:side, :side]
    found = augmented(AugmentationSettings(flips=flips, quarter_turns=turns), of_labels(labels), side=side)
    possible = {
        np.rot90(mirrored, quarter).tobytes()
        for mirrored in ((labels, labels[:, ::-1]) if flips else (labels,))
        for quarter in (range(4) if turns else (0,))
    }
    assert len(possible) == count
    assert {each.labels.numpy().tobytes() for each in found} == possible


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)])
def test_a_mirrored_place_is_mirrored(axes: tuple[int, ...]) -> None:
    place = of_labels(LABELS, mirrored=axes)
    (found, *_) = augmented(STILL, place, side=8)
    assert (found.labels[0].numpy() == np.flip(LABELS, axes)).all()
    assert (found.image[0, 0].numpy() == np.flip(LABELS, axes)).all()


def test_the_border_is_shown_and_not_labelled() -> None:
    for found in augmented(AugmentationSettings(), of_labels(LABELS), side=14, border=4):
        assert found.image.shape == (1, 1, 14, 14)
        assert found.labels.shape == (1, 6, 6)
        assert (found.image[:, 0, 4:10, 4:10] == found.labels).all()


def test_the_images_are_left_as_they_were() -> None:
    places, before = batch(), batch()
    TileAugmentation(EVERYTHING, CPU)(places, [generator(number) for number in range(4)], side=SIDE, border=0)
    for place, old in zip(places, before, strict=True):
        assert (place.image == old.image).all()
        assert (place.labels == old.labels).all()
        assert place.weights is not None
        assert (place.weights == old.weights).all()


def test_the_same_draws_give_the_same_tiles_whatever_was_made_before() -> None:
    change = TileAugmentation(EVERYTHING, CPU)
    first = change(batch(), [generator(number) for number in range(4)], side=SIDE, border=2)
    large = cornered(drawn(120, 120, channels=3, seed=8), 0, 0, 90)
    for other in ([large], batch()[:1], batch()[::-1]):
        change(other, [generator("other", number) for number in range(len(other))], side=90, border=0)
        again = change(batch(), [generator(number) for number in range(4)], side=SIDE, border=2)
        assert bits(again) == bits(first)
    fresh = TileAugmentation(EVERYTHING, CPU)(batch(), [generator(number) for number in range(4)], side=SIDE, border=2)
    assert bits(fresh) == bits(first)


def test_what_is_returned_is_not_overwritten_by_the_next_batch() -> None:
    change = TileAugmentation(STILL, CPU)
    first = change(batch(), [generator(number) for number in range(4)], side=SIDE, border=0)
    kept = bits(first)
    change(batch()[::-1], [generator(number) for number in range(4)], side=SIDE, border=0)
    assert bits(first) == kept


def test_a_tile_does_not_depend_on_those_beside_it() -> None:
    change, places = TileAugmentation(EVERYTHING, CPU), batch()
    together = change(places, [generator(number) for number in range(4)], side=SIDE, border=0)
    for number, place in enumerate(places):
        alone = change([place], [generator(number)], side=SIDE, border=0)
        torch.testing.assert_close(alone.image[0], together.image[number], atol=1e-3, rtol=1e-3)
        assert (alone.labels[0] == together.labels[number]).float().mean() > 0.98


@pytest.mark.parametrize("name", ["flips", "quarter_turns", "rotation", "scale", "shift", "elastic"])
def test_geometry_that_is_switched_off_leaves_the_draws_of_intensity(name: str) -> None:
    """On a constant image, geometry shows nothing."""
    constant = replace(drawn(30, 30, channels=3), image=np.full((3, 30, 30), 0.5, dtype=np.float32))
    off = EVERYTHING.model_copy(update={name: False if name in {"flips", "quarter_turns"} else 0.0})
    for one, other in zip(
        augmented(EVERYTHING, constant, side=SIDE)[:8], augmented(off, constant, side=SIDE)[:8], strict=True
    ):
        torch.testing.assert_close(one.image, other.image, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["brightness", "contrast", "colour", "gamma", "blur", "noise"])
def test_intensity_that_is_switched_off_leaves_the_geometry(name: str) -> None:
    place = drawn(30, 30, channels=3)
    without = augmented(EVERYTHING.model_copy(update={name: 0.0}), place, side=SIDE)[:8]
    pairs = list(zip(augmented(EVERYTHING, place, side=SIDE)[:8], without, strict=True))
    assert all(torch.equal(one.labels, other.labels) for one, other in pairs)
    assert sum(not torch.equal(one.image, other.image) for one, other in pairs) >= 5
