"""Loss and scores on whole validation images, at the size that the network sees."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from utome.config.sections import LossSettings
from utome.data.classes import IGNORED
from utome.data.dataset import Dataset
from utome.device import Device
from utome.losses.total import loss_terms, total
from utome.metrics.confusion import confusion, empty_confusion
from utome.models.network import SegmentationNetwork
from utome.prediction.predictor import classify
from utome.prediction.tiled import predict_tiled


@dataclass(frozen=True)
class Validation:
    """The loss and its terms are means over the images' pixels; the scores come from all images' pixels together."""

    loss: float
    terms: Mapping[str, float]
    accuracy: float
    mean_iou: float


def validate(
    network: SegmentationNetwork,
    dataset: Dataset,
    settings: LossSettings,
    device: Device,
    *,
    tile: int,
    after_image: Callable[[], None] = lambda: None,
) -> Validation:
    """Predict every image whole, as a user's image would be; `after_image` may save, and may raise to end the training."""
    network.eval()
    of = loss_terms(settings)
    loss, terms, pixels, matrix = 0.0, dict[str, float](), 0, None
    for item in dataset:
        logits = predict_tiled(network, item.image, device, tile=tile)
        target = torch.from_numpy(item.labels.astype("int64"))
        known = int((item.labels != IGNORED).sum())
        found_terms = of([logits[None]], target[None], None)
        loss += total(found_terms).item() * known
        terms = {name: terms.get(name, 0.0) + term.item() * known for name, term in found_terms.items()}
        pixels += known
        found = confusion(item.labels, classify(logits), classes=logits.shape[0])
        matrix = (matrix or empty_confusion(logits.shape[0])) + found
        after_image()
    network.train()
    if matrix is None:
        raise AssertionError("a split always has a validation image")
    means = {name: sum_ / max(pixels, 1) for name, sum_ in terms.items()}
    return Validation(loss / max(pixels, 1), means, matrix.pixel_accuracy, matrix.mean_iou)
