"""The 2018 Data Science Bowl: `ID/images/ID.png` and `ID/masks/*.png`, one file a nucleus."""

from pathlib import Path

from utome.data.layouts.folders import folder_named, image_files, named, subfolders
from utome.data.samples import Listing, Sample
from utome.errors import DataError

UNITED = "One mask file an object: the files of an image are united into one foreground."


def dsb2018(root: Path) -> Listing | None:
    """A folder an image, with a file a nucleus; alone or inside `stage1_train`."""
    within = [folder for folder in subfolders(root) if (folder / "images").is_dir()]
    folders = [folder for folder in within if (folder / "masks").is_dir()]
    strange = [folder for folder in folders if [file.stem for file in image_files(folder / "images")] != [folder.name]]
    bare = [folder for folder in within if folder not in folders]
    folders = [folder for folder in folders if folder not in strange]
    if not folders:
        return _inside(root)
    notes = [UNITED]
    if strange:
        notes.append(
            f"{len(strange)} folders are left out, since their image has another name than they: {_names(strange)}."
        )
    if bare:
        notes.append(f"{len(bare)} folders are left out, since they hold no masks: {_names(bare)}.")
    return Listing(root, "dsb2018", tuple(map(_sample, folders)), tuple(notes))


def _inside(root: Path) -> Listing | None:
    train = folder_named(root, {"stage1_train"})
    listing = None if train is None else dsb2018(train)
    if listing is None:
        return None
    others = [folder.name for folder in subfolders(root) if folder != train]
    left_out = (f"Only '{listing.root.name}' is read; left out: {named(others)}.",) if others else ()
    return Listing(root, "dsb2018", listing.samples, (*listing.notes, *left_out))


def _sample(folder: Path) -> Sample:
    (image,) = image_files(folder / "images")
    masks = tuple(image_files(folder / "masks"))
    if not masks:
        raise DataError(
            f"The image '{image}' has no masks in '{folder / 'masks'}'. Add them, or take the folder '{folder.name}' out."
        )
    return Sample(folder.name, image, masks, truth="objects")


def _names(folders: list[Path]) -> str:
    return named([folder.name for folder in folders])
