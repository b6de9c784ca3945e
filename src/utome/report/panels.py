"""Pictures of the worst, median and best image: the image, its truth, the prediction, and where they differ."""

import base64
from dataclasses import dataclass

import numpy as np

from utome.data.classes import IGNORED
from utome.data.formats import Pixels
from utome.data.truth import read_pixels, read_truth
from utome.evaluation.table import ImageScore, Scores
from utome.prediction.pictures import Colour, LabelMap, colour_png, displayed, overlay
from utome.prediction.predictor import Predictor

FOUND, INVENTED, MISSED = (0, 158, 115), (213, 94, 0), (86, 180, 233)
LEGEND = (
    "<p class='small legend'>Errors:"
    + "".join(
        f"<span style='background:rgb{colour}'></span>{label}"
        for colour, label in (
            (FOUND, "right"),
            (INVENTED, "predicted, but not so in truth"),
            (MISSED, "missed, or taken for another class"),
        )
    )
    + "</p>"
)
# Larger pictures are thinned out for the page; nobody sees more on a screen.
WIDEST = 512


@dataclass(frozen=True)
class Panel:
    """One image with its four pictures, by what they show."""

    title: str
    score: ImageScore
    pictures: dict[str, Colour]


def panels(predictor: Predictor, scores: Scores) -> list[Panel]:
    """The worst, median and best image by mean IoU."""
    ranked = scores.ranked
    chosen = {"Worst": ranked[0], "Median": ranked[len(ranked) // 2], "Best": ranked[-1]}
    if len(ranked) < 3:
        chosen = {f"Image {number}": image for number, image in enumerate(ranked, start=1)}
    return [Panel(title, image, _pictures(predictor, image)) for title, image in chosen.items()]


def address(picture: Colour) -> str:
    """The picture as an address that holds it, for a page that fetches nothing."""
    step = -(-max(picture.shape[:2]) // WIDEST)
    return f"data:image/png;base64,{base64.b64encode(colour_png(picture[::step, ::step])).decode()}"


def errors(pixels: Pixels, truth: LabelMap, predicted: LabelMap) -> Colour:
    """The dimmed image, with what is right, invented and missed of all classes but the first in colours."""
    shown = (displayed(pixels) * 0.5).astype(np.uint8)
    shown[(truth == predicted) & (truth > 0)] = FOUND
    shown[(truth != predicted) & (predicted > 0)] = INVENTED
    shown[(truth > 0) & (predicted == 0)] = MISSED
    return shown


def _pictures(predictor: Predictor, image: ImageScore) -> dict[str, Colour]:
    sample = image.sample
    pixels = read_pixels(sample)
    predicted = predictor.labels(pixels, source=sample.source)
    # Where nothing is known, nothing is shown.
    truth = predictor.card.class_table.labels(read_truth(sample), source=sample.truth_source)
    known = truth != IGNORED
    truth, predicted = np.where(known, truth, 0), np.where(known, predicted, 0)
    return {
        "image": displayed(pixels),
        "truth": overlay(pixels, truth),
        "prediction": overlay(pixels, predicted),
        "errors": errors(pixels, truth, predicted),
    }
