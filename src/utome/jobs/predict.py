"""`utome predict`: a label map and an overlay for every image, and its objects where they are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utome.config.sections import MachineSettings
from utome.data.formats import Pixels, read_image
from utome.device import choose_device, enough_memory
from utome.errors import ConfigError, DataError
from utome.events import Listener, Progressed, silent
from utome.files import new_folder, write_bytes
from utome.jobs.inputs import Input, find_inputs
from utome.jobs.objects import ObjectsFolder, ObjectsWanted, labels_and_probabilities
from utome.modelfolder.folder import load_model
from utome.prediction.pictures import LabelMap, colour_png, label_png, overlay
from utome.prediction.predictor import Predictor

OVERLAYS = "overlays"


@dataclass(frozen=True)
class Manner:
    """How images are predicted. `fill` stands for values that are no numbers; with none, what stood for them in training.

    With `objects`, these are told apart, measured and outlined.
    """

    fill: float | None = None
    objects: ObjectsWanted | None = None


@dataclass(frozen=True)
class PredictResult:
    """The label maps written, the sentence of each image that failed, and how many objects there are, if they were asked for."""

    out: Path
    written: tuple[Path, ...]
    failed: tuple[str, ...]
    objects: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The document of `utome predict --json`."""
        document = {"out": str(self.out), "written": [str(path) for path in self.written], "failed": list(self.failed)}
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
    `DataError` where that is true of all. Nothing is overwritten. Objects that are asked for lie as
    `ObjectsFolder` says.
    """
    manner = manner or Manner()
    model = load_model(run)
    wanted = manner.objects
    objects = None if wanted is None else ObjectsFolder(out, wanted, model.card.class_table.names)
    inputs = find_inputs(images, listen)
    _refuse_there(inputs, out, objects)
    prepared = model.card.preparation
    predictor = Predictor(model, choose_device(machine, precision=model.card.precision))
    written, failed = [], []
    for done, each in enumerate(inputs, start=1):
        try:
            pixels = read_image(
                each.path,
                page=each.page,
                upright=prepared.upright,
                fill=prepared.fill if manner.fill is None else manner.fill,
            )
            with enough_memory():
                labels = _labelled(predictor, pixels, each, objects)
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
    if objects is not None:
        objects.finish()
    return PredictResult(out, tuple(written), tuple(failed), None if objects is None else objects.count)


def _labelled(predictor: Predictor, pixels: Pixels, image: Input, objects: ObjectsFolder | None) -> LabelMap:
    """The label map of one image, whose objects are written if they are wanted."""
    if objects is None:
        return predictor.labels(pixels, source=image.source)
    labels, probabilities = labels_and_probabilities(predictor, pixels, source=image.source)
    objects.add(image.name, labels, probabilities)
    return labels


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
