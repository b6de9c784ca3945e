"""OME-Zarr, a folder of chunks: the full resolution of its first image, by the optional package zarr.

Its own documents are read here and not through zarr, so that no array is opened whose chunks would be unpacked by other
codecs than those below: one of numcodecs unpickles.
"""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from utome.data.formats.stored import BUDGET, MOST_CHANNELS, Plane, StoredImage
from utome.errors import DataError
from utome.tiling import Window

CODECS = frozenset({
    "blosc", "bytes", "bz2", "crc32c", "delta", "gzip", "lz4", "lzma", "sharding_indexed", "shuffle", "transpose", "zlib", "zstd",
})  # fmt: skip
# Keys of the documents under which codecs stand, whole or in lists.
CODEC_KEYS = ("codecs", "index_codecs", "filters", "compressor")
# Before version 0.3 axes had no names.
OLD_AXES = "tczyx"


@contextmanager
def open_zarr(path: Path) -> Iterator[StoredImage]:
    """An OME-Zarr folder; no chunk is read."""
    try:
        import zarr
    except ImportError:
        raise DataError(
            f"'{path}' is an OME-Zarr, which needs the package zarr. Run `pip install 'utome[zarr]'`, or save it as TIFF."
        ) from None
    place, axes = _full_resolution(path)
    _refuse_strange_codecs(place, path)
    array = zarr.open_array(str(place), mode="r")
    if len(axes) != array.ndim or len(set(axes)) != len(axes) or not {"y", "x"} <= set(axes):
        raise DataError(
            f"'{path}' is an array of shape {array.shape} with the axes {axes!r}; accepted: one letter an axis, among them y and x."
        )
    if math.prod(array.shards or array.chunks) * array.dtype.itemsize > BUDGET:
        raise DataError(f"'{path}' has chunks of more than {BUDGET / 2**30:.1f} GiB. Save it with smaller ones.")
    yield ZarrStack(array, axes)


class ZarrStack(StoredImage):
    """An array with named axes; pages are what is left without rows, columns and channels."""

    def __init__(self, array: Any, axes: str) -> None:
        self._array = array
        self._axes = axes
        sizes = dict(zip(axes, array.shape, strict=True))
        inner = "yxc" if 1 <= sizes.get("c", 0) <= MOST_CHANNELS else "yx"
        self._inner = inner
        self._outer = {axis: count for axis, count in sizes.items() if axis not in inner}
        self._plane = Plane(sizes["y"], sizes["x"], sizes["c"] if "c" in inner else 1, np.dtype(array.dtype))
        self.pages = math.prod(self._outer.values())

    def plane(self, page: int) -> Plane:
        """The size and channels of all pages."""
        return self._plane

    def colours(self, page: int) -> np.ndarray:
        """The pixels of a page; only its chunks are read."""
        return self.window(page, Window(0, 0, self._plane.height, self._plane.width))

    def has_windows(self, page: int) -> bool:
        """Always: it is made of chunks."""
        del page
        return True

    def window(self, page: int, window: Window) -> np.ndarray:
        """The pixels of a window; only its chunks are read."""
        places: dict[str, int | slice] = dict(
            zip(self._outer, map(int, np.unravel_index(page, tuple(self._outer.values()))), strict=True)
        )
        inner = dict(zip("yx", window.place, strict=True))
        chosen = self._array[tuple({**places, **inner}.get(axis, slice(None)) for axis in self._axes)]
        kept = [axis for axis in self._axes if axis not in places]
        return np.ascontiguousarray(np.transpose(chosen, [kept.index(axis) for axis in self._inner]))


def _full_resolution(path: Path) -> tuple[Path, str]:
    """The folder of the array, and a letter for each of its axes."""
    content = attributes(path)
    multiscales = content.get("ome", content).get("multiscales")
    if not multiscales:
        raise DataError(
            f"'{path}' is a Zarr without `multiscales`, so it is no OME-Zarr image. Give the folder of an image inside it."
        )
    name = multiscales[0]["datasets"][0]["path"]
    place = path / name
    if path.resolve() not in place.resolve().parents:
        raise DataError(f"'{path}' names an array outside of itself ('{name}'). Copy it again.")
    axes = multiscales[0].get("axes", OLD_AXES)
    return place, "".join(axis if isinstance(axis, str) else axis["name"] for axis in axes).lower()


def attributes(path: Path) -> dict[str, Any]:
    """What a Zarr group says of itself."""
    if (path / "zarr.json").is_file():
        found: dict[str, Any] = _document(path / "zarr.json").get("attributes", {})
        return found
    return _document(path / ".zattrs")


def _document(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _refuse_strange_codecs(place: Path, path: Path) -> None:
    documents = [place / name for name in ("zarr.json", ".zarray") if (place / name).is_file()]
    if not documents:
        raise DataError(
            f"'{path}' names an array '{place.relative_to(path).as_posix()}' that is not there. Copy it again."
        )
    found = {name for document in documents for name in _codecs(_document(document))}
    strange = sorted(found - CODECS)
    if strange:
        raise DataError(
            f"'{path}' is packed by {', '.join(map(repr, strange))}; accepted: {', '.join(sorted(CODECS))}. Save it again so."
        )


def _codecs(document: Any) -> Iterator[str]:
    """The names of all codecs in a document of an array, those inside of shards too."""
    for key in CODEC_KEYS:
        listed = document.get(key) or []
        for codec in [listed] if isinstance(listed, dict) else listed:
            yield str(codec.get("name", codec.get("id")))
            yield from _codecs(codec.get("configuration", {}))
