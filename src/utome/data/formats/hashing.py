"""A hash of the bytes of an image, be it a file or, as an OME-Zarr is, a folder."""

import hashlib
from pathlib import Path

from utome.data.formats.stored import guarded


def file_sha256(path: Path) -> str:
    """The sha256 of a file, as 64 hexadecimal digits; of a folder, that of its files' names and hashes in order.

    Read in pieces, however large the file. `DataError` where it cannot be read.
    """
    with guarded(path):
        if not path.is_dir():
            return _of_file(path)
        files = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
        return hashlib.sha256("".join(f"{name}\0{_of_file(path / name)}\n" for name in files).encode()).hexdigest()


def _of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
