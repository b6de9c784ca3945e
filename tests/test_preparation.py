"""What the network sees of an image: normalised as the settings say, and the same at prediction as in training."""

from pathlib import Path

import numpy as np
import pytest

from tests.builders import look, save, square
from utome.data.preparation import Moments, Preparation, moments_of


def ramp(low: int, high: int, *, channels: int = 1, dtype: type = np.uint8) -> np.ndarray:
    values: np.ndarray = np.linspace(low, high, 400).reshape(20, 20).round().astype(dtype)
    return np.repeat(values[:, :, None], channels, axis=2)


def seen(preparation: Preparation, pixels: np.ndarray) -> np.ndarray:
    return preparation.image(pixels, source="a.png")


def test_by_image_every_image_has_zero_mean_and_unit_deviation() -> None:
    for pixels in (ramp(0, 255), ramp(100, 110), ramp(0, 65535, dtype=np.uint16)):
        image = seen(Preparation(1, "image"), pixels)
        assert image.mean() == pytest.approx(0, abs=1e-5)
        assert image.std() == pytest.approx(1, abs=1e-5)


def test_by_percentile_the_two_become_0_and_1_and_what_lies_beyond_is_cut() -> None:
    pixels = ramp(1000, 5000, dtype=np.uint16)
    pixels[0, 0] = 65535
    image = seen(Preparation(1, "percentile", percentiles=(1.0, 99.0)), pixels)
    low, high = np.percentile(pixels, (1, 99))
    inside = (pixels[:, :, 0] > low) & (pixels[:, :, 0] < high)
    assert (image.min(), image.max()) == (0, 1)
    assert image[0][inside] == pytest.approx(((pixels[:, :, 0] - low) / (high - low))[inside], abs=1e-5)
    assert image[0, 0, 0] == 1


def test_a_constant_image_is_zero_by_percentile() -> None:
    assert not seen(Preparation(1, "percentile", percentiles=(1.0, 99.0)), np.full((4, 4, 1), 7, np.uint8)).any()


def test_by_data_set_an_image_keeps_its_difference_to_the_others() -> None:
    preparation = Preparation(3, "dataset", moments=Moments((100.0, 50.0, 10.0), (10.0, 5.0, 0.0)))
    pixels = np.full((2, 2, 3), (120, 45, 13), dtype=np.uint8)
    assert seen(preparation, pixels)[:, 0, 0] == pytest.approx([2.0, -1.0, 3.0])
    assert seen(preparation, np.full((2, 2, 1), 60, np.uint8))[:, 0, 0] == pytest.approx([-4.0, 2.0, 50.0])


def test_the_moments_of_a_data_set_are_those_of_all_its_pixels(tmp_path: Path) -> None:
    draws = np.random.default_rng(0)
    images = [
        draws.integers(0, 200, (height, 9, 3)).astype(np.uint8) + np.uint8(10 * number)
        for number, height in enumerate((4, 11, 30))
    ]
    for number, image in enumerate(images):
        save(tmp_path / "images" / f"{number}.png", image)
        save(tmp_path / "masks" / f"{number}.png", square(*image.shape[:2]))
    found = look(tmp_path)
    together = np.concatenate([image.reshape(-1, 3) for image in images]).astype(np.float64)
    moments = moments_of(found.facts, 3)
    assert moments.mean == pytest.approx(together.mean(axis=0))
    assert moments.deviation == pytest.approx(together.std(axis=0))


def test_a_grey_image_among_colours_counts_for_each_channel(tmp_path: Path) -> None:
    save(tmp_path / "images" / "grey.png", ramp(0, 200)[:, :, 0])
    save(tmp_path / "images" / "red.png", np.full((20, 20, 3), (200, 10, 10), dtype=np.uint8))
    for name in ("grey", "red"):
        save(tmp_path / "masks" / f"{name}.png", square(20, 20))
    assert moments_of(look(tmp_path).facts, 3).mean == pytest.approx((150.0, 55.0, 55.0), abs=0.1)
