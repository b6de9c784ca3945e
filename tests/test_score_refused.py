"""Pairs that cannot be scored: one clear sentence that names the file, exit code 3, nothing written, no traceback."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.builders import noise, save, square
from tests.inspected import run_here

MASK = square(16, 16)
CLASSES = np.repeat(np.asarray([[0, 1, 2, 3]], dtype=np.uint8), 4, axis=1).repeat(16, axis=0)
CLASSES[0] = CLASSES[0, ::-1]


@dataclass(frozen=True)
class Row:
    """A truth and a prediction, made by name; what is said; and the options."""

    build: Callable[[Path], object]
    said: str
    options: Sequence[str] = ()
    code: int = 3


def pairs(root: Path, *, count: int = 3) -> Path:
    """Masks and the same as predictions."""
    for number in range(count):
        for folder in ("truth", "found"):
            save(root / folder / f"a{number}.png", MASK)
    return root


def with_prediction(pixels: np.ndarray, name: str = "a1.tif") -> Callable[[Path], object]:
    """Good pairs, the second prediction of which is replaced."""

    def build(root: Path) -> None:
        pairs(root)
        (root / "found" / "a1.png").unlink()
        save(root / "found" / name, pixels)

    return build


def with_truth(pixels: np.ndarray, name: str = "a1.tif") -> Callable[[Path], object]:
    def build(root: Path) -> None:
        pairs(root)
        (root / "truth" / "a1.png").unlink()
        save(root / "truth" / name, pixels)

    return build


def classes(root: Path, *, found: np.ndarray = CLASSES) -> None:
    save(root / "truth" / "a.png", CLASSES)
    save(root / "found" / "a.tif", found)


def without(name: str) -> Callable[[Path], object]:
    def build(root: Path) -> None:
        (pairs(root) / name).unlink()

    return build


def empty(root: Path) -> None:
    pairs(root)
    for path in (root / "found").iterdir():
        path.unlink()


def file_for_folder(root: Path) -> None:
    pairs(root)
    empty(root)
    (root / "found").rmdir()
    save(root / "found.png", MASK).rename(root / "found")


def stacks(root: Path) -> None:
    for folder, pages in (("truth", 5), ("found", 6)):
        save(root / folder / "s.tif", np.stack([MASK] * pages), photometric="minisblack")


def twice(root: Path) -> None:
    pairs(root)
    save(root / "found" / "a1.tif", MASK)


def changed(value: float, *, row: int = 3) -> np.ndarray:
    pixels = np.full((16, 16), 0.25, dtype=np.float32)
    pixels[row, 4] = value
    return pixels


GREY = noise(16, 16)
ROWS: dict[str, Row] = {
    "shapes that differ": Row(with_prediction(MASK[:-1]), "found/a1.tif' is 15x16 (height x width), but its truth"),
    "a transposed prediction": Row(with_prediction(np.zeros((16, 17), dtype=np.uint8)), "found/a1.tif' is 16x17"),
    "a probability above one": Row(with_prediction(changed(1.5)), "found/a1.tif' reaches from 0.25 to 1.5, but probabilities"),
    "a probability below zero": Row(with_prediction(changed(-0.5)), "found/a1.tif' reaches from -0.5 to 0.25"),
    "NaN": Row(with_prediction(changed(np.nan)), "found/a1.tif' holds values that are no numbers (NaN or infinity)"),
    "infinity": Row(with_prediction(changed(np.inf)), "found/a1.tif' holds values that are no numbers (NaN or infinity)"),
    "NaN in a truth": Row(with_truth(changed(np.nan)), "truth/a1.tif' holds values that are no numbers"),
    "fractions in a truth": Row(with_truth(changed(0.5)), "truth/a1.tif' holds fractions, as maps of probabilities do;"),
    "an unknown value": Row(
        with_prediction(MASK // 85 * 85 // 5), "found/a1.tif' holds the value 51, which is no class; accepted: 0, 255."
    ),
    "grey levels without a word": Row(
        with_prediction(GREY), "If the values up to 255 are grey levels of a probability: --prediction probability."
    ),
    "an unknown class": Row(
        lambda root: classes(root, found=CLASSES + 1), "found/a.tif' holds the value 4, which is no class",
        ("--truth", "labels"),
    ),
    "a prediction without a truth": Row(without("truth/a2.png"), "There is a prediction in '"),
    "a truth without a prediction": Row(without("found/a2.png"), "There is a truth in '"),
    "two predictions of one name": Row(twice, "holds both 'a1.png' and 'a1.tif'; which one is meant?"),
    "an empty folder": Row(empty, "found' holds no images; accepted endings:"),
    "a file for a folder": Row(file_for_folder, "found' is a file and '"),
    "pages that differ": Row(stacks, "truth/s.tif' has 5 pages, but the prediction '"),
    "everything ignored": Row(pairs, "Every pixel of every truth is ignored", ("--ignore", "0", "--ignore", "255")),
    "a negative truth": Row(with_truth(MASK.astype(np.int16) - 255), "truth/a1.tif' holds the value -255"),
    "a photograph for a truth": Row(with_truth(GREY), "Were truth and prediction exchanged?"),
    "objects of classes": Row(classes, "there are 4 classes. Name the one that is meant by --foreground VALUE",
                              ("--truth", "labels", "--metrics", "objects")),
    "thin structures of classes": Row(classes, "The family 'thin' of metrics takes a background and one other class",
                                      ("--truth", "labels", "--metrics", "thin")),
    "probabilities of many classes": Row(
        lambda root: classes(root, found=changed(0.5)),
        "found/a.tif' holds one probability a pixel, which tells of two classes, but the truth has 4.", ("--truth", "labels"),
    ),
    "objects against classes": Row(classes, "The truth has 4 classes, to which object numbers cannot be compared.",
                                   ("--truth", "labels", "--prediction", "objects")),
    "ranking labels": Row(pairs, "ranks probabilities, but the predictions are labels.", ("--metrics", "ranking")),
    "outlines within a field": Row(
        pairs, "pixels of the truths are left out: by --ignore, by --mask", ("--metrics", "isbi2012", "--ignore", "7")
    ),
    "outlines of objects that are ignored": Row(
        pairs, "The family 'isbi2012' of metrics is defined on whole images",
        ("--truth", "objects", "--metrics", "isbi2012", "--ignore", "7"),
    ),
    "a foreground that is not there": Row(pairs, "No truth holds the value 9 of --foreground; they hold 0, 255.", ("--foreground", "9")),
    "negative object numbers": Row(
        with_prediction(MASK.astype(np.int16) * -1), "found/a1.tif' holds the value -255; accepted as object numbers",
        ("--prediction", "objects"),
    ),
    "fractions for object numbers": Row(with_prediction(changed(0.5)), "found/a1.tif' holds fractions; accepted as object numbers",
                                        ("--prediction", "objects")),
    "fractions for classes": Row(with_prediction(changed(0.5)), "found/a1.tif' holds fractions; accepted as classes",
                                 ("--prediction", "labels")),
    "a JPEG of object numbers": Row(with_prediction(MASK, "a1.jpg"), "found/a1.jpg' is a JPEG, which cannot hold object numbers",
                                    ("--prediction", "objects")),
    "a field of view that is not there": Row(pairs, "nowhere' is not there. Give the fields of view to --mask", ("--mask", "nowhere")),
    "no image": Row(lambda root: (pairs(root) / "found" / "a1.png").write_bytes(b"<html>"), "found/a1.png' cannot be read as an image"),
    "unknown metrics": Row(pairs, "There are no metrics 'pixel'. Did you mean 'pixels'?", ("--metrics", "pixel"), 2),
    "no metrics": Row(pairs, "--metrics names none.", ("--metrics", ","), 2),
    "a class of objects": Row(pairs, "--foreground names a class", ("--truth", "objects", "--foreground", "1"), 2),
    "pixels without a size": Row(pairs, "--pixel-size one of µm above 0", ("--pixel-size", "0"), 2),
    "a CSV in no folder": Row(pairs, "is no folder. Make it, or give --csv another", ("--csv", "nowhere/scores.csv"), 2),
    "a tolerance without an end": Row(pairs, "--tolerance is a number of pixels", ("--tolerance", "inf"), 2),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_a_pair_is_refused_in_one_sentence_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    row = ROWS[name]
    row.build(tmp_path)
    before = set(tmp_path.rglob("*"))
    arguments: list[str | Path] = [
        "score",
        tmp_path / "truth",
        tmp_path / "found",
        "--csv",
        tmp_path / "scores.csv",
        *row.options,
    ]
    ended = run_here(arguments, monkeypatch, capsys)
    assert ended.code == row.code, ended.errors
    assert row.said in ended.errors
    assert "Traceback" not in ended.errors
    assert ended.output == ""
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("which", [("truth", "truth"), ("truth", "nowhere"), ("truth/a1.png", "truth/../truth/a1.png")])
def test_the_same_place_twice_and_a_place_that_is_not_there_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], which: tuple[str, str]
) -> None:
    pairs(tmp_path)
    ended = run_here(["score", *(tmp_path / each for each in which)], monkeypatch, capsys)
    assert ended.code == 3
    assert "Give the truth first, and then what was predicted." in ended.errors
