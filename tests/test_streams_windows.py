"""Windows of images on the disk are what reading them whole gives, and so is their normalisation."""

import json
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import noise, save
from tests.test_formats_zarr import zarr_image
from utome.data.formats import (
    HeldWindows,
    open_windows,
    pixel_size,
    read_image,
    stored,
    tiff_segments,
    windows,
)
from utome.data.preparation import Moments, Preparation
from utome.data.scaling import scale_of
from utome.errors import DataError
from utome.tiling import Window

HEIGHT, WIDTH = 70, 93
TILED = {"tile": (16, 32)}
PACKED = {"compression": "zlib"}
IN_WINDOWS: dict[str, dict[str, Any]] = {
    "one strip": {}, "strips": {"rowsperstrip": 7}, "tiles": TILED, "packed strips": {"rowsperstrip": 7, **PACKED},
    "packed tiles": {**TILED, **PACKED}, "predicted": {**TILED, **PACKED, "predictor": 2}, "big": {**TILED, "bigtiff": True},
    "big-endian": {"byteorder": ">"}, "big-endian tiles": {"byteorder": ">", **TILED, **PACKED},
    "white is zero": {"photometric": "miniswhite", **TILED},
}  # fmt: skip
COLOURED: dict[str, dict[str, Any]] = {
    "together": {"photometric": "rgb", **TILED}, "separate": {"photometric": "rgb", "planarconfig": "separate"},
    "separate tiles": {"photometric": "rgb", "planarconfig": "separate", **TILED, **PACKED},
    "separate strips": {"photometric": "rgb", "planarconfig": "separate", "rowsperstrip": 9, **PACKED},
}  # fmt: skip
places = st.tuples(st.integers(0, HEIGHT - 1), st.integers(0, WIDTH - 1), st.integers(1, HEIGHT), st.integers(1, WIDTH))


def same(path: Path, **options: Any) -> None:
    """Windows of a file, at its corners, across it and of one pixel, are those of the whole; and it is not decoded whole."""
    whole = read_image(path, **options)
    height, width = whole.shape[:2]
    with open_windows(path, **options) as image, pytest.MonkeyPatch.context() as patch:
        assert not isinstance(image, HeldWindows)
        patch.setattr(tifffile.TiffPage, "asarray", None)
        assert (image.shape, image.dtype) == (whole.shape, whole.dtype)
        for window in (
            Window(0, 0, height, width), Window(0, 0, 1, 1), Window(height - 1, width - 1, 1, 1), Window(5, 3, 40, 50),
            Window(15, 31, 2, 2), Window(16, 32, 16, 32), Window(20, 0, 1, width), Window(0, 40, height, 1),
        ):  # fmt: skip
            found = image.read(window)
            assert found.dtype == whole.dtype
            assert (found == whole[window.place]).all(), window


@pytest.mark.parametrize(
    ("kind", "dtype"),
    # The predictor of the kind "predicted" is one of whole numbers.
    [pair for pair in product(IN_WINDOWS, (np.uint8, np.uint16, np.float32)) if pair != ("predicted", np.float32)],
)
def test_grey_tiff(tmp_path: Path, kind: str, dtype: Any) -> None:
    pixels = noise(HEIGHT, WIDTH, dtype=np.uint16).astype(dtype)
    if dtype == np.float32 and kind == "white is zero":
        pixels -= 30000
    same(save(tmp_path / "a.tif", pixels, **IN_WINDOWS[kind]))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("kind", COLOURED)
def test_coloured_tiff(tmp_path: Path, kind: str, dtype: Any) -> None:
    pixels = noise(HEIGHT, WIDTH, 3, dtype=dtype)
    if "separate" in kind:
        pixels = np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
    same(save(tmp_path / "a.tif", pixels, **COLOURED[kind]))


@pytest.mark.parametrize("options", [{}, TILED, PACKED], ids=str)
def test_a_page_of_a_stack(tmp_path: Path, options: dict[str, Any]) -> None:
    same(save(tmp_path / "a.tif", noise(3, HEIGHT, WIDTH), photometric="minisblack", **options), page=1)


