"""Folders and files by their names: what every layout looks for."""

from collections.abc import Iterable
from pathlib import Path

from utome.data.formats import is_image_file
from utome.errors import DataError

IMAGE_FOLDERS = frozenset({"image", "images", "img"})
MASK_FOLDERS = frozenset({"label", "labels", "mask", "masks"})


def by_stem(folder: Path) -> dict[str, Path]:
    """The image files of a folder by their stems; `DataError` where two have the same."""
    found: dict[str, Path] = {}
    for path in image_files(folder):
        if path.stem in found:
            raise DataError(
                f"'{folder}' holds both '{found[path.stem].name}' and '{path.name}'; which one is meant? Take one out."
            )
        found[path.stem] = path
    return found


def refuse_unpaired(ones: dict[str, Path], others: dict[str, Path], what: str) -> None:
    """`DataError` where some of `ones` have no partner among `others`; `what` begins the sentence."""
    alone = sorted(ones.keys() - others.keys())
    if alone:
        shown = ", ".join(f"'{ones[stem].name}'" for stem in alone[:3]) + (
            f" and {len(alone) - 3} more" if len(alone) > 3 else ""
        )
        raise DataError(f"There is {what}: {shown}. Add the partner, or take it out.")


def folder_named(root: Path, names: Iterable[str]) -> Path | None:
    """The one folder in `root` with one of these names, in whatever case."""
    found = [folder for folder in subfolders(root) if folder.name.lower() in names]
    if len(found) > 1:
        shown = " and ".join(f"'{folder.name}'" for folder in found)
        raise DataError(f"'{root}' holds both {shown}; which one is meant? Take one out.")
    return found[0] if found else None


def subfolders(root: Path) -> list[Path]:
    """The folders in `root` that are not hidden, by name."""
    return sorted(folder for folder in root.iterdir() if folder.is_dir() and not folder.name.startswith("."))


def image_files(folder: Path) -> list[Path]:
    """The image files in a folder, by name."""
    return sorted(path for path in folder.iterdir() if is_image_file(path))


def contents(root: Path) -> str:
    """What lies in a folder, as a sentence."""
    names = [f"'{path.name}'" for path in sorted(root.iterdir())]
    if not names:
        return "The folder is empty."
    return f"It holds {', '.join(names[:5])}{f' and {len(names) - 5} more' if len(names) > 5 else ''}."
