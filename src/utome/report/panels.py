"""Pictures of the worst, median and best image: the image, its truth, the prediction, and where they differ."""

import base64
import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from utome.data.classes import IGNORED, ClassTable
from utome.data.truth import read_pixels, read_truth
from utome.evaluation.table import ImageScore, Scores
from utome.prediction.pictures import Colour, colour_png, displayed, overlay
from utome.prediction.predictor import Predictor
from utome.report.errormap import error_map, legend

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
    known = [image for image in scores.ranked if not math.isnan(image.confusion.mean_iou)]
    ranked = known or scores.ranked
    chosen = {"Worst": ranked[0], "Median": ranked[len(ranked) // 2], "Best": ranked[-1]}
    if len(ranked) < 3:
        chosen = {f"Image {number}": image for number, image in enumerate(ranked, start=1)}
    classes = predictor.card.class_table
    return [Panel(title, image, pictures(predictor, image, classes)) for title, image in chosen.items()]


def address(picture: Colour) -> str:
    """The picture as an address that holds it, for a page that fetches nothing."""
    step = -(-max(picture.shape[:2]) // WIDEST)
    return f"data:image/png;base64,{base64.b64encode(colour_png(picture[::step, ::step])).decode()}"


def pictures(predictor: Predictor, image: ImageScore, classes: ClassTable) -> dict[str, Colour]:
    """An image, its truth, its prediction, and the map of its errors; `classes` are the model's, as its masks have them."""
    sample = image.sample
    pixels = read_pixels(sample)
    predicted = predictor.labels(pixels, source=sample.source)
    truth = classes.labels(read_truth(sample), source=sample.truth_source)
    # Where nothing is known, nothing is shown but in the map of errors.
    known = truth != IGNORED
    return {
        "image": displayed(pixels),
        "truth": overlay(pixels, np.where(known, truth, 0)),
        "prediction": overlay(pixels, np.where(known, predicted, 0)),
        "errors": error_map(pixels, truth, predicted, classes=classes.count),
    }


def legend_html(classes: Sequence[str]) -> str:
    """The legend of the errors."""
    entries = "".join(
        f"<span style='background:rgb{colour}'></span>{html.escape(label)}" for colour, label in legend(classes)
    )
    return f"<p class='small legend'>Errors:{entries}</p>"


def figures(shown: Mapping[str, Colour]) -> str:
    """Pictures side by side, each with what it shows below."""
    each = "".join(
        f'<figure><img src="{address(picture)}" alt="{label}"><figcaption>{label}</figcaption></figure>'
        for label, picture in shown.items()
    )
    return f"<div class=panels>{each}</div>"
