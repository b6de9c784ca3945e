"""Writing and reading a model folder: `model.safetensors` beside `model.json`.

The weights are written first and the card, which holds their sha256, after them: a reader never takes weights for
others. No pickle is read.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
from pydantic import ValidationError
from torch import Tensor

from utome.errors import ModelError
from utome.files import new_folder, sha256_bytes, write_bytes, write_json
from utome.modelfolder.card import FORMAT, ModelCard
from utome.models.architectures import build_network
from utome.models.network import SegmentationNetwork

WEIGHTS = "model.safetensors"
CARD = "model.json"


@dataclass(frozen=True)
class Model:
    """A network with its weights, and its card."""

    network: SegmentationNetwork
    card: ModelCard


def save_model(folder: Path, tensors: Mapping[str, Tensor], card: ModelCard) -> ModelCard:
    """Write weights and card; the card comes back with the weights' sha256."""
    new_folder(folder)
    content = safetensors.torch.save({name: tensor.contiguous() for name, tensor in tensors.items()})
    write_bytes(folder / WEIGHTS, content)
    card = card.model_copy(update={"weights_sha256": sha256_bytes(content)})
    amend_card(folder, card)
    return card


def amend_card(folder: Path, card: ModelCard) -> None:
    """Write a card anew beside its weights, which stay as they are."""
    write_json(folder / CARD, card.model_dump(mode="json"))


def load_model(path: Path) -> Model:
    """The model in a run folder or a model folder; `ModelError` where it is missing, damaged, or of another version."""
    folder = model_folder(path)
    card = _read_card(folder / CARD)
    try:
        content = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise ModelError(
            f"The weights '{folder / WEIGHTS}' cannot be read: {error.strerror}. Copy the model folder again, whole."
        ) from error
    if sha256_bytes(content) != card.weights_sha256:
        raise ModelError(
            f"The weights '{folder / WEIGHTS}' are not those that '{folder / CARD}' names: the folder is damaged. Copy it again, whole."
        )
    network = build_network(card.architecture, in_channels=card.in_channels, classes=len(card.classes), seed=0)
    try:
        network.load_state_dict(safetensors.torch.load(content))
    except RuntimeError as error:
        raise ModelError(
            f"'{folder / CARD}' describes another network than its weights belong to. Copy the model folder again, whole."
        ) from error
    return Model(network.eval(), card)


def model_folder(path: Path) -> Path:
    """The model folder in a run folder, or the folder itself; `ModelError` where there is none."""
    for folder in (path / "model", path):
        if (folder / CARD).is_file():
            return folder
    if not path.exists():
        raise ModelError(
            f"'{path}' is not there. Give the folder of a run (it holds `model/`) or of a model (it holds `{CARD}`)."
        )
    raise ModelError(
        f"'{path}' holds no model: neither `model/{CARD}` nor `{CARD}` is in it. Has its training finished an epoch?"
    )


def _read_card(path: Path) -> ModelCard:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"'{path}' is damaged: it is no JSON document with a `format`. Copy the model folder again, whole."
        ) from error
    if version != FORMAT:
        raise ModelError(
            f"'{path}' has format {version}; this utome reads format {FORMAT}. "
            f"Use the version of utome that wrote it ({content.get('utome')})."
        )
    try:
        return ModelCard.model_validate(content)
    except ValidationError as error:
        problem = error.errors()[0]
        raise ModelError(
            f"'{path}' is damaged at `{'.'.join(map(str, problem['loc']))}`: {problem['msg']}. Copy the model folder again, whole."
        ) from error
