"""One image to predict, and the files that come of it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from json import dumps
from pathlib import Path
from typing import Any, Literal

from utome.config.prediction import Backend
from utome.config.sections import MachineSettings
from utome.data.formats import Pixels, image_size, open_windows, read_image
from utome.device import enough_memory
from utome.errors import DataError
from utome.events import Listener, Progressed, silent
from utome.execution import Workers
from utome.jobs import objects as object_files
from utome.jobs.inputs import Input
from utome.jobs.int8 import ready_predictor, spread
from utome.jobs.journal_lines import Content
from utome.jobs.objects import ObjectFiles, ObjectsWanted
from utome.jobs.regions import Regions, Tools, regions_of
from utome.prediction.backends.trial import EXAMPLES, middle_window
from utome.prediction.deviation import Deviation
from utome.prediction.pictures import colour_png, label_png, overlay
from utome.prediction.predictor import Predictor
from utome.prediction.probability_maps import Depth, probability_tiff
from utome.prediction.sinks import refuse_no_zarr

OVERLAYS, PROBABILITIES = "overlays", "probabilities"
# Images of more pixels are read and written by regions.
WHOLE = 2**25
Format = Literal["auto", "tiff", "zarr"]
ENDINGS: Mapping[Format, str] = {"auto": ".tif", "tiff": ".tif", "zarr": ".zarr"}


@dataclass(frozen=True)
class Manner:
    """How images are predicted. `fill` stands for values that are no numbers; with none, what stood for them in training.

    `others` are runs whose probabilities are averaged with those of the first. `changes` are settings of prediction that differ from
    the models' own. With `verify`, each image is also predicted whole and compared. With `objects`, these are told apart, measured and
    outlined. `probabilities` are written too, as this type. `format` is that of label maps: with `auto`, PNG, and tiled TIFF where an
    image is so large that it is read and written by regions, as all are with the others. With `strict` the first image that fails ends
    the prediction. With `workers`, images and regions of large ones are predicted by them and not here.
    """

    fill: float | None = None
    others: tuple[Path, ...] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)
    verify: bool = False
    objects: ObjectsWanted | None = None
    probabilities: Depth | None = None
    format: Format = "auto"
    strict: bool = False
    workers: Workers | None = None


@dataclass(frozen=True)
class Made:
    """The files of one image by their names below the folder of the prediction, and what is told of it beside."""

    contents: Mapping[str, Content]
    objects: int | None = None
    deviation: Deviation | None = None
    computed: str | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What the journal keeps beside the files."""
        deviation = None if self.deviation is None else self.deviation.as_json()
        return {"objects": self.objects, "deviation": deviation, "computed": self.computed}


