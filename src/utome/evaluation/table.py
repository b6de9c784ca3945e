"""Scores image by image and together, with what training knew of each image kept apart."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, Literal

import numpy as np

from utome.data.samples import Sample
from utome.evaluation.certainty import Certainty, certainty
from utome.metrics.confusion import Confusion
from utome.statistics.intervals import Interval

# So many images are named as the worst.
WORST = 5

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

    @cached_property
    def certainty(self) -> Certainty:
        """The intervals of these scores; images of one group count as one."""
        images = self.images
        return certainty([image.confusion for image in images], [image.sample.group for image in images])

    def of(self, seen: Iterable[Seen]) -> "Scores | None":
        """Only the images of which training knew this; none where there are none."""
        wanted = set(seen)
        images = tuple(image for image in self.images if image.seen in wanted)
        return Scores(self.classes, images) if images else None

    @property
    def ranked(self) -> list[ImageScore]:
        """The images from worst to best by mean IoU; those of which nothing is known come last."""
        means = {id(image): image.confusion.mean_iou for image in self.images}

        def place(image: ImageScore) -> tuple[bool, float, str]:
            mean = means[id(image)]
            return (True, 0.0, image.name) if math.isnan(mean) else (False, mean, image.name)

        return sorted(self.images, key=place)

    @property
    def worst(self) -> list[ImageScore]:
        """The few images with the lowest mean IoU, the worst first."""
        return [image for image in self.ranked if not math.isnan(image.confusion.mean_iou)][:WORST]

    @property
    def never_predicted(self) -> list[str]:
        """A sentence for each class that these images show and that is predicted in none."""
        matrix = self.together
        silent = (matrix.recall == 0) & np.isnan(matrix.precision)
        return [
            f"Nothing of '{name}' is predicted in the images that were scored ({len(self.images)}), though it is there. "
            "Train longer, with another seed or a wider network; where the class is rare, loss.dice=1 may help."
            for name, never in zip(self.classes, silent, strict=True)
            if never
        ]

    def mean_per_image(self, number: int) -> float:
        """The mean over images of the IoU of class `number`; images where it is absent altogether are left out."""
        values = [float(image.confusion.iou[number]) for image in self.images]
        known = [value for value in values if not math.isnan(value)]
        return sum(known) / len(known) if known else math.nan

    def as_json(self) -> dict[str, Any]:
        """The document of `utome evaluate --json`; a score or an interval that does not exist is null."""
        together, sure = self.together, self.certainty
        return {
            "mean_iou": number(together.mean_iou),
            "mean_iou_interval_95": ends(sure.mean_iou),
            "pixel_accuracy": number(together.pixel_accuracy),
            "pixel_accuracy_interval_95": ends(sure.pixel_accuracy),
            "intervals": {"units": sure.units, "of": "groups" if sure.is_group else "images", "note": sure.sentence},
            "classes": [
                {
                    **row,
                    "iou_mean_per_image": number(self.mean_per_image(index)),
                    **{f"{name}_interval_95": ends(each[index]) for name, each in _intervals(sure).items()},
                }
                for index, row in enumerate(_class_rows(together, self.classes))
            ],
            "worst": [{"name": image.name, "mean_iou": number(image.confusion.mean_iou)} for image in self.worst],
            "images": self.image_rows(),
        }

    def image_rows(self) -> list[dict[str, Any]]:
        """The row of each image in that document."""
        return [_image_row(image, self.classes) for image in self.images]


def number(value: float) -> float | None:
    """A score for JSON, which has no NaN."""
    return None if math.isnan(value) else float(value)


def ends(interval: Interval | None) -> list[float] | None:
    """An interval for JSON."""
    return None if interval is None else [interval.low, interval.high]


def _intervals(sure: Certainty) -> dict[str, tuple[Interval | None, ...]]:
    names = ("iou", "dice", "precision", "recall", "iou_mean_per_image")
    return {name: getattr(sure, name) for name in names}


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
