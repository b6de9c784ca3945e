"""Finding pairs of image and mask in a folder as it lies.

Known layouts, tried in this order:

- `dsb2018`: the 2018 Data Science Bowl, `ID/images/ID.png` and `ID/masks/*.png`, one file a nucleus;
- `split pairs`: `train`, `val` and `test` folders, each holding pairs;
- `pairs`: `image|images|img` beside `label|labels|mask|masks`, files of the same stem.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

from utome.data.formats import SUFFIXES, is_image_file
from utome.errors import DataError

Part = Literal["train", "val", "test"]
PARTS: dict[Part, frozenset[str]] = {
    "train": frozenset({"train", "training"}),
    "val": frozenset({"val", "valid", "validation"}),
    "test": frozenset({"test", "testing"}),
}
Found = TypeVar("Found")
IMAGE_FOLDERS = frozenset({"image", "images", "img"})
MASK_FOLDERS = frozenset({"label", "labels", "mask", "masks"})


@dataclass(frozen=True)
class Sample:
    """One image and its truth: one label map, or one file for each object.

    `part` is what the folders say it is for, if they say so.
    """

    name: str
    image: Path
    masks: tuple[Path, ...]
    objects: bool = False
    part: Part | None = None


@dataclass(frozen=True)
class Listing:
    """What lies in a folder: its layout, its samples in order of their names, and what should be said about it."""

    root: Path
    layout: str
    samples: tuple[Sample, ...]
    notes: tuple[str, ...] = ()


def find_samples(root: Path) -> Listing:
    """List the samples below `root`; `DataError` where there are none, or some lack their partner. No file is opened."""
    if not root.is_dir():
        what = "is a file" if root.is_file() else "is not there"
        raise DataError(f"The folder '{root}' {what}. Give the folder that holds the images and the masks.")
    for reader in (_dsb2018, _split_pairs, _pairs):
        listing = _permitted(root, reader)
        if listing is not None:
            return listing
    raise DataError(
        f"No pairs of image and mask were found in '{root}'. Accepted: a folder `images` beside a folder `masks` (or "
        f"image|img and label|labels|mask), files of the same name in both; the same inside `train`, `val` and `test`; "
        f"or the 2018 Data Science Bowl layout. {_contents(root)}"
    )


def find_images(path: Path) -> list[Path]:
    """The images to predict: one file, a folder of files, or only the images of a known layout."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError(f"'{path}' is not there. Give an image or a folder of images.")
    loose = _permitted(path, _loose_images)
    if loose:
        return loose
    try:
        return [sample.image for sample in find_samples(path).samples]
    except DataError:
        raise DataError(
            f"No images were found in '{path}'; accepted endings: {', '.join(sorted(SUFFIXES))}. {_contents(path)}"
        ) from None


def _loose_images(root: Path) -> list[Path]:
    images = _folder(root, IMAGE_FOLDERS)
    return _image_files(root) or (_image_files(images) if images is not None else [])


def _permitted(root: Path, reader: Callable[[Path], Found]) -> Found:
    try:
        return reader(root)
    except PermissionError as error:
        raise DataError(
            f"'{error.filename}' may not be read. Ask for permission, or copy the images elsewhere."
        ) from error


def _dsb2018(root: Path) -> Listing | None:
    folders = [folder for folder in _folders(root) if (folder / "images").is_dir() and (folder / "masks").is_dir()]
    strange = [folder for folder in folders if [file.stem for file in _image_files(folder / "images")] != [folder.name]]
    folders = [folder for folder in folders if folder not in strange]
    if not folders:
        inner = _folder(root, frozenset({"stage1_train"}))
        return None if inner is None else _dsb2018(inner)
    samples = []
    for folder in folders:
        (image,) = _image_files(folder / "images")
        masks = tuple(_image_files(folder / "masks"))
        if not masks:
            raise DataError(
                f"The image '{image}' has no masks in '{folder / 'masks'}'. Add them, or take the folder '{folder.name}' out."
            )
        samples.append(Sample(folder.name, image, masks, objects=True))
    notes = ["One mask file an object: the files of an image are united into one foreground."]
    if strange:
        names = ", ".join(f"'{folder.name}'" for folder in strange[:3])
        notes.append(f"{len(strange)} folders are left out, since their image has another name than they: {names}.")
    return Listing(root, "dsb2018", tuple(samples), tuple(notes))


