"""`utome predict`: a label map and an overlay for every image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from utome.config.sections import MachineSettings
from utome.data.formats import read_image
from utome.device import enough_memory
from utome.errors import ConfigError, DataError
from utome.events import Listener, Noted, Progressed, silent
from utome.files import new_folder, write_bytes
from utome.jobs.inputs import Input, find_inputs
from utome.prediction.deviation import Deviation
from utome.prediction.ensemble import load_predictor
from utome.prediction.pictures import colour_png, label_png, overlay

OVERLAYS = "overlays"


@dataclass(frozen=True)
class Manner:
    """How images are predicted. `fill` stands for values that are no numbers; with none, what stood for them in training.

    `others` are runs whose probabilities are averaged with those of the first. `changes` are settings of prediction that differ from
    the models' own. With `verify`, each image is also predicted whole and compared.
    """

    fill: float | None = None
    others: tuple[Path, ...] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)
    verify: bool = False


@dataclass(frozen=True)
class PredictResult:
    """The label maps written, the sentence of each image that failed, and how far tiles were from the whole, by name, if asked."""

    out: Path
    written: tuple[Path, ...]
    failed: tuple[str, ...]
    verified: Mapping[str, Deviation] | None = None

    def as_json(self) -> dict[str, Any]:
        """The document of `utome predict --json`."""
        document = {"out": str(self.out), "written": [str(path) for path in self.written], "failed": list(self.failed)}
        if self.verified is None:
            return document
        return {**document, "verified": {name: found.as_json() for name, found in self.verified.items()}}


def predict(
    run: Path,
    images: Path,
    out: Path,
    *,
    manner: Manner | None = None,
    machine: MachineSettings,
    listen: Listener = silent,
) -> PredictResult:
    """Write `out/NAME.png`, a palette PNG of class numbers, and `out/overlays/NAME.png` for every image and every page of a stack.

    The names are those of `find_inputs`. An image that cannot be read or does not fit the model is left out and named;
    `DataError` where that is true of all. Nothing is overwritten.
    """
    manner = manner or Manner()
    predictor = load_predictor((run, *manner.others), machine, manner.changes)
    inputs = find_inputs(images, listen)
    _refuse_there(inputs, out)
    prepared = predictor.card.preparation
    fill = prepared.fill if manner.fill is None else manner.fill
    written, failed = [], []
    verified: dict[str, Deviation] = {}
    for done, each in enumerate(inputs, start=1):
        try:
            pixels = read_image(each.path, page=each.page, upright=prepared.upright, fill=fill)
            with enough_memory():
                labels = predictor.labels(pixels, source=each.source)
                if manner.verify:
                    verified[each.name] = predictor.deviation(pixels, source=each.source)
                    listen(Noted(f"{each.name}: {verified[each.name].sentence}"))
        except DataError as error:
            failed.append(str(error))
        else:
            name = f"{each.name}.png"
            new_folder(out / OVERLAYS)
            write_bytes(out / OVERLAYS / name, colour_png(overlay(pixels, labels)))
            write_bytes(out / name, label_png(labels))
            written.append(out / name)
        listen(Progressed("predicting", done, len(inputs)))
    if not written:
        raise DataError(
            failed[0] if len(failed) == 1 else f"None of the {len(failed)} images could be predicted. {failed[0]}"
        )
    return PredictResult(out, tuple(written), tuple(failed), verified if manner.verify else None)


def _refuse_there(inputs: Sequence[Input], out: Path) -> None:
    outputs = [folder / f"{each.name}.png" for each in inputs for folder in (out, out / OVERLAYS)]
    there = [path for path in outputs if path.exists()]
    if there:
        raise ConfigError(
            f"'{there[0]}' is there already and is not overwritten. Give another --out; a prediction that was stopped "
            "begins anew."
        )
