"""Augmentation: labels move with the image, and nothing new appears in them."""

import numpy as np
import pytest

from utome.augmentation.tiles import TileAugmentation
from utome.config.sections import AugmentationSettings
from utome.randomness import generator

DRAWS = 40
LABELS = np.arange(64, dtype=np.uint8).reshape(8, 8)
IMAGE = np.stack([LABELS, 100 + LABELS]).astype(np.float32)


def settings(
    *, flips: bool = False, quarter_turns: bool = False, brightness: float = 0.0, contrast: float = 0.0
) -> AugmentationSettings:
    return AugmentationSettings(flips=flips, quarter_turns=quarter_turns, brightness=brightness, contrast=contrast)


def augmented(chosen: AugmentationSettings) -> list[tuple[np.ndarray, np.ndarray]]:
    change = TileAugmentation(chosen)
    return [change(IMAGE, LABELS, generator(number)) for number in range(DRAWS)]


def test_labels_move_with_the_image() -> None:
    for image, labels in augmented(settings(flips=True, quarter_turns=True)):
        assert (image[0] == labels).all()
        assert (image[1] == 100 + labels.astype(np.float32)).all()


def test_labels_are_moved_but_never_altered() -> None:
    for _, labels in augmented(settings(flips=True, quarter_turns=True, brightness=1.0, contrast=1.0)):
        assert labels.dtype == np.uint8
        assert sorted(labels.ravel().tolist()) == LABELS.ravel().tolist()


@pytest.mark.parametrize(("flips", "turns", "count"), [(True, True, 8), (False, True, 4), (True, False, 2)])
def test_every_flip_and_quarter_turn_that_is_asked_for_occurs_and_no_other(
    flips: bool, turns: bool, count: int
) -> None:
    found = augmented(settings(flips=flips, quarter_turns=turns))
    assert len({labels.tobytes() for _, labels in found}) == count


def test_settings_of_zero_return_the_input_bit_for_bit() -> None:
    image = np.random.default_rng(0).normal(size=(3, 8, 8)).astype(np.float32)
    for number in range(DRAWS):
        found, labels = TileAugmentation(settings())(image, LABELS, generator(number))
        assert found.dtype == np.float32
        assert found.tobytes() == image.tobytes()
        assert labels.tobytes() == LABELS.tobytes()


def test_brightness_adds_one_value_to_all_pixels_of_the_deviation_asked_for() -> None:
    added = [image - IMAGE for image, _ in augmented(settings(brightness=2.0))]
    assert all(np.ptp(change) < 1e-4 for change in added)
    assert 1.2 < np.std([change[0, 0, 0] for change in added]) < 2.8


def test_contrast_multiplies_all_pixels_by_one_factor_above_zero() -> None:
    factors = [image[1] / IMAGE[1] for image, _ in augmented(settings(contrast=0.5))]
    assert all(np.ptp(factor) < 1e-5 and factor.min() > 0 for factor in factors)
    assert 0.3 < np.std([np.log(factor[0, 0]) for factor in factors]) < 0.7


def test_the_input_is_left_as_it_was() -> None:
    image, labels = IMAGE.copy(), LABELS.copy()
    TileAugmentation(settings(flips=True, quarter_turns=True, brightness=1.0, contrast=1.0))(
        image, labels, generator(0)
    )
    assert (image == IMAGE).all()
    assert (labels == LABELS).all()


def test_the_same_generator_gives_the_same_change() -> None:
    chosen = settings(flips=True, quarter_turns=True, brightness=0.3, contrast=0.3)
    one, other = (TileAugmentation(chosen)(IMAGE, LABELS, generator(5)) for _ in range(2))
    assert one[0].tobytes() == other[0].tobytes()
    assert one[1].tobytes() == other[1].tobytes()
