"""Checkpoints: the newest states of a training, the last whole epoch, and the best weights, each a file with its sha256.

`manifest.json` names the files and holds its own hash; `manifest-before.json` is the one before it. A file has a name that
was never used, is written before the manifest that names it, and is removed only after; so at any moment one manifest is
whole and names whole files. Each state names the best weights of its own time, which are written twice. What is damaged all
the same is noticed, and the state before it is used.
"""

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor, nn

from utome.errors import ModelError, UtomeError
from utome.events import EpochDone
from utome.files import sha256_bytes, write_bytes
from utome.training.progress import Progress
from utome.training.state import Saved, packed, unpacked, weights

MANIFEST, BEFORE = "manifest.json", "manifest-before.json"
FORMAT = 2
GENERATIONS = 3
EMPTY: dict[str, Any] = {"format": FORMAT, "serial": 0, "generations": [], "good": None}
# Only files of these names are ever removed: people and systems put others into folders.
OURS = re.compile(r"\d{6,}-(best|epoch)\b.*\.safetensors")

Entry = Mapping[str, Any]


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
        serial = before["serial"] + 1
        name = f"{serial:06d}-epoch-{progress.epoch:05d}-step-{progress.step:05d}.safetensors"
        written = {**self._write(name, packed(network, progress, self._about)), "best": _best_of(before)}
        latest = progress.history[-1] if progress.history and progress.step == 0 else None
        if latest is not None and latest.best:
            chosen = safetensors.torch.save(weights(network if progress.average is None else progress.average.network))
            best = self._write(f"{serial:06d}-best.safetensors", chosen)
            copy = self._write(f"{serial:06d}-best-copy.safetensors", chosen)
            written["best"] = {**best, "copy": copy["file"], "epoch": asdict(latest)}
        good = written if progress.step == 0 else before["good"]
        generations = [written, *before["generations"]][:GENERATIONS]
        self._turn(before, {"format": FORMAT, "serial": serial, "generations": generations, "good": good})

    def mend(self) -> None:
        """Strike out what is damaged, so that the state gone on from is the newest, and the ones before it are whole."""
        manifest = self._manifest()
        whole = [entry for entry in manifest["generations"] if self._is_whole(entry)]
        good = manifest["good"] if self._is_whole(manifest["good"]) else None
        generations = whole or [each for each in (good,) if each is not None]
        if generations == manifest["generations"] and good is not None and _read_manifest(self._folder / MANIFEST):
            return
        self._turn(manifest, {**manifest, "serial": manifest["serial"] + 1, "generations": generations, "good": good})

    def trim(self) -> None:
        """Let go of the states before the newest, but for the last whole epoch: for a training that is where it was to come.

        Where something is damaged, or the disk refuses, all stay as they are.
        """
        with contextlib.suppress(UtomeError):
            manifest = self._manifest()
            newest, *older = manifest["generations"] or [None]
            kept = [newest] if manifest["good"] == newest else [newest, manifest["good"]]
            if older and all(self._is_whole(entry) for entry in kept):
                self._turn(manifest, {**manifest, "serial": manifest["serial"] + 1, "generations": [newest]})

    def best(self) -> Best | None:
        """The best epoch saved and its weights; none before the first, or where its files are missing or damaged."""
        entry = _best_of(self._manifest())
        content = None if entry is None else self._read(entry)
        return (
            None
            if entry is None or content is None
            else Best(EpochDone(**entry["epoch"]), safetensors.torch.load(content))
        )

    def newest(self) -> Saved | None:
        """The newest whole state with its best weights, none where nothing was saved.

        `ModelError` where no state is whole, or the best weights of none are, or another version of utome wrote them.
        """
        manifest = self._manifest()
        return self._first_whole([*manifest["generations"], manifest["good"]]) if manifest["generations"] else None

    def good(self) -> Saved:
        """The state after the last whole epoch, or before the first step; the newest whole one where that is damaged."""
        manifest = self._manifest()
        return self._first_whole([manifest["good"], *manifest["generations"]])

    def _first_whole(self, entries: Sequence[Entry | None]) -> Saved:
        other_version: ModelError | None = None
        for entry in entries:
            try:
                saved = None if entry is None else self._state(entry)
            except ModelError as error:
                other_version = error
            else:
                if saved is not None:
                    return saved
        if other_version is not None:
            raise other_version
        damaged = [
            entry["best"]["file"]
            for entry in entries
            if entry is not None and entry["best"] is not None and self._read(entry["best"]) is None
        ]
        best = f" ('{damaged[0]}', the best weights, is missing or damaged)" if damaged else ""
        raise ModelError(
            f"'{self._folder}' holds no whole checkpoint to go on from{best}. Train again, with another --out."
        )

    def _manifest(self) -> dict[str, Any]:
        """The newest whole manifest; `ModelError` where there are some, but none is whole or of this version."""
        paths = [self._folder / name for name in (MANIFEST, BEFORE)]
        found = [manifest for manifest in map(_read_manifest, paths) if manifest is not None]
        for manifest in found:
            if manifest["format"] == FORMAT:
                return manifest
        if found:
            raise ModelError(
                f"'{paths[0]}' has format {found[0]['format']}; this version of utome reads format {FORMAT}. Go on with the version that "
                "environment.json names, or train again with another --out."
            )
        if any(path.exists() for path in paths):
            raise ModelError(
                f"'{paths[0]}' is damaged, so there is no checkpoint to go on from. Train again, with another --out."
            )
        return EMPTY

    def _turn(self, before: Mapping[str, Any], manifest: Mapping[str, Any]) -> None:
        """From one manifest to the next, whose files are all there; then what neither needs is removed."""
        if before["serial"]:
            self._write_manifest(BEFORE, before)
        self._write_manifest(MANIFEST, manifest)
        entries = [*manifest["generations"], manifest["good"], *before["generations"][:1], before["good"]]
        kept = {name for entry in entries if entry is not None for name in _files(entry)}
        for path in self._folder.iterdir():
            if OURS.fullmatch(path.name) and path.name not in kept:
                with contextlib.suppress(OSError):  # it is in nobody's way, and the next time comes soon
                    path.unlink()

    def _write(self, name: str, content: bytes) -> dict[str, Any]:
        write_bytes(self._folder / name, content)
        return {"file": name, "sha256": sha256_bytes(content)}

    def _write_manifest(self, name: str, manifest: Mapping[str, Any]) -> None:
        text = json.dumps(manifest, indent=2)
        document = json.dumps({"manifest": manifest, "sha256": sha256_bytes(text.encode())}, indent=2)
        write_bytes(self._folder / name, f"{document}\n".encode())

    def _is_whole(self, entry: Entry | None) -> bool:
        try:
            return entry is not None and self._state(entry) is not None
        except ModelError:
            return False

    def _state(self, entry: Entry) -> Saved | None:
        """A state; none where it, or the best weights that it names, are damaged. `ModelError` where another version wrote it."""
        content = self._read(entry)
        if content is None or (entry["best"] is not None and self._read(entry["best"]) is None):
            return None
        return unpacked(content)

    def _read(self, entry: Entry) -> bytes | None:
        """The file of an entry or its copy, whichever has the bytes that were written; none where neither has."""
        for name in (entry["file"], entry.get("copy")):
            if name is not None:
                with contextlib.suppress(OSError):
                    content = (self._folder / name).read_bytes()
                    if sha256_bytes(content) == entry["sha256"]:
                        return content
        return None


def _best_of(manifest: Mapping[str, Any]) -> Entry | None:
    """The best weights at the time of the newest state."""
    return manifest["generations"][0]["best"] if manifest["generations"] else None


def _files(entry: Entry) -> list[str]:
    best = entry["best"]
    return [entry["file"], *([] if best is None else [best["file"], best["copy"]])]


def _read_manifest(path: Path) -> dict[str, Any] | None:
    """A manifest of any format; none where it is missing or damaged."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        manifest: dict[str, Any] = document["manifest"]
        text = json.dumps(manifest, indent=2)
        whole = sha256_bytes(text.encode()) == document["sha256"] and isinstance(manifest["format"], int)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return manifest if whole else None
