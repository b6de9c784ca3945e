"""Otsu's threshold: closed cases, a brute-force search, and which side is the foreground."""

from pathlib import Path

import numpy as np
import pytest

from tests.builders import look, noise, save_pairs, square
from utome.evaluation.otsu import BINS, Otsu, Side, fit_otsu, otsu_threshold


def blob(*, ground: int, value: int) -> np.ndarray:
    """An image of 16x16 pixels whose middle quarter has another value than the rest."""
    return np.where(square(16, 16) > 0, value, ground).astype(np.uint8)[:, :, None]


def by_brute_force(grey: np.ndarray) -> float:
    """The edge that leaves the least variance within its two sides, each pixel counted at its bin's centre."""
    edges = np.linspace(grey.min(), grey.max(), BINS + 1)
    centres = (edges[1:] + edges[:-1]) / 2
    binned = centres[np.minimum(np.searchsorted(edges, grey, side="right") - 1, BINS - 1)]
    within = [sum(side.var() * side.size for side in (binned[grey < e], binned[grey >= e])) for e in edges[1:-1]]
    return float(edges[1 + int(np.argmin(np.round(within, 6)))])


def test_two_values_are_parted_whatever_they_are() -> None:
    for low, high in ((0, 1), (0, 255), (100, 101), (7, 200)):
        grey = np.array([[low, high], [low, high]], dtype=np.float64)
        assert low < otsu_threshold(grey) <= high


def test_two_groups_of_values_are_parted_between_them() -> None:
    grey = np.array([[10, 12, 14, 11], [200, 205, 210, 13]], dtype=np.float64)
    assert 14 < otsu_threshold(grey) <= 200


@pytest.mark.parametrize("seed", range(5))
def test_the_threshold_is_the_best_of_all_edges(seed: int) -> None:
    draws = np.random.default_rng(seed)
    grey = np.concatenate([draws.normal(80, 20, (6, 9)), draws.normal(170, 25, (4, 9))])
    assert otsu_threshold(grey) == pytest.approx(by_brute_force(grey))


def test_a_value_on_the_threshold_belongs_to_the_bright_side() -> None:
    # 257 levels from 0 to 256 make bins of width 1, so that every value lies on an edge.
    levels = np.arange(257, dtype=np.uint16)[None, :, None]
    threshold = otsu_threshold(levels[:, :, 0].astype(np.float64))
    assert threshold in levels
    assert (Otsu(side="bright").labels(levels) == (levels[:, :, 0] >= threshold)).all()


@pytest.mark.parametrize(("side", "label"), [("bright", 0), ("dark", 1), ("smaller", 0)])
def test_nothing_in_a_constant_image_is_bright(side: Side, label: int) -> None:
    constant = np.full((4, 5, 3), 90, dtype=np.uint8)
    assert otsu_threshold(constant[:, :, 0].astype(np.float64)) == np.inf
    assert (Otsu(side=side).labels(constant) == label).all()


@pytest.mark.parametrize(("ground", "value"), [(20, 200), (200, 20)])
def test_the_smaller_side_is_the_foreground_on_a_dark_and_on_a_bright_ground(ground: int, value: int) -> None:
    found = Otsu(side="smaller").labels(blob(ground=ground, value=value))
    assert found.dtype == np.uint8
    assert (found == square(16, 16, value=1)).all()


def test_of_two_sides_of_one_size_the_bright_one_is_the_smaller() -> None:
    assert Otsu(side="smaller").labels(np.array([[[5], [9]]], dtype=np.uint8)).tolist() == [[0, 1]]


@pytest.mark.parametrize(("ground", "value", "side"), [(20, 200, "bright"), (200, 20, "dark")])
def test_the_side_is_chosen_on_the_training_images(tmp_path: Path, ground: int, value: int, side: Side) -> None:
    images = [blob(ground=ground, value=value)[:, :, 0] + noise(16, 16, seed=seed) % 8 for seed in range(2)]
    found = look(save_pairs(tmp_path, {str(seed): (image, square(16, 16)) for seed, image in enumerate(images)}))
    assert fit_otsu(found.facts, found.classes).side == side
