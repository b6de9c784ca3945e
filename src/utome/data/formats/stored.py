"""An opened file before its pixels are decoded: what its header says, so that memory is only taken for what fits."""

import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Integer, Shaped

from utome.errors import DataError
from utome.tiling import Window

Pixels = Shaped[np.ndarray, "h w c"]
Labels = Integer[np.ndarray, "h w"]
# Bytes of one decoded page. Whole images are held in memory, several at a time; a few kilobytes can unpack to far more.
BUDGET = 2 * 2**30
# An axis of channels that is longer is one of pages: no network here takes so many.
MOST_CHANNELS = 4
# Exceptions of decoders whose words are about the file; those of the others are about Python.
SPEAKING = (OSError, SyntaxError, EOFError, ValueError)
MOST_WORDS = 120
_OPENING = threading.RLock()


@dataclass(frozen=True)
class Plane:
    """What the header says of one page. With `transparency` the last channel is one."""

    height: int
    width: int
    channels: int
    dtype: np.dtype
    transparency: bool = False


class StoredImage(ABC):
    """An opened file with one or more pages; `orientation` is that of its EXIF, 1 where there is none.

    With a `palette` the numbers are its indices. `channels_first` says that the file has them before rows and columns.
    With `separate` the channels of a page lie one after another, each a plane, as the pages of a stack do.
    """

    pages: int
    orientation: int = 1
    palette: bool = False
    channels_first: bool = False
    separate: bool = False

    @abstractmethod
    def plane(self, page: int) -> Plane:
        """What the header says of a page."""

    @abstractmethod
    def colours(self, page: int) -> np.ndarray:
        """The pixels of a page, (h, w) or (h, w, c); a palette is looked up."""

    def numbers(self, page: int) -> np.ndarray:
        """The pixels of a page, (h, w) or (h, w, c), a palette as its indices."""
        return self.colours(page)

    def palette_colours(self, page: int) -> Shaped[np.ndarray, "n 3"]:
        """Red, green and blue of each index of a palette, 8 bits each; none where there is no palette."""
        del page
        return np.empty((0, 3), dtype=np.uint8)

    def has_windows(self, page: int) -> bool:
        """Whether a part of a page is read without decoding all of it; `window` is only asked for where this is true."""
        del page
        return False

    def window(self, page: int, window: Window) -> np.ndarray:
        """What `colours` has in a window that lies inside the page."""
        return self.colours(page)[window.place]


class Planes(StoredImage):
    """The separate channels of an image's only page, each a page of its own: a stack whose axis is called channels."""

    def __init__(self, stored: StoredImage) -> None:
        self._stored = stored
        self.pages = stored.plane(0).channels

    def plane(self, page: int) -> Plane:
        """The size of all planes."""
        del page
        whole = self._stored.plane(0)
        return Plane(whole.height, whole.width, 1, whole.dtype)

    def colours(self, page: int) -> np.ndarray:
        """The pixels of a plane."""
        return np.ascontiguousarray(self._stored.numbers(0)[:, :, page])


def affordable(plane: Plane, path: Path) -> None:
    """`DataError` where a page has no pixels, pixels that are no numbers, or too many to be decoded at once."""
    refuse_no_pixels(plane, path)
    size = plane.height * plane.width * plane.channels * plane.dtype.itemsize
    if size > BUDGET:
        channels = "1 channel" if plane.channels == 1 else f"{plane.channels} channels"
        raise DataError(
            f"'{path}' says that it is {plane.height}x{plane.width} with {channels} of {plane.dtype}, "
            f"{size / 2**30:.1f} GiB when decoded; accepted: at most {BUDGET / 2**30:.1f} GiB, since images are read whole. Cut it "
            "into smaller images, or take it out if that cannot be its size."
        )


def refuse_no_pixels(plane: Plane, path: Path) -> None:
    """`DataError` where a page has no pixels, or pixels that are no numbers."""
    if not (plane.height and plane.width and plane.channels):
        raise DataError(f"'{path}' has no pixels: it is {plane.height}x{plane.width}. Save it again, or take it out.")
    if plane.dtype.kind not in "uifb":
        raise DataError(f"'{path}' holds pixels of type {plane.dtype}; accepted: integers or real numbers.")


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Run a decoder; whatever it raises becomes one sentence that names the file."""
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"'{path}' is not there. Check the name.") from None
    except MemoryError:
        raise DataError(f"'{path}' is too large to be read whole. Cut it into smaller images.") from None
    # A decoder stumbles over damage in whatever way it happens to: KeyError, RuntimeError, ZeroDivisionError, ...
    except Exception as error:
        raise DataError(
            f"'{path}' cannot be read as an image ({_reason(error)}). Open it in a viewer; if it is damaged, copy it again or take it out."
        ) from error


@contextmanager
def without_warnings() -> Iterator[None]:
    """Keep warnings of a library, which are meant for programmers, from the user.

    One thread at a time, since Python's list of warnings is one for all: for headers and small files only.
    """
    with _OPENING, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _reason(error: Exception) -> str:
    reason = " ".join(str(error).split())
    if "not identified by this driver" in reason:  # Pillow's words for whatever a header lacks
        return "its header is damaged, or says a size of zero"
    if not reason or not isinstance(error, SPEAKING) or isinstance(error, UnicodeError):
        return "its content is damaged or incomplete"
    return reason if len(reason) <= MOST_WORDS else f"{reason[:MOST_WORDS]}..."
