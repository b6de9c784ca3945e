"""MATLAB's `.mat` of versions 5 to 7, as far as masks need it: arrays of numbers, and a structure of such.

The MathWorks, MAT-File Format (2019), chapter 1. Not by scipy.io, which on a damaged file takes Python down with it: it
follows whatever a file says of its lengths and types.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from utome.data.formats.arrays import StoredArray
from utome.data.formats.stored import BUDGET, StoredImage
from utome.errors import DataError

HEADER = 128
# Types of elements: numbers as they are stored, which may take less room than what they stand for.
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
MATRIX, COMPRESSED = 14, 15
# Classes of matrices: structures, and numbers as they are meant.
STRUCTURE = 2
MEANT = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
COMPLEX, LOGICAL = 0x800, 0x200
# A number, the fields of a structure, or none for what cannot be a mask: text, cells, sparse and complex numbers.
Value = np.ndarray | dict[str, "Value"] | None


@contextmanager
def open_mat(path: Path) -> Iterator[StoredImage]:
    """A `.mat` file: the field `Segmentation` of a structure `groundTruth`, as CrackForest has it, or its only array."""
    variables = read_variables(path.read_bytes())
    truth = variables.get("groundTruth")
    mask = truth.get("Segmentation") if isinstance(truth, dict) else None
    if mask is None and len(variables) == 1:
        (mask,) = variables.values()
    if not isinstance(mask, np.ndarray):
        raise DataError(
            f"'{path}' holds {', '.join(map(repr, list(variables)[:5])) or 'nothing'}; accepted: a struct `groundTruth` with a field "
            "`Segmentation`, or an array of numbers alone. Save the mask so, or as PNG."
        )
    yield StoredArray(mask, path)


def read_variables(content: bytes) -> dict[str, Value]:
    """The variables of a file by their names; `ValueError` or `struct.error` where it is damaged."""
    order = ">" if content[HEADER - 2 : HEADER] == b"MI" else "<"
    variables = {}
    for kind, element in _elements(content[HEADER:], order):
        for inner, matrix in _elements(_unpacked(element), order) if kind == COMPRESSED else [(kind, element)]:
            if inner == MATRIX:
                name, value = _matrix(matrix, order)
                variables[name] = value
    variables.pop("", None)  # what MATLAB keeps for itself
    return variables


def _elements(content: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Type and content of each element, in turn."""
    place = 0
    while place < len(content):
        kind, count = struct.unpack_from(f"{order}II", content, place)
        if kind >> 16:  # four bytes and fewer lie in the tag itself
            yield kind & 0xFFFF, content[place + 4 : place + 4 + min(kind >> 16, 4)]
            place += 8
            continue
        if place + 8 + count > len(content):
            raise ValueError("it is truncated, or has an element without an end")
        yield kind, content[place + 8 : place + 8 + count]
        place += 8 + count + (-count % 8 if kind != COMPRESSED else 0)


def _unpacked(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    content = unpacker.decompress(packed, BUDGET)
    if unpacker.unconsumed_tail:
        raise ValueError(f"it unpacks to more than {BUDGET / 2**30:.1f} GiB, and images are read whole")
    return content


def _matrix(content: bytes, order: str) -> tuple[str, Value]:
    """The name and value of a matrix: flags, dimensions and a name, and what its class asks for."""
    if not content:
        return "", None
    (_, flag_bytes), (_, sizes), (_, name), *parts = _elements(content, order)
    (flags,) = struct.unpack_from(f"{order}I", flag_bytes)
    shape = struct.unpack(f"{order}{len(sizes) // 4}I", sizes)
    value: Value = None
    if flags & 0xFF in MEANT and not flags & COMPLEX:
        value = _numbers(parts[0], shape, "?" if flags & LOGICAL else MEANT[flags & 0xFF], order)
    elif flags & 0xFF == STRUCTURE and math.prod(shape) == 1:
        value = _fields(parts, order)
    return name.decode("latin-1"), value


def _numbers(part: tuple[int, bytes], shape: tuple[int, ...], meant: str, order: str) -> np.ndarray:
    kind, content = part
    if kind not in STORED:
        raise ValueError(f"it has numbers of the unknown type {kind}")
    stored = np.frombuffer(content, f"{order}{STORED[kind]}")
    if stored.size * np.dtype(meant).itemsize > BUDGET:
        raise ValueError(f"it unpacks to more than {BUDGET / 2**30:.1f} GiB, and images are read whole")
    return stored.reshape(shape, order="F").astype(meant)


def _fields(parts: list[tuple[int, bytes]], order: str) -> dict[str, Value]:
    """The fields of a structure: the room for each name, all names, and a matrix for each."""
    (_, room), (_, names), *matrices = parts
    (length,) = struct.unpack(f"{order}i", room)
    if length <= 0 or len(names) != length * len(matrices):
        raise ValueError("it has a structure whose fields have no names")
    fields = {}
    for number, (_, matrix) in enumerate(matrices):
        name = names[number * length : (number + 1) * length].split(b"\0")[0]
        fields[name.decode("latin-1")] = _matrix(matrix, order)[1]
    return fields
