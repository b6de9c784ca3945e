"""EXIF orientation: the eight turns, and when an image is turned to fit its truth."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.builders import noise, save
from tests.files import chunk, picture, png, tiff, written
from utome.data.formats import exif_orientation, image_size, read_image, read_mask
from utome.data.samples import Sample
from utome.data.truth import read_pixels
from utome.data.turning import stands_upright

PIXELS = noise(9, 7, 3)
ON_ITS_SIDE = (5, 6, 7, 8)


def photograph(path: Path, orientation: int, pixels: np.ndarray = PIXELS, kind: str = "PNG") -> Path:
    return written(path, picture(Image.fromarray(pixels), kind, orientation=orientation))


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_turned_as_viewers_turn_it_where_that_is_asked(tmp_path: Path, orientation: int, kind: str) -> None:
    path = photograph(tmp_path / "a", orientation, kind=kind)
    with Image.open(path) as image:
        stored, upright = np.asarray(image), np.asarray(ImageOps.exif_transpose(image))
    assert exif_orientation(path) == orientation
    assert image_size(path) == (9, 7)
    assert np.array_equal(read_image(path), stored)
    found = read_image(path, upright=True)
    assert np.array_equal(found, upright)
    assert found.flags.c_contiguous


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_is_turned_as_viewers_turn_it_where_that_is_asked_alone(tmp_path: Path, orientation: int) -> None:
    mask = PIXELS[:, :, 0]
    path = photograph(tmp_path / "a.png", orientation, mask)
    with Image.open(path) as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    assert np.array_equal(read_mask(path), mask)
    assert np.array_equal(read_mask(path, upright=True), upright)
    assert image_size(path, upright=True) == upright.shape


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_the_orientation_of_a_tiff_is_left_alone(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(PIXELS).save(path, compression=compression, tiffinfo={274: 6})
    assert exif_orientation(path) == 1
    assert np.array_equal(read_image(path, upright=True), PIXELS)


@pytest.mark.parametrize("value", [0, 9, 99])
def test_an_orientation_that_is_none_is_no_turn(tmp_path: Path, value: int) -> None:
    assert exif_orientation(photograph(tmp_path / "a.png", value)) == 1


def test_a_damaged_exif_is_no_turn(tmp_path: Path) -> None:
    whole = picture(Image.fromarray(PIXELS), "JPEG", orientation=6)
    start = whole.index(b"Exif\0\0")
    for place in range(start + 6, start + 32):
        path = written(tmp_path / "a.jpg", whole[:place] + b"\xff" + whole[place + 1 :])
        assert exif_orientation(path) in {1, 6}
        assert read_image(path, upright=True).size == PIXELS.size


def test_a_header_that_promises_too_much_is_asked_for_its_orientation_without_decoding(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 8
    extra = chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    assert exif_orientation(written(tmp_path / "a.png", png(100_000, 100_000, extra=extra))) == 8


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("height", [7, 9])
def test_an_image_is_turned_but_where_only_its_stored_size_fits_the_mask(
    tmp_path: Path, orientation: int, height: int
) -> None:
    mask = save(tmp_path / "mask.png", noise(height, 16 - height))
    sample = Sample("a", photograph(tmp_path / "a.png", orientation), (mask,))
    on_its_side = orientation in ON_ITS_SIDE
    assert stands_upright(sample) == (not on_its_side or height == 7)
    if height == (7 if on_its_side else 9):
        assert read_pixels(sample).shape[:2] == read_mask(mask).shape


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_square_image_is_turned(tmp_path: Path, orientation: int) -> None:
    square = PIXELS[:7]
    sample = Sample(
        "a", photograph(tmp_path / "a.png", orientation, square), (save(tmp_path / "b.png", square[:, :, 0]),)
    )
    assert np.array_equal(read_pixels(sample), read_image(sample.image, upright=True))
    assert not np.array_equal(read_pixels(sample), square)


def test_an_image_without_truth_is_turned_and_one_without_exif_is_not(tmp_path: Path) -> None:
    sample = Sample("a", photograph(tmp_path / "a.png", 6), ())
    assert read_pixels(sample).shape == (7, 9, 3)
    assert not stands_upright(replace(sample, image=photograph(tmp_path / "b.png", 1)))
    assert not stands_upright(replace(sample, image=written(tmp_path / "c.tif", tiff(PIXELS, photometric="rgb"))))


@pytest.mark.parametrize("height", [7, 9])
def test_the_size_in_a_coco_document_decides_too(tmp_path: Path, height: int) -> None:
    image = {"id": 1, "file_name": "a.png", "height": height, "width": 16 - height}
    document = {"images": [image], "annotations": [], "categories": [{"id": 1, "name": "cell"}]}
    truth = tmp_path / "truth.json"
    truth.write_text(json.dumps(document), encoding="utf-8")
    sample = Sample("a", photograph(tmp_path / "a.png", 6), (truth,), truth="coco", entry=1)
    assert stands_upright(sample) == (height == 7)
    assert read_pixels(sample).shape == (height, 16 - height, 3)
