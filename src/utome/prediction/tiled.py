"""The overlap-tile strategy (Ronneberger et al. 2015, figure 2), for images of any size."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from utome.device import Device
from utome.models.network import SegmentationNetwork
from utome.tiling import Span, mirror, plan


def predict_tiled(
    network: SegmentationNetwork, image: Float32[np.ndarray, "c h w"], device: Device, *, tile: int
) -> Float32[Tensor, "k h w"]:
    """Logits of every pixel, in float32 on the processor; the network must be in eval mode and on `device`.

    Tiles of at most `tile` pixels a side, at multiples of the network's stride; what lies beyond the image is
    mirrored. Up to rounding the result does not depend on `tile`.
    """
    rows, columns = (plan(length, network.geometry, tile=tile) for length in image.shape[1:])
    logits: Tensor | None = None
    for row in rows:
        for column in columns:
            part = _kept(_logits(network, _cut(image, row, column), device), [row, column], network.geometry.border)
            if logits is None:
                logits = torch.empty(part.shape[0], *image.shape[1:])
            logits[:, row.keep_start : row.keep_stop, column.keep_start : column.keep_stop] = part
    if logits is None:
        raise AssertionError("an image has at least one pixel, so there is at least one tile")
    return logits


def _cut(image: Float32[np.ndarray, "c h w"], row: Span, column: Span) -> Float32[np.ndarray, "c y x"]:
    height, width = image.shape[1:]
    rows = mirror(row.start, row.start + row.size, height)
    columns = mirror(column.start, column.start + column.size, width)
    return image[:, rows[:, None], columns]


def _logits(
    network: SegmentationNetwork, tile: Float32[np.ndarray, "c y x"], device: Device
) -> Float32[Tensor, "k v u"]:
    with torch.inference_mode(), device.autocast():
        return network(device.place(torch.from_numpy(tile)[None]))[0].float().cpu()


def _kept(logits: Float32[Tensor, "k v u"], spans: Sequence[Span], border: int) -> Float32[Tensor, "k y x"]:
    row, column = (slice(span.keep_start - span.start - border, span.keep_stop - span.start - border) for span in spans)
    return logits[:, row, column]
