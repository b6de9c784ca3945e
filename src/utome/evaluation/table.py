"""Scores image by image and together, with what training knew of each image kept apart."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

from utome.data.samples import Sample
from utome.metrics.confusion import Confusion

# What training knew of an image: it learned from it, it chose the model by it, or it never saw it.
Seen = Literal["train", "val", "never"]


@dataclass(frozen=True)
class ImageScore:
    """One image's confusion matrix, and what training knew of the image."""

    sample: Sample
    seen: Seen
    confusion: Confusion

    @property
    def name(self) -> str:
        """The sample's name."""
        return self.sample.name


@dataclass(frozen=True)
class Scores:
    """Scores of several images under one class table."""

    classes: tuple[str, ...]
    images: tuple[ImageScore, ...]

    @property
    def together(self) -> Confusion:
        """One confusion matrix over the pixels of all images."""
        return reduce(lambda total, image: total + image.confusion, self.images[1:], self.images[0].confusion)

    def of(self, seen: Iterable[Seen]) -> "Scores | None":
        """Only the images of which training knew this; none where there are none."""
        wanted = set(seen)
        images = tuple(image for image in self.images if image.seen in wanted)
        return Scores(self.classes, images) if images else None

    @property
    def ranked(self) -> list[ImageScore]:
        """The images from worst to best by mean IoU."""
        return sorted(self.images, key=lambda image: (image.confusion.mean_iou, image.name))

    def mean_per_image(self, number: int) -> float:
        """The mean over images of the IoU of class `number`; images where it is absent altogether are left out."""
        values = [float(image.confusion.iou[number]) for image in self.images]
        known = [value for value in values if not math.isnan(value)]
        return sum(known) / len(known) if known else math.nan

    def as_json(self) -> dict[str, Any]:
        """The document of `utome evaluate --json`; a score that does not exist is null."""
        together = self.together
        return {
            "mean_iou": number(together.mean_iou),
            "pixel_accuracy": number(together.pixel_accuracy),
            "classes": [
                {**row, "iou_mean_per_image": number(self.mean_per_image(index))}
                for index, row in enumerate(_class_rows(together, self.classes))
            ],
            "images": [_image_row(image, self.classes) for image in self.images],
        }


def number(value: float) -> float | None:
    """A score for JSON, which has no NaN."""
    return None if math.isnan(value) else float(value)


def _image_row(image: ImageScore, classes: Sequence[str]) -> dict[str, Any]:
    return {
        "name": image.name,
        "image": image.sample.source,
        "seen": image.seen,
        "mean_iou": number(image.confusion.mean_iou),
        "pixel_accuracy": number(image.confusion.pixel_accuracy),
        "classes": _class_rows(image.confusion, classes),
    }


def _class_rows(matrix: Confusion, classes: Sequence[str]) -> list[dict[str, Any]]:
    columns = {"iou": matrix.iou, "dice": matrix.dice, "precision": matrix.precision, "recall": matrix.recall}
    return [
        {"name": name, **{column: number(values[index]) for column, values in columns.items()}}
        for index, name in enumerate(classes)
    ]
