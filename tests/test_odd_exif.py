"""EXIF in images, in masks and in both: each pixel lies where it was drawn, and what was done is said."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.builders import noise, save
from tests.files import picture
from tests.inspected import HEIGHT, WIDTH, first_labels, run_here
from utome.config.sections import DataSettings
from utome.data.truth import read_pixels
from utome.events import silent
from utome.jobs.reading import read_data

ON_ITS_SIDE = (5, 6, 7, 8)
# A mask that is another one however it is turned.
DRAWN = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
CORNER = np.add.outer(np.arange(HEIGHT), np.arange(WIDTH)) < 15
DRAWN[:3], DRAWN[:, :2], DRAWN[5, 9] = 255, 255, 255


def photographs(root: Path, orientation: int) -> None:
    (root / "images").mkdir()
    for number in range(20):
        stored = Image.fromarray(noise(HEIGHT, WIDTH, seed=number))
        (root / "images" / f"cell{number}.jpg").write_bytes(picture(stored, "JPEG", orientation=orientation))


def as_viewers_show(pixels: np.ndarray, orientation: int) -> np.ndarray:
    image = Image.fromarray(pixels)
    image.getexif()[274] = orientation
    return np.asarray(ImageOps.exif_transpose(image))


def masks(root: Path, mask: np.ndarray, *, orientation: int = 1) -> None:
    (root / "masks").mkdir()
    for number in range(20):
        content = picture(Image.fromarray(mask), "PNG", orientation=orientation)
        (root / "masks" / f"cell{number}.png").write_bytes(content)


def upright_image(root: Path) -> list[object]:
    with Image.open(root / "images" / "cell0.jpg") as image:
        return np.asarray(ImageOps.exif_transpose(image)).tolist()


def read_image_of(root: Path) -> list[object]:
    found = read_data(root, DataSettings(), silent)
    return read_pixels(found.facts[0].sample)[:, :, 0].tolist()


def inspected(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    ended = run_here(["inspect", root, "--no-cost", *options], monkeypatch, capsys)
    assert ended.code == 0, ended.errors
    return ended.output


@pytest.mark.parametrize("orientation", range(1, 9))
def test_masks_drawn_on_what_viewers_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], orientation: int
) -> None:
    photographs(tmp_path, orientation)
    shown = as_viewers_show(DRAWN, orientation)
    masks(tmp_path, shown)
    output = inspected(tmp_path, monkeypatch, capsys)
    assert ("All 20 images (as 'cell0'): turned as the EXIF says" in output) == (orientation > 1)
    assert f"20 of {shown.shape[0]}x{shown.shape[1]} (height x width)" in output
    assert read_image_of(tmp_path) == upright_image(tmp_path)
    assert first_labels(tmp_path).tolist() == (shown // 255).tolist()


@pytest.mark.parametrize("orientation", range(2, 9))
def test_masks_with_the_same_exif_as_their_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], orientation: int
) -> None:
    photographs(tmp_path, orientation)
    masks(tmp_path, DRAWN, orientation=orientation)
    output = inspected(tmp_path, monkeypatch, capsys)
    assert "All 20 images (as 'cell0'): turned as the EXIF says" in output
    assert "All 20 masks (as 'cell0'): an EXIF of their own; turned as it says." in output
    assert read_image_of(tmp_path) == upright_image(tmp_path)
    assert first_labels(tmp_path).tolist() == (as_viewers_show(DRAWN, orientation) // 255).tolist()


@pytest.mark.parametrize("orientation", ON_ITS_SIDE)
def test_masks_that_fit_the_images_as_they_are_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], orientation: int
) -> None:
    photographs(tmp_path, orientation)
    masks(tmp_path, DRAWN)
    output = inspected(tmp_path, monkeypatch, capsys)
    assert (
        "All 20 images (as 'cell0'): an EXIF that asks for a turn, but the mask fits the image as it is stored; not turned."
    ) in output
    with Image.open(tmp_path / "images" / "cell0.jpg") as image:
        assert read_image_of(tmp_path) == np.asarray(image).tolist()
    assert first_labels(tmp_path).tolist() == (DRAWN // 255).tolist()


@pytest.mark.parametrize("orientation", ON_ITS_SIDE)
def test_upright_masks_to_which_the_exif_of_their_images_was_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], orientation: int
) -> None:
    photographs(tmp_path, orientation)
    shown = as_viewers_show(DRAWN, orientation)
    masks(tmp_path, shown, orientation=orientation)
    output = inspected(tmp_path, monkeypatch, capsys)
    assert "All 20 images (as 'cell0'): turned as the EXIF says" in output
    assert "All 20 masks (as 'cell0'): an EXIF of their own that asks for a turn, but they fit the image" in output
    assert read_image_of(tmp_path) == upright_image(tmp_path)
    assert first_labels(tmp_path).tolist() == (shown // 255).tolist()


@pytest.mark.parametrize("orientation", range(2, 9))
def test_one_file_an_object_with_the_same_exif_as_the_image(tmp_path: Path, orientation: int) -> None:
    for number in range(2):
        place = tmp_path / f"cell{number}"
        save(place / "images" / f"cell{number}.png", noise(HEIGHT, WIDTH, seed=number), exif=exif(orientation))
        for name, value in (("a", DRAWN), ("b", 255 - DRAWN)):
            half = np.where(CORNER, value, 0).astype(np.uint8)
            save(place / "masks" / f"{name}.png", half, exif=exif(orientation))
    assert first_labels(tmp_path).tolist() == as_viewers_show(CORNER.astype(np.uint8), orientation).tolist()


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[274] = orientation
    return tags
