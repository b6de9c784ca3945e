"""What is to be predicted: each image of a folder, each page of a stack, and the name of its label map."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from utome.data.formats import page_count
from utome.data.layouts.finding import find_images
from utome.data.layouts.leftovers import left_out
from utome.errors import ConfigError, DataError
from utome.events import Listener, Noted
from utome.jobs.journal_lines import is_prediction


@dataclass(frozen=True)
class Input:
    """An image to predict; `file` is the place of its file below the folder of images, `page` that of a stack, from 0."""

    name: str
    path: Path
    file: str
    page: int | None = None

    @property
    def source(self) -> str:
        """Where the image is from, for messages."""
        return str(self.path) if self.page is None else f"{self.path}, page {self.page + 1}"

    def told(self, error: DataError) -> str:
        """What an error says of it, with the page, which is not known where files are read."""
        sentence = str(error)
        return sentence if self.page is None or self.source in sentence else f"Page {self.page + 1}: {sentence}"


def find_inputs(images: Path, listen: Listener, *, out: Path | None = None) -> list[Input]:
    """The images below `images`, or in that file; their names differ.

    An image is named by its stem, where that tells all apart, else by the folders that it lies in and its stem; a page as `slices` of
    training data are: by its number after the name. `DataError` where two still have one name. `out` is where label maps go:
    `ConfigError` where they would lie among the images.
    """
    paths = find_images(images)
    if images.is_dir():
        _refuse_among_images(out, paths, images)
        ours = {each for folder in {path.parent for path in paths} for each in folder.iterdir() if is_prediction(each)}
        for sentence in left_out({*paths, *ours}, images):
            listen(Noted(sentence))
    root = images if images.is_dir() and images not in paths else images.parent
    files = [(path.relative_to(root) if path.is_relative_to(root) else path).as_posix() for path in paths]
    named = zip(paths, files, _names(paths, images), strict=True)
    inputs = [each for path, file, name in named for each in _pages(path, file, name)]
    stacks = list(dict.fromkeys(each.path for each in inputs if each.page is not None))
    if stacks:
        holding = f"'{stacks[0].name}' holds" if len(stacks) == 1 else f"{len(stacks)} files hold"
        listen(Noted(f"{holding} many pages, each predicted as an image of its own."))
    _refuse_clashes(inputs)
    return inputs


def _names(paths: Sequence[Path], root: Path) -> list[str]:
    stems = [path.stem for path in paths]
    if len(set(stems)) == len(stems):
        return stems
    return ["-".join(path.relative_to(root).with_suffix("").parts) for path in paths]


def _pages(path: Path, file: str, name: str) -> list[Input]:
    try:
        pages = page_count(path)
    except DataError:
        pages = 1  # reading it says why, and does not stop the others
    if pages == 1:
        return [Input(name, path, file)]
    digits = len(str(pages))
    return [Input(f"{name}-{page + 1:0{digits}d}", path, file, page) for page in range(pages)]


def _refuse_among_images(out: Path | None, paths: Sequence[Path], images: Path) -> None:
    """`ConfigError` where the next command would take label maps for images."""
    if out is None or not out.resolve().is_relative_to(images.resolve()):
        return
    if any(path.parent.resolve().is_relative_to(out.resolve()) for path in paths):
        raise ConfigError(
            f"--out is '{out}', where images lie that are to be predicted: its label maps would be taken for images by the next command. "
            f"Give a folder of its own, as in --out '{images / 'predicted'}'."
        )


def _refuse_clashes(inputs: Sequence[Input]) -> None:
    name, count = Counter(each.name for each in inputs).most_common(1)[0]
    if count > 1:
        raise DataError(
            f"{count} images are called '{name}', so their label maps would overwrite each other. Rename all but one."
        )
