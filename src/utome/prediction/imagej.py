"""Outlines of one image's objects as a zip of ImageJ ROIs, which its ROI Manager opens.

The format is that of ImageJ's own `RoiDecoder.java`: numbers are big-endian, and a header of 64 bytes is followed by
coordinates. An object of one polygon without holes is a polygon of whole numbers; any other, and what lies too far out for
16 bits, is a composite whose lines are commands (move, line, close) with fractions of 32 bits.
"""

import io
import re
import struct
import zipfile
from collections.abc import Sequence

import numpy as np

from utome.prediction.outlines import Polygon, Ring
from utome.prediction.pictures import COLOURS

VERSION = 227
POLYGON, RECTANGLE = 0, 1
MOVE, LINE, CLOSE = 0.0, 1.0, 4.0
# Magic, version, kind, box (top, left, bottom, right), corners, -, floats of a composite, colour of the line, -.
HEADER = struct.Struct(">4shBx4hH18xii20x")
FURTHEST, MOST_CORNERS = 2**15 - 1, 2**16 - 1
# What no system takes in a file name, nor ImageJ in that of a zip's entry.
FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')


def roi_zip(outlines: Sequence[Sequence[Polygon]], classes: Sequence[int], names: Sequence[str]) -> bytes:
    """An entry `NUMBER-CLASS.roi` for each object, in their order; the same objects always make the same bytes."""
    content = io.BytesIO()
    digits = len(str(len(outlines)))
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (polygons, kind) in enumerate(zip(outlines, classes, strict=True), start=1):
            entry = zipfile.ZipInfo(f"{number:0{digits}d}-{FORBIDDEN.sub('-', names[kind])}.roi")
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, roi(polygons, kind))
    return content.getvalue()


def roi(polygons: Sequence[Polygon], kind: int) -> bytes:
    """One object; its line has the colour of its class."""
    first = polygons[0]
    x, y = np.asarray([corner for each in polygons for corner in each.shell]).T
    box = tuple(int(side) for side in (y.min(), x.min(), y.max(), x.max()))
    plain = len(polygons) == 1 and not first.holes and max(box) <= FURTHEST and len(first.shell) <= MOST_CORNERS
    if plain:
        corners = np.asarray(first.shell) - (box[1], box[0])
        return _header(POLYGON, box, kind, corners=len(first.shell)) + corners.T.astype(">i2").tobytes()
    commands = [number for each in polygons for ring in (each.shell, *each.holes) for number in _commands(ring)]
    return _header(RECTANGLE, box, kind, floats=len(commands)) + np.asarray(commands, dtype=">f4").tobytes()


def _header(shape: int, box: Sequence[int], kind: int, *, corners: int = 0, floats: int = 0) -> bytes:
    red, green, blue = COLOURS[kind % len(COLOURS)]
    colour = int.from_bytes(bytes([255, red, green, blue]), signed=True)
    # ImageJ takes a composite's box from its commands.
    sides = [min(side, FURTHEST) for side in box]
    return HEADER.pack(b"Iout", VERSION, shape, *sides, corners, floats, colour)


def _commands(ring: Ring) -> list[float]:
    moves = [MOVE, *(LINE for _ in ring[1:])]
    return [number for move, (x, y) in zip(moves, ring, strict=True) for number in (move, float(x), float(y))] + [CLOSE]
