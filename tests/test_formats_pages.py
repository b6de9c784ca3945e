"""Files of several pages: which axes are pages, which are channels, and what is refused where no page is named."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from tests.builders import noise, save
from tests.files import animation, npy, tiff, written
from utome.data.formats import image_size, page_count, read_image, read_map, read_mask, section_count
from utome.errors import DataError

STACK = noise(5, 9, 7)
COLOUR_STACK = noise(5, 9, 7, 3)
CHANNELS_FIRST = np.moveaxis(COLOUR_STACK, -1, 1)
PLAIN = {"photometric": "minisblack"}


def separate(*pages: np.ndarray, **of_second: Any) -> bytes:
    """A TIFF of pages that know nothing of each other."""
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        for number, page in enumerate(pages):
            file.write(page, metadata=None, **(of_second if number == 1 else {}))
    return buffer.getvalue()


# The pages (n, h, w) or (n, h, w, c) of each file.
STACKS: dict[str, tuple[bytes, np.ndarray]] = {
    "plain TIFF": (separate(*STACK), STACK),
    "tifffile's own": (tiff(STACK), STACK),
    "tifffile's own of one description": (tiff(STACK, truncate=True), STACK),
    "tifffile's own, big-endian": (
        tiff(noise(5, 9, 7, dtype=np.uint16), truncate=True, byteorder=">"),
        noise(5, 9, 7, dtype=np.uint16),
    ),
    "two axes of pages": (tiff(noise(2, 5, 9, 7)), noise(2, 5, 9, 7).reshape(10, 9, 7)),
    "tiled, compressed": (tiff(noise(5, 40, 37), tile=(16, 16), compression="zlib"), noise(5, 40, 37)),
    "ImageJ, Z": (tiff(STACK, imagej=True, metadata={"axes": "ZYX"}), STACK),
    "ImageJ, T and C": (tiff(CHANNELS_FIRST, imagej=True, metadata={"axes": "TCYX"}, **PLAIN), COLOUR_STACK),
    "ImageJ, more channels than colours": (tiff(STACK, imagej=True, metadata={"axes": "CYX"}), STACK),
    "ImageJ, colours": (tiff(COLOUR_STACK, imagej=True), COLOUR_STACK),
    "OME, C before Z": (
        tiff(np.moveaxis(COLOUR_STACK, -1, 0), ome=True, metadata={"axes": "CZYX"}, **PLAIN),
        COLOUR_STACK,
    ),
    "OME, colours": (tiff(COLOUR_STACK, ome=True, metadata={"axes": "ZYXS"}, photometric="rgb"), COLOUR_STACK),
    "NumPy": (npy(STACK), STACK),
    "NumPy, colours": (npy(COLOUR_STACK), COLOUR_STACK),
    "NumPy, channels first": (npy(CHANNELS_FIRST), COLOUR_STACK),
    "GIF": (animation(STACK, "GIF"), STACK),
    "PNG": (animation(STACK, "PNG"), STACK),
}
# Files of one page that a reader without axes would take for several.
SINGLE: dict[str, tuple[bytes, np.ndarray]] = {
    "ImageJ, C": (tiff(CHANNELS_FIRST[0], imagej=True, metadata={"axes": "CYX"}, **PLAIN), COLOUR_STACK[0]),
    "OME, C": (tiff(CHANNELS_FIRST[0], ome=True, metadata={"axes": "CYX"}, **PLAIN), COLOUR_STACK[0]),
    "OME, S": (tiff(CHANNELS_FIRST[0], ome=True, metadata={"axes": "SYX"}, photometric="rgb"), COLOUR_STACK[0]),
    "tifffile's own, C": (tiff(CHANNELS_FIRST[0], metadata={"axes": "CYX"}, **PLAIN), COLOUR_STACK[0]),
    "OME, axes of one": (tiff(STACK[None, None, :1], ome=True, metadata={"axes": "TCZYX"}), STACK[0][:, :, None]),
    "a smaller copy": (separate(STACK[0], STACK[0][::2, ::2], subfiletype=1), STACK[0][:, :, None]),
}


@pytest.mark.parametrize("row", STACKS)
def test_each_page_of_a_stack_is_an_image_and_a_mask(tmp_path: Path, row: str) -> None:
    content, pages = STACKS[row]
    path = written(tmp_path / "a", content)
    assert page_count(path) == len(pages)
    for page, expected in enumerate(pages):
        found = read_image(path, page=page)
        assert found.dtype == expected.dtype
        assert np.array_equal(found, expected.reshape(found.shape))
        assert read_mask(path, page=page).shape == expected.shape[:2] == image_size(path, page=page)


@pytest.mark.parametrize("row", STACKS)
def test_a_stack_is_refused_where_no_page_or_none_of_its_pages_is_named(tmp_path: Path, row: str) -> None:
    content, pages = STACKS[row]
    path = written(tmp_path / "a", content)
    for read in (read_image, read_mask, image_size):
        with pytest.raises(DataError, match=f"holds {len(pages)} pages; accepted: one image a file"):
            read(path)
        with pytest.raises(DataError, match=f"holds {len(pages)} pages, so there is no page {len(pages) + 1}"):
            read(path, page=len(pages))


@pytest.mark.parametrize("row", SINGLE)
def test_channels_that_are_named_and_smaller_copies_are_no_pages(tmp_path: Path, row: str) -> None:
    content, expected = SINGLE[row]
    path = written(tmp_path / "a", content)
    assert page_count(path) == 1
    assert np.array_equal(read_image(path), expected)
    assert np.array_equal(read_image(path, page=0), expected)


def test_pages_of_several_sizes_keep_their_order(tmp_path: Path) -> None:
    pages = [noise(9, 7, seed=0), noise(4, 3, seed=1), noise(9, 7, seed=2)]
    path = written(tmp_path / "a.tif", separate(*pages))
    for number, expected in enumerate(pages):
        assert np.array_equal(read_mask(path, page=number), expected)
        assert image_size(path, page=number) == expected.shape


def test_two_channels_of_a_microscope_are_no_transparency(tmp_path: Path) -> None:
    content = tiff(noise(2, 9, 7), ome=True, metadata={"axes": "CYX"})
    with pytest.raises(DataError, match="has 2 channels; accepted: grey or red, green and blue"):
        read_image(written(tmp_path / "a.tif", content))


def test_pages_in_other_files_are_left_to_those(tmp_path: Path) -> None:
    description = tifffile.TiffFile(io.BytesIO(tiff(STACK[:2], ome=True, metadata={"axes": "TYX"}))).ome_metadata
    assert description is not None
    planes = '<TiffData FirstT="{0}" IFD="0" PlaneCount="1"><UUID FileName="{0}.tif">urn:uuid:{0}</UUID></TiffData>'
    start, end = description.index("<TiffData"), description.index("</Pixels>")
    both = description[:start] + planes.format(0) + planes.format(1) + description[end:]
    for number, page in enumerate(STACK[:2]):
        named = both.replace("<OME ", f'<OME UUID="urn:uuid:{number}" ', 1)
        tifffile.imwrite(tmp_path / f"{number}.tif", page, description=named, metadata=None)
    for number, page in enumerate(STACK[:2]):
        assert page_count(tmp_path / f"{number}.tif") == 1
        assert np.array_equal(read_mask(tmp_path / f"{number}.tif"), page)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (9, 1), (9, 7)])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".bmp", ".tif"])
def test_the_size_is_known_without_decoding(tmp_path: Path, suffix: str, shape: tuple[int, int]) -> None:
    path = save(tmp_path / f"a{suffix}", noise(*shape))
    assert image_size(path) == shape
    assert page_count(path) == 1


def test_channels_one_after_another_are_sections_for_whoever_asks(tmp_path: Path) -> None:
    channels = noise(3, 9, 7)
    files = {
        "a.tif": tiff(channels, imagej=True, metadata={"axes": "CYX"}),
        "b.tif": tiff(channels, photometric="rgb", planarconfig="separate"),
        "c.npy": npy(channels),
    }
    for name, content in files.items():
        path = written(tmp_path / name, content)
        assert (page_count(path), section_count(path)) == (1, 3)
        for page, expected in enumerate(channels):
            assert np.array_equal(read_mask(path, page=page), expected)
            assert np.array_equal(read_map(path, page=page), expected)
        with pytest.raises(DataError, match="holds 3 pages, so there is no page 4"):
            read_map(path, page=3)
    mixed = written(tmp_path / "d.tif", tiff(np.moveaxis(channels, 0, -1), photometric="rgb"))
    assert section_count(mixed) == 1


def test_a_map_keeps_fractions_and_a_mask_refuses_them(tmp_path: Path) -> None:
    halves = noise(9, 7).astype(np.float32) / 2
    path = written(tmp_path / "a.tif", tiff(halves))
    assert np.array_equal(read_map(path), halves)
    alike = written(tmp_path / "b.tif", tiff(np.stack([halves] * 3, axis=-1), photometric="rgb"))
    assert np.array_equal(read_map(alike), halves)
    with pytest.raises(DataError, match="holds fractions"):
        read_mask(path)
    coloured = np.stack([halves, halves, halves + 1], axis=-1)
    with pytest.raises(DataError, match="holds real numbers in 3 channels; accepted: one number a pixel"):
        read_map(written(tmp_path / "c.tif", tiff(coloured, photometric="rgb")))
