"""Loss and scores on whole validation images, at the size that the network sees."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from utome.config.sections import LossSettings, PredictionSettings
from utome.data.classes import IGNORED
from utome.data.dataset import Dataset
from utome.device import Device
from utome.losses.total import total_loss
from utome.metrics.confusion import confusion, empty_confusion
from utome.models.network import SegmentationNetwork
from utome.prediction.predictor import classify
from utome.prediction.tiled import predict_tiled


@dataclass(frozen=True)
class Validation:
    """The loss is a mean over the images' pixels; the scores come from all images' pixels together."""

    loss: float
    accuracy: float
    mean_iou: float


def validate(
    network: SegmentationNetwork,
    dataset: Dataset,
    settings: LossSettings,
    device: Device,
    *,
    pieces: PredictionSettings,
    after_image: Callable[[], None] = lambda: None,
) -> Validation:
    """Predict every image whole, as a user's image would be, but without averages over views.

    `after_image` may save, and may raise to end the training.
    """
    network.eval()
    loss = total_loss(settings)
    total, pixels, matrix = 0.0, 0, None
    for item in dataset:
        logits = predict_tiled(network, item.image, device, tile=pieces.piece, halo=pieces.halo, blend=pieces.blend)
        target = torch.from_numpy(item.labels.astype("int64"))
        known = int((item.labels != IGNORED).sum())
        total += float(loss(logits[None], target[None])) * known
        pixels += known
        found = confusion(item.labels, classify(logits), classes=logits.shape[0])
        matrix = (matrix or empty_confusion(logits.shape[0])) + found
        after_image()
    network.train()
    if matrix is None:
        raise AssertionError("a split always has a validation image")
    return Validation(total / max(pixels, 1), matrix.pixel_accuracy, matrix.mean_iou)
