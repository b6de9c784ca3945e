"""Averages over views of an image: mirrored, turned by quarters, or turned by any angle, each mapped back before the mean.

The code released with Ronneberger et al. 2015 averages raw scores over the four flips; the paper itself speaks of seven rotated
versions without saying which.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from utome.config.prediction import PredictionSettings
from utome.tiling import Indices, Window

Image = Float32[np.ndarray, "c h w"]
Logits = Float32[Tensor, "k h w"]
# Splines for the image, since a mean of four pixels would blur what the network looks at; lines for logits, which then do not overshoot.
OF_IMAGES, OF_LOGITS = 3, 1


@runtime_checkable
class View(Protocol):
    """Another way to look at an image, and the way back for what the network says of it."""

    def there(self, image: Image) -> Float32[np.ndarray, "c y x"]:
        """The image in this view."""

    def back(self, logits: Float32[Tensor, "k y x"], size: tuple[int, int]) -> Logits:
        """Logits of the view at the pixels of the image, which has this height and width."""


class Turn:
    """Quarter turns against the clock, after mirroring left to right where that is asked; both ways bit for bit."""

    def __init__(self, quarters: int, *, mirrored: bool = False) -> None:
        self._quarters, self._mirrored = quarters, mirrored

    def there(self, image: Image) -> Float32[np.ndarray, "c y x"]:
        """The image in this view."""
        seen = image[:, :, ::-1] if self._mirrored else image
        return np.rot90(seen, self._quarters, axes=(1, 2)).copy(
            order="C"
        )  # torch takes no negative strides, not even of one pixel

    def back(self, logits: Float32[Tensor, "k y x"], size: tuple[int, int]) -> Logits:
        """Logits of the view at the pixels of the image."""
        del size
        found = torch.rot90(logits, -self._quarters, dims=(1, 2)) if self._quarters % 4 else logits
        return torch.flip(found, dims=(2,)) if self._mirrored else found

    def size_there(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width of the view of an image of this size."""
        return (size[1], size[0]) if self._quarters % 2 else size

    def window_there(self, window: Window, size: tuple[int, int]) -> Window:
        """Where a window of an image of this height and width lies in the view."""
        left = size[1] - window.right if self._mirrored else window.left
        bottom, right = window.bottom, left + window.width
        tops = (window.top, size[1] - right, size[0] - bottom, left)
        lefts = (left, window.top, size[1] - right, size[0] - bottom)
        quarters = self._quarters % 4
        height, width = self.size_there((window.height, window.width))
        return Window(tops[quarters], lefts[quarters], height, width)

    def cut(
        self,
        cut: Callable[[Indices, Indices], Float32[np.ndarray, "c a b"]],
        size: tuple[int, int],
        rows: Int[np.ndarray, " y"],
        columns: Int[np.ndarray, " x"],
    ) -> Float32[np.ndarray, "c y x"]:
        """What the view has in these rows and columns, cut from an image of this height and width."""
        quarters, (height, width) = self._quarters % 4, size
        ys = (rows, columns, height - 1 - rows, height - 1 - columns)[quarters]
        xs = (columns, width - 1 - rows, width - 1 - columns, rows)[quarters]
        found = cut(ys, width - 1 - xs if self._mirrored else xs)
        return np.ascontiguousarray(found.transpose(0, 2, 1)) if quarters % 2 else found


class Rotation:
    """A turn by any angle around the image's middle, on a canvas that holds all of it.

    The corners of the canvas, beyond the image, are its mirror image, so the network never sees a border that is not in the image.
    All pixels of the image lie inside the canvas, so the way back meets no border at all.
    """

    def __init__(self, degrees: float) -> None:
        cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        self._matrix = np.array([[cosine, -sine], [sine, cosine]])

    def there(self, image: Image) -> Float32[np.ndarray, "c y x"]:
        """The turned image on its canvas."""
        size = image.shape[1:]
        canvas = self._canvas((size[0], size[1]))
        return _moved(image, self._matrix.T, canvas, order=OF_IMAGES)

    def back(self, logits: Float32[Tensor, "k y x"], size: tuple[int, int]) -> Logits:
        """Logits on the canvas at the pixels of the image."""
        return torch.from_numpy(_moved(logits.numpy(), self._matrix, size, order=OF_LOGITS))

    def _canvas(self, size: tuple[int, int]) -> tuple[int, int]:
        reach = np.abs(self._matrix) @ (np.array(size) - 1)
        height, width = (math.ceil(round(float(each), 6)) + 1 for each in reach)
        return height, width


def views(settings: PredictionSettings) -> list[View]:
    """The views that the settings name; a rotation by quarters of the circle is exact."""
    if settings.average == "flips":
        return [Turn(quarters, mirrored=mirrored) for quarters in (0, 2) for mirrored in (False, True)]
    if settings.average == "square":
        return [Turn(quarters, mirrored=mirrored) for quarters in range(4) for mirrored in (False, True)]
    if settings.average == "rotations":
        count = settings.rotations
        return [
            Turn(4 * step // count) if 4 * step % count == 0 else Rotation(360 * step / count) for step in range(count)
        ]
    return [Turn(0)]


def averaged(
    predict: Callable[[Float32[np.ndarray, "c y x"]], Float32[Tensor, "k y x"]],
    image: Image,
    through: Sequence[View],
    *,
    probabilities: bool = False,
) -> Logits:
    """The mean of what is predicted in all these views, as logits; with `probabilities`, logits of the mean probability.

    Logits are mapped back first and become probabilities then. One view at a time is in memory beside the sum.
    """
    size = (image.shape[1], image.shape[2])
    each = (view.back(predict(view.there(image)), size) for view in through)
    return mean_of(each, len(through), probabilities=probabilities)


def mean_of(each: Iterable[Logits], count: int, *, probabilities: bool = False) -> Logits:
    """The mean of `count` maps of logits; with `probabilities`, logits of the mean probability."""
    if count == 1:
        return next(iter(each))
    if probabilities:
        return mean_probability(each, count)
    mean = torch.zeros(())
    for number, logits in enumerate(each, start=1):
        mean = mean + (logits - mean) / number  # views that agree to the bit give that bit
    return mean


def mean_probability(logits: Iterable[Logits], count: int) -> Logits:
    """Logits whose softmax is the mean of the softmaxes of `count` maps; no probability is too small to count."""
    total: Tensor | None = None
    for each in logits:
        logarithm = functional.log_softmax(each, dim=0)
        total = logarithm if total is None else torch.logaddexp(total, logarithm)
    if total is None:
        raise AssertionError("there is something to average")
    return total - math.log(count)


def _moved(
    planes: Float32[np.ndarray, "n a b"], matrix: Float64[np.ndarray, "2 2"], size: tuple[int, int], *, order: int
) -> Float32[np.ndarray, "n y x"]:
    """Planes at `size`, turned around the middles: what lies at p comes from `matrix` times p; beyond the border they are mirrored."""
    middle, new = (np.array(planes.shape[1:]) - 1) / 2, (np.array(size) - 1) / 2
    moved = np.empty((len(planes), *size), dtype=np.float32)
    for plane, output in zip(planes, moved, strict=True):
        ndimage.affine_transform(plane, matrix, middle - matrix @ new, output=output, order=order, mode="mirror")
    return moved
