"""Near copies are told from images that are merely alike."""

import io

import numpy as np
import pytest
from PIL import Image

from utome.data.fingerprints import BITS, NEAR, fingerprint, near_copies


def scene(seed: int, side: int = 128) -> np.ndarray:
    """A grey picture with structure at several scales, as photographs have."""
    draws = np.random.default_rng(seed)
    total = np.zeros((side, side))
    for cells in (4, 8, 16, 32):
        coarse = Image.fromarray(draws.normal(size=(cells, cells)).astype(np.float32))
        total += np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC)) / cells**0.5
    low, high = total.min(), total.max()
    return ((total - low) / (high - low) * 200 + 20).astype(np.uint8)[:, :, None]


def compressed(pixels: np.ndarray) -> np.ndarray:
    content = io.BytesIO()
    Image.fromarray(pixels[:, :, 0]).save(content, format="JPEG", quality=40)
    return np.asarray(Image.open(content))[:, :, None]


def smaller(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels[:, :, 0]).resize((64, 64), Image.Resampling.BILINEAR))[:, :, None]


@pytest.mark.parametrize(
    "change",
    [
        compressed,
        smaller,
        lambda pixels: (pixels * 0.7 + 30).astype(np.uint8),
        lambda pixels: pixels.astype(np.uint16) * 257,
        lambda pixels: np.repeat(pixels, 3, axis=2),
    ],
)
def test_a_copy_at_another_size_quality_brightness_or_depth_is_found(change: object) -> None:
    assert callable(change)
    for seed in range(5):
        pixels = scene(seed)
        assert near_copies([fingerprint(pixels), fingerprint(change(pixels))]) == [(0, 1)]


def test_different_images_are_far_from_each_other() -> None:
    prints = [fingerprint(scene(seed)) for seed in range(30)]
    assert near_copies(prints) == []
    bits = np.unpackbits(np.frombuffer(b"".join(prints), dtype=np.uint8).reshape(30, -1), axis=1)
    nearest = min(int((bits[one] != bits[other]).sum()) for one in range(30) for other in range(one))
    assert nearest > 3 * NEAR


def test_all_pairs_of_several_copies_are_found() -> None:
    one, other = fingerprint(scene(0)), fingerprint(scene(1))
    assert near_copies([one, other, one, one]) == [(0, 2), (0, 3), (2, 3)]
    assert near_copies([]) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (31, 33), (5, 70)])
def test_an_image_of_any_size_has_a_print(shape: tuple[int, int]) -> None:
    draws = np.random.default_rng(0)
    assert len(fingerprint(draws.integers(0, 255, (*shape, 1), dtype=np.uint8))) == -(-BITS // 8)
