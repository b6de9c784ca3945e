"""From the pixels of a file to what the network sees. It is saved with the model and repeated at prediction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float32, Integer
from torch.nn import functional

from utome.data.formats import Pixels
from utome.data.survey import Facts
from utome.errors import DataError

Normalization = Literal["image", "dataset", "percentile", "range", "none"]


@dataclass(frozen=True)
class Moments:
    """Mean and deviation of each channel."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


@dataclass(frozen=True)
class Scale:
    """What normalisation makes of a value: less `shift`, over `span` (of each channel, or of all), and with `cut` no less than 0 or more
    than 1.
    """

    shift: Float32[np.ndarray, "..."] | np.float32 = np.float32(0)  # noqa: RUF009 - a number, which nobody changes
    span: Float32[np.ndarray, "..."] | np.float32 = np.float32(1)  # noqa: RUF009
    cut: bool = False

    def of(self, pixels: Float32[np.ndarray, "h w c"]) -> Float32[np.ndarray, "h w channels"]:
        """The pixels, normalised."""
        found = pixels - self.shift
        found /= self.span
        return found.clip(0, 1, out=found) if self.cut else found


@dataclass(frozen=True)
class Preparation:
    """Channels, normalisation and size of the network's input.

    `image`: zero mean and unit deviation over the whole image, all channels together, so that a tile is normalised
    as its image is. `dataset`: each channel by `moments`, its mean and deviation over all training images. `percentile`: the
    image's `percentiles` become 0 and 1, and what lies beyond is cut. `range`: what the file's type can hold becomes 0 to 1
    (real numbers are taken as they are). `none`: values as they are. `fill` stands for values that are no numbers when a
    file is read; without it such a file is refused. `upright` says that an image is turned as its EXIF says, as the images of
    training were; false where their masks fit them as they are stored.
    """

    channels: int
    normalization: Normalization
    size: tuple[int, int] | None = None
    moments: Moments | None = None
    percentiles: tuple[float, float] = (0.0, 100.0)
    fill: float | None = None
    upright: bool = True

    def image(self, pixels: Pixels, *, source: str) -> Float32[np.ndarray, "c h w"]:
        """What the network sees of an image; `DataError` names `source` when a colour image meets a grey network."""
        self.refuse_colour(pixels.shape[2], source=source)
        planes = self.planes(pixels, self._scale(pixels), source=source)
        return planes if self.size is None else resize_image(planes, self.size)

    def planes(self, pixels: Pixels, scale: Scale, *, source: str) -> Float32[np.ndarray, "c h w"]:
        """A part of an image, or all of it, for the network: normalised as is said, a grey one on each channel, not resized."""
        self.refuse_colour(pixels.shape[2], source=source)
        scaled = scale.of(pixels.astype(np.float32))
        same_channels = np.broadcast_to(scaled, (*scaled.shape[:2], self.channels))
        return np.array(same_channels.transpose(2, 0, 1), order="C")

    def refuse_colour(self, channels: int, *, source: str) -> None:
        """`DataError` for more channels than the network takes."""
        if channels > self.channels:
            raise DataError(
                f"'{source}' is a colour image, but this model was trained on grey ones. Convert it to grey, or train on colour images."
            )

    def labels(self, labels: Integer[np.ndarray, "h w"]) -> Integer[np.ndarray, "y x"]:
        """Labels or object numbers at the network's size, each pixel the nearest one."""
        return labels if self.size is None else resize_labels(labels, self.size)

    def fixed_scale(self, dtype: np.dtype[Any]) -> Scale | None:
        """The scale of all images of this type; none where each has its own."""
        if self.normalization == "none":
            return Scale()
        if self.normalization == "range":
            return Scale(span=np.float32(np.iinfo(dtype).max)) if dtype.kind in "ui" else Scale()
        return self._by_moments() if self.normalization == "dataset" else None

    def scale_by_extremes(self, low: float, high: float) -> Scale:
        """The scale of an image whose `percentiles` these are."""
        return Scale(np.float32(low), np.float32((high - low) or 1.0), cut=True)

    def scale_by_moments(self, mean: float, deviation: float) -> Scale:
        """The scale of an image of this mean and deviation over all pixels."""
        return Scale(np.float32(mean), np.float32(deviation or 1.0))

    def _scale(self, stored: Pixels) -> Scale:
        fixed = self.fixed_scale(stored.dtype)
        if fixed is not None:
            return fixed
        pixels = stored.astype(np.float32)
        if self.normalization == "percentile":
            return self.scale_by_extremes(*np.percentile(pixels, self.percentiles))
        return self.scale_by_moments(float(pixels.mean(dtype=np.float64)), float(pixels.std(dtype=np.float64)))

    def _by_moments(self) -> Scale:
        """A grey image among colour ones has the colours' moments on each of its equal channels."""
        if self.moments is None:
            raise AssertionError("the moments of the data set are known before it is used")
        mean, deviation = (
            np.asarray(values, dtype=np.float32) for values in (self.moments.mean, self.moments.deviation)
        )
        return Scale(mean, np.where(deviation > 0, deviation, np.float32(1)))


def moments_of(facts: Sequence[Facts], channels: int) -> Moments:
    """Mean and deviation of each channel over all pixels of the images; a grey image counts for each channel."""
    pixels = np.asarray([fact.height * fact.width for fact in facts], dtype=np.float64)
    means, squares = (
        np.asarray([np.broadcast_to(getattr(fact, name), channels) for fact in facts]) for name in ("means", "squares")
    )
    mean, square = (np.average(values, axis=0, weights=pixels) for values in (means, squares))
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    return Moments(tuple(mean.tolist()), tuple(deviation.tolist()))


def resize_image(image: Float32[np.ndarray, "c h w"], size: tuple[int, int]) -> Float32[np.ndarray, "c height width"]:
    """Bilinear, smoothed before it shrinks so that nothing is skipped."""
    batch = torch.from_numpy(image)[None]
    return functional.interpolate(batch, size=size, mode="bilinear", align_corners=False, antialias=True)[0].numpy()


def resize_labels(labels: Integer[np.ndarray, "h w"], size: tuple[int, int]) -> Integer[np.ndarray, "height width"]:
    """The label at the place where the centre of each new pixel falls."""
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(np.int64) for new, old in zip(size, labels.shape, strict=True)
    )
    return labels[rows[:, None], columns[None, :]]
