"""A backend beside PyTorch in float32, on pieces of the user's own images: how far it is from it, and how long it took."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int
from torch import Tensor

from utome.config.prediction import Backend
from utome.device import Device
from utome.prediction.backends.compiled import Number
from utome.prediction.segmenter import Segmenter
from utome.prediction.tiled import predict_tiled
from utome.tiling import Window

# A piece is the middle of an image, so many pixels a side at most, and so many images are looked at.
SIDE = 512
EXAMPLES = 3
RUNS = 3
Image = Float32[np.ndarray, "c h w"]
Piece = Float32[np.ndarray, "_ _ _"]  # one of several, of sizes of their own


@dataclass(frozen=True)
class Engine:
    """What computes: a backend, its number type, and where its images must lie."""

    backend: Backend
    number: Number
    segmenter: Segmenter
    device: Device


class Example(NamedTuple):
    """An image as the network sees it, and what it is called."""

    image: Image
    source: str


@dataclass(frozen=True)
class Bound:
    """How far a backend may be from PyTorch in float32: difference of a class's probability, and share of pixels of another class."""

    largest: float
    labels_changed: float


# float32 differs by rounding alone. The others round each map to 8 bits: in bfloat16 nine of our runs differed by up to 0.12, and changed
# the class of up to 0.11 % of the pixels where they were well trained, of up to 1.1 % where they were hardly trained and undecided. Of
# int8 the score on the validation images has the last word.
BOUNDS: Mapping[Number, Bound] = {
    "float32": Bound(1e-3, 1e-3),
    "bfloat16": Bound(0.25, 0.02),
    "int8": Bound(0.5, 0.05),
}


@dataclass(frozen=True)
class Trial:
    """What one backend showed: its time on one piece, and the largest of the differences that each piece had."""

    backend: Backend
    number: Number
    seconds: float
    largest: float
    labels_changed: float

    @property
    def within(self) -> bool:
        """Whether the backend is as near as its number type must be."""
        bound = BOUNDS[self.number]
        return self.largest <= bound.largest and self.labels_changed <= bound.labels_changed

    @property
    def sentence(self) -> str:
        """The comparison in words."""
        return (
            f"{self.backend} in {self.number} against PyTorch in float32: probabilities differ by {self.largest:.2g} at most, "
            f"{self.labels_changed:.3%} of the pixels get another class"
        )

    @property
    def allowed(self) -> str:
        """The bound in words."""
        bound = BOUNDS[self.number]
        return f"at most {bound.largest:g} and {bound.labels_changed:g} of the pixels are accepted in {self.number}"


def tried(engines: Sequence[Engine], reference: Engine, pieces: Sequence[Piece]) -> list[Trial]:
    """A trial each, on all pieces. Where there are several, the largest piece is computed in turns, after a time that is not counted."""
    differences: list[list[tuple[float, float]]] = [[] for _ in engines]
    for piece in pieces:
        expected = computed(reference, piece)
        for engine, found in zip(engines, differences, strict=True):
            found.append(_differences(computed(engine, piece), expected))
    timed = largest(pieces)
    seconds: list[list[float]] = [[] for _ in engines]
    for _ in range(RUNS if len(engines) > 1 else 1):
        for engine, taken in zip(engines, seconds, strict=True):
            started = time.perf_counter()
            computed(engine, timed)
            taken.append(time.perf_counter() - started)
    return [
        Trial(engine.backend, engine.number, median(taken), *(max(each) for each in zip(*found, strict=True)))
        for engine, taken, found in zip(engines, seconds, differences, strict=True)
    ]


def largest(pieces: Sequence[Piece]) -> Piece:
    """The piece with the most pixels; the first of several."""
    return max(pieces, key=lambda piece: piece.size)


def computed(engine: Engine, piece: Image) -> Float32[Tensor, "k h w"]:
    """The logits of a piece, in one tile."""
    return predict_tiled(engine.segmenter, piece, engine.device, tile=SIDE)


def middle(image: Image) -> Float32[np.ndarray, "c y x"]:
    """The middle of an image, or all of a small one."""
    rows, columns = (middle_of(length) for length in image.shape[1:])
    return image[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def middle_window(size: Sequence[int]) -> Window:
    """The same middle of an image of this height and width."""
    rows, columns = (middle_of(length) for length in size[:2])
    return Window(int(rows[0]), int(columns[0]), len(rows), len(columns))


def middle_of(length: int) -> Int[np.ndarray, " n"]:
    """The places along one axis of an image that lie in its middle."""
    first = max(0, length - SIDE) // 2
    return np.arange(first, min(length, first + SIDE))


def _differences(found: Tensor, expected: Tensor) -> tuple[float, float]:
    largest = (found.softmax(dim=0) - expected.softmax(dim=0)).abs().max().item()
    if not np.isfinite(largest):
        largest = 1.0  # what is no number is as far away as can be
    return largest, (found.argmax(dim=0) != expected.argmax(dim=0)).float().mean().item()