def test_a_page_of_a_stack_of_imagej(tmp_path: Path) -> None:
    same(
        save(tmp_path / "a.tif", noise(5, HEIGHT, WIDTH, dtype=np.uint16), imagej=True, metadata={"axes": "ZYX"}),
        page=3,
    )


def test_channels_of_a_page_each(tmp_path: Path) -> None:
    pixels = noise(3, HEIGHT, WIDTH)
    same(save(tmp_path / "a.ome.tif", pixels, photometric="minisblack", metadata={"axes": "CYX"}, **TILED))


def test_palettes_truth_values_and_numpy_arrays(tmp_path: Path) -> None:
    colours = noise(3, 256, dtype=np.uint16)
    same(save(tmp_path / "a.tif", noise(HEIGHT, WIDTH), photometric="palette", colormap=colours, **TILED))
    same(save(tmp_path / "b.tif", noise(HEIGHT, WIDTH) > 100, **TILED))
    np.save(tmp_path / "c.npy", noise(3, HEIGHT, WIDTH))
    same(tmp_path / "c.npy")


@pytest.mark.skipif(find_spec("zarr") is None, reason="the extra `zarr` is not installed")
@pytest.mark.parametrize(
    ("axes", "shape", "page"), [("yx", (70, 93), None), ("cyx", (3, 70, 93), None), ("tczyx", (2, 3, 2, 70, 93), 3)]
)
def test_ome_zarr(tmp_path: Path, axes: str, shape: tuple[int, ...], page: int | None) -> None:
    same(zarr_image(tmp_path / "a.zarr", noise(*shape, dtype=np.uint16), axes), page=page)


@pytest.mark.parametrize("extra", [2, 4])
def test_what_says_nothing_is_dropped_and_what_says_something_is_refused(tmp_path: Path, extra: int) -> None:
    pixels = noise(HEIGHT, WIDTH, extra)
    pixels[:, :, -1] = 200
    options = {
        "photometric": "minisblack" if extra == 2 else "rgb",
        "planarconfig": "contig",
        "extrasamples": ["unassalpha"],
    }
    same(save(tmp_path / "a.tif", pixels, **options, **TILED))
    pixels[:, :, :-1] = pixels[:, :, :1]
    same(save(tmp_path / "b.tif", pixels, **options, **TILED))
    pixels[-1, -1, -1] = 199
    path = save(tmp_path / "c.tif", pixels, **options, **TILED)
    for reading in (lambda: read_image(path), lambda: open_windows(path).__enter__()):
        with pytest.raises(DataError, match="has a transparency that varies"):
            reading()


def test_values_that_are_no_numbers_are_filled_or_refused(tmp_path: Path) -> None:
    pixels = noise(HEIGHT, WIDTH).astype(np.float32)
    pixels[60, 80] = np.nan
    path = save(tmp_path / "a.tif", pixels, **TILED)
    same(path, fill=7.0)
    with open_windows(path) as image:
        image.read(Window(0, 0, 30, 40))
        with pytest.raises(DataError, match=r"holds values that are no numbers"):
            image.read(Window(50, 60, 20, 30))


def test_an_image_larger_than_may_be_decoded_is_read_by_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "a.tif", noise(HEIGHT, WIDTH), **TILED, **PACKED)
    packed = save(tmp_path / "b.tif", noise(HEIGHT, WIDTH), **PACKED)
    expected = read_image(path)
    monkeypatch.setattr(stored, "BUDGET", 1000)
    monkeypatch.setattr(tiff_segments, "LARGEST", 1000)
    with open_windows(path) as image:
        assert (image.read(Window(3, 4, 50, 60)) == expected[3:53, 4:64]).all()
    with pytest.raises(DataError, match=r"GiB when decoded"), open_windows(packed):
        pass


def test_an_empty_tile_stands_for_no_data(tmp_path: Path) -> None:
    def tiles() -> Any:
        for number in range(15):
            yield None if number == 4 else noise(16, 32, seed=number)

    tifffile.imwrite(
        tmp_path / "a.tif", tiles(), shape=(HEIGHT, WIDTH), dtype=np.uint8, tile=(16, 32), compression="zlib"
    )
    same(tmp_path / "a.tif")


