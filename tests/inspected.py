"""Running `utome` in this process, and the small odd folders that it is shown."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.builders import noise, save, square
from utome.cli.app import main
from utome.config.overrides import override
from utome.data.truth import read_truth
from utome.events import silent
from utome.jobs.reading import read_data
from utome.recipes.library import load_recipe

HEIGHT, WIDTH = 20, 24
Build = Callable[[Path], object]


@dataclass(frozen=True)
class Odd:
    """A folder that is made by `build`, the options with which it is looked at, and a sentence that must be said."""

    build: Build
    said: str
    options: Sequence[str] = ()


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, and what it printed."""

    code: int
    output: str
    errors: str


def run_here(
    arguments: Sequence[str | Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Ended:
    """Run `utome` with these arguments to its end, in this process."""
    monkeypatch.setattr(sys, "argv", ["utome", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    code = ended.value.code
    return Ended(code if isinstance(code, int) else 0, printed.out, printed.err)


def first_labels(root: Path, options: Sequence[str] = ()) -> np.ndarray:
    """The class numbers of the first mask, as training would see them; `options` as on the command line."""
    found = read_data(root, override(load_recipe("auto").settings, options[1::2]).data, silent)
    sample = found.facts[0].sample
    return found.classes.labels(read_truth(sample), source=sample.truth_source)


def folder(
    root: Path,
    *,
    image: Callable[[int], np.ndarray] | None = None,
    mask: Callable[[int], np.ndarray] | None = None,
    endings: tuple[str, str] = (".png", ".png"),
    count: int = 20,
    first: int = 0,
) -> Path:
    """`images` beside `masks`, each made from its number: a square, and noise drawn from `first` on, unless said otherwise."""
    for number in range(count):
        pixels = image(number) if image else noise(HEIGHT, WIDTH, seed=first + number)
        truth = mask(number) if mask else square(*pixels.shape[:2])
        save(root / "images" / f"cell{number}{endings[0]}", pixels)
        save(root / "masks" / f"cell{number}{endings[1]}", truth)
    return root


def parts(root: Path) -> Path:
    """Ten pairs each in `train` and `val`."""
    for first, part in enumerate(("train", "val")):
        folder(root / part, count=10, first=100 * first)
    return root


def with_bytes(path: str, content: bytes) -> Build:
    """A good folder in which one file has other content."""

    def build(root: Path) -> None:
        folder(root)
        (root / path).write_bytes(content)

    return build


def with_image(path: str, pixels: np.ndarray) -> Build:
    """A good folder in which one file holds other pixels."""

    def build(root: Path) -> None:
        folder(root)
        save(root / path, pixels)

    return build
