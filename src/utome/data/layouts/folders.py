"""Folders and files by their names: what every layout looks for."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from unicodedata import normalize

from utome.data.formats import is_image_file
from utome.data.samples import Part
from utome.errors import DataError

# Names as `squeezed` leaves them. Words that as often mean something else (x, y, data, source) are not among them.
IMAGE_FOLDERS = frozenset({
    "image", "images", "img", "imgs", "photo", "photos", "picture", "pictures", "frame", "frames", "raw", "input",
    "inputs", "original", "originals",
})  # fmt: skip
MASK_FOLDERS = frozenset({
    "mask", "masks", "label", "labels", "lab", "labs", "lbl", "lbls", "gt", "groundtruth", "truth", "annotation",
    "annotations", "annot", "target", "targets", "seg", "segs", "segmentation", "segmentations", "manual", "manual1",
    "1stmanual",
})  # fmt: skip
PARTS: dict[Part, frozenset[str]] = {
    "train": frozenset({"train", "training"}),
    "val": frozenset({"val", "valid", "validation"}),
    "test": frozenset({"test", "testing"}),
}
# What archives of macOS and network drives of Synology leave beside the files.
LITTER = frozenset({"__MACOSX", "@eaDir"})


@dataclass(frozen=True)
class Role:
    """What a folder is for, by its name: a part, a kind, or both as in `train_lab`."""

    part: Part | None
    kind: Literal["image", "mask"] | None


def role(name: str) -> Role | None:
    """The role of a folder; none where its name says nothing.

    >>> role("train"), role("Ground Truth")
    (Role(part='train', kind=None), Role(part=None, kind='mask'))
    >>> role("train_lab"), role("images_val"), role("notes")
    (Role(part='train', kind='mask'), Role(part='val', kind='image'), None)
    """
    whole = squeezed(name)
    if whole in IMAGE_FOLDERS | MASK_FOLDERS:
        return Role(None, _kind(whole))
    for part, words in PARTS.items():
        for word in words:
            for rest in {whole.removeprefix(word), whole.removesuffix(word)} - {whole}:
                if not rest or _kind(rest):
                    return Role(part, _kind(rest))
    return None


def squeezed(name: str) -> str:
    """A name in lower case without the signs between its words.

    >>> squeezed("Ground_Truth")
    'groundtruth'
    """
    return re.sub(r"[\s_.\-]+", "", name.casefold())


def natural(name: str) -> tuple[str | int, ...]:
    """A key that orders names by the numbers in them.

    >>> sorted(["10", "9", "slice 2"], key=natural)
    ['9', '10', 'slice 2']
    """
    return tuple(int(piece) if piece.isdecimal() else piece for piece in re.split(r"(\d+)", name))


def stem_of(path: Path) -> str:
    """The name without its ending, in one spelling: copying between systems takes letters and their accents apart.

    >>> stem_of(Path("a.ome.tif")), len(stem_of(Path("e\u0301.png")))
    ('a', 1)
    """
    return normalize("NFC", path.stem).removesuffix(".ome")


def by_stem(files: Iterable[Path]) -> dict[str, Path]:
    """Files by their stems; `DataError` where two have the same."""
    found: dict[str, Path] = {}
    for path in files:
        stem = stem_of(path)
        if stem in found:
            first, second = found[stem].name, path.name
            # Names that look alike are told apart by the numbers of their letters.
            alike = normalize("NFC", first) == normalize("NFC", second)
            shown = f"{first!a} and {second!a}" if alike else f"'{first}' and '{second}'"
            raise DataError(f"'{path.parent}' holds both {shown}; which one is meant? Take one out.")
        found[stem] = path
    return found


def refuse_unpaired(ones: Mapping[str, Path], others: Iterable[str], what: str) -> None:
    """`DataError` where some of `ones` have no partner among `others`; `what` begins the sentence."""
    alone = [ones[stem].name for stem in sorted(ones.keys() - set(others))]
    if alone:
        raise DataError(f"There is {what}: {named(alone)}. Add the partner, or take it out.")


def named(names: Sequence[str]) -> str:
    """The first three names, and how many more there are.

    >>> named(["a", "b", "c", "d"])
    "'a', 'b', 'c' and 1 more"
    """
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(f"'{name}'" for name in names[:3]) + more


def folder_named(root: Path, names: Iterable[str]) -> Path | None:
    """The one folder in `root` with one of these names, in whatever case and with whatever signs between words."""
    wanted = {squeezed(name) for name in names}
    return one_of([folder for folder in subfolders(root) if squeezed(folder.name) in wanted])


def image_folder(root: Path) -> Path | None:
    """The folder of images in `root`, by its name; of several the one that is not empty."""
    return _filled(root, IMAGE_FOLDERS)


def mask_folder(root: Path) -> Path | None:
    """The folder of masks in `root`, by its name; of several the one that is not empty."""
    return _filled(root, MASK_FOLDERS)


def one_of(folders: Sequence[Path]) -> Path | None:
    """The only one of these folders, or none; `DataError` where there are several."""
    if len(folders) > 1:
        shown = " and ".join(f"'{folder.name}'" for folder in folders)
        raise DataError(f"'{folders[0].parent}' holds both {shown}; which one is meant? Take one out.")
    return folders[0] if folders else None


def subfolders(root: Path) -> list[Path]:
    """The folders in `root` that are not hidden and no images themselves, by name."""
    return sorted(
        folder
        for folder in root.iterdir()
        if folder.is_dir()
        and not folder.name.startswith(".")
        and folder.name not in LITTER
        and not is_image_file(folder)
    )


def image_files(folder: Path) -> list[Path]:
    """The image files in a folder, by name."""
    return sorted(path for path in folder.iterdir() if is_image_file(path))


def files_ending(folder: Path, suffix: str) -> list[Path]:
    """The files in a folder with one ending, in whatever case, that are not hidden; by name."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() == suffix and not path.name.startswith(".") and path.is_file()
    )


def contents(root: Path) -> str:
    """What lies in a folder, as a sentence."""
    names = [f"'{path.name}'" for path in sorted(root.iterdir())]
    if not names:
        return "The folder is empty."
    return f"It holds {', '.join(names[:5])}{f' and {len(names) - 5} more' if len(names) > 5 else ''}."


def _filled(root: Path, names: frozenset[str]) -> Path | None:
    folders = [folder for folder in subfolders(root) if squeezed(folder.name) in names]
    filled = [folder for folder in folders if image_files(folder) or any(map(image_files, subfolders(folder)))]
    return one_of(filled or folders)


def _kind(word: str) -> Literal["image", "mask"] | None:
    if word in IMAGE_FOLDERS:
        return "image"
    return "mask" if word in MASK_FOLDERS else None
