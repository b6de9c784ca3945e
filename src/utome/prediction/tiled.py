"""The overlap-tile strategy (Ronneberger et al. 2015, figure 2), for images of any size."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from utome.device import Device
from utome.prediction.manner import planned
from utome.prediction.seen import Held, Seen
from utome.prediction.segmenter import Segmenter
from utome.tiling import Span, Weights, Window, fading, mirror, plan


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

    Tiles of at most `tile` pixels a side, of one size along each axis, at multiples of the network's stride; what lies beyond the image is
    mirrored. Without `halo`, each kept pixel sees all that the network looks at, and up to rounding the result depends neither on
    `tile` nor on `blend`; but for networks that average over the whole image. With a smaller `halo` less is computed twice. Logits of
    neighbouring tiles fade into each other over `blend` pixels on either side of a cut.
    """
    window = Window(0, 0, *image.shape[1:])
    return predict_window(network, Held(image), window, device, Tiles(tile, halo, blend))


@dataclass(frozen=True)
class Tiles:
    """How an image is tiled: see `predict_tiled`."""

    tile: int
    halo: int | None = None
    blend: int = 0


def predict_window(
    network: Segmenter, image: Seen, window: Window, device: Device, tiles: Tiles
) -> Float32[Tensor, "k y x"]:
    """What `predict_tiled` gives in a window of the image, to the bit: by the tiles of the whole that have pixels of the window."""
    border = network.geometry.border
    ranges = (window.top, window.bottom), (window.left, window.right)
    axes = [
        _within(_along(spans, tiles.blend), start, stop)
        for spans, (start, stop) in zip(_spans(network, image.size, tiles), ranges, strict=True)
    ]
    logits: Tensor | None = None
    for down, across in product(*axes):
        row, top, heights = down.span, down.first, down.weights
        column, left, widths = across.span, across.first, across.weights
        found = _logits(network, _cut(image, row, column), device)
        first = [top - row.start - border, left - column.start - border]
        part = found[:, first[0] : first[0] + len(heights), first[1] : first[1] + len(widths)]
        if logits is None:
            new = torch.zeros if tiles.blend else torch.empty
            logits = new(part.shape[0], window.height, window.width)
        place = logits[:, top - window.top :, left - window.left :][:, : len(heights), : len(widths)]
        if tiles.blend:
            place += part * torch.from_numpy(heights[:, None] * widths)
        else:
            place.copy_(part)
    if logits is None:
        raise AssertionError("a window has at least one pixel, so there is at least one tile")
    return logits


def cuts(network: Segmenter, size: tuple[int, int], tiles: Tiles) -> tuple[list[int], list[int]]:
    """The rows and the columns of an image at which another tile begins to count; the first of all and the end among them."""
    rows, columns = (
        [span.keep_start for span in spans] + [length]
        for spans, length in zip(_spans(network, size, tiles), size, strict=True)
    )
    return rows, columns


def in_one_piece(network: Segmenter, size: tuple[int, int], *, tile: int, halo: int | None, blend: int) -> bool:
    """Whether an image of this height and width is no larger than a tile."""
    return all(len(spans) == 1 for spans in _spans(network, size, Tiles(tile, halo, blend)))


def largest_side(network: Segmenter, size: tuple[int, int], tiles: Tiles) -> int:
    """The longer side of the output of an image's tiles, which are no larger than their number needs."""
    return max(span.size - network.geometry.shrink for spans in _spans(network, size, tiles) for span in spans)


def _spans(network: Segmenter, size: tuple[int, int], tiles: Tiles) -> list[list[Span]]:
    """The tiles along each axis. Those of a network that averages over the whole image are as large as they may be: it was trained so."""
    geometry = planned(network, halo=tiles.halo, blend=tiles.blend)
    level = network.receptive_field is not None
    return [plan(length, geometry, tile=tiles.tile, level=level) for length in size]


@dataclass(frozen=True)
class _Counting:
    """A tile along one axis, the first pixel that it counts for, and its weights from there on."""

    span: Span
    first: int
    weights: Weights


def _along(spans: list[Span], blend: int) -> list[_Counting]:
    return [
        _Counting(span, first, weights)
        for span, (first, weights) in zip(spans, fading(spans, blend=blend), strict=True)
    ]


def _within(along: list[_Counting], start: int, stop: int) -> list[_Counting]:
    """The tiles that count between two places, with what they count there."""
    found = []
    for each in along:
        begin, end = max(each.first, start), min(each.first + len(each.weights), stop)
        if begin < end:
            found.append(_Counting(each.span, begin, each.weights[begin - each.first : end - each.first]))
    return found


def _cut(image: Seen, row: Span, column: Span) -> Float32[np.ndarray, "c y x"]:
    height, width = image.size
    rows = mirror(row.start, row.start + row.size, height)
    columns = mirror(column.start, column.start + column.size, width)
    return image.cut(rows, columns)


def _logits(network: Segmenter, tile: Float32[np.ndarray, "c y x"], device: Device) -> Float32[Tensor, "k v u"]:
    with torch.inference_mode(), device.autocast():
        logits: Tensor = network(device.place(torch.from_numpy(tile)[None]))[0]
        return logits.float().cpu()
