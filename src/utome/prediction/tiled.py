"""The overlap-tile strategy (Ronneberger et al. 2015, figure 2), for images of any size."""

from itertools import product

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from utome.device import Device
from utome.prediction.manner import planned
from utome.prediction.segmenter import Segmenter
from utome.tiling import Span, Weights, fading, mirror, plan


def predict_tiled(
    network: Segmenter,
    image: Float32[np.ndarray, "c h w"],
    device: Device,
    *,
    tile: int,
    halo: int | None = None,
    blend: int = 0,
) -> Float32[Tensor, "k h w"]:
    """Logits of every pixel, in float32 on the processor; a network must be in eval mode and on `device`.

    Tiles of at most `tile` pixels a side, at multiples of the network's stride; what lies beyond the image is
    mirrored. Without `halo`, each kept pixel sees all that the network looks at, and up to rounding the result depends neither on
    `tile` nor on `blend`; but for networks that average over the whole image. With a smaller `halo` less is computed twice. Logits of
    neighbouring tiles fade into each other over `blend` pixels on either side of a cut.
    """
    geometry = planned(network, halo=halo, blend=blend)
    axes = [_along(plan(length, geometry, tile=tile), blend) for length in image.shape[1:]]
    logits: Tensor | None = None
    for (row, top, heights), (column, left, widths) in product(*axes):
        found = _logits(network, _cut(image, row, column), device)
        first = [top - row.start - geometry.border, left - column.start - geometry.border]
        part = found[:, first[0] : first[0] + len(heights), first[1] : first[1] + len(widths)]
        if logits is None:
            logits = torch.zeros(part.shape[0], *image.shape[1:])
        place = logits[:, top : top + len(heights), left : left + len(widths)]
        if blend:
            place += part * torch.from_numpy(heights[:, None] * widths)
        else:
            place.copy_(part)
    if logits is None:
        raise AssertionError("an image has at least one pixel, so there is at least one tile")
    return logits


def in_one_piece(network: Segmenter, size: tuple[int, int], *, tile: int, halo: int | None, blend: int) -> bool:
    """Whether an image of this height and width is no larger than a tile."""
    geometry = planned(network, halo=halo, blend=blend)
    return all(len(plan(length, geometry, tile=tile)) == 1 for length in size)


def _along(spans: list[Span], blend: int) -> list[tuple[Span, int, Weights]]:
    """Each tile along one axis, the first pixel that it counts for, and its weights from there on."""
    return [(span, first, weights) for span, (first, weights) in zip(spans, fading(spans, blend=blend), strict=True)]


def _cut(image: Float32[np.ndarray, "c h w"], row: Span, column: Span) -> Float32[np.ndarray, "c y x"]:
    height, width = image.shape[1:]
    rows = mirror(row.start, row.start + row.size, height)
    columns = mirror(column.start, column.start + column.size, width)
    return image[:, rows[:, None], columns]


def _logits(network: Segmenter, tile: Float32[np.ndarray, "c y x"], device: Device) -> Float32[Tensor, "k v u"]:
    with torch.inference_mode(), device.autocast():
        logits: Tensor = network(device.place(torch.from_numpy(tile)[None]))[0]
        return logits.float().cpu()
