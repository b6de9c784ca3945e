"""`utome predict`: a label map and an overlay for every image, and its objects where they are asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from utome.config.sections import MachineSettings
from utome.data.formats import Pixels, read_image
from utome.device import enough_memory
from utome.errors import ConfigError, DataError
from utome.events import Listener, Noted, Progressed, silent
from utome.files import new_folder, write_bytes
from utome.jobs.inputs import Input, find_inputs
from utome.jobs.int8 import ready_predictor
from utome.jobs.objects import ObjectsFolder, ObjectsWanted
from utome.prediction.deviation import Deviation
from utome.prediction.pictures import LabelMap, colour_png, label_png, overlay
from utome.prediction.predictor import Predictor

OVERLAYS = "overlays"


@dataclass(frozen=True)
class Manner:
    """How images are predicted. `fill` stands for values that are no numbers; with none, what stood for them in training.

    `others` are runs whose probabilities are averaged with those of the first. `changes` are settings of prediction that differ from
    the models' own. With `verify`, each image is also predicted whole and compared. With `objects`, these are told apart, measured and
    outlined.
    """

    fill: float | None = None
    others: tuple[Path, ...] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)
    verify: bool = False
    objects: ObjectsWanted | None = None


@dataclass(frozen=True)
class PredictResult:
    """The label maps written, and the sentence of each image that failed.

    If asked for: how far tiles were from the whole, by name, and how many objects there are.
    """

    out: Path
    written: tuple[Path, ...]
    failed: tuple[str, ...]
    verified: Mapping[str, Deviation] | None = None
    objects: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The document of `utome predict --json`."""
        document: dict[str, Any] = {
            "out": str(self.out),
            "written": [str(path) for path in self.written],
            "failed": list(self.failed),
        }
        if self.verified is not None:
            document["verified"] = {name: found.as_json() for name, found in self.verified.items()}
        return document if self.objects is None else {**document, "objects": self.objects}


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
    `DataError` where that is true of all. Nothing is overwritten. Objects that are asked for lie as `ObjectsFolder` says.
    """
    manner = manner or Manner()
    predictor = ready_predictor((run, *manner.others), machine, manner.changes, listen=listen)
    names = predictor.card.class_table.names
    objects = None if manner.objects is None else ObjectsFolder(out, manner.objects, names, predictor.settings.objects)
    inputs = find_inputs(images, listen)
    _refuse_there(inputs, out, objects)
    prepared = predictor.card.preparation
    fill = prepared.fill if manner.fill is None else manner.fill
    written, failed = [], []
    verified: dict[str, Deviation] = {}
    for done, each in enumerate(inputs, start=1):
        try:
            pixels = read_image(each.path, page=each.page, upright=prepared.upright, fill=fill)
            with enough_memory():
                labels = _labelled(predictor, pixels, each, objects)
                if manner.verify:
                    verified[each.name] = predictor.deviation(pixels, source=each.source)
                    listen(Noted(f"{each.name}: {verified[each.name].sentence}"))
        except DataError as error:
            failed.append(str(error))
        else:
            written.append(_write(out, f"{each.name}.png", pixels, labels))
        listen(Progressed("predicting", done, len(inputs)))
    if not written:
        raise DataError(
            failed[0] if len(failed) == 1 else f"None of the {len(failed)} images could be predicted. {failed[0]}"
        )
    if objects is not None:
        objects.finish()
    count = None if objects is None else objects.count
    return PredictResult(out, tuple(written), tuple(failed), verified if manner.verify else None, count)


def _labelled(predictor: Predictor, pixels: Pixels, image: Input, objects: ObjectsFolder | None) -> LabelMap:
    """The label map of one image, whose objects are written if they are wanted."""
    if objects is None:
        return predictor.labels(pixels, source=image.source)
    labels, probabilities = predictor.labels_and_probabilities(pixels, source=image.source)
    objects.add(image.name, labels, probabilities)
    return labels


def _write(out: Path, name: str, pixels: Pixels, labels: LabelMap) -> Path:
    """The picture, and then the label map, whose place is returned."""
    new_folder(out / OVERLAYS)
    write_bytes(out / OVERLAYS / name, colour_png(overlay(pixels, labels)))
    write_bytes(out / name, label_png(labels))
    return out / name


def _refuse_there(inputs: Sequence[Input], out: Path, objects: ObjectsFolder | None) -> None:
    outputs = [folder / f"{each.name}.png" for each in inputs for folder in (out, out / OVERLAYS)]
    if objects is not None:
        outputs += [path for each in inputs for path in objects.paths(each.name)]
    there = [path for path in outputs if path.exists()]
    if there:
        raise ConfigError(
            f"'{there[0]}' is there already and is not overwritten. Give another --out; a prediction that was stopped "
            "begins anew."
        )
