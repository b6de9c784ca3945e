"""The arithmetic of tiles: which sizes a network takes, where tiles lie, and what is mirrored at the borders.

Overlap-tile strategy of Ronneberger et al. 2015 (figure 2), for networks with valid and with same padding. Tile
origins are multiples of the network's stride: only then does a tile's pooling grid fall on the whole image's, and
the tiled result equals the whole one. Mirroring does not repeat the edge pixel.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float32, Float64, Int, UInt8

Indices = Int[np.ndarray, "n"]
Weights = Float32[np.ndarray, "n"]


@dataclass(frozen=True)
class Geometry:
    """How a network's output side follows from its input side, in pixels.

    It takes sides `stride·k + offset` and returns sides smaller by `shrink`. `halo` is how far from its border the
    output of a same-padded network may feel that border, rounded up to a multiple of the stride.
    """

    stride: int
    offset: int
    shrink: int
    halo: int

    @property
    def border(self) -> int:
        """Pixels of context that the network consumes on each side."""
        return self.shrink // 2

    def input_side(self, output: int) -> int:
        """The smallest side that gives at least `output` pixels.

        >>> valid = Geometry(stride=16, offset=60, shrink=184, halo=0)
        >>> valid.input_side(388), valid.input_side(512)
        (572, 700)
        """
        steps = -(-(output + self.shrink - self.offset) // self.stride)
        return self.stride * steps + self.offset

    def output_side(self, output: int) -> int:
        """The side that the network returns when at least `output` pixels are asked of it."""
        return self.input_side(output) - self.shrink

    def takes(self, side: int) -> bool:
        """Whether the network takes an input of this side."""
        return side - self.shrink > 0 and (side - self.offset) % self.stride == 0


@dataclass(frozen=True)
class Place:
    """Where a training tile lies: a whole image, its labels, the weights of its pixels if they differ, the tile's centre in it (row,
    column; between pixels where its side is even), and the axes along which it is mirrored.
    """

    image: Float32[np.ndarray, "c h w"]
    labels: UInt8[np.ndarray, "h w"]
    weights: Float32[np.ndarray, "h w"] | None
    centre: tuple[float, float]
    mirrored: tuple[int, ...] = ()


@dataclass(frozen=True)
class Span:
    """One tile along one axis, in the image's coordinates: what goes in, and which part of the output is kept.

    `start` may be negative and `start + size` may pass the image's end: there the image is mirrored.
    """

    start: int
    size: int
    keep_start: int
    keep_stop: int


@dataclass(frozen=True)
class Window:
    """A rectangle of an image: its first row and column, and its size, in pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def bottom(self) -> int:
        """The row after the last."""
        return self.top + self.height

    @property
    def right(self) -> int:
        """The column after the last."""
        return self.left + self.width

    @property
    def place(self) -> tuple[slice, slice]:
        """Its rows and columns, to index an image with."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def plan(length: int, geometry: Geometry, *, tile: int, level: bool = True) -> list[Span]:
    """Tiles along one axis of `length` pixels, with outputs of at most `tile` pixels where the network allows it.

    The kept parts touch without overlap and cover the axis exactly. Tiles are as small as their number allows, so that the last has
    no more in common with the one before than others have; not `level`, they are as large as `tile` allows.

    >>> [span.size for span in plan(1100, Geometry(stride=16, offset=0, shrink=0, halo=96), tile=1024)]
    [656, 656]
    """
    whole, side = geometry.output_side(length), _tile_side(geometry, tile)
    if whole <= side:
        return [Span(-geometry.border, whole + geometry.shrink, 0, length)]
    step = (side - 2 * geometry.halo) // geometry.stride * geometry.stride
    if level:
        shared = side - step
        count = -(-(length - shared) // step)
        step = -(-(length - shared) // (count * geometry.stride)) * geometry.stride
        side = shared + step
    last = -(-max(length - side, 0) // geometry.stride) * geometry.stride
    starts = [*range(0, last, step), last]
    cuts = [0, *(start + geometry.halo for start in starts[1:]), length]
    return [
        Span(start - geometry.border, side + geometry.shrink, cuts[number], cuts[number + 1])
        for number, start in enumerate(starts)
    ]


def fading(spans: Sequence[Span], *, blend: int) -> list[tuple[int, Weights]]:
    """For each tile along one axis the first pixel that it counts for, and its weight there and at all pixels after.

    Around each cut neighbours fade into each other over up to `blend` pixels on either side, less where cuts lie closer than that. The
    weights of a pixel sum to one. Tiles planned with a halo of `blend` or more have all these pixels.
    """
    widths = [span.keep_stop - span.keep_start for span in spans]
    reaches = [0, *(min(blend, one // 2, other // 2) for one, other in pairwise(widths)), 0]
    found = []
    for number, span in enumerate(spans):
        rise, fall = _ramp(reaches[number]), 1 - _ramp(reaches[number + 1])
        inner = widths[number] - reaches[number] - reaches[number + 1]
        weights = np.concatenate([rise, np.ones(inner), fall]).astype(np.float32)
        found.append((span.keep_start - reaches[number], weights))
    return found


def _ramp(reach: int) -> Float64[np.ndarray, " n"]:
    """From nearly 0 to nearly 1 over twice `reach` pixels, symmetrically."""
    return (np.arange(2 * reach) + 0.5) / max(2 * reach, 1)


def mirror(start: int, stop: int, length: int) -> Indices:
    """Indices into an axis of `length` pixels for the range `start` to `stop`, mirrored as often as needed.

    >>> mirror(-2, 5, 3).tolist()
    [2, 1, 0, 1, 2, 1, 0]
    """
    if length == 1:
        return np.zeros(stop - start, dtype=np.int64)
    period = 2 * (length - 1)
    folded = np.arange(start, stop) % period
    return np.minimum(folded, period - folded)


def _tile_side(geometry: Geometry, tile: int) -> int:
    """The largest output side of at most `tile` pixels, but large enough to move on by one stride."""
    smallest = geometry.output_side(2 * geometry.halo + geometry.stride)
    return smallest + max(0, (tile - smallest) // geometry.stride) * geometry.stride
