"""Several models as one: the mean of their probabilities."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import tee
from pathlib import Path
from typing import Any

from jaxtyping import Float32
from torch import Tensor

from utome.config.prediction import Backend
from utome.config.sections import MachineSettings
from utome.data.formats import Pixels, Windows
from utome.device import choose_device
from utome.errors import ConfigError
from utome.events import Listener, silent
from utome.modelfolder.card import ModelCard
from utome.modelfolder.folder import load_model
from utome.prediction.averaging import mean_probability
from utome.prediction.backends.choice import Choice
from utome.prediction.backends.int8 import int8_of
from utome.prediction.deviation import Comparison
from utome.prediction.predictor import Predictor
from utome.prediction.windowed import Windowed, WindowedMean


class Ensemble(Predictor):
    """Predictors of the same classes from images prepared alike, of which the first speaks for all. Its logits are those of the mean
    probability.
    """

    def __init__(self, members: Sequence[Predictor]) -> None:
        self.card, self.settings = members[0].card, members[0].settings
        self.weights = tuple(sha256 for member in members for sha256 in member.weights)
        self._members = tuple(members)

    def logits(
        self, pixels: Pixels, *, source: str, changes: Mapping[str, Any] | None = None
    ) -> Float32[Tensor, "k y x"]:
        """Logits of the mean probability at the network's size of an image."""
        each = (member.logits(pixels, source=source, changes=changes) for member in self._members)
        return mean_probability(each, len(self._members))

    def choose(self, examples: Iterable[tuple[Pixels, str]]) -> tuple[Backend, ...]:
        """As `Predictor.choose`: each of them has a choice of its own."""
        shown = tee(examples, len(self._members))
        found = [member.choose(each) for member, each in zip(self._members, shown, strict=True)]
        return tuple(backend for each in found for backend in each)

    @property
    def computed(self) -> str:
        """What computes each of them, named once."""
        return ", ".join(dict.fromkeys(member.computed for member in self._members))

    def by_windows(self, image: Windows, *, source: str) -> Windowed:
        """As `Predictor.by_windows`, for the mean."""
        return WindowedMean([member.by_windows(image, source=source) for member in self._members])

    @property
    def refusal_of_windows(self) -> str | None:
        """That of the first member that has one."""
        return next((each for member in self._members if (each := member.refusal_of_windows) is not None), None)

    def compared(self, pixels: Pixels, *, source: str) -> Comparison:
        """As for the member that is compared with the smallest pieces, so that all find room; the smallest tile and halo are told."""
        found = [member.compared(pixels, source=source) for member in self._members]
        tiled = [each for each in found if each.tile is not None]
        limited = [each for each in tiled if each.reference is not None]
        if not tiled:
            return found[0]
        compared = min(limited, key=lambda each: each.whole["tile"]) if limited else tiled[0]
        tile = min(each.tile for each in tiled if each.tile is not None)
        return replace(compared, tile=tile, halo=min(each.halo for each in tiled))


def load_predictor(
    runs: Sequence[Path],
    machine: MachineSettings,
    changes: Mapping[str, Any] | None = None,
    *,
    backends: Sequence[Backend] = (),
    listen: Listener = silent,
) -> Predictor:
    """The model of a run, or of several averaged; `changes` are to how their cards say that images are predicted.

    `backends` says what computes each of them, where that was chosen before.

    `listen` hears which backend computes, and how far it is from PyTorch in float32. `ConfigError` where the runs do not belong
    together or a backend is not there, `ModelError` where one holds no whole model.
    """
    models = [load_model(run) for run in runs]
    for run, model in zip(runs[1:], models[1:], strict=True):
        _refuse_others(runs[0], models[0].card, run, model.card)
    members = []
    usual = [(changes or {}).get("backend", model.card.predicted_as.backend) for model in models]
    for run, model, wanted in zip(runs, models, backends or usual, strict=True):
        device = choose_device(machine, precision=model.card.precision)
        int8 = int8_of(run, model.card) if wanted == "int8" else None
        choice = Choice(model, device, wanted, int8=int8, listen=listen)
        members.append(Predictor(model, device, changes, choice))
    return members[0] if len(members) == 1 else Ensemble(members)


def _refuse_others(first: Path, ours: ModelCard, run: Path, theirs: ModelCard) -> None:
    names = ours.class_table.names, theirs.class_table.names
    if names[0] != names[1]:
        raise ConfigError(
            f"'{run}' knows the classes {', '.join(names[1])}, but '{first}' {', '.join(names[0])}: their probabilities cannot be "
            "averaged. Name runs that were trained on the same classes."
        )
    # Moments are those of each model's own training images, as its weights are.
    prepared = [{**asdict(card.prepared_by), "moments": None} for card in (ours, theirs)]
    other = next((name for name, value in prepared[0].items() if prepared[1][name] != value), None)
    if other is not None:
        raise ConfigError(
            f"'{run}' prepares images otherwise than '{first}': `{other}` is {prepared[1][other]}, not {prepared[0][other]}. Name runs "
            "that were trained with the same data settings."
        )
