"""The size of a pixel, where a file says it: OME-TIFF, ImageJ, the resolution of a TIFF, and OME-Zarr."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tifffile

from utome.data.formats.kinds import Kind, kind_of
from utome.data.formats.ome_zarr import attributes
from utome.data.formats.stored import guarded

MICROMETRES: Final = {
    "m": 1e6, "metre": 1e6, "meter": 1e6, "cm": 1e4, "centimetre": 1e4, "centimeter": 1e4, "mm": 1e3, "millimetre": 1e3, "millimeter": 1e3,
    "um": 1.0, "\u00b5m": 1.0, "\u03bcm": 1.0, "\\u00b5m": 1.0, "micron": 1.0, "microns": 1.0, "micrometre": 1.0, "micrometer": 1.0,
    "nm": 1e-3, "nanometre": 1e-3, "nanometer": 1e-3, "angstrom": 1e-4,
}  # fmt: skip
# Fewer dots to the inch are meant for print, and say nothing of what was imaged.
OF_PRINT: Final = 2400
INCH: Final = 25_400.0
SIZE: Final = re.compile(r'PhysicalSize(?P<axis>[XY])(?P<unit>Unit)?="(?P<value>[^"]*)"')


@dataclass(frozen=True)
class PixelSize:
    """Height and width of a pixel in µm."""

    y_um: float
    x_um: float


def pixel_size(path: Path) -> PixelSize | None:
    """What the file says; none where it says nothing that makes sense."""
    with guarded(path):
        kind = kind_of(path)
        if kind is Kind.TIFF:
            with tifffile.TiffFile(path, _multifile=False) as file:
                return _checked(*_of_tiff(file))
        return _checked(*_of_zarr(path)) if kind is Kind.ZARR else None


def _checked(y_um: float | None, x_um: float | None) -> PixelSize | None:
    if y_um is None or x_um is None or not all(math.isfinite(side) and side > 0 for side in (y_um, x_um)):
        return None
    return PixelSize(y_um, x_um)


def _of_tiff(file: tifffile.TiffFile) -> tuple[float | None, float | None]:
    if file.is_ome and file.ome_metadata:
        return _of_ome(file.ome_metadata)
    tags = file.pages.first.tags
    dots = [_number(tags.valueof(name)) for name in ("YResolution", "XResolution")]
    unit = tags.valueof("ResolutionUnit")
    imagej = (file.imagej_metadata or {}).get("unit") if file.is_imagej else None
    if imagej is not None:
        side = MICROMETRES.get(str(imagej).lower())
    else:
        side = {tifffile.RESUNIT.CENTIMETER: MICROMETRES["cm"], tifffile.RESUNIT.INCH: INCH}.get(unit)
        if side is not None and not all(each is not None and each * INCH / side > OF_PRINT for each in dots):
            side = None
    y, x = (side / each if side is not None and each else None for each in dots)
    return y, x


def _of_ome(document: str) -> tuple[float | None, float | None]:
    """Of the first image; the document is searched and not parsed, since it comes from strangers."""
    found: dict[tuple[str, bool], str] = {}
    for match in SIZE.finditer(document):
        found.setdefault((match["axis"], match["unit"] is not None), match["value"])
    sides = []
    for axis in "YX":
        unit = MICROMETRES.get(found.get((axis, True), "um").lower())
        value = _number(found.get((axis, False)))
        sides.append(None if unit is None or value is None else unit * value)
    return sides[0], sides[1]


def _of_zarr(path: Path) -> tuple[float | None, float | None]:
    content = attributes(path)
    multiscale: dict[str, Any] = content.get("ome", content)["multiscales"][0]
    axes = [axis if isinstance(axis, dict) else {"name": axis} for axis in multiscale.get("axes", [])]
    # Those of all levels come on top of a level's own.
    own = _scale(multiscale["datasets"][0], len(axes), absent=None)
    all_levels = _scale(multiscale, len(axes), absent=1.0)
    sides: dict[str, float] = {}
    for axis, scale, further in zip(axes, own, all_levels, strict=True):
        unit = MICROMETRES.get(str(axis.get("unit", "")).lower())
        if unit is not None and scale is not None and further is not None:
            sides[str(axis["name"]).lower()] = unit * scale * further
    return sides.get("y"), sides.get("x")


def _scale(content: Mapping[str, Any], axes: int, *, absent: float | None) -> list[float | None]:
    """The scale along each axis: `absent` where there is none, none where it is no number."""
    given = [each["scale"] for each in content.get("coordinateTransformations", []) if "scale" in each]
    if not given:
        return [absent] * axes
    if not isinstance(given[0], list) or len(given[0]) != axes:
        return [None] * axes
    return [_number(each) for each in given[0]]


def _number(value: Any) -> float | None:
    """A number, a fraction as TIFF has it, or a text; none where it is none of them."""
    try:
        if isinstance(value, tuple):
            return float(value[0]) / float(value[1])
        return None if value is None else float(value)
    except (TypeError, ValueError, ZeroDivisionError, IndexError):
        return None
