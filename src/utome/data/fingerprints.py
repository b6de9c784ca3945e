"""Near copies: images that are the same to the eye, though not to the byte."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float32, UInt8
from scipy.fft import dctn

from utome.data.formats import Pixels

# The image is thinned to this side, and the lowest frequencies but the mean are kept, this many a side.
SIDE, FREQUENCIES = 32, 16
BITS = FREQUENCIES**2 - 1
# Two prints of unrelated images agree in about half of their bits; a copy at another size or quality in nearly all.
NEAR = 16
Fingerprint = UInt8[np.ndarray, "b"]


def fingerprint(pixels: Pixels) -> bytes:
    """Whether each low frequency of the image lies above their median: a perceptual hash (Zauner 2010, section 3.2.1).

    It hardly changes with size, compression, brightness and contrast.
    """
    small = _thumbnail(pixels.mean(axis=2, dtype=np.float32))
    low = dctn(small, norm="ortho")[:FREQUENCIES, :FREQUENCIES].ravel()[1:]
    return np.packbits(low > np.median(low)).tobytes()


def near_copies(prints: Sequence[bytes]) -> list[tuple[int, int]]:
    """The pairs of numbers whose prints differ in at most `NEAR` bits."""
    if not prints:
        return []
    bits = _bits(prints)
    found = []
    for number, own in enumerate(bits):
        differing = np.count_nonzero(bits[number + 1 :] != own, axis=1)
        found += [(number, number + 1 + int(other)) for other in np.flatnonzero(differing <= NEAR)]
    return found


def near_any(prints: Sequence[bytes], others: Sequence[bytes]) -> list[int]:
    """The numbers of the prints that differ in at most `NEAR` bits from one of `others`."""
    if not prints or not others:
        return []
    known = _bits(others)
    return [number for number, own in enumerate(_bits(prints)) if np.count_nonzero(known != own, axis=1).min() <= NEAR]


def _bits(prints: Sequence[bytes]) -> Bool[np.ndarray, "n b"]:
    joined = np.frombuffer(b"".join(prints), dtype=np.uint8).reshape(len(prints), -1)
    return np.unpackbits(joined, axis=1).astype(bool)


def _thumbnail(grey: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "s s"]:
    """Means over a grid of equal cells; a side shorter than the grid is repeated first."""
    for axis in (0, 1):
        grey = np.repeat(grey, -(-SIDE // grey.shape[axis]), axis=axis)
    rows, columns = (np.linspace(0, side, SIDE + 1).astype(int)[:-1] for side in grey.shape)
    sums = np.add.reduceat(np.add.reduceat(grey, rows, axis=0), columns, axis=1)
    areas = np.outer(np.diff([*rows, grey.shape[0]]), np.diff([*columns, grey.shape[1]]))
    return (sums / areas).astype(np.float32)
