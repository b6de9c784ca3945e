"""Scoring a model on surveyed images: shared by training's own report and by `utome evaluate`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import UInt8

from utome.data.classes import ClassTable
from utome.data.formats import Pixels
from utome.data.grouping import grouping
from utome.data.splitting import Split
from utome.data.survey import Facts
from utome.device import Device
from utome.errors import UtomeError
from utome.evaluation.otsu import WithoutLearning, fit_otsu, score_otsu
from utome.evaluation.scoring import FitTruth, Method, Watch, as_it_is, score, unwatched
from utome.evaluation.table import Scores, Seen
from utome.events import Listener
from utome.jobs.otsu_side import CHOSEN
from utome.modelfolder.card import ModelCard
from utome.modelfolder.folder import Model
from utome.prediction.classes import classify
from utome.prediction.predictor import Predictor

LabelMap = UInt8[np.ndarray, "h w"]
Resolution = Literal["native", "network"]


@dataclass(frozen=True)
class SplitScores:
    """A model's scores on the images kept from training, and those of a threshold where there are two classes."""

    predictor: Predictor
    scores: Scores
    otsu: WithoutLearning | None


def score_model(
    predictor: Predictor,
    facts: Sequence[Facts],
    *,
    at: Resolution,
    listen: Listener,
    classes: ClassTable | None = None,
    watch: Watch = unwatched,
) -> Scores:
    """Scores of a model at the images' own size, or at the size that the network sees.

    `classes` are the model's, with the values that they have in these masks; none: those of its training.
    """
    card = predictor.card

    def native(pixels: Pixels, source: str) -> LabelMap:
        return predictor.labels(pixels, source=source)

    def network(pixels: Pixels, source: str) -> LabelMap:
        return classify(predictor.logits(pixels, source=source))

    method = Method(native if at == "native" else network, fit_truth(card, at))
    return score(facts, method, classes or card.class_table, seen_by(card), listen=listen, watch=watch)


def fit_truth(card: ModelCard, at: Resolution) -> FitTruth:
    """What brings a label map of the image's size to the size at which scores are taken."""
    return as_it_is if at == "native" else card.prepared_by.labels


def seen_by(card: ModelCard) -> Mapping[str, Seen]:
    """What training knew of an image, by the hash of its pixels."""
    return dict(card.images)


def grouped(facts: Sequence[Facts], said: str | None) -> list[Facts]:
    """The images in the groups that the setting `data.group` says, where it says one of each; else in those of their layout."""
    try:
        by = grouping(said)
        groups = [by.of(fact.sample) for fact in facts]
    except UtomeError:
        return list(facts)
    own = zip(facts, groups, strict=True)
    return [replace(fact, sample=replace(fact.sample, group=group)) for fact, group in own]


def score_split(model: Model, split: Split, group: str | None, device: Device, listen: Listener) -> SplitScores:
    """Scores on the images kept from training; where none were, on those that chose the model.

    `group` is the setting `data.group`: intervals are over groups.
    """
    predictor, table = Predictor(model, device), model.card.class_table
    facts = grouped(split.test or split.val, group)
    scores = score_model(predictor, facts, at="native", listen=listen)
    if table.count != 2:
        return SplitScores(predictor, scores, None)
    otsu = fit_otsu(split.train, table)
    on_these = score_otsu(otsu, facts, table, seen_by(model.card), listen=listen)
    return SplitScores(predictor, scores, WithoutLearning(on_these, otsu.side, CHOSEN[otsu.side]))
