"""Moving image, labels and weights of a batch of tiles by their fields, in one resampling each.

Image and weights are interpolated between four pixels, labels are those of the nearest pixel. Beyond its borders an image is
mirrored, without repeating the edge pixel.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor
from torch.nn import functional

from utome.tiling import Indices, Place, mirror

Fields = Float32[Tensor, "n 2 s s"]


@dataclass(frozen=True)
class Warped:
    """Tiles after their motion; labels and weights without the border that the network consumes."""

    image: Float32[Tensor, "n c s s"]
    labels: UInt8[Tensor, "n y x"]
    weights: Float32[Tensor, "n y x"] | None


class Warper:
    """Warps batches on a device. It keeps its memory from one batch to the next: to ask for it anew takes longer than all
    else. One batch at a time.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._planes = torch.empty(0)

    def __call__(self, places: Sequence[Place], fields: Fields, *, border: int) -> Warped:
        """The tile at each place, moved as its field says; all images have the same channels.

        A field that leads to whole pixels moves them bit for bit. Elsewhere places are kept to 2^-12 pixels or better up to
        tiles of 4096 pixels, and interpolation weights are float32.
        """
        origins, size = _boxes(places, fields)
        # The resampling wants places as shares of the side, and halves them: with a power of two whole pixels stay whole.
        steps = 2 ** math.ceil(math.log2(max(size)))
        planes = self._cut(places, origins, size, steps + 1).to(self._device)
        # In NumPy: what is as small as this takes longer to share out among threads than to compute.
        given, shares = fields.numpy(), np.empty(fields.shape, np.float32)
        first = (np.array([place.centre for place in places]) - origins) * 2 / steps - 1
        for axis in (0, 1):  # columns come first
            share = np.multiply(given[:, axis], np.float32(2 / steps), out=shares[:, 1 - axis])
            share += first[:, axis, None, None].astype(np.float32)
        grid = torch.from_numpy(shares).permute(0, 2, 3, 1).to(self._device)
        inner = slice(border, grid.shape[1] - border)
        channels, last = len(places[0].image), planes.shape[1] - 1
        image = _sampled(planes[:, :channels], grid, "bilinear")
        labels = _sampled(planes[:, last:], grid[:, inner, inner], "nearest")
        weights: Tensor | None = None
        if last > channels:
            weights = _sampled(planes[:, channels:last], grid[:, inner, inner], "bilinear")[:, 0]
        return Warped(image, labels[:, 0].to(torch.uint8), weights)

    def _cut(
        self, places: Sequence[Place], origins: Sequence[Sequence[int]], size: Sequence[int], side: int
    ) -> Float32[Tensor, "n p s s"]:
        """Image, weights if there are some, and labels at each place from its origin on, in a larger square that is not filled."""
        height, width = size
        channels, weighted = len(places[0].image), places[0].weights is not None
        shape = (len(places), channels + weighted + 1, side, side)
        if self._planes.numel() < math.prod(shape):
            self._planes = torch.empty(math.prod(shape))
        planes = self._planes[: math.prod(shape)].view(shape)
        filled = planes.numpy()[:, :, :height, :width]
        for plane, place, (top, left) in zip(filled, places, origins, strict=True):
            rows = mirror(top, top + height, place.labels.shape[0])
            for kept, taken in _columns(left, left + width, place.labels.shape[1]):
                index = rows if isinstance(taken, slice) else rows[:, None]
                plane[:channels, :, kept] = place.image[:, index, taken]
                if place.weights is not None:
                    plane[channels, :, kept] = place.weights[index, taken]
                plane[-1, :, kept] = place.labels[index, taken]
        return planes


def _sampled(
    planes: Float32[Tensor, "n c h w"], grid: Float32[Tensor, "n y x 2"], mode: str
) -> Float32[Tensor, "n c y x"]:
    # Nothing lies beyond the border; with zeros there CUDA would hand it to a library that promises no exact bits.
    return functional.grid_sample(planes, grid, mode=mode, padding_mode="border", align_corners=True)


def _boxes(places: Sequence[Place], fields: Fields) -> tuple[list[list[int]], list[int]]:
    """The first row and column that each field leads to, and the largest height and width of what all of them lead to.

    Two pixels more than the last: interpolation looks at the next one, if only with the weight 0, and rounding may have moved
    the last place onto it.
    """
    lowest, highest = fields.numpy().min(axis=(2, 3)).tolist(), fields.numpy().max(axis=(2, 3)).tolist()
    origins, sizes = [], []
    for place, low, high in zip(places, lowest, highest, strict=True):
        first = [math.floor(each + centre) for each, centre in zip(low, place.centre, strict=True)]
        last = [math.floor(each + centre) + 2 for each, centre in zip(high, place.centre, strict=True)]
        origins.append(first)
        sizes.append([end - begin + 1 for begin, end in zip(first, last, strict=True)])
    return origins, [max(each) for each in zip(*sizes, strict=True)]


def _columns(start: int, stop: int, length: int) -> Iterator[tuple[slice, slice | Indices]]:
    """The columns from `start` to `stop` in up to three pieces, and where each is taken from: only what is mirrored is looked up
    one by one, which takes ten times as long as copying.
    """
    first, last = min(max(0, start), stop), max(min(length, stop), start)
    if first >= last:
        yield slice(0, stop - start), mirror(start, stop, length)
        return
    yield slice(first - start, last - start), slice(first, last)
    if start < first:
        yield slice(0, first - start), mirror(start, first, length)
    if last < stop:
        yield slice(last - start, stop - start), mirror(last, stop, length)
