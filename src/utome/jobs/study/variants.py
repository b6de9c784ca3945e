"""The models that one training left behind, and how a variant of a study predicts with them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard

from torch import Tensor

from utome.config.architectures import ModelSettings, SEUNetSettings
from utome.config.overrides import overlay, override
from utome.config.settings import Config
from utome.device import Device
from utome.errors import ModelError
from utome.modelfolder.card import ModelCard
from utome.modelfolder.folder import Model, load_model
from utome.models.architectures import build_network
from utome.prediction.predictor import Predictor
from utome.studies.file import VariantEntry
from utome.training.checkpoints import Checkpoints
from utome.training.runfolder import RunFolder
from utome.training.state import result_weights

ENHANCEMENT, PREDICTION = "model.enhancement.", "prediction."
# Which maps an enhancement multiplies, and by what, is kept with the weights.
FACTORS = ".factors"


class LeftOut(Exception):  # noqa: N818 - it is no error
    """A variant that a run has nothing to predict with, for the reason said."""


def predictor_of(run: Path, variant: VariantEntry, device: Device, *, early: Sequence[int] | None) -> Predictor:
    """What the variant predicts with: the run's best, early or last model, and its enhancement as it is set. `LeftOut` says why not."""
    model = _model(run, variant.checkpoint, early)
    changes, settings = _enhancement(variant), _prediction(variant)
    if changes:
        model = _enhanced(model, changes)
    return Predictor(model, device, settings)


def refuse_mistakes(variant: VariantEntry, config: Config) -> None:
    """`ConfigError` where a setting of the variant is none, or is wrong for the network of this config, before that is trained."""
    _prediction(variant)
    if _is_enhanced(config.model):
        _config({"model": config.model.model_dump(mode="json")}, _enhancement(variant))


def _model(run: Path, checkpoint: str, early: Sequence[int] | None) -> Model:
    folder = RunFolder(run)
    if checkpoint == "best":
        return load_model(run)
    if checkpoint == "last":
        best = load_model(run)
        saved = Checkpoints(folder.checkpoints, {}).good()
        best.network.load_state_dict(dict(result_weights(saved)))
        return best
    epoch = (early or [0])[0]
    try:
        return load_model(folder.kept / f"epoch-{epoch:05d}")
    except ModelError:
        raise LeftOut(f"the training ended before epoch {epoch}, whose model is the early one") from None


def _enhanced(model: Model, changes: Mapping[str, Any]) -> Model:
    """The model with its enhancement set otherwise; what it has learned is untouched."""
    settings = model.card.architecture
    if not _is_enhanced(settings):
        raise LeftOut("its network has no enhancement")
    changed = _config({"model": settings.model_dump(mode="json")}, changes).model
    card: ModelCard = model.card.model_copy(update={"architecture": changed})
    network = build_network(changed, in_channels=card.in_channels, classes=card.class_table.count, seed=0)
    tensors: dict[str, Tensor] = dict(model.network.state_dict())
    if isinstance(changed, SEUNetSettings) and changed.enhancement.mode != settings.enhancement.mode:
        own = network.state_dict()
        tensors |= {name: own[name] for name in tensors if name.endswith(FACTORS)}
    network.load_state_dict(tensors)
    return Model(network.eval(), card)


def _config(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> Config:
    return override(overlay(settings, changes), ())


def _is_enhanced(settings: ModelSettings) -> TypeGuard[SEUNetSettings]:
    return isinstance(settings, SEUNetSettings) and settings.enhancement.mode != "none"


def _enhancement(variant: VariantEntry) -> dict[str, Any]:
    return {path: value for path, value in variant.set.items() if path.startswith(ENHANCEMENT)}


def _prediction(variant: VariantEntry) -> dict[str, Any]:
    """Settings of prediction by their own names, as they are once they are validated."""
    given = {path: value for path, value in variant.set.items() if path.startswith(PREDICTION)}
    prediction = _config({}, given).prediction
    return {name: getattr(prediction, name) for name in (path.removeprefix(PREDICTION) for path in given)}
