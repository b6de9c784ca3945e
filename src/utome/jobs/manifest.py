"""What lies finished in the folder of a prediction: a journal that says which image gave which files, by their hashes.

The line of an image is on the disk before its files get their names. So a file that no line names is not ours, and a
repeat of the same command knows what is whole, what is damaged and what is missing.
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from utome.data.formats import file_sha256
from utome.errors import ConfigError, DataError
from utome.files import exclusive, new_folder, sha256_bytes, sweep, write_bytes, write_text, writing

NAME: Final = "manifest.jsonl"
FORMAT: Final = 1
# What is not finished; it is gone in the end.
PARTS: Final = ".parts"
# A file as its bytes, or where it lies already under another name of the same disk.
Content = bytes | Path


@dataclass(frozen=True)
class Written:
    """A finished file, or a folder of them: how many bytes it has, and their sha256."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Entry:
    """One image: the sha256 of its file, its page in it, the files that came of it, and what else is to be told of it."""

    image: str
    sha256: str
    page: int | None
    outputs: Mapping[str, Written]
    facts: Mapping[str, Any]


class Manifest:
    """The journal of one folder. `opened` gives it; nothing is written before the first image is finished."""

    def __init__(self, out: Path, identity: Mapping[str, Any], held: ExitStack) -> None:
        self._out = out
        self._identity = identity
        self._held = held
        self._path = out / NAME
        self._entries: dict[str, Entry] = {}
        self._together: dict[str, Written] = {}
        self._writing = False
        if self._path.exists():
            self._hold()
            self._truncate(self._read())

    @property
    def parts(self) -> Path:
        """The folder of what is under way."""
        return self._out / PARTS

    def part(self, name: str) -> Path:
        """A place for what is under way of an image; the folder that it lies in is made, and held for this process."""
        if not self._writing:
            self._begin()
        path = self.parts / name
        new_folder(path.parent)
        return path

    def refuse_strange(self, outputs: Iterable[str]) -> None:
        """`ConfigError` where a file is there under one of these names that this journal does not know."""
        ours = {*self._together, *(name for entry in self._entries.values() for name in entry.outputs)}
        there = next((self._out / name for name in outputs if name not in ours and (self._out / name).exists()), None)
        if there is not None:
            raise ConfigError(
                f"'{there}' is there already and is not overwritten, since '{self._path}' does not name it. Give another --out."
            )

    def finished(self, image: str, sha256: str, page: int | None, outputs: Sequence[str]) -> Entry | None:
        """The entry of an image whose files are all there and whole, else none."""
        entry = self._entries.get(image)
        if entry is None or (entry.sha256, entry.page) != (sha256, page) or set(entry.outputs) != set(outputs):
            return None
        whole = all(self._is_whole(name, written) for name, written in entry.outputs.items())
        return entry if whole else None

    def commit(
        self, image: str, sha256: str, page: int | None, made: Mapping[str, Content], facts: Mapping[str, Any]
    ) -> Entry:
        """Write the line of an image, and then its files."""
        entry = Entry(image, sha256, page, {name: _written(content) for name, content in made.items()}, facts)
        self._append(asdict(entry))
        self._entries[image] = entry
        for name, content in made.items():
            self._place(name, content)
        shutil.rmtree(self.parts / image, ignore_errors=True)
        return entry

    def commit_together(self, name: str, content: Content) -> None:
        """Write a file that is made of several images', if it is not there as it should be."""
        written = _written(content)
        if self._together.get(name) == written and self._is_whole(name, written):
            return
        self._append({"together": name, **asdict(written)})
        self._together[name] = written
        self._place(name, content)

    def close(self, images: Sequence[str]) -> None:
        """Leave one line for each image, in this order, and nothing that is under way."""
        if not self._writing:
            return
        shutil.rmtree(self.parts, ignore_errors=True)
        self._held.close()  # where a file that is open cannot be replaced
        order = [*images, *(name for name in self._entries if name not in set(images))]
        entries = [asdict(self._entries[name]) for name in order if name in self._entries]
        together = [{"together": name, **asdict(written)} for name, written in sorted(self._together.items())]
        content = "".join(_line(document) for document in (self._header, *entries, *together))
        if content.encode() != self._path.read_bytes():
            write_text(self._path, content)

    @property
    def _header(self) -> dict[str, Any]:
        return {"format": FORMAT, "made_by": self._identity}

    def _read(self) -> int:
        """Take the entries in; how many bytes of the journal are whole lines: a process that was killed leaves half a one."""
        with writing(self._path):
            content = self._path.read_bytes()
        lines = content.splitlines(keepends=True)
        documents = [_document(line) for line in lines]
        try:
            if not documents or documents[0] is None:
                raise KeyError("format")
            self._refuse_others(documents[0])
            for document in documents[1:]:
                self._take(document)
        except (KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"'{self._path}' is damaged, so what lies beside it is not known. Give another --out."
            ) from error
        return len(content) if documents[-1] is not None else len(content) - len(lines[-1])

    def _take(self, document: Mapping[str, Any] | None) -> None:
        if document is None:
            return
        if "together" in document:
            self._together[document["together"]] = Written(document["bytes"], document["sha256"])
            return
        outputs = {name: Written(**each) for name, each in document["outputs"].items()}
        self._entries[document["image"]] = Entry(**{**document, "outputs": outputs})

    def _refuse_others(self, header: Mapping[str, Any]) -> None:
        if header["format"] != FORMAT:
            raise ConfigError(
                f"'{self._path}' has format {header['format']}; this utome reads format {FORMAT}. Give another --out, or use the "
                "version of utome that wrote it."
            )
        there, here = (dict(_flat(each)) for each in (header["made_by"], self._identity))
        other = next((name for name in {**there, **here} if there.get(name) != here.get(name)), None)
        if other is not None:
            raise ConfigError(
                f"'{self._out}' holds predictions that were made otherwise: `{other}` is {_said(there.get(other))} there and "
                f"{_said(here.get(other))} here. Give another --out, or the same model and settings."
            )

    def _begin(self) -> None:
        """Make the journal, which was not there, and hold it."""
        new_folder(self._out)
        if not self._path.exists():
            write_text(self._path, _line(self._header))
        self._hold()
        if self._path.stat().st_size != len(_line(self._header)):  # another's, who was quicker
            raise ConfigError(self._busy)

    def _hold(self) -> None:
        if not self._held.enter_context(exclusive(self._path)):
            raise ConfigError(self._busy)
        sweep(self._out)
        self._writing = True

    @property
    def _busy(self) -> str:
        return f"Another process works on '{self._out}'. Wait until it is done, or give another --out."

    def _truncate(self, size: int) -> None:
        with writing(self._path):
            if self._path.stat().st_size != size:
                os.truncate(self._path, size)

    def _append(self, document: Mapping[str, Any]) -> None:
        if not self._writing:
            self._begin()
        content = _line(document).encode()
        with writing(self._path, len(content)), self._path.open("ab") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def _place(self, name: str, content: Content) -> None:
        path = self._out / name
        new_folder(path.parent)
        if isinstance(content, bytes):
            write_bytes(path, content)
            return
        with writing(path):
            if path.is_dir():
                shutil.rmtree(path)
            content.replace(path)

    def _is_whole(self, name: str, written: Written) -> bool:
        path = self._out / name
        try:
            return path.exists() and _size(path) == written.bytes and file_sha256(path) == written.sha256
        except (DataError, OSError):
            return False


@contextmanager
def opened(out: Path, identity: Mapping[str, Any]) -> Iterator[Manifest]:
    """The journal of a folder, held for this process alone from its first line on.

    `identity` says what made the files: models and settings, of JSON's types. `ConfigError` where the folder holds what others made.
    """
    with ExitStack() as held:
        yield Manifest(out, json.loads(json.dumps(identity)), held)


def _written(content: Content) -> Written:
    if isinstance(content, bytes):
        return Written(len(content), sha256_bytes(content))
    return Written(_size(content), file_sha256(content))


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size


def _line(document: Mapping[str, Any]) -> str:
    return json.dumps(document, allow_nan=False) + "\n"


def _document(line: bytes) -> dict[str, Any] | None:
    """One line; none where it is damaged or was never finished."""
    if not line.endswith(b"\n"):
        return None
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _flat(document: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _said(value: Any) -> str:
    return "not given" if value is None else json.dumps(value)
