"""Folders that cannot be used: one clear sentence, exit code 3, nothing written, never a traceback."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.builders import noise, save, square
from tests.files import npy, picture, png, tiff
from tests.inspected import HEIGHT, WIDTH, Build, Odd, folder, parts, run_here, with_bytes, with_image

MASK = square(HEIGHT, WIDTH)


def without(path: str) -> Build:
    """A good folder in which one file is missing."""

    def build(root: Path) -> None:
        folder(root)
        (root / path).unlink()

    return build


def masks(make: Callable[[int], np.ndarray], ending: str = ".png") -> Build:
    """A folder of images with these masks."""

    def build(root: Path) -> None:
        folder(root, mask=make, endings=(".png", ending))

    return build


def cut(path: str, content: bytes) -> Build:
    """A good folder in which one file holds the first half of this content."""
    return with_bytes(path, content[: len(content) // 2])


def not_a_number(value: float) -> np.ndarray:
    pixels = noise(HEIGHT, WIDTH).astype(np.float32)
    pixels[3, 4] = value
    return pixels


def in_two_parts(root: Path) -> None:
    parts(root)
    for part in ("train", "val"):
        save(root / part / "images" / "cell2.png", noise(HEIGHT, WIDTH, seed=7))


def numbered(number: int) -> np.ndarray:
    """Sixty objects of four pixels each."""
    mask = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    mask.reshape(-1)[: 60 * 4] = np.repeat(np.arange(1, 61), 4)
    return np.roll(mask, number)


def varying_transparency() -> np.ndarray:
    return noise(HEIGHT, WIDTH, 4, seed=5)


def few_numbers(number: int) -> np.ndarray:
    """Two objects a mask, whose numbers go on from mask to mask."""
    mask = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    mask[2:6, 2:6], mask[10:15, 8:20] = 1 + 2 * (number % 5), 2 + 2 * (number % 5)
    return mask


def fields_alone(root: Path) -> None:
    for number in range(1, 6):
        save(root / "test" / "images" / f"{number:02d}_test.tif", noise(HEIGHT, WIDTH, 3, seed=number))
        save(root / "test" / "mask" / f"{number:02d}_test_mask.gif", MASK)


def grey_among_colour(root: Path) -> None:
    folder(root)
    save(root / "images" / "cell1.png", noise(HEIGHT, WIDTH, 3, seed=1))


def empty_folders(root: Path) -> None:
    for name in ("images", "masks"):
        (root / name).mkdir()


def two_masks(root: Path) -> None:
    folder(root)
    save(root / "masks" / "cell1_mask.png", MASK)


def two_formats(root: Path) -> None:
    folder(root)
    save(root / "images" / "cell1.tif", noise(HEIGHT, WIDTH))


def photographs_as_masks(number: int) -> np.ndarray:
    return np.linspace(0, 255, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH).astype(np.uint8)


JPEG = picture(Image.fromarray(noise(200, 200)), "JPEG")
PNG = picture(Image.fromarray(noise(200, 200)), "PNG")
TIFF = tiff(noise(200, 200))
BOMB = png(100_000, 100_000)
TWO_CHANNELS = tiff(noise(HEIGHT, WIDTH, 2), planarconfig="contig")
NEGATIVE = MASK.astype(np.int16) - 255
ROWS: dict[str, Odd] = {
    "nothing at all": Odd(lambda root: None, "No pairs of image and mask were found in"),
    "no images": Odd(lambda root: (root / "notes.txt").write_text("soon"), "No pairs of image and mask were found in"),
    "empty folders": Odd(
        empty_folders, "accepted endings: .bmp, .gif, .jpeg"
    ),
    "an image without a mask": Odd(without("masks/cell3.png"), "'cell3"),
    "a mask without an image": Odd(without("images/cell3.png"), "'cell3"),
    "two masks for one image": Odd(two_masks, "cell1_mask.png"),
    "the same stem twice": Odd(two_formats, "cell1.tif"),
    "a size that differs": Odd(with_image("masks/cell2.png", MASK[:-1]), "is 20x24 (height x width), but its mask"),
    "a mask of another size, and what to do": Odd(
        with_image("masks/cell2.png", MASK[:-1]), "They must have the same size: export the mask again, or take the pair out."
    ),
    "a transposed mask": Odd(with_image("masks/cell2.png", MASK.T), "is 24x20. Its rows and columns have changed places."),
    "masks that are photographs": Odd(masks(photographs_as_masks), "so they look like photographs or object numbers, not classes"),
    "masks that are JPEG photographs": Odd(masks(photographs_as_masks, ".jpg"), "so they look like photographs"),
    "object numbers for classes": Odd(masks(numbered), "If the values number objects: --set data.truth=instances."),
    "a few object numbers": Odd(masks(few_numbers), "in each mask every value is one piece, as the numbers of objects are."),
    "the fields of view of DRIVE for labels": Odd(fields_alone, "are no labels, and there is no '1st_manual' with masks by hand."),
    "negative labels": Odd(masks(lambda number: NEGATIVE, ".tif"), "A mask holds the value -255; classes are numbered from 0"),
    "undeclared labels": Odd(
        folder, "The masks hold 255, which belongs to no class of data.classes. Add it to a class, or to data.ignore.",
        ("--set", "data.classes=[[background,[0]],[cell,[1]]]"),
    ),
    "masks of one value": Odd(masks(lambda number: MASK * 0), "Every mask holds the value 0 alone"),
    "everything ignored": Odd(folder, "Every pixel of every mask is ignored", ("--set", "data.ignore=[0,255]")),
    "NaN in a mask": Odd(masks(lambda number: not_a_number(np.nan), ".tif"), "holds values that are no numbers (NaN or infinity)"),
    "fractions in a mask": Odd(masks(lambda number: MASK / 2, ".tif"), "holds fractions; accepted: whole numbers"),
    "NaN in an image": Odd(
        lambda root: folder(root, image=lambda number: not_a_number(np.nan), endings=(".tif", ".png")),
        "Or say what they shall be: --set data.fill=0.",
    ),
    "infinity in an image": Odd(
        lambda root: folder(root, image=lambda number: not_a_number(np.inf), endings=(".tif", ".png")),
        "holds values that are no numbers (NaN or infinity)",
    ),
    "grey among colour": Odd(
        grey_among_colour, "Save all alike, or say that grey shall count as three equal channels: --set data.grey_as_colour=true."
    ),
    "two channels": Odd(with_bytes("images/cell2.png", TWO_CHANNELS), "has 2 channels; accepted: grey or red, green and blue"),
    "a transparency that varies": Odd(with_image("images/cell2.png", varying_transparency()), "has a transparency that varies"),
    "zero size": Odd(with_bytes("images/cell2.png", png(0, 20)), "images/cell2.png' "),
    "truncated PNG": Odd(cut("images/cell2.png", PNG), "images/cell2.png' cannot be read as an image"),
    "truncated JPEG": Odd(cut("images/cell2.png", JPEG), "images/cell2.png' cannot be read as an image"),
    "truncated TIFF": Odd(cut("images/cell2.png", TIFF), "images/cell2.png' cannot be read as an image"),
    "truncated NumPy": Odd(cut("images/cell2.png", npy(noise(200, 200))), "the file is truncated"),
    "empty file": Odd(with_bytes("images/cell2.png", b""), "the file is empty"),
    "a web page": Odd(with_bytes("images/cell2.png", b"<!DOCTYPE html><html>"), "it is a web page, as a failed download leaves"),
    "a Git-LFS pointer": Odd(
        with_bytes("images/cell2.png", b"version https://git-lfs.github.com/spec/v1\noid sha256:1"), "Run `git lfs pull` in its folder."
    ),
    "an archive": Odd(with_bytes("images/cell2.png", b"PK\x03\x04" + b"\0" * 40), "it is a zip archive"),
    "pickled objects": Odd(with_bytes("images/cell2.png", npy(np.array([{}]), pickled=True)), "images/cell2.png"),
    "text": Odd(with_bytes("masks/cell2.png", b"not an image"), "it begins as none of PNG, JPEG"),
    "more pixels than memory": Odd(with_bytes("images/cell2.png", BOMB), "9.3 GiB when decoded; accepted: at most 2.0 GiB"),
    "a mask of more pixels than memory": Odd(with_bytes("masks/cell2.png", BOMB), "9.3 GiB when decoded"),
    "the same image in two parts": Odd(in_two_parts, "are the same image, but in different parts (train, val, test)"),
    "a single pair": Odd(lambda root: folder(root, count=1), "There is only 1 different image, or group, to draw from"),
    "another layout than said": Odd(folder, "is not of the layout 'drive'. Leave --layout out, or name another.", ("--layout", "drive")),
    "a group that is in no name": Odd(folder, "data.group is 'child', but for the image 'cell", ("--group", "child")),
}  # fmt: skip


def tree(root: Path) -> set[Path]:
    return set(root.rglob("*"))


@pytest.mark.parametrize("row", ROWS)
def test_a_folder_is_refused_in_one_sentence_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], row: str
) -> None:
    odd, data = ROWS[row], tmp_path / "data"
    data.mkdir()
    odd.build(data)
    before = tree(tmp_path)
    inspected = run_here(["inspect", data, "--no-cost", *odd.options], monkeypatch, capsys)
    trained = run_here(["train", data, "--out", tmp_path / "run", *odd.options], monkeypatch, capsys)
    for ended in (inspected, trained):
        assert ended.code == 3, ended.output
        assert odd.said in ended.errors
        assert "Traceback" not in ended.errors
        assert "Next:" not in ended.output
    assert tree(tmp_path) == before


def test_many_bad_files_are_named_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder(tmp_path)
    for number in range(12):
        (tmp_path / "images" / f"cell{number}.png").write_bytes(b"")
    ended = run_here(["inspect", tmp_path, "--no-cost"], monkeypatch, capsys)
    assert ended.code == 3
    assert "12 of 20 samples cannot be used:" in ended.errors
    assert "and 2 more" in ended.errors


@pytest.mark.parametrize("what", ["missing", "file.png"])
def test_a_folder_that_is_none_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    save(tmp_path / "file.png", MASK)
    ended = run_here(["inspect", tmp_path / what], monkeypatch, capsys)
    assert ended.code == 3
    assert "Give the folder that holds the images and the masks." in ended.errors


def test_a_stack_with_fewer_masks_than_images_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind, pages in (("images", 5), ("masks", 4)):
        (tmp_path / kind).mkdir()
        tifffile.imwrite(tmp_path / kind / "series.tif", np.stack([MASK] * pages), photometric="minisblack")
    ended = run_here(["inspect", tmp_path], monkeypatch, capsys)
    assert ended.code == 3
    assert "series.tif" in ended.errors
