"""Checkpoints: what a training needs to go on, one file an epoch, the last two kept, and the best weights.

`manifest.json` names the files and their sha256. A file is written before the manifest that names it, and only then
are older files removed; so at any moment the manifest names whole files. No pickle is read.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from utome.errors import ModelError
from utome.events import EpochDone
from utome.files import sha256_bytes, write_bytes, write_json
from utome.training.loop import Progress

MANIFEST = "manifest.json"
GENERATIONS = 2


class Checkpoints:
    """The folder `checkpoints` of a run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, network: nn.Module, progress: Progress) -> None:
        """Save the state after an epoch, and the weights as the best ones if they are."""
        manifest = self._manifest()
        latest = progress.history[-1]
        if latest.best:
            written = self._write(f"best-{latest.epoch:05d}.safetensors", _weights(network), {})
            manifest["best"] = {**written, "epoch": latest.epoch}
        state = {
            "best": progress.best.state(),
            "stopping": progress.stopping.state(),
            "history": [asdict(epoch) for epoch in progress.history],
        }
        tensors = {f"network.{name}": tensor for name, tensor in _weights(network).items()} | _optimizer_tensors(
            progress.optimizer
        )
        written = self._write(f"epoch-{latest.epoch:05d}.safetensors", tensors, {"state": json.dumps(state)})
        manifest["generations"] = [written, *manifest["generations"]][:GENERATIONS]
        write_json(self._folder / MANIFEST, manifest)
        self._tidy(manifest)

    def best(self) -> tuple[int, dict[str, Tensor]] | None:
        """The best epoch saved and its weights; none before the first. `ModelError` where they are damaged."""
        entry = self._manifest()["best"]
        if entry is None:
            return None
        content = self._read(entry)
        if content is None:
            raise ModelError(f"The best weights '{self._folder / entry['file']}' are missing or damaged. Train again.")
        return entry["epoch"], safetensors.torch.load(content)

    def restore(self, network: nn.Module, progress: Progress) -> None:
        """Go back to the newest whole checkpoint; `ModelError` where there is none."""
        for entry in self._manifest()["generations"]:
            content = self._read(entry)
            if content is not None:
                self._restore(content, network, progress)
                return
        raise ModelError(f"'{self._folder}' holds no whole checkpoint to go on from. Train again, with another --out.")

    def _restore(self, content: bytes, network: nn.Module, progress: Progress) -> None:
        tensors = safetensors.torch.load(content)
        header_size = int.from_bytes(content[:8], "little")
        state = json.loads(json.loads(content[8 : 8 + header_size])["__metadata__"]["state"])
        network.load_state_dict(
            {name.removeprefix("network."): tensor for name, tensor in tensors.items() if name.startswith("network.")}
        )
        _restore_optimizer(progress.optimizer, tensors)
        for tracker, saved in ((progress.best, state["best"]), (progress.stopping, state["stopping"])):
            tracker.best, tracker.waited = saved["best"], saved["waited"]
        progress.history[:] = [EpochDone(**epoch) for epoch in state["history"]]

    def _manifest(self) -> dict[str, Any]:
        path = self._folder / MANIFEST
        if not path.exists():
            return {"generations": [], "best": None}
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return content

    def _write(self, name: str, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> dict[str, str]:
        content = safetensors.torch.save(dict(tensors), metadata)
        write_bytes(self._folder / name, content)
        return {"file": name, "sha256": sha256_bytes(content)}

    def _read(self, entry: Mapping[str, str]) -> bytes | None:
        path = self._folder / entry["file"]
        content = path.read_bytes() if path.is_file() else None
        return content if content is not None and sha256_bytes(content) == entry["sha256"] else None

    def _tidy(self, manifest: Mapping[str, Any]) -> None:
        kept = {
            MANIFEST,
            manifest["best"]["file"] if manifest["best"] else "",
            *(entry["file"] for entry in manifest["generations"]),
        }
        for path in self._folder.iterdir():
            if path.name not in kept:
                path.unlink()


def _weights(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().contiguous() for name, tensor in network.state_dict().items()}


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    state = optimizer.state_dict()["state"]
    return {
        f"optimizer.{number}.{name}": torch.as_tensor(value).detach().contiguous()
        for number, values in state.items()
        for name, value in values.items()
        if value is not None
    }


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for path, tensor in tensors.items():
        if path.startswith("optimizer."):
            _, number, name = path.split(".", 2)
            state.setdefault(int(number), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
