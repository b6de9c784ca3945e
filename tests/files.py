"""Bytes of image files that the libraries do not write: headers that lie, deep PNGs, animations, EXIF."""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
import tifffile
from PIL import ExifTags, Image


def png(
    height: int, width: int, *, depth: int = 8, colour_type: int = 0, rows: bytes = b"", extra: bytes = b""
) -> bytes:
    """A PNG of these sides; each of `rows` begins with a byte for its filter, and `extra` are chunks before the pixels."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def chunk(kind: bytes, content: bytes) -> bytes:
    """A part of a PNG, with its length and checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def deep_png(pixels: np.ndarray) -> bytes:
    """A PNG of 16 bits a channel, (h, w, c) with 2, 3 or 4 channels."""
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return png(height, width, depth=16, colour_type={2: 4, 3: 2, 4: 6}[channels], rows=rows)


def picture(image: Image.Image, kind: str, *, orientation: int = 1) -> bytes:
    """An image as Pillow writes it, with the EXIF of a camera where it was not held upright."""
    buffer = io.BytesIO()
    if orientation == 1:
        image.save(buffer, format=kind)
    else:
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        image.save(buffer, format=kind, exif=exif)
    return buffer.getvalue()


def animation(frames: np.ndarray, kind: str) -> bytes:
    """Frames (n, h, w) as an animated GIF or PNG."""
    first, *others = map(Image.fromarray, frames)
    buffer = io.BytesIO()
    first.save(buffer, format=kind, save_all=True, append_images=others)
    return buffer.getvalue()


def tiff(pixels: np.ndarray, **options: Any) -> bytes:
    """A TIFF, as tifffile writes it with these options."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


def npy(array: np.ndarray, *, pickled: bool = False) -> bytes:
    """A `.npy` file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=pickled)
    return buffer.getvalue()


def mat(*, compressed: bool = True, **variables: object) -> bytes:
    """A `.mat` file of version 5."""
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, variables, do_compression=compressed)
    return buffer.getvalue()


def written(path: Path, content: bytes) -> Path:
    """The file, with this content."""
    path.write_bytes(content)
    return path


def read_without(package: str, path: Path) -> str:
    """What an image is, or the sentence that refuses it, in a process that cannot import the package."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", READ_WITHOUT, package, str(path)],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    assert not done.stderr
    return done.stdout.strip()


READ_WITHOUT = """
import sys
sys.modules[sys.argv[1]] = None
from pathlib import Path
from utome.data.formats import read_image
from utome.errors import DataError
try:
    pixels = read_image(Path(sys.argv[2]))
    print(pixels.dtype, pixels.sum())
except DataError as error:
    print(error)
"""
