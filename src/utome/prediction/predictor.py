"""From the pixels of a file to a label map of its size."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor
from torch.nn import functional

from utome.config.prediction import Backend
from utome.data.formats import HeldWindows, Pixels, Windows
from utome.device import Device
from utome.errors import DataError
from utome.modelfolder.folder import Model
from utome.models.folding import folded
from utome.prediction.averaging import averaged, views
from utome.prediction.backends.choice import Chooser
from utome.prediction.backends.trial import Engine, Example, middle_of
from utome.prediction.classes import classify
from utome.prediction.deviation import Comparison, Deviation, comparison
from utome.prediction.seen import Prepared
from utome.prediction.tiled import predict_tiled
from utome.prediction.windowed import Windowed, WindowedImage, labels_by_windows, turns

# Images of more pixels are predicted by windows.
IN_ONE = 2**22
PLAIN = {"average": "none"}


class Predictor:
    """A model on a device; with `changes`, predicting otherwise than its card says.

    PyTorch computes, with norms folded, or what `choice` finds on the first images.
    """

    def __init__(
        self,
        model: Model,
        device: Device,
        changes: Mapping[str, Any] | None = None,
        choice: Chooser | None = None,
    ) -> None:
        self.card = model.card
        self.weights: tuple[str, ...] = (model.card.weights_sha256,)
        given = {name: value for name, value in (changes or {}).items() if (name, value) != ("tile", None)}
        self.settings = model.card.predicted_as.model_copy(update=given)
        self._network = device.place_network(folded(model.network))
        self._device = device
        self._preparation = model.card.prepared_by
        self._choice = choice
        self._engine = Engine("torch", str(device.dtype).removeprefix("torch."), self._network, device)

    def choose(self, examples: Iterable[tuple[Pixels, str]]) -> tuple[Backend, ...]:
        """What computes each model: chosen now, on some of these images and what they are called, if it was not before.

        What does not fit the model is passed over; empty where nothing fits, and then the first image that is predicted decides.
        """
        shown = self._prepared(examples)
        first = next(shown, None) if self._choice is not None else None
        if first is not None:
            self._settle(chain([first], shown))
        return (self._engine.backend,) if self._choice is None else ()

    @property
    def computed(self) -> str:
        """What computes, in words; its kind of device, since roundings differ between them."""
        return f"{self._engine.backend} in {self._engine.number} on {self._engine.device.torch.type}"

    def logits(
        self, pixels: Pixels, *, source: str, changes: Mapping[str, Any] | None = None
    ) -> Float32[Tensor, "k y x"]:
        """Logits at the network's size of an image: its own, unless the recipe resizes."""
        image = self._preparation.image(pixels, source=source)
        settings = self.settings.model_copy(update=dict(changes or {}))
        engine = self._computing(image, source)

        def predict(view: Float32[np.ndarray, "c h w"]) -> Float32[Tensor, "k h w"]:
            return predict_tiled(
                engine.segmenter, view, engine.device, tile=settings.piece, halo=settings.halo, blend=settings.blend
            )

        return averaged(predict, image, views(settings), probabilities=settings.average_of == "probabilities")

    def labels(self, pixels: Pixels, *, source: str) -> UInt8[np.ndarray, "h w"]:
        """The class of every pixel at the image's own size; where the recipe resizes, logits are resized back.

        Large images are predicted by windows, which takes less memory.
        """
        if pixels.shape[0] * pixels.shape[1] > IN_ONE and self.refusal_of_windows is None:
            return labels_by_windows(self.by_windows(HeldWindows(pixels), source=source), pixels.shape[:2])
        return classify(self._at_own_size(pixels, source))

    def probabilities(self, pixels: Pixels, *, source: str) -> Float32[np.ndarray, "k h w"]:
        """The probability of each class at every pixel of the image, at its own size."""
        return self._at_own_size(pixels, source).softmax(dim=0).numpy()

    def labels_and_probabilities(
        self, pixels: Pixels, *, source: str
    ) -> tuple[UInt8[np.ndarray, "h w"], Float32[np.ndarray, "k h w"]]:
        """Both, from one run of the network."""
        logits = self._at_own_size(pixels, source)
        return classify(logits), logits.softmax(dim=0).numpy()

    def by_windows(self, image: Windows, *, source: str) -> Windowed:
        """An image to be predicted window by window, where `refusal_of_windows` is none; it is looked through for its normalisation."""
        seen = Prepared(image, self._preparation, source=source)
        engine = self._computing(seen.cut(*(middle_of(length) for length in seen.size)), source)
        return WindowedImage(engine.segmenter, seen, engine.device, self.settings)

    @property
    def refusal_of_windows(self) -> str | None:
        """Why this model and these settings need the whole image in memory; none where they do not."""
        if self._preparation.size is not None:
            return "the recipe resizes images to one size"
        return None if turns(self.settings) else "rotations by other than quarter turns need the whole image"

    def deviation(self, pixels: Pixels, *, source: str) -> Deviation:
        """How far tiles are here from the whole image, or the largest pieces that fit into memory; views are not averaged for it."""
        compared = self.compared(pixels, source=source)
        if compared.tile is None:
            return compared.none_needed
        tiled = self.logits(pixels, source=source, changes=PLAIN)
        return compared.of(tiled, self.logits(pixels, source=source, changes=compared.whole))

    def compared(self, pixels: Pixels, *, source: str) -> Comparison:
        """What the tiles of this image can be compared with."""
        shape = self._preparation.image(pixels, source=source).shape
        return comparison(self._network, self.settings, shape, self._device)

    def _computing(self, image: Float32[np.ndarray, "c h w"], source: str) -> Engine:
        self._settle([Example(image, source)])
        return self._engine

    def _settle(self, examples: Iterable[Example]) -> None:
        if self._choice is not None:
            self._engine = self._choice.engine(self._network, examples)
            self._choice = None  # and with it the network as it was trained

    def _prepared(self, examples: Iterable[tuple[Pixels, str]]) -> Iterator[Example]:
        for pixels, source in examples:
            try:
                image = self._preparation.image(pixels, source=source)
            except DataError:  # said when it is predicted
                continue
            yield Example(image, source)

    def _at_own_size(self, pixels: Pixels, source: str) -> Float32[Tensor, "k h w"]:
        logits = self.logits(pixels, source=source)
        size = pixels.shape[:2]
        if logits.shape[1:] == torch.Size(size):
            return logits
        return functional.interpolate(logits[None], size=size, mode="bilinear", align_corners=False)[0]
