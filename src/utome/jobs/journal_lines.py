"""The lines of the journal of a prediction: what each says of files, and how two first lines differ."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from utome.data.formats import file_sha256
from utome.files import sha256_bytes

NAME: Final = "manifest.jsonl"
# A file as its bytes, or where it lies already under another name of the same disk.
Content = bytes | Path


@dataclass(frozen=True)
class Written:
    """A finished file, or a folder of them: how many bytes it has, and their sha256."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Shared(Written):
    """A file that is made of several images: of the pages of `file`, or of all images."""

    file: str | None = None


@dataclass(frozen=True)
class Entry:
    """One image: the sha256 of its file, its page in it, the files that came of it, and what else is to be told of it.

    `file` is the place of its file below the folder of images, "" in lines of earlier versions.
    """

    image: str
    sha256: str
    page: int | None
    outputs: Mapping[str, Written]
    facts: Mapping[str, Any]
    file: str = ""


def written(content: Content) -> Written:
    """What a line says of a file, or of a folder."""
    if isinstance(content, bytes):
        return Written(len(content), sha256_bytes(content))
    return Written(size_of(content), file_sha256(content))


def size_of(path: Path) -> int:
    """How many bytes a file has, or all files below a folder."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size


def line(document: Mapping[str, Any]) -> str:
    """A document as a line."""
    return json.dumps(document, allow_nan=False) + "\n"


def document_of(content: bytes) -> dict[str, Any] | None:
    """One line; none where it is damaged or was never finished."""
    if not content.endswith(b"\n"):
        return None
    try:
        found = json.loads(content)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def is_prediction(folder: Path) -> bool:
    """Whether the journal of a prediction lies in a folder."""
    try:
        with (folder / NAME).open("rb") as file:
            header = document_of(file.readline())
    except OSError:
        return False
    return header is not None and header.keys() == {"format", "made_by"}


def difference(there: Mapping[str, Any], here: Mapping[str, Any]) -> str | None:
    """The first value that differs, in words; none where all are the same."""
    theirs, ours = dict(_flat(there)), dict(_flat(here))
    other = next((name for name in {**theirs, **ours} if theirs.get(name) != ours.get(name)), None)
    return None if other is None else f"`{other}` is {_said(theirs.get(other))} there and {_said(ours.get(other))} here"


def _flat(document: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _said(value: Any) -> str:
    return "not given" if value is None else json.dumps(value)
