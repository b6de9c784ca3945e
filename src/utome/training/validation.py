"""Loss and scores on whole validation images, at the size that the network sees."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import zip_longest

import torch
from jaxtyping import Float32
from torch import Tensor

from utome.config.prediction import PredictionSettings
from utome.config.sections import LossSettings
from utome.data.classes import IGNORED
from utome.data.dataset import Dataset, Item
from utome.device import Device
from utome.distributed import gathered, rank, size
from utome.losses.total import Terms, loss_terms, total
from utome.metrics.confusion import Confusion, confusion, empty_confusion
from utome.models.network import SegmentationNetwork
from utome.prediction.classes import classify
from utome.prediction.tiled import predict_tiled
from utome.training.faults import first_output, not_finite


@dataclass(frozen=True)
class Validation:
    """The loss and its terms are means over the images' pixels; the scores come from all images' pixels together.

    `wrong` says of the first image whose loss is not finite which that is, and where it went wrong; none where all are finite.
    """

    loss: float
    terms: Mapping[str, float]
    accuracy: float
    mean_iou: float
    wrong: str | None = None


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

    `after_image` may save, and may raise to end the training. Several processes share the images out, and each has the
    figures of all, as one process alone would find them.
    """
    network.eval()
    terms, own = loss_terms(settings), range(rank(), len(dataset), size())
    found = []
    for number in range(-(-len(dataset) // size())):
        if number < len(own):
            found.append(_scored(network, dataset[own[number]], terms, device, pieces))
        after_image()
    network.train()
    scored = [each for turn in zip_longest(*gathered(found)) for each in turn if each is not None]
    if not scored:
        raise AssertionError("a split always has a validation image")
    pixels, matrix = sum(each.known for each in scored), empty_confusion(len(scored[0].matrix.counts))
    for each in scored:
        matrix += each.matrix
    means = {name: sum(each.terms[name] * each.known for each in scored) / max(pixels, 1) for name in scored[0].terms}
    loss = sum(each.loss * each.known for each in scored) / max(pixels, 1)
    wrong = next((each.wrong for each in scored if each.wrong is not None), None)
    return Validation(loss, means, matrix.pixel_accuracy, matrix.mean_iou, wrong)


@dataclass(frozen=True)
class _Scored:
    """One image: its loss and that loss's terms, its pixels that have a class, and their confusion; what is not finite, if anything."""

    loss: float
    terms: dict[str, float]
    known: int
    matrix: Confusion
    wrong: str | None


def _scored(
    network: SegmentationNetwork, item: Item, terms: Terms, device: Device, pieces: PredictionSettings
) -> _Scored:
    def predict() -> Float32[Tensor, "k h w"]:
        return predict_tiled(network, item.image, device, tile=pieces.piece, halo=pieces.halo, blend=pieces.blend)

    logits = predict()
    target = torch.from_numpy(item.labels.astype("int64"))
    of = terms([logits[None]], target[None], None)
    found = confusion(item.labels, classify(logits), classes=logits.shape[0])
    values = {name: term.item() for name, term in of.items()}
    loss, wrong = total(of).item(), None
    if not math.isfinite(loss):
        first = first_output(network, predict)
        module = (
            "all outputs of the network are finite"
            if first is None
            else f"the first such output is that of `{first[1]}`"
        )
        wrong = f"{not_finite(of)} ({module}) on the validation image '{item.facts.sample.name}'"
    return _Scored(loss, values, int((item.labels != IGNORED).sum()), found, wrong)
