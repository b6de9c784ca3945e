"""Predicting arrays from Python: `utome.load` and the model that it gives."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Shaped, UInt8
from numpy.typing import ArrayLike

from utome.config.settings import config_from_dict
from utome.data.formats import Pixels
from utome.device import enough_memory
from utome.errors import DataError
from utome.modelfolder.card import ModelCard
from utome.prediction.ensemble import load_predictor
from utome.prediction.predictor import Predictor

Array = Shaped[np.ndarray, "..."]
# Whole numbers that image files hold.
OF_FILES = (np.uint8, np.uint16)
USUAL = {2: "yx", 3: "yxc"}


class LoadedModel:
    """A trained model, or several averaged, ready for arrays. `utome.load` makes it."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of their numbers."""
        return self.card.class_table.names

    @property
    def card(self) -> ModelCard:
        """Everything about the model but its weights; of several, about the first."""
        return self._predictor.card

    def predict(self, array: ArrayLike, axes: str | None = None) -> UInt8[np.ndarray, "..."]:
        """The class of every pixel, an array of class numbers of the same axes without the channels.

        `axes` names each axis of the array by a letter: `y` and `x` are rows and columns, `c` are channels, and what stands for any
        other letter (`t`, `z`, ...) are images of their own, one after another. Without it two axes are `yx` and three are `yxc`.
        Values are as in the files that the model was trained on: 8 or 16 bits as they are, not scaled. `DataError` for an array that
        does not fit its axes or the model.
        """
        return self._each(array, axes, proba=False)

    def predict_proba(self, array: ArrayLike, axes: str | None = None) -> Float32[np.ndarray, "..."]:
        """The probability of every class at every pixel: as `predict`, with the classes as one more axis, the last."""
        return self._each(array, axes, proba=True)

    def _each(self, given: ArrayLike, axes: str | None, *, proba: bool) -> Array:
        array = _as_array(given)
        axes = _checked(array, axes)
        others = [letter for letter in axes if letter not in "yxc"]
        order = [axes.index(letter) for letter in [*others, "y", "x", *(["c"] if "c" in axes else [])]]
        images = array.transpose(order)
        if "c" not in axes:
            images = images[..., None]
        leading, (height, width) = images.shape[: len(others)], images.shape[-3:-1]
        classes = (len(self.classes),) if proba else ()
        found = np.empty((*leading, height, width, *classes), dtype=np.float32 if proba else np.uint8)
        with enough_memory():
            for place, pixels, source in self._images(images, leading):
                if proba:
                    found[place] = self._predictor.probabilities(pixels, source=source).transpose(1, 2, 0)
                else:
                    found[place] = self._predictor.labels(pixels, source=source)
        # Back into the order that was given: `found` has the other letters, y and x.
        now = [*others, "y", "x"]
        back = [now.index(letter) for letter in axes if letter != "c"]
        return found.transpose([*back, len(now)] if proba else back)

    def _images(self, images: Array, leading: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Pixels, str]]:
        for place in np.ndindex(*leading):
            source = "the array" if not place else f"the array at {list(place)}"
            yield place, self._numbers(np.ascontiguousarray(images[place]), source), source

    def _numbers(self, pixels: Pixels, source: str) -> Shaped[np.ndarray, "h w channels"]:
        """Pixels as they come from a file; `DataError` where this model cannot take them."""
        if pixels.shape[2] == 3 and (pixels == pixels[:, :, :1]).all():
            pixels = pixels[:, :, :1]
        if pixels.shape[2] not in {1, self.card.in_channels}:
            raise DataError(
                f"{source.capitalize()} has {pixels.shape[2]} channels; this model takes "
                f"{' or '.join(map(str, sorted({1, self.card.in_channels})))}. Name its axes, as in axes='zyx', if these are no channels."
            )
        if pixels.dtype.kind == "b":
            pixels = pixels.astype(np.uint8)
        if self.card.preparation.normalization == "range" and pixels.dtype not in OF_FILES and pixels.dtype.kind != "f":
            raise DataError(
                f"{source.capitalize()} is {pixels.dtype}, but this model takes values as shares of what their type can hold. Give the "
                "type of the files that it was trained on, uint8 or uint16."
            )
        return self._finite(pixels, source)

    def _finite(self, pixels: Pixels, source: str) -> Pixels:
        if pixels.dtype.kind != "f" or np.isfinite(pixels).all():
            return pixels
        fill = self.card.preparation.fill
        if fill is None:
            raise DataError(
                f"{source.capitalize()} holds values that are no numbers (NaN or infinity). Replace them, as by numpy.nan_to_num."
            )
        return np.where(np.isfinite(pixels), pixels, pixels.dtype.type(fill))


def load(
    run: str | os.PathLike[str],
    *others: str | os.PathLike[str],
    device: str = "auto",
    threads: int | None = None,
    **prediction: Any,
) -> LoadedModel:
    """The model of a run folder or a model folder; of several runs, their average.

    `device` is `auto`, `cpu`, `cuda` or `mps`. `prediction` are settings of that group, as in `average="flips"` or `tile=2048`; what is
    not given is as the model's training had it. `ModelError` where a folder holds no whole model, `ConfigError` for a setting that there
    is not and for runs that do not belong together, `MachineError` where there is no such device.
    """
    settings = config_from_dict({"prediction": prediction}).prediction if prediction else None
    changes = {} if settings is None else settings.model_dump(include=settings.model_fields_set)
    machine = config_from_dict({"machine": {"device": device, "threads": threads}}).machine
    return LoadedModel(load_predictor([Path(each) for each in (run, *others)], machine, changes))


def _as_array(given: ArrayLike) -> Array:
    """What NumPy makes of it: lists, and arrays of other libraries in main memory, too."""
    try:
        return np.asarray(given)
    # Rows of different lengths; what lies on a GPU or needs a gradient.
    except (ValueError, TypeError, RuntimeError) as error:
        raise DataError(f"No array can be made of this {type(given).__name__}: {error} Give a NumPy array.") from error


def _checked(array: Array, axes: str | None) -> str:
    """The letter of each axis; `DataError` where there are none for this array, or they do not say where an image lies."""
    if array.dtype.kind not in "uifb":
        raise DataError(f"The array holds {array.dtype}; accepted: integers or real numbers.")
    if axes is None and array.ndim not in USUAL:
        raise DataError(f"The array has {array.ndim} axes. Name them, as in axes='zyx' or axes='tyxc'.")
    named = USUAL[array.ndim] if axes is None else axes.lower()
    if len(named) != array.ndim or len(set(named)) < len(named) or not {"y", "x"} <= set(named):
        raise DataError(
            f"axes={axes!r} does not fit an array of shape {array.shape}: each axis needs a letter of its own, y and x among them."
        )
    if array.size == 0:
        raise DataError(f"The array of shape {array.shape} has no pixels.")
    return named
