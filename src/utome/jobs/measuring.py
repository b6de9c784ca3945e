"""How far a trained network's tiles are from whole images, measured on a validation image and written into the model's card."""

from pathlib import Path

import numpy as np
from jaxtyping import Float32

from utome.config.prediction import PredictionSettings
from utome.events import Listener, Noted
from utome.jobs.preparing import Prepared
from utome.modelfolder.card import DeviationEntry
from utome.modelfolder.folder import Model, amend_card, load_model
from utome.prediction.deviation import deviation_of
from utome.prediction.manner import is_exact
from utome.prediction.tiled import in_one_piece
from utome.tiling import mirror


def with_deviation(folder: Path, prepared: Prepared, listen: Listener) -> Model:
    """The model in this folder; where its tiles are not exact their deviation is measured, told, and written into its card."""
    model = load_model(folder)
    settings = model.card.predicted_as
    if is_exact(settings, model.network):
        return model
    entry, sentence = _measured(model, settings, prepared)
    listen(Noted(f"Tiles of this network are not exact. Measured on '{entry.image}': {sentence}"))
    card = model.card.model_copy(update={"deviation": entry})
    amend_card(folder, card)
    return Model(model.network, card)


def _measured(model: Model, settings: PredictionSettings, prepared: Prepared) -> tuple[DeviationEntry, str]:
    """On the largest validation image; where it is no larger than a tile, on itself and its mirror images, two tiles a side."""
    validation, network, device = prepared.data.validation, model.network, prepared.task.device
    number = max(range(len(validation)), key=lambda each: (np.prod(validation.network_size(each)), -each))
    item = validation[number]
    image, (height, width) = item.image, item.image.shape[1:]
    mirrored = in_one_piece(network, (height, width), tile=settings.piece, halo=settings.halo, blend=settings.blend)
    if mirrored:
        image = _continued(image, 2 * settings.piece)
    device.place_network(network)
    found = deviation_of(network, settings, image, device)
    entry = DeviationEntry(
        image=item.facts.sample.name, height=image.shape[1], width=image.shape[2], mirrored=mirrored,
        **found.as_json(),
    )  # fmt: skip
    return entry, found.sentence


def _continued(image: Float32[np.ndarray, "c h w"], side: int) -> Float32[np.ndarray, "c y x"]:
    """The image and its mirror images, at least this many pixels a side."""
    rows, columns = (mirror(0, max(length, side), length) for length in image.shape[1:])
    return image[:, rows[:, None], columns]
