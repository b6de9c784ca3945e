"""What lies finished in the folder of a prediction: a journal that says which image gave which files, by their hashes.

The line of an image is on the disk before its files get their names. So a file that no line names is not ours, and a
repeat of the same command knows what is whole, what is damaged and what is missing.
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from utome.data.formats import file_sha256
from utome.errors import ConfigError, DataError
from utome.files import exclusive, new_folder, sweep, write_bytes, write_text, writing
from utome.jobs.inputs import Input
from utome.jobs.journal_lines import (
    NAME,
    Content,
    Entry,
    Shared,
    Written,
    difference,
    document_of,
    line,
    size_of,
    written,
)

FORMAT: Final = 1
# What is not finished; it is gone in the end.
PARTS: Final = ".parts"


class Manifest:
    """The journal of one folder. `opened` gives it; nothing is written before the first image is finished."""

    def __init__(self, out: Path, identity: Mapping[str, Any], held: ExitStack) -> None:
        self._out = out
        self._identity = identity
        self._held = held
        self._path = out / NAME
        self._entries: dict[str, Entry] = {}
        self._together: dict[str, Shared] = {}
        self._new_folders: list[Path] = []
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

    def finished(self, image: Input, sha256: str, outputs: Sequence[str]) -> Entry | None:
        """The entry of an image whose files are all there and whole, else none."""
        entry = self._entries.get(image.name)
        if entry is None or (entry.sha256, entry.page) != (sha256, image.page) or set(entry.outputs) != set(outputs):
            return None
        if not all(self.is_whole(entry, name) for name in outputs):
            return None
        self._entries[image.name] = replace(entry, file=image.file)  # the same file may have another place by now
        return self._entries[image.name]

    def commit(self, image: Input, sha256: str, made: Mapping[str, Content], facts: Mapping[str, Any]) -> Entry:
        """Write the line of an image, and then its files; what its file gave when it was another one is taken away before."""
        self._clear(image, sha256)
        outputs = {name: written(content) for name, content in made.items()}
        entry = Entry(image.name, sha256, image.page, outputs, facts, image.file)
        self._append(asdict(entry))
        self._enter(entry)
        for name, content in made.items():
            self._place(name, content)
        shutil.rmtree(self.parts / image.name, ignore_errors=True)
        return entry

    def withdraw(self, image: Input, sha256: str | None) -> None:
        """Leave nothing of an image that cannot be predicted: neither what is under way, nor what its file gave when it was another one.

        Where the file is what it was, or cannot be read at all (`sha256` is none), finished files stay.
        """
        shutil.rmtree(self.parts / image.name, ignore_errors=True)
        if sha256 is not None:
            self._clear(image, sha256)

    def _clear(self, image: Input, sha256: str) -> None:
        """Take away what was predicted under the name of an image, or from its file, when that was another one.

        So goes what is made of these images and others.
        """
        for entry in list(self._entries.values()):
            if entry.sha256 == sha256 or (entry.image != image.name and entry.file != image.file):
                continue
            ours = [name for name, each in self._together.items() if each.file in {None, entry.file}]
            for name in (*entry.outputs, *ours):  # a line whose files are gone is a line of an image that is to be made
                self._remove(name)
            self._append({"withdrawn": entry.image, "together": ours})
            self._forget(entry.image, ours)

    def commit_together(self, name: str, content: Content, file: str | None = None) -> None:
        """Write what is made of the pages of a file, or of all images, if it is not there as it should be."""
        found = Shared(**asdict(written(content)), file=file)
        if self._together.get(name) == found and self._is_whole(name, found):
            return
        self._append({"together": name, **asdict(found)})
        self._together[name] = found
        self._place(name, content)

    def entries(self, images: Sequence[str]) -> list[Entry]:
        """All entries: first those of these images, in this order."""
        order = dict.fromkeys([*images, *self._entries])
        return [self._entries[name] for name in order if name in self._entries]

    def is_whole(self, entry: Entry, name: str) -> bool:
        """Whether a file of an entry is there as it was written."""
        return self._is_whole(name, entry.outputs[name])

    def close(self, images: Sequence[str]) -> None:
        """Leave one line for each image, in this order, and nothing that is under way."""
        if not self._writing:
            return
        shutil.rmtree(self.parts, ignore_errors=True)
        entries = [asdict(entry) for entry in self.entries(images)]
        together = [{"together": name, **asdict(each)} for name, each in sorted(self._together.items())]
        content = "".join(line(document) for document in (self._header, *entries, *together))
        if content.encode() != self._path.read_bytes():
            write_text(self._path, content)
        self._writing = False  # the folder may be another's from now on

    def leave(self) -> None:
        """Take away what holds nothing: the folder of what is under way, and a journal that names no file."""
        if not self._writing or any(path.is_file() for path in self.parts.rglob("*")):
            return
        shutil.rmtree(self.parts, ignore_errors=True)
        if self._entries or self._together:
            return
        with suppress(OSError):  # a folder may hold what is not ours
            self._path.unlink(missing_ok=True)
            for folder in self._new_folders:
                folder.rmdir()

    @property
    def _header(self) -> dict[str, Any]:
        return {"format": FORMAT, "made_by": self._identity}

    def _read(self) -> int:
        """Take the entries in; how many bytes of the journal are whole lines: a process that was killed leaves half a one."""
        with writing(self._path):
            content = self._path.read_bytes()
        lines = content.splitlines(keepends=True)
        documents = [document_of(each) for each in lines]
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
        if "withdrawn" in document:
            self._forget(document["withdrawn"], document["together"])
            return
        if "together" in document:
            self._together[document["together"]] = Shared(document["bytes"], document["sha256"], document.get("file"))
            return
        outputs = {name: Written(**each) for name, each in document["outputs"].items()}
        self._enter(Entry(**{**document, "outputs": outputs}))

    def _enter(self, entry: Entry) -> None:
        self._entries[entry.image] = entry
        for name in entry.outputs:  # of one image now, which bears the name of a stack that was there before
            self._together.pop(name, None)

    def _forget(self, image: str, together: Iterable[str]) -> None:
        self._entries.pop(image, None)
        for name in together:
            self._together.pop(name, None)

    def _refuse_others(self, header: Mapping[str, Any]) -> None:
        if header["format"] != FORMAT:
            raise ConfigError(
                f"'{self._path}' has format {header['format']}; this utome reads format {FORMAT}. Give another --out, or use the "
                "version of utome that wrote it."
            )
        other = difference(header["made_by"], self._identity)
        if other is not None:
            raise ConfigError(
                f"'{self._out}' holds predictions that were made otherwise: {other}. Give another --out, or the same model and settings."
            )

    def _begin(self) -> None:
        """Make the journal, which was not there, and hold it."""
        self._new_folders = [folder for folder in (self._out, *self._out.parents) if not folder.exists()]
        new_folder(self._out)
        if not self._path.exists():
            write_text(self._path, line(self._header))
        self._hold()
        if self._path.stat().st_size != len(line(self._header)):  # another's, who was quicker
            self._writing = False
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
        content = line(document).encode()
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

    def _remove(self, name: str) -> None:
        path = self._out / name
        with writing(path):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def _is_whole(self, name: str, known: Written) -> bool:
        path = self._out / name
        try:
            return path.exists() and size_of(path) == known.bytes and file_sha256(path) == known.sha256
        except (DataError, OSError):
            return False


@contextmanager
def opened(out: Path, identity: Mapping[str, Any]) -> Iterator[Manifest]:
    """The journal of a folder, held for this process alone from its first line on.

    `identity` says what made the files: models and settings, of JSON's types. `ConfigError` where the folder holds what others made.
    """
    with ExitStack() as held:
        manifest = Manifest(out, json.loads(json.dumps(identity)), held)
        try:
            yield manifest
        finally:
            manifest.leave()