def _split_pairs(root: Path) -> Listing | None:
    samples: list[Sample] = []
    notes: list[str] = []
    for part, names in PARTS.items():
        folder = _folder(root, names)
        if folder is None:
            continue
        listing = _pairs(folder)
        if listing is not None:
            samples += [replace(sample, part=part) for sample in listing.samples]
        elif _image_files(folder) or _folder(folder, IMAGE_FOLDERS) is not None:
            notes.append(f"'{folder.name}' holds images without masks; it is left out.")
    if not samples:
        return None
    _refuse_outer_pairs(root, sorted({sample.image.parents[1].name for sample in samples}))
    return Listing(root, "split pairs", tuple(samples), tuple(notes))


def _refuse_outer_pairs(root: Path, parts: list[str]) -> None:
    """Pairs beside the folders that say what pairs are for would be passed over in silence."""
    images, masks = _folder(root, IMAGE_FOLDERS), _folder(root, MASK_FOLDERS)
    if images is None or masks is None or not _image_files(images):
        return
    shown = ", ".join(f"'{name}'" for name in parts)
    raise DataError(
        f"'{root}' holds pairs in '{images.name}' and '{masks.name}', and pairs in {shown} too; which are meant? "
        f"Take '{images.name}' and '{masks.name}' out to use {shown}, or take {shown} out to use all pairs as one."
    )


def _pairs(root: Path) -> Listing | None:
    images, masks = _folder(root, IMAGE_FOLDERS), _folder(root, MASK_FOLDERS)
    if images is None or masks is None:
        return None
    image_of, mask_of = _by_stem(images), _by_stem(masks)
    if not image_of:
        raise DataError(f"'{images}' holds no images; accepted endings: {', '.join(sorted(SUFFIXES))}.")
    _refuse_unpaired(image_of, mask_of, f"an image in '{images}' without a mask of the same name in '{masks}'")
    _refuse_unpaired(mask_of, image_of, f"a mask in '{masks}' without an image of the same name in '{images}'")
    samples = tuple(Sample(stem, image_of[stem], (mask_of[stem],)) for stem in sorted(image_of))
    return Listing(root, "pairs", samples)


def _by_stem(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in _image_files(folder):
        if path.stem in found:
            raise DataError(
                f"'{folder}' holds both '{found[path.stem].name}' and '{path.name}'; which one is meant? Take one out."
            )
        found[path.stem] = path
    return found


def _refuse_unpaired(ones: dict[str, Path], others: dict[str, Path], what: str) -> None:
    alone = sorted(ones.keys() - others.keys())
    if alone:
        shown = ", ".join(f"'{ones[stem].name}'" for stem in alone[:3]) + (
            f" and {len(alone) - 3} more" if len(alone) > 3 else ""
        )
        raise DataError(f"There is {what}: {shown}. Add the partner, or take it out.")


def _folder(root: Path, names: Iterable[str]) -> Path | None:
    """The one folder in `root` with one of these names, in whatever case."""
    found = [folder for folder in _folders(root) if folder.name.lower() in names]
    if len(found) > 1:
        shown = " and ".join(f"'{folder.name}'" for folder in found)
        raise DataError(f"'{root}' holds both {shown}; which one is meant? Take one out.")
    return found[0] if found else None


def _folders(root: Path) -> list[Path]:
    return sorted(folder for folder in root.iterdir() if folder.is_dir() and not folder.name.startswith("."))


def _image_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if is_image_file(path))


def _contents(root: Path) -> str:
    names = [f"'{path.name}'" for path in sorted(root.iterdir())]
    if not names:
        return "The folder is empty."
    return f"It holds {', '.join(names[:5])}{f' and {len(names) - 5} more' if len(names) > 5 else ''}."
