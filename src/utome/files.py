"""Files that are either whole or absent: written beside their place, flushed to disk, then renamed.

A reader, or a crash, never sees half a file.
"""

import errno
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from utome.errors import MachineError

try:
    import fcntl
except ImportError:  # Windows has none
    fcntl = None  # type: ignore[assignment]

TEMPORARY_PREFIX = ".writing-"
# What the system says where a disk, or a share of one, is full; and where it lets nobody write.
FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)
# Folders of some network disks cannot be synced, and say so in these ways.
UNSYNCED = (errno.EINVAL, errno.ENOTSUP)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole: to a temporary name in the same folder, flushed and fsynced, then renamed."""
    with writing(path, len(content)):
        # Not tempfile.mkstemp, whose files are private whatever the user's umask.
        temporary = path.parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}"
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


def write_text(path: Path, content: str) -> None:
    """Write text as UTF-8, whole or not at all; what UTF-8 cannot hold (a strange file name) is written as escapes."""
    write_bytes(path, content.encode("utf-8", errors="backslashreplace"))


def write_json(path: Path, content: Any) -> None:
    """Write one JSON document, whole or not at all; numbers that are no numbers are refused."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def append_line(path: Path, line: str) -> None:
    """Add one line to a journal and flush it; what UTF-8 cannot hold is written as in `write_text`."""
    with writing(path, len(line)), path.open("a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(line + "\n")
        file.flush()


def cut_torn_line(path: Path) -> None:
    """Cut off what a killed process left of a journal's last line, so that the next one begins a line of its own."""
    with writing(path), path.open("r+b") as file:
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)


def new_folder(path: Path) -> None:
    """Make a folder and its parents, or raise `MachineError`."""
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)


def sweep(folder: Path) -> None:
    """Remove what a process left half-written when it was killed, in a folder and all below it."""
    for path in folder.rglob(f"{TEMPORARY_PREFIX}*"):
        path.unlink(missing_ok=True)


@contextmanager
def exclusive(path: Path) -> Iterator[bool]:
    """Hold a file for this process alone until the block ends, or give False where another process holds it.

    The system lets go of it when a process ends in any way. Where it knows no such locks (some network disks) all are let in. Whoever
    holds the file may replace it or take it away; who opened it before that is not let in.
    """
    with writing(path):
        file = path.open("ab")
    if fcntl is None:
        file.close()  # one that is open could not be replaced
        yield True
        return
    with file:
        yield _locked(file) and _is_at(file, path)


def held(path: Path) -> bool | None:
    """Whether another process holds a file by `exclusive`; none where that cannot be known. The file stays as it is."""
    if fcntl is None:
        return None
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # gone, or no locks here
        return None
    return False


def _locked(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no locks here
        return True
    return True


def _is_at(file: BinaryIO, path: Path) -> bool:
    """Whether an open file is the one that lies there now."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def sha256_bytes(content: bytes) -> str:
    """The sha256 of some bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


@contextmanager
def writing(path: Path, size: int | None = None) -> Iterator[None]:
    """Turn the system's refusal to write `path`, of so many bytes, into a sentence."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise MachineError(f"'{path}' cannot be written: {reason}. {_way_out(path, error.errno, size)}") from error


def in_words(count: int) -> str:
    """A number of bytes as it is said.

    >>> in_words(700), in_words(42_000), in_words(1_234_000_000)
    ('700 bytes', '42 kB', '1,234 MB')
    """
    if count < 10_000:
        return f"{count:,} bytes"
    return f"{count / 1e3:,.0f} kB" if count < 10_000_000 else f"{count / 1e6:,.0f} MB"


def standing(path: Path) -> Path:
    """The path itself if it is a folder, else the nearest above it that is there."""
    return next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())


def _way_out(path: Path, number: int | None, size: int | None) -> str:
    """What to do when the system refuses with this error."""
    folder = standing(path)
    if number in FULL:
        needed = "" if size is None else f"The file needs {in_words(size)}, and "
        return f"{needed}'{folder}' has {in_words(shutil.disk_usage(folder).free)} free. Free some space there."
    if number == errno.EFBIG:
        needed = "" if size is None else f"The file has {in_words(size)}, more than a file may have here. "
        return f"{needed}Raise the limit of file sizes (ulimit -f), or name another place."
    if number == errno.ENOENT and not path.parent.exists():
        return f"'{path.parent}' is not there, or no longer. Put it back, or name another place."
    if number in CLOSED:
        return f"Make '{folder}' writable, or name another place."
    return f"Look after '{folder}', or name another place."


def _sync_folder(folder: Path) -> None:
    """Make a rename durable, on the systems where a folder can be synced (not Windows)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in UNSYNCED:
            raise
    finally:
        os.close(handle)
