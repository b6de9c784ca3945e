"""Files that lie beside images and masks and are none of them: they are said, since whoever put them there may count on them."""

from collections import defaultdict
from collections.abc import Set
from pathlib import Path

from utome.data.formats import SUFFIXES, is_image_file
from utome.data.layouts.folders import LITTER, named
from utome.data.samples import Listing

# Documents, which no one takes for images.
DOCUMENTS = frozenset({
    ".txt", ".md", ".json", ".csv", ".tsv", ".xml", ".yaml", ".yml", ".html", ".htm", ".pdf", ".ini", ".cfg", ".log", ".py", ".ipynb",
    ".db", ".zip", ".doc", ".docx", ".xls", ".xlsx", ".roi", ".rst",
})  # fmt: skip


def leftovers(listing: Listing) -> tuple[str, ...]:
    """What to say of files that no sample has, in the folders of images and masks and in folders inside these."""
    return left_out(_used(listing), listing.root)


def left_out(used: Set[Path], root: Path) -> tuple[str, ...]:
    """What to say of other files than those `used`, in their folders and in folders inside these."""
    strange: dict[Path, list[str]] = defaultdict(list)
    deeper: dict[Path, list[str]] = defaultdict(list)
    folders = {path.parent for path in used}
    for folder in sorted(folders):
        for path in sorted(folder.iterdir()):
            if path in used or path.name.startswith(".") or path.name in LITTER or path.suffix.lower() in DOCUMENTS:
                continue
            if path.is_dir() and not is_image_file(path):
                if path not in folders and not _leads_to(path, folders) and _may_hold_images(path):
                    deeper[folder].append(path.name)
            elif not is_image_file(path):
                strange[folder].append(path.name)
    accepted = ", ".join(sorted(SUFFIXES))
    return (
        *(
            f"Left out in '{_place(folder, root)}', being no files that are read ({accepted}): {named(names)}."
            for folder, names in strange.items()
        ),
        *(
            f"Images in folders inside '{_place(folder, root)}' are left out: {named(names)}. Move them up beside the others."
            for folder, names in deeper.items()
        ),
    )


def _used(listing: Listing) -> set[Path]:
    return {
        path
        for sample in listing.samples
        for path in (sample.image, *sample.masks, sample.second, sample.field)
        if path is not None
    }


def _may_hold_images(folder: Path) -> bool:
    try:
        return any(map(is_image_file, folder.iterdir()))
    except PermissionError:
        return True


def _leads_to(folder: Path, folders: Set[Path]) -> bool:
    return any(folder in inner.parents for inner in folders)


def _place(folder: Path, root: Path) -> str:
    return folder.relative_to(root).as_posix() if folder.is_relative_to(root) and folder != root else folder.name
