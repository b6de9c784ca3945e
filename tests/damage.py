"""Checkpoints that are damaged in every way that disks, copies and people know."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch

PAGE = 4096
# Kinds of damage, and how many of each make the six hundred.
COUNTS = {"truncated": 200, "flipped": 200, "zeroed": 50, "swapped": 50, "empty": 50, "other version": 50}


def newest_state(run: Path) -> Path:
    """The file of the newest state."""
    return max((run / "checkpoints").glob("*-epoch-*"))


def damage(run: Path, kind: str, draws: np.random.Generator) -> Path:
    """Damage the newest state of a run in this way, somewhere; its file."""
    path = newest_state(run)
    KINDS[kind](path, draws)
    return path


def _truncated(path: Path, draws: np.random.Generator) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: draws.integers(1, len(content))])


def _flipped(path: Path, draws: np.random.Generator) -> None:
    content = bytearray(path.read_bytes())
    content[draws.integers(len(content))] ^= 1 << int(draws.integers(8))
    path.write_bytes(content)


def _zeroed(path: Path, draws: np.random.Generator) -> None:
    content = bytearray(path.read_bytes())
    start = PAGE * int(draws.integers(len(content) // PAGE))
    content[start : start + PAGE] = bytes(PAGE)
    path.write_bytes(content)


def _swapped(path: Path, draws: np.random.Generator) -> None:
    """With another state, or with best weights: each is a whole file of its kind."""
    others = sorted(other for other in path.parent.glob("*.safetensors") if other != path)
    other = others[draws.integers(len(others))]
    ours, theirs = path.read_bytes(), other.read_bytes()
    path.write_bytes(theirs)
    other.write_bytes(ours)


def _empty(path: Path, draws: np.random.Generator) -> None:
    """Empty, or not there at all."""
    if draws.integers(2):
        path.write_bytes(b"")
    else:
        path.unlink()


def _other_version(path: Path, draws: np.random.Generator) -> None:
    """As a later utome would write it: whole, and named by a whole manifest."""
    with safetensors.safe_open(path, "pt") as file:
        state = json.loads(file.metadata()["state"])
    tensors = safetensors.torch.load_file(path)
    state["format"] += int(draws.integers(1, 9))
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_bytes(safetensors.torch.save(tensors, {"state": json.dumps(state)}))
    change_manifest(path.parent, lambda text: text.replace(before, hashlib.sha256(path.read_bytes()).hexdigest()))


def change_manifest(folder: Path, change: Callable[[str], str], *, name: str = "manifest.json") -> None:
    """A whole manifest that says something else."""
    document = json.loads((folder / name).read_text())
    manifest: dict[str, Any] = json.loads(change(json.dumps(document["manifest"])))
    sha256 = hashlib.sha256(json.dumps(manifest, indent=2).encode()).hexdigest()
    (folder / name).write_text(json.dumps({"manifest": manifest, "sha256": sha256}, indent=2))


KINDS: Mapping[str, Callable[[Path, np.random.Generator], None]] = {
    "truncated": _truncated, "flipped": _flipped, "zeroed": _zeroed, "swapped": _swapped, "empty": _empty,
    "other version": _other_version,
}  # fmt: skip
