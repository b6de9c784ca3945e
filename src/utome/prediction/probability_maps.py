"""Probabilities as TIFF: one page where there are two classes, that of the second, else a page a class.

So a model of membranes and what they enclose gives the stack that the ISBI 2012 challenge asks for: 1 is the inside.
"""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tifffile
from jaxtyping import Float32, Shaped

Depth = Literal["float32", "uint8"]
Probabilities = Float32[np.ndarray, "k h w"]
OPTIONS: Mapping[str, Any] = {"photometric": "minisblack", "compression": "zlib", "metadata": None}
# Places in a TIFF that is no BigTIFF have 32 bits.
MOST_OF_CLASSIC = 2**31
Pages = Shaped[np.ndarray, "p h w"]


def pages(probabilities: Probabilities, depth: Depth) -> Pages:
    """The probabilities that are written; for `uint8`, 255 is 1."""
    shown = probabilities[1:] if len(probabilities) == 2 else probabilities
    return shown if depth == "float32" else (shown * np.float32(255)).round().astype(np.uint8)


def count_of(classes: int) -> int:
    """How many pages there are for so many classes."""
    return 1 if classes == 2 else classes


def probability_tiff(probabilities: Probabilities, depth: Depth) -> bytes:
    """A page, or a page a class."""
    content = io.BytesIO()
    tifffile.imwrite(content, pages(probabilities, depth), **OPTIONS)
    return content.getvalue()


def write_stack(path: Path, of: Sequence[Path]) -> None:
    """The TIFFs of several images as one: all pages of the first, then those of the second. One page at a time is in memory."""
    with tifffile.TiffWriter(path, bigtiff=sum(each.stat().st_size for each in of) > MOST_OF_CLASSIC) as stack:
        for each in of:
            with tifffile.TiffFile(each) as file:
                for page in file.pages:
                    stack.write(page.asarray(), **OPTIONS)
