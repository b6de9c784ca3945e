"""Large maps as files: tiled TIFF and OME-Zarr, written tile by tile from whatever gives windows."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
import tifffile
from jaxtyping import Shaped

from utome.data.formats import PixelSize
from utome.errors import ConfigError
from utome.files import writing
from utome.tiling import Window

# The side of a tile or chunk in pixels.
TILE: Final = 512
# Places in a TIFF that is no BigTIFF have 32 bits; tiles that cannot be packed grow a little.
MOST_OF_CLASSIC: Final = 2**32 - 2**27
Planes = Shaped[np.ndarray, "p h w"]


@runtime_checkable
class Source(Protocol):
    """Planes of which windows can be read."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Planes, height and width."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the numbers."""

    def read(self, window: Window) -> Planes:
        """The planes of a window."""


@dataclass(frozen=True)
class Derived:
    """Planes that are made of another map's when they are asked for."""

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    read: Callable[[Window], Planes]


def write_tiff(path: Path, source: Source, pixel_size: PixelSize | None) -> None:
    """A TIFF of tiles, a page a plane; BigTIFF where it might be too large for another. Flushed to the disk."""
    planes, height, width = source.shape
    options: dict[str, Any] = {}
    if pixel_size is not None:
        per_cm = tuple(10_000 / side for side in (pixel_size.x_um, pixel_size.y_um))
        options = {"resolution": per_cm, "resolutionunit": "CENTIMETER"}
    size = planes * height * width * source.dtype.itemsize
    with writing(path, None), path.open("wb") as file:
        with tifffile.TiffWriter(file, bigtiff=size > MOST_OF_CLASSIC) as tiff:
            for plane in range(planes):
                tiff.write(
                    _tiles(source, plane),
                    shape=(height, width),
                    dtype=source.dtype,
                    tile=(TILE, TILE),
                    photometric="minisblack",
                    compression="zlib",
                    metadata=None,
                    **options,
                )
        file.flush()
        os.fsync(file.fileno())


def write_zarr(path: Path, source: Source, pixel_size: PixelSize | None) -> None:
    """An OME-Zarr 0.5 of one resolution with the axes y and x; of the first plane."""
    zarr = _zarr()
    _, height, width = source.shape
    unit = {} if pixel_size is None else {"unit": "micrometer"}
    scale = [1.0, 1.0] if pixel_size is None else [pixel_size.y_um, pixel_size.x_um]
    multiscale = {
        "axes": [{"name": axis, "type": "space", **unit} for axis in "yx"],
        "datasets": [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}],
    }
    with writing(path):
        group = zarr.open_group(str(path), mode="w", zarr_format=3)
        array = group.create_array("0", shape=(height, width), dtype=source.dtype, chunks=(TILE, TILE))
        for window in _grid(height, width):
            array[window.place] = source.read(window)[0]
        group.attrs.update({"ome": {"version": "0.5", "multiscales": [multiscale]}})


def refuse_no_zarr() -> None:
    """`ConfigError` where the optional package is not installed."""
    _zarr()


def _zarr() -> Any:
    try:
        import zarr
    except ImportError:
        raise ConfigError(
            "--format zarr needs the package zarr. Run `pip install 'utome[zarr]'`, or leave it out."
        ) from None
    return zarr


def _tiles(source: Source, plane: int) -> Iterator[np.ndarray]:
    """All tiles of a page in the order in which they lie in the file; what lies beyond the image is 0."""
    for window in _grid(*source.shape[1:]):
        tile = np.zeros((TILE, TILE), dtype=source.dtype)
        tile[: window.height, : window.width] = source.read(window)[plane]
        yield tile


def _grid(height: int, width: int) -> Iterator[Window]:
    for top, left in product(range(0, height, TILE), range(0, width, TILE)):
        yield Window(top, left, min(TILE, height - top), min(TILE, width - left))
