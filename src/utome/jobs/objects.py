"""The objects of predicted images, in the folder of the prediction: maps, outlines, and one table of all. Every file is written whole."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from utome.config.prediction import ObjectSettings
from utome.errors import ConfigError
from utome.evaluation.object_table import table_csv
from utome.files import new_folder, write_bytes, write_text
from utome.prediction.geojson import geojson
from utome.prediction.imagej import roi_zip
from utome.prediction.object_table import PredictedObject, object_rows
from utome.prediction.objects import LabelMap, Probabilities, Way, find_objects, smallest_area
from utome.prediction.outlines import outlines

FOLDER, TABLE = "objects", "objects.csv"
ENDINGS = (".tif", ".geojson", ".zip")


@dataclass(frozen=True)
class ObjectsWanted:
    """How objects are told apart; `changes` are settings of `prediction.objects` that differ from the usual.

    `pixel_um` is the side of a pixel, none where it is not known.
    """

    way: Way
    changes: Mapping[str, Any] = field(default_factory=dict)
    pixel_um: float | None = None


class ObjectsFolder:
    """`objects/NAME.tif`, `.geojson` and `.zip` for each image, and `objects.csv`, below `out`. `count` objects were found so far."""

    def __init__(self, out: Path, wanted: ObjectsWanted, names: Sequence[str], usual: ObjectSettings) -> None:
        self._out = out
        self._wanted = wanted
        self._names = names
        self._settings = usual.model_copy(update=dict(wanted.changes))
        self._rows: list[PredictedObject] = []
        if wanted.pixel_um is not None and not 0 < wanted.pixel_um < float("inf"):
            raise ConfigError(f"--pixel-size is {wanted.pixel_um:g}; accepted is the side of a pixel in µm, above 0.")
        smallest_area(self._settings, wanted.pixel_um)  # refused before anything is predicted

    def paths(self, name: str) -> list[Path]:
        """The files that an image has here, and the table."""
        return [*(self._out / FOLDER / f"{name}{ending}" for ending in ENDINGS), self._out / TABLE]

    @property
    def count(self) -> int:
        """How many objects there are up to now."""
        return len(self._rows)

    def add(self, name: str, labels: LabelMap, probabilities: Probabilities) -> None:
        """Find the objects of one image, and write all but their rows."""
        wanted = self._wanted
        found = find_objects(labels, wanted.way, self._settings, probabilities=probabilities, pixel_um=wanted.pixel_um)
        classes, lines = found.classes.tolist(), outlines(found.instances)
        self._rows += object_rows(name, found, self._names, probabilities=probabilities, pixel_um=wanted.pixel_um)
        new_folder(self._out / FOLDER)
        instances, polygons, rois, _ = self.paths(name)
        write_bytes(instances, instance_tiff(found.instances))
        write_text(polygons, geojson(lines, classes, self._names))
        write_bytes(rois, roi_zip(lines, classes, self._names))

    def finish(self) -> None:
        """Write the table."""
        write_text(self._out / TABLE, table_csv(PredictedObject, self._rows))


def instance_tiff(instances: np.ndarray) -> bytes:
    """Object numbers as TIFF of 16 bits, or of 32 where there are more than 65,535."""
    content = io.BytesIO()
    deep = np.uint16 if instances.max(initial=0) <= np.iinfo(np.uint16).max else np.uint32
    tifffile.imwrite(content, instances.astype(deep), compression="zlib", metadata=None)
    return content.getvalue()
