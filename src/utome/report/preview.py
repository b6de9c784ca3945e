"""The page of `utome recipes NAME --preview DATA`: tiles as they are and as they are changed, with labels and weights."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from jaxtyping import Float32, UInt8

from utome.data.batches import Batch
from utome.data.classes import IGNORED
from utome.prediction.pictures import Colour, overlay
from utome.report.panels import address
from utome.report.style import STYLE

MAP = "magma"


@dataclass(frozen=True)
class Sight:
    """A training image: its first tile as it is, and that tile in several versions."""

    name: str
    plain: Batch
    versions: Batch


def preview_html(recipe: str, title: str, sights: Sequence[Sight]) -> str:
    """The page as text."""
    heading = f"{html.escape(title)}, as {html.escape(recipe)} trains on it"
    rows = "".join(f"<h3>{html.escape(sight.name)}</h3><div class=panels>{_figures(sight)}</div>" for sight in sights)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><title>{heading} · utome</title><style>{STYLE}</style></head>'
        f"<body><main><header><h1>{heading}</h1><p>A tile of each of a few training images, and what the first epochs make of it. "
        "Labels are tinted; what nothing is known of is grey. Weights run from black (0) to bright (the most in the picture).</p></header>"
        f"<section>{rows}</section></main></body></html>\n"
    )


def _figures(sight: Sight) -> str:
    figures = [("as it is", _tile(sight.plain, 0))]
    figures += [(f"epoch {number + 1}", _tile(sight.versions, number)) for number in range(len(sight.versions.target))]
    if sight.plain.weight is not None and sight.versions.weight is not None:
        figures.append(("weights", heat(sight.plain.weight[0].numpy())))
        figures += [
            (f"weights, epoch {number + 1}", heat(weight.numpy()))
            for number, weight in enumerate(sight.versions.weight)
        ]
    return "".join(
        f'<figure><img src="{address(picture)}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'
        for caption, picture in figures
    )


def heat(weights: Float32[np.ndarray, "h w"]) -> Colour:
    """Weights as colours, the largest brightest."""
    shares = weights / max(float(weights.max()), 1e-6)
    colours: Float32[np.ndarray, "h w 4"] = mpl.colormaps[MAP](shares)
    return (colours[:, :, :3] * 255).round().astype(np.uint8)


def _tile(batch: Batch, number: int) -> Colour:
    """The image with its labels; the border that has none is dimmed."""
    image = batch.image[number].numpy().transpose(1, 2, 0)
    labels: UInt8[np.ndarray, "y x"] = batch.target[number].numpy().astype(np.uint8)
    border = (image.shape[0] - labels.shape[0]) // 2
    whole = np.pad(np.where(labels == IGNORED, 0, labels).astype(np.uint8), border)
    shown = overlay(image, whole).astype(np.float32)
    dim = np.pad(labels == IGNORED, border, constant_values=True)
    shown[dim] = 0.5 * shown[dim] + 64
    return shown.round().astype(np.uint8)
