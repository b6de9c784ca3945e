"""From the pixels of a file to a label map of its size."""

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor
from torch.nn import functional

from utome.data.formats import Pixels
from utome.device import Device
from utome.modelfolder.folder import Model
from utome.prediction.tiled import predict_tiled


class Predictor:
    """A model on a device."""

    def __init__(self, model: Model, device: Device) -> None:
        self.card = model.card
        self._network = model.network
        self._device = device
        self._preparation = model.card.prepared_by
        device.place_network(self._network)

    def logits(self, pixels: Pixels, *, source: str) -> Float32[Tensor, "k y x"]:
        """Logits at the network's size of an image: its own, unless the recipe resizes."""
        image = self._preparation.image(pixels, source=source)
        return predict_tiled(self._network, image, self._device, tile=self.card.prediction_tile)

    def labels(self, pixels: Pixels, *, source: str) -> UInt8[np.ndarray, "h w"]:
        """The class of every pixel at the image's own size; where the recipe resizes, logits are resized back."""
        logits = self.logits(pixels, source=source)
        size = pixels.shape[:2]
        if logits.shape[1:] != torch.Size(size):
            logits = functional.interpolate(logits[None], size=size, mode="bilinear", align_corners=False)[0]
        return classify(logits)


def classify(logits: Float32[Tensor, "k h w"]) -> UInt8[np.ndarray, "h w"]:
    """The class of the highest logit."""
    return logits.argmax(dim=0).to(torch.uint8).numpy()
