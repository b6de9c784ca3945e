"""From decoded pixels to an image of one or three channels, or to one number a pixel of a mask."""

from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from utome.data.formats.quirks import Notice, Quirk, unnoticed
from utome.data.formats.stored import Labels, Pixels, Plane
from utome.errors import DataError

# Values of coloured masks are red, green and blue in one number, above all that grey masks hold.
COLOURED = 2**24
# Whole numbers up to here are exact in every real type that can reach them.
LARGEST_REAL = 2.0**53
FILL = "Or say what they shall be: --set data.fill=0."


def image_channels(
    pixels: np.ndarray, plane: Plane, path: Path, *, fill: float | None = None, notice: Notice = unnoticed
) -> Pixels:
    """One channel where the image is grey, else three; depth is kept, truth values become 0 and 1.

    NaN and infinity become `fill`. `DataError` for them where there is none, for a transparency that varies, and for other
    numbers of channels.
    """
    pixels = numbers(pixels, path, fill=fill, notice=notice)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    pixels = _without_transparency(pixels, plane, path, notice)
    if pixels.shape[2] == 3 and (pixels == pixels[:, :, :1]).all():
        pixels = pixels[:, :, :1]
        notice(Quirk.EQUAL)
    return grey_or_colour(pixels, path)


def numbers(pixels: np.ndarray, path: Path, *, fill: float | None = None, notice: Notice = unnoticed) -> np.ndarray:
    """Finite numbers in this machine's byte order: truth values become 0 and 1, NaN and infinity become `fill`.

    `DataError` for them where there is none.
    """
    if fill is not None and pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        pixels = np.where(np.isfinite(pixels), pixels, pixels.dtype.type(fill))
        notice(Quirk.FILLED)
    return _numbers(pixels, path, mend=f" {FILL}")


def mask_values(pixels: np.ndarray, plane: Plane, path: Path) -> Labels:
    """One whole number a pixel; where channels differ, `COLOURED` and above it red, green and blue, 8 bits each.

    `DataError` for NaN, infinity, fractions, a transparency that varies, and other numbers of channels.
    """
    pixels = _whole(_numbers(pixels, path), path)
    if pixels.ndim == 2:
        return pixels
    pixels = grey_or_colour(_without_transparency(pixels, plane, path, unnoticed), path)
    if (pixels == pixels[:, :, :1]).all():
        return pixels[:, :, 0]
    red, green, blue = np.moveaxis(_eight_bits(pixels, path).astype(np.int32), -1, 0)
    return COLOURED + (red << 16 | green << 8 | blue)


def map_values(pixels: np.ndarray, plane: Plane, path: Path) -> Shaped[np.ndarray, "h w"]:
    """As `mask_values`, but real numbers are kept as they are, fractions too; they have one channel, or equal ones."""
    if pixels.dtype.kind != "f":
        return mask_values(pixels, plane, path)
    pixels = _numbers(pixels, path)
    if pixels.ndim == 2:
        return pixels
    pixels = grey_or_colour(_without_transparency(pixels, plane, path, unnoticed), path)
    if (pixels != pixels[:, :, :1]).any():
        raise DataError(
            f"'{path}' holds real numbers in 3 channels; accepted: one number a pixel. Save the one that is meant."
        )
    return pixels[:, :, 0]


def _numbers(pixels: np.ndarray, path: Path, *, mend: str = "") -> np.ndarray:
    """In this machine's byte order; `DataError` for what is no finite number."""
    if pixels.dtype.kind == "b":
        return pixels.astype(np.uint8)
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise DataError(
            f"'{path}' holds values that are no numbers (NaN or infinity). Replace them and try again.{mend}"
        )
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def _whole(pixels: np.ndarray, path: Path) -> np.ndarray:
    """Real numbers as int64, and so too uint64, which does not mix with signed types."""
    if pixels.dtype.kind == "f":
        pixels = pixels.astype(np.float64)
        if (np.trunc(pixels) != pixels).any():
            raise DataError(f"The mask '{path}' holds fractions; accepted: whole numbers, one for each class.")
        largest: float = LARGEST_REAL
    elif pixels.dtype == np.uint64:
        largest = float(2**63 - 1024)  # the last real number that int64 can hold
    else:
        return pixels
    if (np.abs(pixels) > largest).any():
        raise DataError(f"The mask '{path}' holds the value {pixels.max():g}; accepted: whole numbers below 2^53.")
    return pixels.astype(np.int64)


def _without_transparency(pixels: Pixels, plane: Plane, path: Path, notice: Notice) -> Pixels:
    """Two or four channels less the last, if that says nothing."""
    if pixels.shape[2] not in {2, 4}:
        return pixels
    last = pixels[:, :, -1]
    if (last == last[0, 0]).all():
        notice(Quirk.OPAQUE)
        return pixels[:, :, :-1]
    refuse_transparency(plane, path)
    return pixels


def refuse_transparency(plane: Plane, path: Path) -> None:
    """`DataError` where the last channel, which varies, is a transparency."""
    if plane.transparency:
        raise DataError(
            f"'{path}' has a transparency that varies; accepted: none, or the same everywhere. Save it without."
        )


def grey_or_colour(pixels: Pixels, path: Path) -> Pixels:
    """The same pixels; `DataError` where they have neither one channel nor three."""
    if pixels.shape[2] not in {1, 3}:
        raise DataError(
            f"'{path}' has {pixels.shape[2]} channels; accepted: grey or red, green and blue. Save the channels to use as one such image."
        )
    return pixels


def _eight_bits(pixels: Pixels, path: Path) -> Pixels:
    """Colours of 16 bits whose two bytes are the same are colours of 8 bits, as PNG and TIFF widen them."""
    if pixels.min() >= 0 and pixels.max() <= 255:
        return pixels
    if pixels.dtype == np.uint16 and not (pixels % 257).any():
        return pixels // 257
    raise DataError(
        f"The mask '{path}' is coloured, with values of {pixels.min()} to {pixels.max()}; accepted: colours of 8 bits a channel. "
        "Save it so, or save class numbers instead."
    )
