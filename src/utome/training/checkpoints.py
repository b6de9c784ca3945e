"""Checkpoints: the newest states of a training, the last whole epoch, and the best weights, each a file with its sha256.

`manifest.json` names the files and holds its own hash; `manifest-before.json` is the one before it. A file has a name that
was never used, is written before the manifest that names it, and is removed only after; so at any moment one manifest is
whole and names whole files. What is damaged all the same is noticed, and the state before it is used.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor, nn

from utome.errors import ModelError
from utome.events import EpochDone
from utome.files import sha256_bytes, write_bytes
from utome.training.progress import Progress
from utome.training.state import Saved, packed, unpacked, weights

MANIFEST, BEFORE = "manifest.json", "manifest-before.json"
FORMAT = 1
GENERATIONS = 2
EMPTY: dict[str, Any] = {"format": FORMAT, "serial": 0, "generations": [], "good": None, "best": None}


@dataclass(frozen=True)
class Best:
    """The best epoch saved, and its weights."""

    epoch: EpochDone
    weights: dict[str, Tensor]


class Checkpoints:
    """The folder `checkpoints` of a run; `about` is written into each state."""

    def __init__(self, folder: Path, about: Mapping[str, Any]) -> None:
        self._folder = folder
        self._about = about

    @property
    def begun(self) -> bool:
        """Whether a state was saved."""
        return bool(self._manifest()["generations"])

    def save(self, network: nn.Module, progress: Progress) -> None:
        """Save the state; after a whole epoch it is one to go back to, and its weights, averaged if they are, may be the best."""
        before = self._manifest()
        manifest = {**before, "serial": before["serial"] + 1}
        latest = progress.history[-1] if progress.history and progress.step == 0 else None
        name = f"{manifest['serial']:06d}-epoch-{progress.epoch:05d}-step-{progress.step:05d}.safetensors"
        written = self._write(name, packed(network, progress, self._about))
        manifest["generations"] = [written, *before["generations"]][:GENERATIONS]
        if progress.step == 0:
            manifest["good"] = written
        if latest is not None and latest.best:
            chosen = network if progress.average is None else progress.average.network
            best = self._write(f"{manifest['serial']:06d}-best.safetensors", safetensors.torch.save(weights(chosen)))
            manifest["best"] = {**best, "epoch": asdict(latest)}
        if before["serial"]:
            self._write_manifest(BEFORE, before)
        self._write_manifest(MANIFEST, manifest)
        self._tidy(manifest, before)

    def best(self) -> Best | None:
        """The best epoch saved and its weights; none before the first, or where its file is missing or damaged."""
        entry = self._manifest()["best"]
        content = None if entry is None else self._read(entry)
        return None if content is None else Best(EpochDone(**entry["epoch"]), safetensors.torch.load(content))

    def newest(self) -> Saved | None:
        """The newest whole state, none where nothing was saved.

        `ModelError` where every state is damaged, or the best weights are, or another version of utome wrote them.
        """
        manifest = self._manifest()
        if not manifest["generations"]:
            return None
        if manifest["best"] is not None and self._read(manifest["best"]) is None:
            raise ModelError(
                f"'{self._folder / manifest['best']['file']}', the best weights of the run, is missing or damaged. Train again, with "
                "another --out."
            )
        return self._first_whole([*manifest["generations"], manifest["good"]])

    def good(self) -> Saved:
        """The state after the last whole epoch, or before the first step."""
        return self._first_whole([self._manifest()["good"]])

    def _first_whole(self, entries: list[dict[str, str]]) -> Saved:
        for entry in entries:
            content = self._read(entry)
            if content is not None:
                return unpacked(content)
        raise ModelError(f"'{self._folder}' holds no whole checkpoint to go on from. Train again, with another --out.")

    def _manifest(self) -> dict[str, Any]:
        """The newest whole manifest; `ModelError` where there are some, but none is whole."""
        paths = [self._folder / name for name in (MANIFEST, BEFORE)]
        for path in paths:
            found = _whole_manifest(path)
            if found is not None:
                return found
        if any(path.exists() for path in paths):
            raise ModelError(
                f"'{paths[0]}' is damaged, so there is no checkpoint to go on from. Train again, with another --out."
            )
        return EMPTY

    def _write(self, name: str, content: bytes) -> dict[str, str]:
        write_bytes(self._folder / name, content)
        return {"file": name, "sha256": sha256_bytes(content)}

    def _write_manifest(self, name: str, manifest: Mapping[str, Any]) -> None:
        text = json.dumps(manifest, indent=2)
        document = json.dumps({"manifest": manifest, "sha256": sha256_bytes(text.encode())}, indent=2)
        write_bytes(self._folder / name, f"{document}\n".encode())

    def _read(self, entry: Mapping[str, str]) -> bytes | None:
        path = self._folder / entry["file"]
        try:
            content = path.read_bytes()
        except OSError:
            return None
        return content if sha256_bytes(content) == entry["sha256"] else None

    def _tidy(self, manifest: Mapping[str, Any], before: Mapping[str, Any]) -> None:
        """Remove what neither manifest needs: of the one before, its newest state and its best weights."""
        entries = [*manifest["generations"], manifest["good"], manifest["best"]]
        entries += [*before["generations"][:1], before["best"]]
        kept = {MANIFEST, BEFORE, *(entry["file"] for entry in entries if entry is not None)}
        for path in self._folder.iterdir():
            if path.name not in kept:
                path.unlink(missing_ok=True)


def _whole_manifest(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        manifest: dict[str, Any] = document["manifest"]
        text = json.dumps(manifest, indent=2)
        whole = sha256_bytes(text.encode()) == document["sha256"] and manifest["format"] == FORMAT
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return manifest if whole else None
