"""COCO: one JSON document with the outlines of the objects of all images, or one for each of train, val and test.

Looked for are `annotations.json`, `instances_*.json` and names with `coco`, in the folder, in `annotations` and in `train`,
`val` and `test`; and any other JSON in `annotations`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from utome.data.coco import Coco, CocoImage, find_coco
from utome.data.formats import is_image_file
from utome.data.layouts.folders import PARTS, files_ending, named, squeezed, subfolders
from utome.data.samples import Listing, Part, Sample
from utome.errors import DataError

NAME = re.compile(r"^_?annotations?$|^instances([_-]|$)|coco", re.IGNORECASE)
BACKGROUND = "background"


def coco(root: Path) -> Listing | None:
    """The images of the documents, with what they outline."""
    documents = _documents(root)
    if not documents:
        return None
    _refuse_other_categories(documents)
    samples = [sample for document in documents for sample in _samples(root, document)]
    notes = [*_notes(documents), *_not_listed(samples)]
    return Listing(root, "coco", tuple(sorted(samples, key=_order)), tuple(notes), _classes(documents))


def _documents(root: Path) -> list[Coco]:
    inner = {squeezed(folder.name): folder for folder in subfolders(root)}
    parts = [inner[word] for words in PARTS.values() for word in sorted(words) if word in inner]
    named_so = [
        path
        for folder in (root, *(inner[name] for name in ("annotations",) if name in inner), *parts)
        for path in files_ending(folder, ".json")
        if NAME.search(path.stem)
    ]
    found = list(_of_coco(named_so))
    if not found and "annotations" in inner:
        found = list(_until_another(files_ending(inner["annotations"], ".json")))
    return found


def _of_coco(paths: Iterable[Path]) -> Iterator[Coco]:
    return (document for path in paths if (document := find_coco(path)) is not None)


def _until_another(paths: Iterable[Path]) -> Iterator[Coco]:
    """The documents before the first JSON of another kind: a folder of one file an image is none of COCO, and long."""
    for path in paths:
        document = find_coco(path)
        if document is None:
            return
        yield document


def _samples(root: Path, document: Coco) -> list[Sample]:
    part = _part(root, document.path)
    files = [(image, _file(root, document.path, image)) for image in document.images.values()]
    missing = [image.file_name for image, path in files if path is None]
    if missing:
        raise DataError(
            f"There is an image in '{document.path}' without a file in '{root}': {named(sorted(missing))}. Add the files, or take their "
            "entries out."
        )
    found = [(image, path) for image, path in files if path is not None]
    twice = sorted(str(path) for path, count in Counter(path for _, path in found).items() if count > 1)
    if twice:
        raise DataError(f"'{document.path}' names one image twice: {named(twice)}. Export it again.")
    # A stem alone is no name where several folders use it.
    plain = len({path.stem for _, path in found}) == len(found)
    return [
        Sample(path.stem if plain else _long(image), path, (document.path,), "coco", part, entry=image.id)
        for image, path in found
    ]


def _long(image: CocoImage) -> str:
    return "-".join(PurePosixPath(image.file_name.replace("\\", "/")).with_suffix("").parts)


def _file(root: Path, document: Path, image: CocoImage) -> Path | None:
    """Where an image lies: by the name as it stands, else by its last piece, in the folders that documents are beside."""
    split = re.sub(r"^instances[_-]?", "", document.stem)
    folders = [
        document.parent,
        root,
        root / "images",
        root / split,
        root / "images" / split,
        document.parent / "images",
    ]
    pieces = image.file_name.replace("\\", "/")
    for name in (pieces, pieces.rsplit("/", 1)[-1]):
        for folder in folders:
            if is_image_file(folder / name):
                return folder / name
    return None


def _part(root: Path, document: Path) -> Part | None:
    """What a document is for, by a word of its name or its folder; none where it says nothing."""
    where = document.stem if document.parent.name == "annotations" or document.parent == root else document.parent.name
    words = set(re.split(r"[^a-z]+", where.lower()))
    return next((part for part, names in PARTS.items() if words & names), None)


def _refuse_other_categories(documents: Sequence[Coco]) -> None:
    first = documents[0]
    for other in documents[1:]:
        if [*other.categories] != [*first.categories]:
            raise DataError(
                f"'{first.path}' and '{other.path}' have different categories. Export them together, or take one out."
            )


def _classes(documents: Sequence[Coco]) -> dict[str, tuple[int, ...]]:
    """The categories that have objects; those of one name are one class."""
    used = _used(documents)
    classes: dict[str, tuple[int, ...]] = {BACKGROUND: (0,)}
    for category in documents[0].categories:
        if category.id in used:
            classes[category.name] = (*classes.get(category.name, ()), documents[0].values[category.id])
    return classes


def _used(documents: Sequence[Coco]) -> set[int]:
    return {
        annotation.category_id
        for document in documents
        for number in document.images
        for annotation in document.outlines.get(number, ())
        if annotation.outlined
    }


def _notes(documents: Sequence[Coco]) -> list[str]:
    annotations = [
        annotation
        for document in documents
        for number in document.images
        for annotation in document.outlines.get(number, ())
    ]
    boxes = sum(not annotation.outlined for annotation in annotations)
    if boxes == len(annotations):
        raise DataError(
            f"'{documents[0].path}' has no outlines, {'but boxes alone' if boxes else 'and no objects'}; accepted: polygons or runs in "
            '"segmentation". Export the outlines too.'
        )
    classes = [name for name in _classes(documents) if name != BACKGROUND]
    notes = [
        f"Outlines are drawn as classes: {BACKGROUND} and {', '.join(classes)}; where objects overlap, the later in the document wins."
    ]
    if boxes:
        notes.append(f"{boxes} of {len(annotations)} objects have a box but no outline: read as background.")
    crowds = sum(annotation.iscrowd for annotation in annotations)
    if crowds:
        notes.append(f"{crowds} regions are crowds: they have their class, but are no objects.")
    empty = [category.name for category in documents[0].categories if category.id not in _used(documents)]
    if empty:
        notes.append(f"Categories without objects are no classes: {named(empty)}.")
    unlisted = sum(
        len(own) for document in documents for number, own in document.outlines.items() if number not in document.images
    )
    if unlisted:
        notes.append(f"{unlisted} objects are of images that the document does not list; left out.")
    bare = sum(number not in document.outlines for document in documents for number in document.images)
    if bare:
        notes.append(f"{bare} images have no objects: all of them is background.")
    return notes


def _not_listed(samples: Sequence[Sample]) -> list[str]:
    known = {sample.image for sample in samples}
    beside = {path for folder in {path.parent for path in known} for path in folder.iterdir() if is_image_file(path)}
    left_out = sorted(path.name for path in beside - known)
    return [f"{len(left_out)} image files are in no document and are left out: {named(left_out)}."] if left_out else []


def _order(sample: Sample) -> tuple[str, str]:
    return sample.part or "", sample.name
