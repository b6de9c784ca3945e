"""Folders that are odd, are read as they are meant, and are said to be so."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.builders import noise, save, save_palette, square
from tests.files import npy, picture
from tests.inspected import HEIGHT, WIDTH, Odd, first_labels, folder, run_here


def white(number: int) -> np.ndarray:
    """A square of 255, a little larger for each number."""
    mask = square(HEIGHT, WIDTH)
    mask[: number % 5] = 255
    return mask


def of_values(*values: int) -> np.ndarray:
    """A mask with a stripe of each value."""
    return np.repeat(np.array(values, dtype=np.uint8), -(-HEIGHT // len(values)))[:HEIGHT, None].repeat(WIDTH, 1)


def grey_levels(number: int) -> np.ndarray:
    """Black and white with a smoothed edge: 1.25 % of the pixels are neither."""
    mask = white(number).astype(int)
    mask[0, :6] = (40, 80, 120, 160, 200, 60)
    return np.clip(
        mask + np.where(mask > 127, -1, 1) * (np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) % 20), 0, 255
    ).astype(np.uint8)


def palette_masks(root: Path) -> None:
    folder(root)
    for number in range(20):
        save_palette(root / "masks" / f"cell{number}.png", (white(number) > 0).astype(np.uint8), (9, 9, 9, 200, 30, 30))


def colours(number: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    mask[:, : 5 + number % 3], mask[:, 12:] = (255, 0, 0), (0, 0, 255)
    return mask


def named(image: str, mask: str, said: str) -> Odd:
    """One more pair with names of its own."""

    def build(root: Path) -> None:
        folder(root)
        save(root / "images" / image, noise(HEIGHT, WIDTH, seed=99))
        save(root / "masks" / mask, square(HEIGHT, WIDTH))

    return Odd(build, said)


def leftovers(root: Path) -> None:
    folder(root)
    for name in ("._cell0.png", ".DS_Store", "Thumbs.db"):
        (root / "images" / name).write_bytes(b"\0\5\26\7")


def one_file_an_object(root: Path, ending: str) -> None:
    """As the Data Science Bowl has it, in red on black: the upper and the lower third."""
    for number in range(20):
        save(root / f"cell{number}" / "images" / f"cell{number}.png", noise(24, 24, seed=number))
        for start in (0, 16):
            drawn = np.zeros((24, 24, 3), dtype=np.uint8)
            drawn[start : start + 8, :, 0] = 255
            save(root / f"cell{number}" / "masks" / f"{start}{ending}", drawn)


def misnamed(root: Path) -> None:
    folder(root)
    (root / "images" / "cell3.png").write_bytes(picture(Image.fromarray(noise(HEIGHT, WIDTH, seed=3)), "JPEG"))


def channels_first(root: Path) -> None:
    folder(root)
    for number in range(20):
        (root / "images" / f"cell{number}.png").unlink()
        (root / "images" / f"cell{number}.npy").write_bytes(npy(noise(3, HEIGHT, WIDTH, seed=number)))


def stacks(root: Path) -> None:
    for kind, pages in (
        ("images", noise(12, HEIGHT, WIDTH)),
        ("masks", np.stack([white(number) for number in range(12)])),
    ):
        (root / kind).mkdir()
        tifffile.imwrite(root / kind / "series.tif", pages, photometric="minisblack")


def not_a_number(number: int) -> np.ndarray:
    image = noise(HEIGHT, WIDTH, seed=number).astype(np.float32)
    image[0, 0] = np.nan
    return image


def numbered(number: int) -> np.ndarray:
    """Forty objects of four pixels each."""
    mask = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    mask.reshape(-1)[: 40 * 4] = np.repeat(np.arange(1, 41), 4)
    return np.roll(mask, number)


def grey_and_colour(root: Path) -> None:
    folder(root)
    save(root / "images" / "cell1.png", noise(HEIGHT, WIDTH, 3, seed=1))


def transparent(pixels: np.ndarray) -> np.ndarray:
    return np.concatenate([pixels, np.full_like(pixels[:, :, :1], 255)], axis=2)


def three(number: int) -> np.ndarray:
    return noise(HEIGHT, WIDTH, 3, seed=number)


ROWS: dict[str, Odd] = {
    "0 and 255": Odd(folder, "Masks hold 0 and 255: read as two classes, background (0) and foreground (255)."),
    "0 and 1": Odd(
        lambda root: folder(root, mask=lambda number: white(number) // 255), "Masks hold 0 and 1: read as two classes"
    ),
    "some 0 and 1, others 0 and 255": Odd(
        lambda root: folder(root, mask=lambda number: white(number) // (255 if number % 2 else 1)),
        "Some masks hold 0 and 1, others 0 and 255: read alike, as background (0) and foreground (1, 255).",
    ),
    "palette": Odd(palette_masks, "All 20 masks (as 'cell0'): a palette; its indices are the values"),
    "colour-coded": Odd(
        lambda root: folder(root, mask=colours),
        "Masks hold 3 values (#000000, #0000ff, #ff0000): each is read as a class.",
    ),
    "colour-coded and declared": Odd(
        lambda root: folder(root, mask=colours),
        "Classes: background (#000000), cell (#ff0000, #0000ff).",
        ("--set", "data.classes=[[background,['#000000']],[cell,['#ff0000','#0000ff']]]"),
    ),
    "label gaps": Odd(
        lambda root: folder(root, mask=lambda number: of_values(0, 2, 5)), "Masks hold 3 values (0, 2, 5): each is read as a class."
    ),
    "255 as ignore beside 0 and 1": Odd(
        lambda root: folder(root, mask=lambda number: of_values(0, 1, 255)),
        "255 is no class but marks pixels of which nothing is known; data.classes says otherwise.",
    ),
    "255 as ignore beside 0 to 3": Odd(
        lambda root: folder(root, mask=lambda number: of_values(0, 1, 2, 3, 255)),
        "Masks hold 4 values (0, 1, 2, 3): each is read as a class. 255 is no class but marks",
    ),
    "128 declared as ignore": Odd(
        lambda root: folder(root, mask=lambda number: of_values(0, 128, 255)),
        "read as two classes, background (0) and foreground (255). Ignored: 128.",
        ("--set", "data.ignore=[128]"),
    ),
    "object numbers, said to be": Odd(
        lambda root: folder(root, mask=numbered),
        "The masks hold object numbers: objects are united into one foreground.",
        ("--set", "data.truth=instances"),
    ),
    "objects in colours of their own": Odd(
        lambda root: folder(root, mask=colours),
        "The masks hold object numbers: objects are united into one foreground.",
        ("--set", "data.truth=instances"),
    ),
    "one JPEG an object": Odd(
        lambda root: one_file_an_object(root, ".jpg"),
        "All 20 masks (as 'cell0'): a JPEG, which blurs black and white; what lies above 127 is read as white.",
    ),
    "one coloured file an object": Odd(lambda root: one_file_an_object(root, ".png"), "united into one foreground."),
    "a few numbers without a gap": Odd(
        lambda root: folder(root, mask=lambda number: of_values(0, 1, 2, 3, 4)),
        "each is read as a class. In each mask every value is one piece: if they number objects, --set data.truth=instances.",
    ),
    "JPEG masks": Odd(lambda root: folder(root, mask=white, endings=(".png", ".jpg")), "Masks are black and white with noise ("),
    "smoothed masks": Odd(
        lambda root: folder(root, mask=grey_levels), "Masks are black and white with noise (98.75% of the pixels within 32"
    ),
    "PNG of 16 bit": Odd(
        lambda root: folder(root, image=lambda number: noise(HEIGHT, WIDTH, seed=number, dtype=np.uint16)),
        "channels  grey, uint16",
    ),
    "TIFF of real numbers": Odd(
        lambda root: folder(
            root, image=lambda number: noise(HEIGHT, WIDTH, seed=number).astype(np.float32) / 7, endings=(".tif", ".png")
        ),
        "channels  grey, float32",
    ),
    "NaN, with what stands for it": Odd(
        lambda root: folder(root, image=not_a_number, endings=(".tif", ".png")),
        "All 20 images (as 'cell0'): values that are no numbers (NaN or infinity); they become data.fill.",
        ("--set", "data.fill=0"),
    ),
    "a transparency that says nothing": Odd(
        lambda root: folder(root, image=lambda number: transparent(three(number))),
        "All 20 images (as 'cell0'): a transparency that is the same everywhere; left out.",
    ),
    "grey stored as three channels": Odd(
        lambda root: folder(root, image=lambda number: three(number)[:, :, :1].repeat(3, 2)),
        "All 20 images (as 'cell0'): grey stored as three equal channels; read as grey.",
    ),
    "grey among colour, said to be meant": Odd(grey_and_colour, "channels  colour, uint8", ("--set", "data.grey_as_colour=true")),
    "channels first": Odd(channels_first, "All 20 images (as 'cell0'): channels before rows and columns; put last."),
    "spaces": named("cell 99 (copy).png", "cell 99 (copy).png", "21 pairs"),
    "emoji": named("zelle🔬.png", "zelle🔬.png", "21 pairs"),
    "a leading dash": named("-r.png", "-r.png", "21 pairs"),
    "two spellings of one letter": named(
        unicodedata.normalize("NFC", "zellgröße.png"), unicodedata.normalize("NFD", "zellgröße.png"), "21 pairs"
    ),
    "endings in capitals": named("cell99.PNG", "cell99.Png", "21 pairs"),
    "what systems leave behind": Odd(leftovers, "20 pairs"),
    "a wrong extension": Odd(
        misnamed, "1 file ('cell3'): another format than the ending says; read as what it is."
    ),
    "smaller than a tile": Odd(folder, "training.tile=16, since the smallest image has a side of 20 pixels"),
    "1x1": Odd(
        lambda root: folder(
            root, image=lambda number: noise(1, 1, seed=number), mask=lambda number: np.full((1, 1), 255 * (number % 2), np.uint8)
        ),
        "20 of 1x1 (height x width)",
    ),
    "stacks of pages": Odd(stacks, "12 pairs"),
    "TIFF masks of truth values": Odd(
        lambda root: folder(root, mask=lambda number: white(number) > 0, endings=(".png", ".tif")),
        "Masks hold 0 and 1: read as two classes",
    ),
    "masks of whole real numbers": Odd(
        lambda root: folder(root, mask=lambda number: white(number).astype(np.float64) / 255, endings=(".png", ".tif")),
        "Masks hold 0 and 1: read as two classes",
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_an_odd_folder_is_read_and_said_to_be_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], row: str
) -> None:
    odd = ROWS[row]
    odd.build(tmp_path)
    ended = run_here(["inspect", tmp_path, "--no-cost", *odd.options], monkeypatch, capsys)
    assert ended.code == 0, ended.errors
    assert odd.said in ended.output
    assert "Next: utome train" in ended.output


IN_THIRDS = np.repeat(np.array([1, 0, 1], dtype=np.uint8), 8)[:, None].repeat(24, 1)
IN_COLOURS = np.array([2] * 5 + [0] * 7 + [1] * 12, dtype=np.uint8)[None].repeat(HEIGHT, 0)
# The labels of the first mask of a row: classes in order, 255 where nothing is known.
LABELS: dict[str, np.ndarray] = {
    "0 and 255": white(0) // 255,
    "0 and 1": white(0) // 255,
    "some 0 and 1, others 0 and 255": white(0) // 255,
    "palette": white(0) // 255,
    "colour-coded": IN_COLOURS,
    "colour-coded and declared": (IN_COLOURS > 0).astype(np.uint8),
    "label gaps": of_values(0, 1, 2),
    "255 as ignore beside 0 and 1": of_values(0, 1, 255),
    "255 as ignore beside 0 to 3": of_values(0, 1, 2, 3, 255),
    "128 declared as ignore": of_values(0, 255, 1),
    "object numbers, said to be": (numbered(0) > 0).astype(np.uint8),
    "objects in colours of their own": (IN_COLOURS > 0).astype(np.uint8),
    "one JPEG an object": IN_THIRDS,
    "one coloured file an object": IN_THIRDS,
    "JPEG masks": white(0) // 255,
    "TIFF masks of truth values": white(0) // 255,
    "masks of whole real numbers": white(0) // 255,
}


@pytest.mark.parametrize("row", LABELS)
def test_the_labels_of_an_odd_folder_are_those_that_were_meant(tmp_path: Path, row: str) -> None:
    ROWS[row].build(tmp_path)
    assert first_labels(tmp_path, ROWS[row].options).tolist() == LABELS[row].tolist()


def test_what_is_said_of_objects_has_no_effect_on_classes_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder(tmp_path)
    ended = run_here(["inspect", tmp_path, "--no-cost", "--set", "data.unmarked=ignore"], monkeypatch, capsys)
    assert "data.unmarked=ignore has no effect: the masks hold classes, not objects." in ended.output
