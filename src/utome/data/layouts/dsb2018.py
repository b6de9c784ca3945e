"""The 2018 Data Science Bowl: `ID/images/ID.png` and `ID/masks/*.png`, one file a nucleus."""

from pathlib import Path

from utome.data.layouts.folders import folder_named, image_files, subfolders
from utome.data.samples import Listing, Sample
from utome.errors import DataError


def dsb2018(root: Path) -> Listing | None:
    """A folder an image, with a file a nucleus."""
    folders = [folder for folder in subfolders(root) if (folder / "images").is_dir() and (folder / "masks").is_dir()]
    strange = [folder for folder in folders if [file.stem for file in image_files(folder / "images")] != [folder.name]]
    folders = [folder for folder in folders if folder not in strange]
    if not folders:
        inner = folder_named(root, frozenset({"stage1_train"}))
        return None if inner is None else dsb2018(inner)
    samples = []
    for folder in folders:
        (image,) = image_files(folder / "images")
        masks = tuple(image_files(folder / "masks"))
        if not masks:
            raise DataError(
                f"The image '{image}' has no masks in '{folder / 'masks'}'. Add them, or take the folder '{folder.name}' out."
            )
        samples.append(Sample(folder.name, image, masks, truth="objects"))
    notes = ["One mask file an object: the files of an image are united into one foreground."]
    if strange:
        names = ", ".join(f"'{folder.name}'" for folder in strange[:3])
        notes.append(f"{len(strange)} folders are left out, since their image has another name than they: {names}.")
    return Listing(root, "dsb2018", tuple(samples), tuple(notes))
