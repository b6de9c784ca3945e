"""Fields: where they lead, what is drawn for them, and what no setting may change in the draws of another."""

import numpy as np
import pytest
import torch

from tests.places import STILL
from utome.augmentation.fields import Motion, coordinate_field, draw_motion
from utome.config.sections import AugmentationSettings
from utome.randomness import generator

DRAWS = 400
OFF = {"flips": False, "quarter_turns": False}
EVERYTHING = {"flips": True, "quarter_turns": True, "rotation": 20.0, "scale": 0.3, "shift": 5.0, "elastic": 4.0}


def motions(**settings: float) -> list[Motion]:
    chosen = AugmentationSettings.model_validate({**OFF, **settings})
    return [draw_motion(chosen, (), generator("motion", number)) for number in range(DRAWS)]


def moved(vectors: np.ndarray, side: int) -> np.ndarray:
    """The displacements of each pixel that follow from those at the nodes."""
    still = coordinate_field(STILL, side)
    return (coordinate_field(Motion(np.eye(2), np.zeros(2), vectors), side) - still).numpy()


@pytest.mark.parametrize("side", [1, 2, 7, 8])
def test_without_a_motion_each_pixel_comes_from_its_own_place_counted_from_the_centre(side: int) -> None:
    rows, columns = np.indices((side, side)) - (side - 1) / 2
    assert (coordinate_field(STILL, side).numpy() == np.stack([rows, columns])).all()


def test_settings_of_zero_draw_no_motion() -> None:
    for motion in motions():
        assert (motion.matrix == np.eye(2)).all()
        assert (motion.shift == 0).all()
        assert motion.vectors is None


def test_rotations_are_even_between_their_limits_and_keep_lengths() -> None:
    matrices = [motion.matrix for motion in motions(rotation=30.0)]
    angles = np.array([np.rad2deg(np.arctan2(matrix[0, 1], matrix[0, 0])) for matrix in matrices])
    assert all(np.allclose(matrix @ matrix.T, np.eye(2)) and np.linalg.det(matrix) > 0 for matrix in matrices)
    assert np.abs(angles).max() <= 30
    assert angles.min() < -28
    assert angles.max() > 28
    assert angles.std() == pytest.approx(30 / np.sqrt(3), rel=0.05)


def test_scales_enlarge_and_shrink_alike_up_to_the_factor() -> None:
    factors = np.array([1 / motion.matrix[0, 0] for motion in motions(scale=0.5)])
    assert all((motion.matrix == motion.matrix[0, 0] * np.eye(2)).all() for motion in motions(scale=0.5))
    assert 1 / 1.5 <= factors.min() < 0.68
    assert 1.47 < factors.max() <= 1.5
    assert np.log(factors).mean() == pytest.approx(0, abs=0.04)
    assert np.log(factors).std() == pytest.approx(np.log(1.5) / np.sqrt(3), rel=0.05)


def test_shifts_are_even_between_their_limits_in_pixels_and_apart_for_each_axis() -> None:
    shifts = np.array([motion.shift for motion in motions(shift=12.0)])
    assert np.abs(shifts).max() <= 12
    assert shifts.std(axis=0) == pytest.approx(12 / np.sqrt(3), rel=0.07)
    assert abs(np.corrcoef(shifts.T)[0, 1]) < 0.12


@pytest.mark.parametrize("grid", [2, 3, 6])
def test_displacements_at_the_nodes_have_the_deviation_asked_for_in_pixels(grid: int) -> None:
    vectors = np.stack(
        [motion.vectors for motion in motions(elastic=10.0, elastic_grid=grid) if motion.vectors is not None]
    )
    assert vectors.shape == (DRAWS, 2, grid, grid)
    assert vectors.std() == pytest.approx(10, rel=0.03)
    assert vectors.mean() == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize(("grid", "side"), [(2, 9), (3, 9), (3, 33), (5, 65)])
def test_the_field_passes_through_the_displacements_of_the_nodes(grid: int, side: int) -> None:
    vectors = generator("nodes", grid).normal(0, 10, (2, grid, grid))
    step = (side - 1) // (grid - 1)
    assert moved(vectors, side)[:, ::step, ::step] == pytest.approx(vectors, abs=1e-5)


def test_between_nodes_it_is_cubic_convolution_with_a_of_minus_one_half() -> None:
    vectors = np.zeros((2, 5, 5))
    vectors[0] = np.array([3.0, -1.0, 4.0, 1.0, -5.0])[:, None]
    found = moved(vectors, 9)
    assert found[0, 3] == pytest.approx((9 * (-1 + 4) - (3 + 1)) / 16, abs=1e-5)
    assert found[0, 1] == pytest.approx((9 * (3 - 1) - (3 + 4)) / 16, abs=1e-5), "the outermost node is repeated"
    assert found[1] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("side", [1, 2, 16])
def test_equal_displacements_move_the_whole_tile(side: int) -> None:
    vectors = np.broadcast_to(np.array([2.5, -1.25])[:, None, None], (2, 3, 3)).copy()
    assert moved(vectors, side) == pytest.approx(np.broadcast_to(vectors[:, :1, :1], (2, side, side)), abs=1e-5)


def test_the_motion_comes_after_the_mirroring() -> None:
    off = AugmentationSettings.model_validate(OFF)
    for mirrored, matrix in (((0,), [-1, 1]), ((1,), [1, -1]), ((0, 1), [-1, -1])):
        assert (draw_motion(off, mirrored, generator(0)).matrix == np.diag(matrix)).all()


@pytest.mark.parametrize("name", sorted(EVERYTHING))
def test_to_switch_one_ingredient_off_leaves_all_others_as_they_were(name: str) -> None:
    off = {**EVERYTHING, name: 0.0 if name not in OFF else False}
    for number in range(20):
        one, other = generator(number), generator(number)
        with_it = draw_motion(AugmentationSettings.model_validate(EVERYTHING), (), one)
        without = draw_motion(AugmentationSettings.model_validate(off), (), other)
        if name != "shift":
            assert (with_it.shift == without.shift).all()
        if with_it.vectors is not None and without.vectors is not None:
            assert (with_it.vectors == without.vectors).all()
        if name in {"shift", "elastic"}:
            assert (with_it.matrix == without.matrix).all()
        assert one.integers(2**62) == other.integers(2**62), "later draws are the same too"


def test_to_switch_scale_off_leaves_turn_and_flip() -> None:
    for number in range(20):
        with_it, without = (
            draw_motion(
                AugmentationSettings.model_validate({**EVERYTHING, "scale": scale}), (), generator(number)
            ).matrix
            for scale in (0.3, 0.0)
        )
        assert np.allclose(with_it / np.sqrt(abs(np.linalg.det(with_it))), without)


def test_a_field_is_float32_whatever_is_drawn() -> None:
    assert all(coordinate_field(motion, 5).dtype == torch.float32 for motion in motions(elastic=3.0, rotation=9.0)[:5])
