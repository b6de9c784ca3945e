"""Reading one image or mask file, whatever its format; a decoder's own exceptions never reach the user.

Pillow reads PNG and JPEG; tifffile reads TIFF of any type, and Pillow the compressed TIFF that tifffile cannot.
"""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from jaxtyping import Integer, Shaped
from PIL import Image

from utome.errors import DataError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff"})
LOSSY = frozenset({".jpg", ".jpeg"})
Pixels = Shaped[np.ndarray, "h w c"]
Labels = Integer[np.ndarray, "h w"]


def is_image_file(path: Path) -> bool:
    """Whether the name is that of an image we read: a known ending, and not a hidden file."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def read_image(path: Path, *, page: int | None = None) -> Pixels:
    """The pixels of an image, height by width by channels, one channel when it is grey and three when it is colour.

    Depth is kept as the file has it. A transparency that is the same everywhere is dropped, and a grey image stored
    as three equal channels becomes one. `DataError` where the file cannot be read or has other channels.
    """
    pixels = _decoded(path, palette_as_colours=True)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    pixels = _without_transparency(pixels, path)
    if pixels.shape[2] == 3 and (pixels == pixels[:, :, :1]).all():
        pixels = pixels[:, :, :1]
    if pixels.shape[2] not in {1, 3}:
        raise DataError(
            f"'{path}' has {pixels.shape[2]} channels; accepted: grey or red, green and blue. Save the channels to use as one such image."
        )
    return _finite(pixels, path)


def read_mask(path: Path, *, page: int | None = None) -> Labels:
    """The values of a mask, height by width, as integers; a palette is read as its indices.

    `DataError` where the file cannot be read, is coloured, or holds fractions.
    """
    pixels = _decoded(path, palette_as_colours=False)
    if pixels.ndim == 3:
        pixels = _without_transparency(pixels, path)
        if (pixels != pixels[:, :, :1]).any():
            raise DataError(
                f"The mask '{path}' is coloured; accepted: one value a pixel (grey, palette or 1-bit). Save the class numbers instead."
            )
        pixels = pixels[:, :, 0]
    if pixels.dtype.kind == "f":
        whole = _finite(pixels, path).astype(np.int64)
        if (whole != pixels).any():
            raise DataError(f"The mask '{path}' holds fractions; accepted: whole numbers, one for each class.")
        return whole
    return pixels.astype(np.uint8) if pixels.dtype == np.bool_ else pixels


def _decoded(path: Path, *, palette_as_colours: bool) -> np.ndarray:
    if path.suffix.lower() in {".tif", ".tiff"}:
        return _guarded(path, lambda: _read_tiff(path, palette_as_colours=palette_as_colours))
    return _guarded(path, lambda: _read_pillow(path, palette_as_colours=palette_as_colours))


def _guarded(path: Path, read: Callable[[], np.ndarray]) -> np.ndarray:
    """Run a decoder; whatever it raises becomes one sentence that names the file."""
    try:
        pixels = read()
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"'{path}' is not there. Check the name.") from None
    except MemoryError:
        raise DataError(f"'{path}' is too large to be read whole. Cut it into smaller images.") from None
    except (
        OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError, TypeError, OverflowError,
        struct.error, zlib.error, tifffile.TiffFileError, Image.DecompressionBombError,
    ) as error:  # fmt: skip
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"'{path}' cannot be read as an image ({reason}). Open it in a viewer; if it is damaged, copy it again or take it out."
        ) from error
    if pixels.ndim not in {2, 3} or 0 in pixels.shape:
        raise DataError(
            f"'{path}' is an image of shape {pixels.shape}; accepted: one plane, height by width, with or without channels."
        )
    return pixels


def _read_pillow(path: Path, *, palette_as_colours: bool) -> np.ndarray:
    _refuse_deep_colour_png(path)
    with Image.open(path) as image:
        if image.mode == "P" and palette_as_colours:
            return np.asarray(image.convert("RGB"))
        if image.mode == "CMYK":
            return np.asarray(image.convert("RGB"))
        return np.asarray(image)


def _refuse_deep_colour_png(path: Path) -> None:
    """Pillow reads PNG of 16 bits a channel as 8 bits, unless it is plain grey."""
    with path.open("rb") as file:
        header = file.read(26)
    if header.startswith(b"\x89PNG") and len(header) == 26 and header[24] == 16 and header[25] != 0:
        raise DataError(f"'{path}' is a PNG of 16 bits a channel, which would lose its depth. Save it as TIFF.")


def _read_tiff(path: Path, *, palette_as_colours: bool) -> np.ndarray:
    with tifffile.TiffFile(path) as file:
        if len(file.pages) > 1:
            raise DataError(
                f"'{path}' holds {len(file.pages)} pages; accepted: one image a file. Save each page as its own file."
            )
        page = file.pages.first
        try:
            pixels = np.asarray(page.asarray())
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            pixels = _read_pillow(path, palette_as_colours=palette_as_colours)
            # Pillow has turned white-as-zero round already, but for 16 bits.
            if pixels.dtype == np.bool_ and _white_as_zero(page):
                pixels = ~pixels
            return pixels if pixels.dtype == np.uint8 else _black_as_zero(pixels, page)
        if palette_as_colours and page.colormap is not None:
            return np.moveaxis(page.colormap[:, pixels], 0, -1)
        if pixels.ndim == 3 and page.axes.startswith("S"):
            pixels = np.moveaxis(pixels, 0, -1)
        return _black_as_zero(pixels, page)


def _black_as_zero(pixels: np.ndarray, page: tifffile.TiffPage) -> np.ndarray:
    """Integers stored with white as zero (photometric MINISWHITE), turned round to what viewers show."""
    if not _white_as_zero(page) or pixels.dtype.kind not in "bui":
        return pixels
    # tifffile itself declares every array of truth values MINISWHITE, but stores it as it is: True means white.
    if pixels.dtype == np.bool_ and page.software.startswith("tifffile"):
        return pixels
    return 2**page.bitspersample - 1 - pixels if pixels.dtype.kind == "u" else ~pixels


def _white_as_zero(page: tifffile.TiffPage) -> bool:
    return page.photometric == tifffile.PHOTOMETRIC.MINISWHITE


def _without_transparency(pixels: Pixels, path: Path) -> Pixels:
    if pixels.shape[2] not in {2, 4}:
        return pixels
    alpha = pixels[:, :, -1]
    if (alpha != alpha[0, 0]).any():
        raise DataError(
            f"'{path}' has a transparency that varies; accepted: none, or the same everywhere. Save it without."
        )
    return pixels[:, :, :-1]


def _finite(pixels: np.ndarray, path: Path) -> np.ndarray:
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise DataError(f"'{path}' holds values that are no numbers (NaN or infinity). Replace them and try again.")
    if pixels.dtype.kind not in "uifb":
        raise DataError(f"'{path}' holds pixels of type {pixels.dtype}; accepted: integers or real numbers.")
    return pixels.astype(np.uint8) if pixels.dtype == np.bool_ else pixels
