"""Where each pixel of a changed tile comes from: one field for shift, turn, scale, flips and elastic deformation together.

Elastic deformation is that of Ronneberger et al. 2015, section 3.1: random displacement vectors on a coarse grid, 3x3 with a
deviation of 10 pixels, and bicubic interpolation between them. The grid spans the tile from corner to corner. Three nodes a
side do not determine a bicubic; here it is cubic convolution (Keys 1981, a = -1/2) with the outermost nodes repeated, so that
each node has exactly the displacement that was drawn for it.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from jaxtyping import Float32, Float64
from torch import Tensor

from utome.config.sections import AugmentationSettings

Vectors = Float64[np.ndarray, "2 g g"]
# Rows and columns, for each number of quarter turns: exact, where cosines would not be.
QUARTERS = (((1.0, 0.0), (0.0, 1.0)), ((0.0, 1.0), (-1.0, 0.0)), ((-1.0, 0.0), (0.0, -1.0)), ((0.0, -1.0), (1.0, 0.0)))


@dataclass(frozen=True)
class Motion:
    """How a tile is moved. `matrix` and `shift` lead from a place in the new tile to one in the old, both counted from the tile's
    centre, in rows and columns; `vectors` are added to that, rows first, at the nodes of a grid.
    """

    matrix: Float64[np.ndarray, "2 2"]
    shift: Float64[np.ndarray, " 2"]
    vectors: Vectors | None = None


def draw_motion(settings: AugmentationSettings, mirrored: tuple[int, ...], draws: np.random.Generator) -> Motion:
    """A motion of these settings, after mirroring along the axes `mirrored`.

    So many numbers are drawn whatever the settings say: to switch one change off leaves all others as they were.
    """
    turns, flip = int(draws.integers(4)), bool(draws.integers(2))
    angle, zoom, *shift = draws.uniform(-1, 1, 4)
    grid = settings.elastic_grid
    vectors = settings.elastic * draws.standard_normal((2, grid, grid))
    matrix = np.eye(2)
    for axis in mirrored:
        matrix[axis] *= -1
    if settings.quarter_turns:
        matrix = matrix @ np.array(QUARTERS[turns])
    if settings.flips and flip:
        matrix = matrix @ np.diag((1.0, -1.0))
    if settings.rotation:
        matrix = matrix @ _rotation(np.deg2rad(settings.rotation * angle))
    matrix = matrix / (1 + settings.scale) ** zoom
    return Motion(matrix, settings.shift * np.array(shift), vectors if settings.elastic else None)


def coordinate_field(motion: Motion, side: int) -> Float32[Tensor, "2 s s"]:
    """Row and column in the old tile of each pixel of the new one, counted from the centre of both."""
    places = np.arange(side) - (side - 1) / 2
    # Rows and columns are sums of products of what depends on the row alone and on the column alone: one matrix product.
    downwards = motion.matrix[:, :1] * places + motion.shift[:, None]
    left = np.stack([downwards, np.tile(motion.matrix[:, 1:], side)], axis=2)
    right = np.stack([np.ones(side), places])
    if motion.vectors is not None:
        weights = _interpolation(side, motion.vectors.shape[1])
        left, right = np.concatenate([left, weights @ motion.vectors], axis=2), np.concatenate([right, weights.T])
    return torch.from_numpy(left.astype(np.float32) @ right.astype(np.float32))


def _rotation(angle: float) -> Float64[np.ndarray, "2 2"]:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, sine], [-sine, cosine]])


@cache
def _interpolation(side: int, nodes: int) -> Float64[np.ndarray, "s g"]:
    """How much each node counts at each pixel, along one axis."""
    places = np.linspace(0, nodes - 1, side) if side > 1 else np.array([(nodes - 1) / 2])
    before = np.minimum(places.astype(int), nodes - 2)
    part = places - before
    weights = np.zeros((side, nodes))
    for offset in range(-1, 3):
        node = np.clip(before + offset, 0, nodes - 1)
        np.add.at(weights, (np.arange(side), node), _cubic(part - offset))
    return weights


def _cubic(distance: Float64[np.ndarray, " s"]) -> Float64[np.ndarray, " s"]:
    """Keys's kernel with a = -1/2."""
    t = np.abs(distance)
    near, far = 1.5 * t**3 - 2.5 * t**2 + 1, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
    return np.where(t <= 1, near, np.where(t < 2, far, 0.0))
