"""Reading image and mask files: what is kept, what is made equal, and what is refused."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.builders import noise, save, save_palette, square
from utome.data.classes import class_table
from utome.data.formats import COLOURED, file_sha256, is_image_file, read_image, read_mask
from utome.data.survey import content_hash
from utome.errors import DataError
from utome.files import sha256_bytes

PALETTE = (10, 20, 30, 250, 0, 0, 0, 250, 0)


def refusal_of_image(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_image(path)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 3
    return str(caught.value)


def refusal_of_mask(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_mask(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def encoded(suffix: str, pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    if suffix == ".tif":
        tifffile.imwrite(buffer, pixels)
    else:
        Image.fromarray(pixels).save(buffer, format={".png": "PNG", ".jpg": "JPEG"}[suffix])
    return buffer.getvalue()


@pytest.mark.parametrize(
    "name", ["a.png", "a.PNG", "a.jpg", "a.Jpeg", "a.tif", "a.TIFF", "a.gif", "a.bmp", "a.npy", "a.mat"]
)
def test_a_file_with_a_known_ending_in_any_case_is_an_image_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    assert is_image_file(tmp_path / name)


def test_hidden_files_folders_and_other_endings_are_no_image_files(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    for name in (".a.png", "._a.tif", "a.txt", "png"):
        (tmp_path / name).write_bytes(b"")
    assert not [path for path in tmp_path.iterdir() if is_image_file(path)]


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", noise(9, 7))
    assert file_sha256(path) == sha256_bytes(path.read_bytes())
    with pytest.raises(DataError, match="is not there"):
        file_sha256(tmp_path / "b.png")


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_grey_image_has_one_channel_and_keeps_its_depth(tmp_path: Path, suffix: str, dtype: Any) -> None:
    pixels = noise(9, 7, dtype=dtype)
    found = read_image(save(tmp_path / f"a{suffix}", pixels))
    assert found.dtype == dtype
    assert (found == pixels[:, :, None]).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_colour_tiff_has_three_channels_and_keeps_its_depth(tmp_path: Path, dtype: Any) -> None:
    pixels = noise(9, 7, 3, dtype=dtype)
    found = read_image(save(tmp_path / "a.tif", pixels, photometric="rgb"))
    assert found.dtype == dtype
    assert (found == pixels).all()


def test_a_colour_png_has_three_channels(tmp_path: Path) -> None:
    pixels = noise(9, 7, 3)
    assert (read_image(save(tmp_path / "a.png", pixels)) == pixels).all()


def test_the_channels_of_a_tiff_may_lie_in_planes(tmp_path: Path) -> None:
    pixels = noise(9, 7, 3, dtype=np.uint16)
    path = save(tmp_path / "a.tif", pixels.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    assert (read_image(path) == pixels).all()


def test_a_tiff_of_real_numbers_keeps_them(tmp_path: Path) -> None:
    pixels = np.linspace(-1, 2, 12, dtype=np.float32).reshape(3, 4)
    found = read_image(save(tmp_path / "a.tif", pixels))
    assert found.dtype == np.float32
    assert (found[:, :, 0] == pixels).all()


def test_a_tiff_compressed_with_lzw_is_read(tmp_path: Path) -> None:
    pixels = noise(9, 7, dtype=np.uint16)
    Image.fromarray(pixels).save(tmp_path / "a.tif", compression="tiff_lzw")
    found = read_image(tmp_path / "a.tif")
    assert found.dtype == np.uint16
    assert (found[:, :, 0] == pixels).all()


def test_one_image_in_several_formats_has_one_content_hash(tmp_path: Path) -> None:
    pixels = noise(9, 7, dtype=np.uint16)
    paths = [
        save(tmp_path / "a.png", pixels),
        save(tmp_path / "b.tif", pixels),
        save(tmp_path / "c.tif", pixels, byteorder=">"),
        save(tmp_path / "d.tif", pixels, compression="zlib"),
        save(tmp_path / "e.tif", np.dstack([pixels] * 3), photometric="rgb"),
    ]
    assert len({content_hash(read_image(path)) for path in paths}) == 1


def test_other_pixels_another_shape_and_another_depth_have_other_content_hashes() -> None:
    pixels = np.zeros((4, 6, 1), dtype=np.uint8)
    others = [pixels.reshape(6, 4, 1), pixels + np.uint8(1), pixels.astype(np.uint16)[:, :3]]
    assert len({content_hash(image) for image in [pixels, *others]}) == 4


def test_a_grey_image_stored_as_three_equal_channels_becomes_one(tmp_path: Path) -> None:
    pixels = noise(9, 7)
    assert (read_image(save(tmp_path / "a.png", np.dstack([pixels] * 3))) == pixels[:, :, None]).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_transparency_that_is_the_same_everywhere_is_dropped(tmp_path: Path, channels: int) -> None:
    pixels = noise(9, 7, channels)
    path = save(tmp_path / "a.png", np.dstack([pixels, np.full((9, 7), 200, dtype=np.uint8)]))
    assert (read_image(path) == pixels).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_transparency_that_varies_is_refused(tmp_path: Path, channels: int) -> None:
    path = save(tmp_path / "a.png", noise(9, 7, channels + 1))
    assert "has a transparency that varies; accepted: none, or the same everywhere" in refusal_of_image(path)


def test_an_image_of_five_channels_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", noise(9, 7, 5), photometric="minisblack", planarconfig="contig")
    assert "has 5 channels; accepted: grey or red, green and blue" in refusal_of_image(path)


def test_a_tiff_of_several_pages_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", noise(3, 9, 7), photometric="minisblack")
    assert "holds 3 pages; accepted: one image a file" in refusal_of_image(path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_image_with_values_that_are_no_numbers_is_refused(tmp_path: Path, value: float) -> None:
    pixels = np.zeros((3, 4), dtype=np.float32)
    pixels[1, 1] = value
    assert "holds values that are no numbers (NaN or infinity)" in refusal_of_image(save(tmp_path / "a.tif", pixels))


def test_an_image_of_complex_numbers_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", np.zeros((3, 4), dtype=np.complex64))
    assert "holds pixels of type complex64; accepted: integers or real numbers" in refusal_of_image(path)


def test_a_palette_image_is_read_as_its_colours(tmp_path: Path) -> None:
    indices = noise(9, 7) % 3
    found = read_image(save_palette(tmp_path / "a.png", indices, PALETTE))
    assert (found == np.asarray(PALETTE, dtype=np.uint8).reshape(3, 3)[indices]).all()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><html><body>Not found</body></html>"])
def test_a_file_that_is_no_image_is_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    assert "cannot be read as an image" in refusal_of_image(path)
    assert "cannot be read as an image" in refusal_of_mask(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_refused(tmp_path: Path, suffix: str, share: float) -> None:
    content = encoded(suffix, noise(64, 64))
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content[: int(share * len(content))])
    sentence = refusal_of_image(path)
    assert "cannot be read as an image" in sentence
    assert "\n" not in sentence


def test_a_png_with_a_damaged_byte_is_refused(tmp_path: Path) -> None:
    content = bytearray(encoded(".png", noise(64, 64)))
    content[len(content) // 2] ^= 0xFF
    path = tmp_path / "a.png"
    path.write_bytes(content)
    assert "cannot be read as an image" in refusal_of_image(path)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_a_file_that_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    assert "is not there. Check the name." in refusal_of_image(tmp_path / name)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert "cannot be read as an image" in refusal_of_image(tmp_path / name)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_grey_mask_keeps_its_values(tmp_path: Path, suffix: str, dtype: Any) -> None:
    mask = noise(9, 7, dtype=dtype)
    found = read_mask(save(tmp_path / f"a{suffix}", mask))
    assert found.dtype == dtype
    assert (found == mask).all()


def test_a_palette_mask_is_read_as_its_indices(tmp_path: Path) -> None:
    indices = noise(9, 7) % 3
    assert (read_mask(save_palette(tmp_path / "a.png", indices, PALETTE)) == indices).all()


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_mask_of_one_bit_holds_0_and_1(tmp_path: Path, suffix: str) -> None:
    mask = square(8, 8) > 0
    found = read_mask(save(tmp_path / f"a{suffix}", mask))
    assert found.dtype == np.uint8
    assert (found == mask).all()


def test_a_grey_mask_stored_as_colour_or_with_a_constant_transparency_is_read(tmp_path: Path) -> None:
    mask = square(8, 8)
    opaque = np.full_like(mask, 255)
    assert (read_mask(save(tmp_path / "a.png", np.dstack([mask] * 3))) == mask).all()
    assert (read_mask(save(tmp_path / "b.png", np.dstack([mask, mask, mask, opaque]))) == mask).all()
    assert (read_mask(save(tmp_path / "c.png", np.dstack([mask, opaque]))) == mask).all()


def test_a_coloured_mask_is_read_as_one_number_a_colour(tmp_path: Path) -> None:
    mask = np.zeros((4, 5, 3), dtype=np.uint8)
    mask[1, 2] = (255, 128, 0)
    mask[3, 4] = (7, 7, 7)
    found = read_mask(save(tmp_path / "a.png", mask))
    assert found.dtype == np.int32
    assert found[1, 2] == COLOURED + 0xFF8000
    assert found[3, 4] == COLOURED + 0x070707
    assert found[0, 0] == COLOURED
    assert class_table({int(value): 1 for value in np.unique(found)}, lossy=False)[0].names == (
        "class #000000", "class #070707", "class #ff8000",
    )  # fmt: skip


@pytest.mark.parametrize("widened", [1, 257])
def test_colours_of_8_bits_in_a_mask_of_16_are_those_of_8(tmp_path: Path, widened: int) -> None:
    mask = noise(9, 7, 3)
    deep = mask.astype(np.uint16) * np.uint16(widened)
    found = read_mask(save(tmp_path / "a.tif", deep, photometric="rgb"))
    assert (found == read_mask(save(tmp_path / "b.tif", mask, photometric="rgb"))).all()


def test_a_mask_of_real_numbers_is_read_when_they_are_whole(tmp_path: Path) -> None:
    mask = square(8, 8, value=2)
    found = read_mask(save(tmp_path / "a.tif", mask.astype(np.float32)))
    assert found.dtype.kind == "i"
    assert (found == mask).all()


def test_a_mask_of_fractions_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", np.full((3, 4), 0.5, dtype=np.float32))
    assert "holds fractions; accepted: whole numbers, one for each class" in refusal_of_mask(path)


def test_a_palette_tiff_is_colours_as_an_image_and_numbers_as_a_mask(tmp_path: Path) -> None:
    colormap = np.zeros((3, 256), dtype=np.uint16)
    colormap[:, 1] = (65535, 0, 257)
    path = tmp_path / "palette.tif"
    tifffile.imwrite(path, np.array([[0, 1]], dtype=np.uint8), photometric="palette", colormap=colormap)
    assert read_image(path).tolist() == [[[0, 0, 0], [65535, 0, 257]]]
    assert read_mask(path).tolist() == [[0, 1]]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_tiff_with_white_as_zero_is_read_as_viewers_show_it(tmp_path: Path, dtype: Any) -> None:
    pixels = noise(9, 7, dtype=dtype)
    path = save(tmp_path / "a.tif", np.iinfo(dtype).max - pixels, photometric="miniswhite")
    for found in (read_image(path)[:, :, 0], read_mask(path)):
        assert found.dtype == dtype
        assert (found == pixels).all()


def test_a_tiff_of_one_bit_with_white_as_zero_is_read_as_viewers_show_it(tmp_path: Path) -> None:
    mask = square(8, 8) > 0
    path = save(tmp_path / "a.tif", ~mask, photometric="miniswhite", software="scanner")
    assert (read_mask(path) == mask).all()
    assert (read_image(path)[:, :, 0] == mask).all()


def test_truth_values_that_tifffile_wrote_are_kept_though_it_declares_white_as_zero(tmp_path: Path) -> None:
    mask = square(8, 8) > 0
    path = save(tmp_path / "a.tif", mask)
    with tifffile.TiffFile(path) as file:
        assert file.pages.first.photometric == tifffile.PHOTOMETRIC.MINISWHITE
    assert (read_mask(path) == mask).all()


@pytest.mark.parametrize("compression", ["raw", "group4", "tiff_lzw"])
@pytest.mark.parametrize("software", ["tifffile.py", "scanner"])
def test_truth_values_are_read_alike_however_they_are_compressed(
    tmp_path: Path, compression: str, software: str
) -> None:
    mask = square(8, 8) > 0
    path = tmp_path / "a.tif"
    # Pillow turns the pixels round when writing, so that a viewer shows the mask.
    Image.fromarray(mask).save(path, compression=compression, tiffinfo={262: 0, 305: software})
    assert (read_mask(path) == (~mask if software == "tifffile.py" else mask)).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_compressed_tiff_with_white_as_zero_is_read_as_viewers_show_it(tmp_path: Path, dtype: Any) -> None:
    pixels = noise(9, 7, dtype=dtype)
    path = tmp_path / "a.tif"
    Image.fromarray(pixels).save(path, compression="tiff_lzw", tiffinfo={262: 0})
    stored = pixels if dtype == np.uint8 else np.iinfo(dtype).max - pixels  # Pillow turns 8 bits round when writing
    assert (read_mask(path) == stored).all()


def test_real_numbers_in_a_tiff_with_white_as_zero_are_kept(tmp_path: Path) -> None:
    pixels = np.linspace(-1, 2, 12, dtype=np.float32).reshape(3, 4)
    assert (read_image(save(tmp_path / "a.tif", pixels, photometric="miniswhite"))[:, :, 0] == pixels).all()
