"""Tiles at known places in drawn images, and what they must be: cut from the image as NumPy mirrors it."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from utome.augmentation.fields import Motion, coordinate_field
from utome.tiling import Place

CPU = torch.device("cpu")
STILL = Motion(np.eye(2), np.zeros(2))


def drawn(
    height: int, width: int, *, channels: int = 1, weighted: bool = True, seed: int = 0, centre: tuple[float, float] | None = None
) -> Place:  # fmt: skip
    """A place in an image of noise, with labels of five values and weights; in the image's middle, if not said otherwise."""
    draws = np.random.default_rng(seed)
    image = draws.standard_normal((channels, height, width)).astype(np.float32)
    labels = draws.choice(np.array([0, 1, 7, 200, 255], dtype=np.uint8), (height, width))
    weights = draws.uniform(0, 10, (height, width)).astype(np.float32) if weighted else None
    return Place(image, labels, weights, centre or ((height - 1) / 2, (width - 1) / 2))


def of_labels(labels: np.ndarray, *, mirrored: tuple[int, ...] = ()) -> Place:
    """The middle of an image with the labels themselves as grey values and as weights."""
    values = labels.astype(np.float32)
    height, width = labels.shape
    return Place(values[None], labels.astype(np.uint8), values, ((height - 1) / 2, (width - 1) / 2), mirrored)


def cornered(place: Place, top: int, left: int, side: int) -> Place:
    """The same with the tile's first row and column there."""
    return replace(place, centre=(top + (side - 1) / 2, left + (side - 1) / 2))


def cut(plane: np.ndarray, place: Place, side: int) -> np.ndarray:
    """The tile of `side` pixels at the place, unmoved; `plane` is the image's or ends in its height and width."""
    top, left = (round(centre - (side - 1) / 2) for centre in place.centre)
    height, width = plane.shape[-2:]
    above, before = max(0, -top), max(0, -left)
    below, behind = max(0, top + side - height), max(0, left + side - width)
    sides = [(0, 0)] * (plane.ndim - 2) + [(above, below), (before, behind)]
    return np.pad(plane, sides, mode="reflect")[..., above + top :, before + left :][..., :side, :side]


def fields(*motions: Motion, side: int) -> Tensor:
    """The field of each motion."""
    return torch.stack([coordinate_field(motion, side) for motion in motions])
