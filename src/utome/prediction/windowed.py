"""Prediction by windows, for images that are not held whole: what each window gets is what it gets of the whole, to the bit."""

from collections.abc import Sequence
from itertools import pairwise, product
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8
from torch import Tensor

from utome.config.prediction import PredictionSettings
from utome.device import Device
from utome.prediction.averaging import Turn, mean_of, mean_probability, views
from utome.prediction.classes import classify
from utome.prediction.seen import Seen, Turned
from utome.prediction.segmenter import Segmenter
from utome.prediction.tiled import Tiles, cuts, predict_window
from utome.tiling import Window

# A window has at least so many pixels a side: less would be many small files. Tiles that are in several windows are computed for each
# of them, so where there are such, by blending or in views whose tiles lie elsewhere, windows have at least so many tiles a side.
LEAST, LEAST_TILES = 1024, 4


@runtime_checkable
class Windowed(Protocol):
    """An image of which windows are predicted, in any order and on any machine."""

    @property
    def windows(self) -> list[Window]:
        """The image in windows, from left to right and from top to bottom."""

    def logits(self, window: Window) -> Float32[Tensor, "k y x"]:
        """Logits of a window."""


class WindowedImage:
    """An image that one network sees."""

    def __init__(self, network: Segmenter, image: Seen, device: Device, settings: PredictionSettings) -> None:
        self._network, self._image, self._device, self._settings = network, image, device, settings
        self._tiles = Tiles(settings.piece, settings.halo, settings.blend)
        self._turns = turns(settings)

    @property
    def windows(self) -> list[Window]:
        """Windows along cuts between tiles."""
        rows, columns = (self._thinned(each) for each in cuts(self._network, self._image.size, self._tiles))
        return [
            Window(top, left, bottom - top, right - left)
            for (top, bottom), (left, right) in product(pairwise(rows), pairwise(columns))
        ]

    def logits(self, window: Window) -> Float32[Tensor, "k y x"]:
        """Logits of a window, the mean of all views."""
        each = (self._logits_of(turn, window) for turn in self._turns)
        return mean_of(each, len(self._turns), probabilities=self._settings.average_of == "probabilities")

    def _logits_of(self, turn: Turn, window: Window) -> Float32[Tensor, "k y x"]:
        there = turn.window_there(window, self._image.size)
        view = self._image if len(self._turns) == 1 else Turned(self._image, turn)
        found = predict_window(self._network, view, there, self._device, self._tiles)
        return turn.back(found, (window.height, window.width))

    def _thinned(self, places: Sequence[int]) -> list[int]:
        """Cuts, but for those that are too near to the one before."""
        shared = bool(self._settings.blend) or len(self._turns) > 1
        least = max(LEAST // 2, (LEAST_TILES * (places[1] - places[0]) if shared else 0))
        kept = [places[0]]
        for place in places[1:-1]:
            if place - kept[-1] >= least:
                kept.append(place)
        return [*kept, places[-1]]


class WindowedMean:
    """An image that several networks see: logits of their mean probability."""

    def __init__(self, members: Sequence[Windowed]) -> None:
        self._members = members

    @property
    def windows(self) -> list[Window]:
        """Those of the first."""
        return self._members[0].windows

    def logits(self, window: Window) -> Float32[Tensor, "k y x"]:
        """Logits of a window."""
        return mean_probability((member.logits(window) for member in self._members), len(self._members))


def turns(settings: PredictionSettings) -> list[Turn]:
    """The views of the settings, where all of them can be cut by windows; none where one cannot."""
    through = [view for view in views(settings) if isinstance(view, Turn)]
    return through if len(through) == len(views(settings)) else []


def labels_by_windows(image: Windowed, size: tuple[int, int]) -> UInt8[np.ndarray, "h w"]:
    """The class of every pixel, with no more in memory at a time than the logits of a window."""
    found = np.empty(size, dtype=np.uint8)
    for window in image.windows:
        found[window.place] = classify(image.logits(window))
    return found
