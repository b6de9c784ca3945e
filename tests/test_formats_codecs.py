"""PNG and TIFF that need the optional package imagecodecs: what it reads, and what is said where it is not installed."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.builders import noise
from tests.files import deep_png, read_without, written
from utome.data.formats import read_image, stored
from utome.errors import DataError

installed = pytest.mark.skipif(find_spec("imagecodecs") is None, reason="the extra `codecs` is not installed")
NEEDED = "which needs the package imagecodecs. Run `pip install 'utome[codecs]'`, or save it uncompressed."


@installed
@pytest.mark.parametrize("channels", [3, 4])
def test_a_colour_png_of_16_bits_keeps_them(tmp_path: Path, channels: int) -> None:
    pixels = noise(9, 7, channels, dtype=np.uint16)
    pixels[:, :, 3:] = 65535
    found = read_image(written(tmp_path / "a.png", deep_png(pixels)))
    assert found.dtype == np.uint16
    assert np.array_equal(found, pixels[:, :, :3])


@installed
def test_a_grey_png_of_16_bits_with_transparency_keeps_them(tmp_path: Path) -> None:
    pixels = noise(9, 7, 2, dtype=np.uint16)
    path = written(tmp_path / "a.png", deep_png(pixels))
    assert "has a transparency that varies" in refusal(path)
    pixels[:, :, 1] = 9
    assert np.array_equal(read_image(written(path, deep_png(pixels))), pixels[:, :, :1])


@installed
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_truncated_png_of_16_bits_is_refused(tmp_path: Path, share: float) -> None:
    content = deep_png(noise(64, 64, 3, dtype=np.uint16))
    assert "cannot be read as an image" in refusal(written(tmp_path / "a.png", content[: int(share * len(content))]))


@installed
def test_a_png_of_16_bits_that_is_too_large_is_refused_by_its_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "BUDGET", 9 * 7 * 6 - 1)
    path = written(tmp_path / "a.png", deep_png(noise(9, 7, 3, dtype=np.uint16)))
    assert "9x7 with 3 channels of uint16" in refusal(path)


@installed
@pytest.mark.parametrize("compression", ["lzw", "packbits", "zstd", "jpeg2000", "png"])
@pytest.mark.parametrize("tiled", [False, True])
def test_a_compressed_tiff_keeps_its_depth(tmp_path: Path, compression: str, tiled: bool) -> None:
    pixels = noise(40, 37, 3, dtype=np.uint16)
    options: dict[str, Any] = {"tile": (16, 16)} if tiled else {}
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", compression=compression, **options)
    assert np.array_equal(read_image(tmp_path / "a.tif"), pixels)


def test_without_it_a_tiff_that_pillow_reads_right_is_read(tmp_path: Path) -> None:
    pixels = noise(9, 7, dtype=np.uint16)
    Image.fromarray(pixels).save(tmp_path / "a.tif", compression="tiff_lzw")
    assert read_without("imagecodecs", tmp_path / "a.tif") == f"uint16 {pixels.sum()}"


@pytest.mark.parametrize(
    ("compression", "pixels"),
    [
        ("LZW", noise(9, 7, 3, dtype=np.uint16)), ("LZW", noise(9, 7, dtype=np.uint32)), ("ZSTD", noise(9, 7)),
        ("JPEG2000", noise(9, 7)), ("JPEG", noise(9, 7, dtype=np.uint16)),
    ],
)  # fmt: skip
def test_without_it_a_tiff_that_pillow_would_change_is_refused(
    tmp_path: Path, compression: str, pixels: np.ndarray
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, photometric="rgb" if pixels.ndim == 3 else "minisblack")
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages.first.tags["Compression"].overwrite(tifffile.COMPRESSION[compression])
    assert read_without("imagecodecs", path) == f"'{path}' is a TIFF compressed as {compression}, {NEEDED}"


def test_without_it_a_colour_png_of_16_bits_is_refused_rather_than_read_as_8(tmp_path: Path) -> None:
    path = written(tmp_path / "a.png", deep_png(noise(9, 7, 3, dtype=np.uint16)))
    found = read_without("imagecodecs", path)
    assert found.startswith(
        f"'{path}' is a PNG of 16 bits a channel, which would lose its depth without the package imagecodecs."
    )
    assert found.endswith("Run `pip install 'utome[codecs]'`, or save it as TIFF.")


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_image(path)
    return str(caught.value)
