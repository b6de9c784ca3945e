"""Scoring a model on surveyed images: shared by training's own report and by `utome evaluate`."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from jaxtyping import UInt8

from utome.data.classes import ClassTable
from utome.data.formats import Pixels
from utome.data.splitting import Split
from utome.data.survey import Facts
from utome.device import Device
from utome.evaluation.scoring import score
from utome.evaluation.table import Scores, Seen
from utome.events import Listener
from utome.modelfolder.folder import Model
from utome.prediction.predictor import Predictor, classify

LabelMap = UInt8[np.ndarray, "h w"]
Resolution = Literal["native", "network"]


def score_model(
    predictor: Predictor,
    facts: Sequence[Facts],
    *,
    at: Resolution,
    listen: Listener,
    classes: ClassTable | None = None,
) -> Scores:
    """Scores of a model at the images' own size, or at the size that the network sees.

    `classes` are the model's, with the values that they have in these masks; none: those of its training.
    """
    card = predictor.card
    seen: Mapping[str, Seen] = dict(card.images)

    def native(pixels: Pixels, source: str) -> LabelMap:
        return predictor.labels(pixels, source=source)

    def network(pixels: Pixels, source: str) -> LabelMap:
        return classify(predictor.logits(pixels, source=source))

    predict, fit_truth = (native, _as_it_is) if at == "native" else (network, card.prepared_by.labels)
    return score(facts, predict, classes or card.class_table, seen, fit_truth=fit_truth, listen=listen)


def score_split(model: Model, split: Split, device: Device, listen: Listener) -> tuple[Predictor, Scores]:
    """Scores on the images kept from training; where none were, on those that chose the model."""
    predictor = Predictor(model, device)
    return predictor, score_model(predictor, split.test or split.val, at="native", listen=listen)


def _as_it_is(labels: LabelMap) -> LabelMap:
    return labels
