"""Folders that can be used, but about which there is a doubt: it is said, with what mends it."""

from pathlib import Path

import numpy as np
import pytest

from tests.builders import noise, save, square
from tests.inspected import HEIGHT, WIDTH, Odd, folder, parts, run_here


def with_empty_masks(root: Path) -> None:
    folder(root, mask=lambda number: square(HEIGHT, WIDTH, value=0 if number in {2, 5} else 255))


def with_a_rare_class(part: str) -> Odd:
    """A class that one part alone has."""

    def build(root: Path) -> None:
        parts(root)
        for name in ("train", "val"):
            mask = square(HEIGHT, WIDTH, value=1)
            mask[0] = 2 if name == part else 0
            save(root / name / "masks" / "cell3.png", mask)
            for number in {*range(10)} - {3}:
                save(root / name / "masks" / f"cell{number}.png", square(HEIGHT, WIDTH, value=1))

    missing = "validation" if part == "train" else "training"
    return Odd(
        build, f"PROBLEM   No {missing} image holds 'class 2'. Move images with it there, or try another --set seed=N."
    )


def near_copies(root: Path) -> None:
    """The same picture at another brightness: other bytes and other pixels."""
    picture = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    picture[20:30, 10:50] = 200
    parts(root)
    for part, shift in (("train", 0), ("val", 3)):
        folder(root / part, image=lambda number: noise(64, 64, seed=number), count=1)
        save(root / part / "images" / "cell0.png", picture + shift)


def the_same_pixels(root: Path) -> None:
    folder(root)
    save(root / "images" / "cell1.png", noise(HEIGHT, WIDTH, seed=0))


def constant(root: Path) -> None:
    folder(root)
    save(root / "images" / "cell4.png", np.full((HEIGHT, WIDTH), 17, np.uint8))


def named_after(*names: str) -> Odd:
    """Names that tell of several images of one subject."""

    def build(root: Path) -> None:
        for number, name in enumerate(names):
            save(root / "images" / f"{name}.png", noise(HEIGHT, WIDTH, seed=number))
            save(root / "masks" / f"{name}.png", square(HEIGHT, WIDTH))

    return Odd(build, f"The names look as if {len(names)} images come from")


def unlabelled_test(root: Path) -> None:
    parts(root)
    save(root / "test" / "images" / "new.png", noise(HEIGHT, WIDTH))


def files_that_are_not_read(root: Path) -> None:
    folder(root)
    for name in ("cell90.webp", "cell91"):
        (root / "images" / name).write_bytes(b"RIFF")
    (root / "images" / "readme.txt").write_text("a document is no image")


def one_folder_deeper(root: Path) -> None:
    folder(root)
    save(root / "images" / "more" / "cell90.png", noise(HEIGHT, WIDTH))


def loose_files(root: Path) -> None:
    folder(root)
    save(root / "overview.png", noise(HEIGHT, WIDTH))


ROWS: dict[str, Odd] = {
    "few images": Odd(
        lambda root: folder(root, count=8), "PROBLEM   There are 8 different images: the score of one split is a matter of luck."
    ),
    "few images, and what to do": Odd(lambda root: folder(root, count=8), "--set data.folds=5 --set data.fold=0, and so on."),
    "a class that validation never sees": with_a_rare_class("train"),
    "a class that training never sees": with_a_rare_class("val"),
    "masks of background alone": Odd(with_empty_masks, "PROBLEM   The masks of 'cell2', 'cell5' are all background."),
    "near copies in two parts": Odd(
        near_copies, "look like copies of one image. They are in different parts, so the score will be too good."
    ),
    "the same pixels twice": Odd(the_same_pixels, "PROBLEM   'cell0', 'cell1' have the same pixels. They stay in one part"),
    "a constant image": Odd(constant, "PROBLEM   'cell4' holds one value alone."),
    "two eyes": named_after(*(f"child{number}_{side}" for number in range(6) for side in "LR")),
    "crops of one photograph": named_after(*(f"IMG_{number}_{row}_{column}" for number in range(4) for row in (0, 1) for column in (0, 1))),
    "slices of one stack": named_after(*(f"stack{number}_slice{page}" for number in range(3) for page in range(4))),
    "one subject in two parts": Odd(
        parts,
        "are in more than one part, so the score will be too good.",
        ("--group", r"(cell\d+)"),
    ),
    "a part without masks": Odd(unlabelled_test, "'test' holds images without masks; it is left out."),
    "files that are not read": Odd(
        files_that_are_not_read, "Left out in 'images', being no files that are read (.bmp, .gif, .jpeg, .jpg, .mat, .npy, .png"
    ),
    "images one folder deeper": Odd(
        one_folder_deeper, "Images in folders inside 'images' are left out: 'more'. Move them up beside the others."
    ),
    "images beside the folders": Odd(loose_files, "overview.png"),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_a_doubt_is_said_and_the_folder_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], row: str
) -> None:
    odd = ROWS[row]
    odd.build(tmp_path)
    ended = run_here(["inspect", tmp_path, "--no-cost", *odd.options], monkeypatch, capsys)
    assert ended.code == 0, ended.errors
    assert odd.said in ended.output
    assert "Next: utome train" in ended.output


def test_a_good_folder_raises_no_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder(tmp_path)
    ended = run_here(["inspect", tmp_path, "--no-cost"], monkeypatch, capsys)
    assert ended.code == 0
    assert "PROBLEM" not in ended.output


def test_the_next_command_has_the_options_that_were_given_and_runs_in_a_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder(Path("-my cells"))
    ended = run_here(["inspect", "--no-cost", "--set", "data.test=0", "--", "-my cells"], monkeypatch, capsys)
    assert ended.output.splitlines()[-1] == "Next: utome train --set data.test=0 -- '-my cells'"


def test_object_numbers_may_be_said_to_be_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder(tmp_path, mask=lambda number: square(HEIGHT, WIDTH, value=1 + number % 5))
    assert run_here(["inspect", tmp_path, "--no-cost"], monkeypatch, capsys).code == 3
    ended = run_here(["inspect", tmp_path, "--no-cost", "--set", "data.truth=labels"], monkeypatch, capsys)
    assert ended.code == 0
    assert "class     class 5: 5.0% of the pixels" in ended.output
