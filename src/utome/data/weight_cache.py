"""Weight maps kept on disk between runs, each under the hash of what it was made from.

A file that is missing, damaged or cannot be written only costs the time to make the map again. The folder is UTOME_CACHE, else
`utome` in the user's own cache folder; what was used longest ago goes where it grows too large.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

import numpy as np

from utome.data.dataset import LabelMap, Objects, Weigh, Weights
from utome.errors import UtomeError
from utome.files import new_folder, write_bytes

LARGEST_BYTES = 2**30
DIGEST = hashlib.sha256().digest_size


class WeightCache:
    """Maps made by `make`, whose own settings `rule` tells; a change of either must change `rule`."""

    def __init__(self, make: Weigh, rule: str, folder: Path | None = None) -> None:
        self._make, self._rule = make, rule
        self._folder = (cache_folder() if folder is None else folder) / "weight-maps"
        self._prune()

    def __call__(self, labels: LabelMap, objects: Objects | None) -> tuple[LabelMap, Weights]:
        """Labels and weights, from the disk if they are there."""
        path = self._folder / self._key(labels, objects)
        kept = None
        with suppress(OSError):
            kept = _unpacked(path.read_bytes(), labels.shape)
        if kept is not None:
            with suppress(OSError):  # a file that may be read alone
                os.utime(path)
            return kept
        made = self._make(labels, objects)
        with suppress(OSError, UtomeError):
            new_folder(self._folder)
            write_bytes(path, _packed(*made))
        return made

    def _key(self, labels: LabelMap, objects: Objects | None) -> str:
        digest = hashlib.sha256(f"{self._rule} {labels.shape}".encode())
        for array in (labels,) if objects is None else (labels, objects):
            digest.update(array.tobytes())
        return digest.hexdigest()

    def _prune(self) -> None:
        with suppress(OSError):
            files = sorted(((path.stat().st_mtime, path) for path in self._folder.iterdir()), reverse=True)
            total = 0
            for _, path in files:
                total += path.stat().st_size
                if total > LARGEST_BYTES:
                    path.unlink()


def cache_folder() -> Path:
    """Where what can be made again is kept."""
    own = os.environ.get("UTOME_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "utome"


def _packed(labels: LabelMap, weights: Weights) -> bytes:
    content = labels.tobytes() + weights.tobytes()
    return hashlib.sha256(content).digest() + content


def _unpacked(packed: bytes, shape: tuple[int, ...]) -> tuple[LabelMap, Weights] | None:
    """The arrays again; none where the file is damaged."""
    digest, content = packed[:DIGEST], packed[DIGEST:]
    pixels = int(np.prod(shape))
    if len(content) != 5 * pixels or hashlib.sha256(content).digest() != digest:
        return None
    labels, weights = np.frombuffer(content, np.uint8, pixels), np.frombuffer(content, np.float32, offset=pixels)
    return labels.reshape(shape).copy(), weights.reshape(shape).copy()
