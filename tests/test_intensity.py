"""Grey values: each setting has the deviation or range that it names, in its own units, and zero changes nothing."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from utome.augmentation.intensity import _numbers, change_intensities
from utome.config.sections import AugmentationSettings
from utome.randomness import generator

DRAWS = 600
EVERYTHING = {"brightness": 0.3, "contrast": 0.2, "colour": 0.1, "gamma": 0.4, "blur": 1.5, "noise": 0.2}


class Largest(np.random.Generator):
    """Draws the upper limit of every range, and the middle of every bell."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def uniform(self, low: float = 0.0, high: float = 1.0, size: Any = None) -> Any:  # type: ignore[override]
        return np.full(size, high) - 0 * low

    def standard_normal(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        del out
        return np.zeros(size, dtype=dtype)


def chosen(**settings: float) -> AugmentationSettings:
    return AugmentationSettings.model_validate(settings)


def changed(image: object, *, draws: int = DRAWS, **settings: float) -> np.ndarray:
    """An image (c, h, w), changed by so many draws: (draws, c, h, w)."""
    batch = torch.as_tensor(np.asarray(image, dtype=np.float32)).expand(draws, -1, -1, -1)
    return change_intensities(batch, chosen(**settings), [generator(number) for number in range(draws)]).numpy()


def noisy(channels: int = 3, side: int = 16) -> Tensor:
    return torch.randn(4, channels, side, side, generator=torch.Generator().manual_seed(0))


def test_settings_of_zero_return_the_input_bit_for_bit() -> None:
    images = noisy()
    found = change_intensities(images, chosen(), [generator(number) for number in range(4)])
    assert found.numpy().tobytes() == images.numpy().tobytes()


def test_the_input_is_left_as_it_was() -> None:
    images = noisy()
    before = images.clone()
    change_intensities(images, chosen(**EVERYTHING), [generator(number) for number in range(4)])
    assert torch.equal(images, before)


def test_brightness_adds_one_value_to_all_pixels_of_all_channels() -> None:
    image = noisy()[0].numpy()
    added = changed(image, brightness=2.0) - image
    assert np.ptp(added, axis=(1, 2, 3)).max() < 1e-5
    assert added[:, 0, 0, 0].std() == pytest.approx(2, rel=0.07)
    assert added.mean() == pytest.approx(0, abs=0.2)


def test_contrast_multiplies_all_pixels_by_one_factor() -> None:
    factors = changed(np.ones((3, 2, 2)), contrast=0.5)
    assert np.ptp(factors, axis=(1, 2, 3)).max() < 1e-5
    assert factors.min() > 0
    assert np.log(factors).std() == pytest.approx(0.5, rel=0.07)
    assert not changed(np.zeros((1, 2, 2)), contrast=0.5).any()


def test_colour_has_both_deviations_for_each_channel_alone() -> None:
    found = changed([[[0.0, 1.0]]] * 3, colour=0.3)[:, :, 0]
    offsets, factors = found[..., 0], found[..., 1] - found[..., 0]
    assert offsets.std(axis=0) == pytest.approx(0.3, rel=0.1)
    assert np.log(factors).std(axis=0) == pytest.approx(0.3, rel=0.1)
    together = np.corrcoef(np.concatenate([offsets, factors], axis=1).T)
    assert np.abs(together - np.eye(6)).max() < 0.15


def test_colour_is_nothing_to_a_grey_image() -> None:
    image = noisy(1)[0].numpy()
    assert (changed(image, draws=20, colour=5.0) == image).all()
    both, one = (changed(image, draws=20, contrast=0.2, brightness=0.2, colour=each) for each in (5.0, 0.0))
    assert (both == one).all()


def test_gamma_is_a_power_that_keeps_the_lowest_and_the_highest_value() -> None:
    found = changed([[[-2.0, 0.0, 2.0]]], gamma=0.4)[:, 0, 0]
    assert found[:, 0] == pytest.approx(-2)
    assert found[:, 2] == pytest.approx(2)
    exponents = np.log((found[:, 1] + 2) / 4) / np.log(0.5)
    assert np.log(exponents).std() == pytest.approx(0.4, rel=0.07)
    assert np.log(exponents).mean() == pytest.approx(0, abs=0.05)


def test_gamma_takes_each_images_own_range() -> None:
    images = torch.stack([torch.linspace(0, 1, 9), torch.linspace(100, 300, 9)])[:, None, None, :]
    found = change_intensities(images, chosen(gamma=0.5), [generator(3), generator(3)])
    torch.testing.assert_close((found[1] - 100) / 200, found[0])


def test_noise_has_a_deviation_of_up_to_what_is_asked_for_and_is_new_for_each_pixel() -> None:
    found = changed(np.zeros((2, 24, 24)), draws=300, noise=0.8)
    deviations = found.std(axis=(1, 2, 3))
    assert deviations.max() <= 0.8 * 1.08
    assert deviations.min() < 0.05
    assert deviations.mean() == pytest.approx(0.4, rel=0.1)
    assert deviations.std() == pytest.approx(0.8 / np.sqrt(12), rel=0.1)
    assert found.mean() == pytest.approx(0, abs=0.01)
    assert abs(np.corrcoef(found[:, 0].ravel(), found[:, 1].ravel())[0, 1]) < 0.05


def spread(blurred: np.ndarray) -> np.ndarray:
    """The deviation of what an impulse in the middle became, for each image, along both axes."""
    places = np.arange(blurred.shape[-1]) - blurred.shape[-1] // 2
    return np.stack([np.sqrt((blurred.sum(axis=axis) * places**2).sum(axis=-1)) for axis in (-1, -2)])


def impulse(side: int = 41) -> np.ndarray:
    image = np.zeros((1, side, side))
    image[0, side // 2, side // 2] = 1
    return image


@pytest.mark.parametrize("sigma", [0.7, 1.0, 2.0, 4.0])
def test_an_impulse_is_blurred_to_a_gaussian_of_the_deviation_drawn_and_nothing_is_lost(sigma: float) -> None:
    images = torch.from_numpy(impulse().astype(np.float32))[None]
    found = change_intensities(images, chosen(blur=sigma), [Largest()]).numpy()[0]
    assert found.sum() == pytest.approx(1, abs=1e-5)
    assert spread(found) == pytest.approx(sigma, rel=0.02)
    places = np.arange(-20, 21)
    bell = np.exp(-(places[:, None] ** 2 + places[None] ** 2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)
    assert found[0] == pytest.approx(bell, abs=0.012 * bell.max())


def test_blur_has_a_deviation_of_up_to_what_is_asked_for() -> None:
    found = changed(impulse(), draws=200, blur=3.0)[:, 0]
    deviations = spread(found)[0]
    assert found.sum(axis=(1, 2)) == pytest.approx(1, abs=1e-5)
    assert deviations.max() <= 3
    assert deviations.mean() == pytest.approx(1.5, rel=0.1)


@pytest.mark.parametrize("side", [1, 2, 3])
def test_an_image_smaller_than_the_blur_is_blurred_all_the_same(side: int) -> None:
    image = np.arange(side * side).reshape(1, side, side)
    found = changed(image, draws=5, blur=6.0)
    assert np.isfinite(found).all()
    assert found.min() >= image.min()
    assert found.max() <= image.max() + 1e-4


@pytest.mark.parametrize("value", [0.0, -3.5, 1e6])
@pytest.mark.parametrize("name", sorted(EVERYTHING))
def test_a_constant_image_stays_finite(name: str, value: float) -> None:
    found = changed(np.full((3, 8, 8), value), draws=20, **{name: EVERYTHING[name]})
    assert np.isfinite(found).all()
    if name in {"gamma", "blur"}:
        assert found == pytest.approx(value, rel=1e-6)


# Where the numbers that each setting has a say in stand, for three channels.
PLACES = {
    "gamma": [0],
    "blur": [1],
    "noise": [2],
    "contrast": [3, 4, 5],
    "brightness": [6, 7, 8],
    "colour": [*range(3, 9)],
}


@pytest.mark.parametrize("name", sorted(EVERYTHING))
def test_to_switch_one_change_off_leaves_the_numbers_of_all_others(name: str) -> None:
    for number in range(20):
        one, other = generator(number), generator(number)
        with_it = _numbers(chosen(**EVERYTHING), one, 3)
        without = _numbers(chosen(**{**EVERYTHING, name: 0.0}), other, 3)
        changed_places = np.flatnonzero(with_it != without).tolist()
        assert changed_places == PLACES[name]
        assert one.integers(2**62) == other.integers(2**62), "what is drawn after them is the same too"


def test_all_numbers_but_noise_are_drawn_whatever_is_on() -> None:
    """Brightness of all settings together, told from the mean that only it moves."""
    image = noisy()[0].numpy()
    image = image - image.mean()
    alone = changed(image, draws=30, brightness=2.0).mean(axis=(1, 2, 3))
    noisier = changed(image, draws=30, brightness=2.0, noise=0.01, contrast=0.2, blur=1.0).mean(axis=(1, 2, 3))
    assert noisier == pytest.approx(alone, abs=0.2)
    assert np.abs(alone).max() > 2


def test_a_batch_is_its_images_one_by_one() -> None:
    images = noisy()
    together = change_intensities(images, chosen(**EVERYTHING), [generator(number) for number in range(4)])
    for number in range(4):
        alone = change_intensities(images[number : number + 1], chosen(**EVERYTHING), [generator(number)])
        torch.testing.assert_close(alone[0], together[number], atol=1e-6, rtol=1e-5)
