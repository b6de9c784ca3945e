"""Label maps as files: palette PNG, with class numbers inside and colours outside, and overlays on the image."""

import io

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from utome.data.formats import Pixels

# Class 0 stays dark; the others are the colours of Okabe and Ito, told apart by people of all colour visions.
COLOURS = (
    (0, 0, 0), (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
)  # fmt: skip
OPACITY = 0.45
# From black to white it is at least so much, so that an image of one value is black.
LEAST = 1e-6
# Rows of a picture that are made at a time.
BAND = 128
LabelMap = UInt8[np.ndarray, "h w"]
Colour = UInt8[np.ndarray, "h w 3"]


def label_png(labels: LabelMap) -> bytes:
    """A palette PNG whose pixels are the class numbers."""
    image = Image.fromarray(labels)
    image.putpalette(palette().ravel().tolist())
    return _png(image)


def overlay(pixels: Pixels, labels: LabelMap) -> Colour:
    """The image with every class but the first tinted in its colour, and outlined."""
    extremes, edge = _extremes(pixels), _edges(labels)
    found = np.empty((*labels.shape, 3), dtype=np.uint8)
    for top in range(0, len(labels), BAND):  # real numbers take twelve times the room of the picture
        rows = slice(top, top + BAND)
        shown = _shown(pixels[rows], *extremes).astype(np.float32)
        tint = palette()[labels[rows]].astype(np.float32)
        strength = np.where(labels[rows] > 0, np.where(edge[rows], 1.0, OPACITY), 0.0)[:, :, None]
        found[rows] = (shown * (1 - strength) + tint * strength).round().astype(np.uint8)
    return found


def displayed(pixels: Pixels) -> Colour:
    """The image in 8-bit colour, for eyes only: its darkest half percent black, its brightest white."""
    return _shown(pixels, *_extremes(pixels))


def colour_png(picture: Colour) -> bytes:
    """A colour picture as PNG."""
    return _png(Image.fromarray(np.ascontiguousarray(picture)))


def palette() -> UInt8[np.ndarray, "256 3"]:
    """256 colours, one a class: those above, then evenly spread greys that nobody needs to tell apart."""
    greys = np.repeat(np.linspace(80, 255, 256 - len(COLOURS)).round().astype(np.uint8)[:, None], 3, axis=1)
    return np.concatenate([np.asarray(COLOURS, dtype=np.uint8), greys])


def _extremes(pixels: Pixels) -> tuple[float, float]:
    # Values that are there: between two near the limit of their type nothing can be computed.
    low, high = np.percentile(pixels, (0.5, 99.5), method="nearest")
    return float(low), float(high)


def _shown(pixels: Pixels, low: float, high: float) -> Colour:
    clipped = pixels.astype(np.float64).clip(low, max(high, low + LEAST))
    # Halves, since the difference of two numbers of a type may be too large for it.
    scaled = (clipped / 2 - low / 2) / max(high / 2 - low / 2, LEAST / 2)
    return np.broadcast_to((scaled.clip(0, 1) * 255).round().astype(np.uint8), (*pixels.shape[:2], 3))


def _edges(labels: LabelMap) -> np.ndarray:
    """Pixels with a neighbour of another class above, below, left or right."""
    padded = np.pad(labels, 1, mode="edge")
    neighbours = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    return np.logical_or.reduce([neighbour != labels for neighbour in neighbours])


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