class Predicting:
    """Models that are loaded, and what is to be made of each image."""

    def __init__(
        self,
        run: Path,
        manner: Manner,
        machine: MachineSettings,
        listen: Listener = silent,
        *,
        backends: Sequence[Backend] = (),
    ) -> None:
        self.manner = manner
        if manner.format == "zarr":
            refuse_no_zarr()
        self.predictor: Predictor = ready_predictor(
            (run, *manner.others), machine, manner.changes, backends=backends, listen=listen
        )
        card = self.predictor.card
        names, usual = card.class_table.names, self.predictor.settings.objects
        self.objects = None if manner.objects is None else ObjectFiles(manner.objects, names, usual)
        self.fill = card.preparation.fill if manner.fill is None else manner.fill
        self._large: dict[Input, bool] = {}
        self._chosen: tuple[Backend, ...] | None = None
        self.upright = card.preparation.upright

    @property
    def identity(self) -> dict[str, Any]:
        """Whatever changes the bytes of the files, as a document; what a computer adds by rounding is left aside."""
        settings = self.predictor.settings.model_dump(mode="json", exclude={"objects"})
        return {
            "models": list(self.predictor.weights),
            "prediction": settings,
            "fill": self.fill,
            "objects": None if self.objects is None else self.objects.as_json,
            "probabilities": self.manner.probabilities,
            "format": self.manner.format,
        }

    def outputs(self, image: Input) -> list[str]:
        """The names of the files that an image will have; the label map comes first, and then its picture."""
        name, manner = image.name, self.manner
        found = [f"{name}{ENDINGS[manner.format] if self.by_regions(image) else '.png'}", f"{OVERLAYS}/{name}.png"]
        if manner.probabilities is not None:
            found.append(f"{PROBABILITIES}/{name}.tif")
        return found if self.objects is None else [*found, *object_files.outputs(name)]

    def by_regions(self, image: Input) -> bool:
        """Whether an image is read and written by regions."""
        if self.manner.format != "auto":
            return True
        if image not in self._large:
            self._large[image] = _is_large(image)
        return self._large[image]

    def made_by_regions(self, image: Input, folder: Path, key: str, listen: Listener = silent) -> Made:
        """The files of an image that is read by regions; they lie in `folder`. `DataError` as for `made`."""
        with self.opened(image, folder, key) as regions:
            for done, number in enumerate(missing := regions.missing, start=1):
                regions.predict(number)
                listen(Progressed(f"regions of {image.name}", regions.count - len(missing) + done, regions.count))
            return self.assembled(regions, image)

    def made(self, image: Input) -> Made:
        """The files of an image that is read whole; `DataError` where it cannot be read or does not fit the model."""
        pixels = read_image(image.path, page=image.page, upright=self.upright, fill=self.fill)
        with enough_memory():
            return self._of_pixels(pixels, image)

    def key(self, image: Input, sha256: str) -> str:
        """What changes the bytes of an image's regions, and what computes them once that is chosen."""
        return f"{dumps(self.identity)} {self.predictor.computed} {sha256} {image.page}"

    def opened(self, image: Input, folder: Path, key: str) -> AbstractContextManager[Regions]:
        """An image by regions; `key` is of the process that asks for it, since workers may compute with what was chosen there."""
        tools = Tools(self.predictor, self.objects, self.manner.probabilities, self.upright, self.fill)
        return regions_of(tools, image, folder, key)

    def assembled(self, regions: Regions, image: Input) -> Made:
        """The files of an image all of whose regions are there."""
        contents, count = regions.files(self.outputs(image))
        return Made(contents, count, regions.deviation() if self.manner.verify else None, self.predictor.computed)

    def choose(self, images: Sequence[Input]) -> tuple[Backend, ...]:
        """What computes each model, chosen the first time on the middles of a few of these images; empty where none can be read."""
        if self._chosen is None:
            self._chosen = self.predictor.choose(self._examples(images))
        return self._chosen

    def _examples(self, images: Sequence[Input]) -> Iterator[tuple[Pixels, str]]:
        """The middles of images, first of some from all over."""
        for image in dict.fromkeys([*spread(images, EXAMPLES), *images]):
            try:
                with open_windows(image.path, page=image.page, upright=self.upright, fill=self.fill) as windows:
                    pixels = windows.read(middle_window(windows.shape))
            except DataError:  # said when it is predicted
                continue
            yield pixels, image.source

    def _of_pixels(self, pixels: Pixels, image: Input) -> Made:
        predictor, depth = self.predictor, self.manner.probabilities
        side = None if self.objects is None else self.objects.pixel_um(image.path, image.source)
        contents: dict[str, Content] = {}
        count = None
        if self.objects is None and depth is None:
            labels = predictor.labels(pixels, source=image.source)
        else:
            labels, probabilities = predictor.labels_and_probabilities(pixels, source=image.source)
            if depth is not None:
                contents[f"{PROBABILITIES}/{image.name}.tif"] = probability_tiff(probabilities, depth)
            if self.objects is not None:
                files, count = self.objects.contents(image.name, labels, probabilities, side)
                contents |= files
        contents[f"{OVERLAYS}/{image.name}.png"] = colour_png(overlay(pixels, labels))
        contents[f"{image.name}.png"] = label_png(labels)
        deviation = predictor.deviation(pixels, source=image.source) if self.manner.verify else None
        return Made(contents, count, deviation, self.predictor.computed)


def _is_large(image: Input) -> bool:
    try:
        height, width = image_size(image.path, page=image.page)
    except DataError:
        return False  # reading it says why
    return height * width > WHOLE
