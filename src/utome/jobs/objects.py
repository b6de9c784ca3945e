"""The objects of predicted images, as files: maps, outlines and a table of each image, and one table of all."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isclose
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from utome.config.prediction import ObjectSettings
from utome.data.formats import pixel_size
from utome.errors import ConfigError, DataError
from utome.evaluation.object_table import table_csv
from utome.prediction.geojson import geojson
from utome.prediction.imagej import roi_zip
from utome.prediction.object_table import PredictedObject, object_rows
from utome.prediction.objects import LabelMap, Probabilities, Way, find_objects
from utome.prediction.outlines import Polygon, outlines

FOLDER, TABLE = "objects", "objects.csv"
# Sides that differ by so little are rounded in the file.
SQUARE = 0.01
ENDINGS = (".tif", ".geojson", ".zip", ".csv")


@dataclass(frozen=True)
class ObjectsWanted:
    """How objects are told apart; `changes` are settings of `prediction.objects` that differ from the usual.

    `pixel_um` is the side of a pixel, with none as each image says it.
    """

    way: Way
    changes: Mapping[str, Any] = field(default_factory=dict)
    pixel_um: float | None = None


class ObjectFiles:
    """`objects/NAME.tif`, `.geojson`, `.zip` and `.csv` of each image; and `objects.csv`, which has the rows of all that lie there."""

    def __init__(self, wanted: ObjectsWanted, names: Sequence[str], usual: ObjectSettings) -> None:
        self.wanted = wanted
        self.names = names
        self.settings = usual.model_copy(update=dict(wanted.changes))
        if wanted.pixel_um is not None and not 0 < wanted.pixel_um < float("inf"):
            raise ConfigError(f"--pixel-size is {wanted.pixel_um:g}; accepted is the side of a pixel in µm, above 0.")

    def pixel_um(self, path: Path, source: str) -> float | None:
        """The side of a pixel of an image: as it was given, else as its file says, if pixels are square; none where nothing does.

        `DataError` where it is not known, but objects are dropped by their area in µm².
        """
        side = _said(path) if self.wanted.pixel_um is None else self.wanted.pixel_um
        if side is None and self.settings.smallest_um2:
            raise DataError(
                f"`prediction.objects.smallest_um2` is {self.settings.smallest_um2:g}, but '{source}' does not say the size of its pixels. "
                "Give it by --pixel-size, or the area in pixels by prediction.objects.smallest_px."
            )
        return side

    @property
    def as_json(self) -> dict[str, Any]:
        """How objects are told apart, as a document."""
        return {"way": self.wanted.way, "pixel_um": self.wanted.pixel_um, **self.settings.model_dump(mode="json")}

    def contents(
        self, name: str, labels: LabelMap, probabilities: Probabilities, pixel_um: float | None = None
    ) -> tuple[dict[str, bytes], int]:
        """The files of one image by name, in the order of `outputs`, and how many objects it has."""
        way = self.wanted.way
        found = find_objects(labels, way, self.settings, probabilities=probabilities, pixel_um=pixel_um)
        rows = object_rows(name, found, self.names, probabilities=probabilities, pixel_um=pixel_um)
        described = self.described(rows, outlines(found.instances), found.classes.tolist())
        contents = (instance_tiff(found.instances), *described)
        return dict(zip(outputs(name), contents, strict=True)), found.count

    def described(
        self, rows: Sequence[PredictedObject], lines: Sequence[list[Polygon]], classes: Sequence[int]
    ) -> tuple[bytes, bytes, bytes]:
        """All files of one image but the map: GeoJSON, ROIs and the table."""
        polygons = geojson(lines, classes, self.names)
        return (
            polygons.encode("utf-8", errors="backslashreplace"),
            roi_zip(lines, classes, self.names),
            table_csv(PredictedObject, rows).encode("utf-8", errors="backslashreplace"),
        )


def _said(path: Path) -> float | None:
    size = pixel_size(path)
    if size is None or not isclose(size.y_um, size.x_um, rel_tol=SQUARE):
        return None
    return (size.y_um + size.x_um) / 2


def outputs(name: str) -> list[str]:
    """The files that an image has here."""
    return [f"{FOLDER}/{name}{ending}" for ending in ENDINGS]


def each_table(name: str) -> str:
    """The table of one image."""
    return f"{FOLDER}/{name}.csv"


def one_table(tables: Sequence[bytes]) -> bytes:
    """The tables of several images as one."""
    header = table_csv(PredictedObject, []).encode()
    return header + b"".join(table.removeprefix(header) for table in tables)


def instance_tiff(instances: np.ndarray) -> bytes:
    """Object numbers as TIFF of 16 bits, or of 32 where there are more than 65,535."""
    content = io.BytesIO()
    deep = np.uint16 if instances.max(initial=0) <= np.iinfo(np.uint16).max else np.uint32
    tifffile.imwrite(content, instances.astype(deep), compression="zlib", metadata=None)
    return content.getvalue()