def test_pictures_are_held_whole_and_turned(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", noise(HEIGHT, WIDTH))
    with open_windows(path, upright=True) as image:
        assert isinstance(image, HeldWindows)
        assert (image.read(Window(1, 2, 3, 4)) == read_image(path)[1:4, 2:6]).all()


def test_what_is_done_with_windows_fails_in_its_own_words(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", noise(HEIGHT, WIDTH))
    with pytest.raises(ZeroDivisionError), open_windows(path):
        raise ZeroDivisionError


@given(
    place=places, dtype=st.sampled_from([np.uint8, np.uint16, np.int16, np.float32, np.int32]), seed=st.integers(0, 99)
)
def test_bands_give_the_scale_of_the_whole(place: tuple[int, int, int, int], dtype: Any, seed: int) -> None:
    top, left, height, width = place
    pixels = noise(HEIGHT, WIDTH, 1, seed=seed, dtype=np.uint16)[top : top + height, left : left + width].astype(dtype)
    if dtype in {np.float32, np.int32}:
        pixels = (pixels - dtype(30000)) / dtype(7) if dtype == np.float32 else pixels - dtype(30000)
    moments = Moments((1.0,), (2.0,))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "BAND", 500)
        for normalization in ("image", "percentile", "dataset", "range", "none"):
            preparation = Preparation(1, normalization, moments=moments, percentiles=(0.5, 97.3))
            scale = scale_of(preparation, HeldWindows(pixels))
            found = preparation.planes(pixels, scale, source="a")
            expected = preparation.image(pixels, source="a")
            if normalization == "image" and dtype in {np.float32, np.int32}:
                assert found == pytest.approx(expected, abs=1e-5)
            else:
                assert (found == expected).all(), normalization


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, None),
        ({"resolution": (20000, 40000), "resolutionunit": "CENTIMETER"}, (0.25, 0.5)),
        ({"resolution": (300, 300), "resolutionunit": "INCH"}, None),
        ({"resolution": (50800, 50800), "resolutionunit": "INCH"}, (0.5, 0.5)),
        ({"imagej": True, "resolution": (4, 2), "metadata": {"unit": "um"}}, (0.5, 0.25)),
        ({"imagej": True, "resolution": (4, 2), "metadata": {"unit": "pixel"}}, None),
        ({"ome": True, "metadata": {"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 700, "PhysicalSizeYUnit": "nm"}}, (0.7, 0.5)),
    ],
)  # fmt: skip
def test_the_size_of_a_pixel(tmp_path: Path, options: dict[str, Any], expected: tuple[float, float] | None) -> None:
    path = save(tmp_path / "a.tif", noise(HEIGHT, WIDTH), **options)
    found = pixel_size(path)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert (found.y_um, found.x_um) == pytest.approx(expected)


def scaled(*numbers: Any) -> list[dict[str, Any]]:
    return [{"type": "scale", "scale": list(numbers)}]


@pytest.mark.parametrize(
    ("own", "of_all", "expected"),
    [
        (scaled(1, 0.25, 0.5), None, (0.25, 0.5)),
        (scaled(1, 1.0, 1.0), scaled(2, 0.5, 0.25), (0.5, 0.25)),
        (scaled(1, 2, 2), scaled(1, 0.5, 0.25), (1.0, 0.5)),
        (None, scaled(1, 0.5, 0.5), None),
        (scaled(1, "wide", 0.5), None, None),
        (scaled(1, None, 0.5), None, None),
        (scaled(0.5, 0.5), None, None),
    ],
)
def test_the_size_of_a_pixel_of_an_ome_zarr(
    tmp_path: Path, own: Any, of_all: Any, expected: tuple[float, float] | None
) -> None:
    level = {"path": "0"} | ({} if own is None else {"coordinateTransformations": own})
    axes = [{"name": "c"}, *({"name": name, "unit": "micrometer"} for name in "yx")]
    multiscale = {"axes": axes, "datasets": [level]} | ({} if of_all is None else {"coordinateTransformations": of_all})
    document = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": {"multiscales": [multiscale]}}}
    path = tmp_path / "a.zarr"
    path.mkdir()
    (path / "zarr.json").write_text(json.dumps(document))
    found = pixel_size(path)
    assert (None if found is None else (found.y_um, found.x_um)) == expected
