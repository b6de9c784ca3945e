"""Checkpoints: what a training needs to go on, one file an epoch, the last two kept, and the best weights.

`manifest.json` names the files and their sha256. A file is written before the manifest that names it, and only then
are older files removed; so at any moment the manifest names whole files. No pickle is read.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from utome.config.settings import Config
from utome.errors import ConfigError, ModelError
from utome.events import EpochDone
from utome.files import sha256_bytes, write_bytes, write_json
from utome.training.loop import Progress

MANIFEST = "manifest.json"
GENERATIONS = 2


@dataclass(frozen=True)
class Best:
    """The best epoch saved, and its weights."""

    epoch: EpochDone
    weights: dict[str, Tensor]


class Checkpoints:
    """The folder `checkpoints` of a run with this config."""

    def __init__(self, folder: Path, config: Config) -> None:
        self._folder = folder
        self._config_sha256 = config.sha256

    @property
    def begun(self) -> bool:
        """Whether an epoch was saved."""
        return bool(self._manifest()["generations"])

    def save(self, network: nn.Module, progress: Progress) -> None:
        """Save the state after an epoch, and the weights, averaged if they are, as the best ones if they are."""
        manifest = self._manifest()
        latest, average = progress.history[-1], progress.average
        weights = _weights(network)
        averages = {} if average is None else _weights(average.network)
        if latest.best:
            written = self._write(f"best-{latest.epoch:05d}.safetensors", averages or weights, {})
            manifest["best"] = {**written, "epoch": asdict(latest)}
        state = {
            "config_sha256": self._config_sha256,
            "best": progress.best.state(),
            "stopping": progress.stopping.state(),
            "history": [asdict(epoch) for epoch in progress.history],
            "averaged_steps": 0 if average is None else average.steps,
        }
        tensors = {f"network.{name}": tensor for name, tensor in weights.items()}
        tensors |= {f"average.{name}": tensor for name, tensor in averages.items()}
        tensors |= _optimizer_tensors(progress.optimizer)
        written = self._write(f"epoch-{latest.epoch:05d}.safetensors", tensors, {"state": json.dumps(state)})
        earlier = [entry for entry in manifest["generations"] if entry["file"] != written["file"]]
        manifest["generations"] = [written, *earlier][:GENERATIONS]
        write_json(self._folder / MANIFEST, manifest)
        self._tidy(manifest)

    def best(self) -> Best | None:
        """The best epoch saved and its weights; none before the first, or where its file is missing or damaged."""
        entry = self._manifest()["best"]
        content = None if entry is None else self._read(entry)
        return None if content is None else Best(EpochDone(**entry["epoch"]), safetensors.torch.load(content))

    def restore(self, network: nn.Module, progress: Progress) -> None:
        """Go back to the newest whole checkpoint, or leave all as it is where no epoch was finished.

        `ModelError` where every checkpoint is damaged; `ConfigError` where it belongs to another config.
        """
        generations = self._manifest()["generations"]
        for entry in generations:
            content = self._read(entry)
            if content is not None:
                self._restore(content, network, progress)
                return
        if generations:
            raise ModelError(
                f"'{self._folder}' holds no whole checkpoint to go on from. Train again, with another --out."
            )

    def _restore(self, content: bytes, network: nn.Module, progress: Progress) -> None:
        tensors = safetensors.torch.load(content)
        header_size = int.from_bytes(content[:8], "little")
        state = json.loads(json.loads(content[8 : 8 + header_size])["__metadata__"]["state"])
        if state["config_sha256"] != self._config_sha256:
            raise ConfigError(
                f"The settings in '{self._folder.parent / 'config.yaml'}' are not those that the run began with. Put them back, or "
                "train anew with --config and another --out."
            )
        network.load_state_dict(_named(tensors, "network."))
        if progress.average is not None:
            progress.average.network.load_state_dict(_named(tensors, "average."))
            progress.average.steps = state["averaged_steps"]
        _restore_optimizer(progress.optimizer, tensors)
        for tracker, saved in ((progress.best, state["best"]), (progress.stopping, state["stopping"])):
            tracker.best, tracker.waited = saved["best"], saved["waited"]
        progress.history[:] = [EpochDone(**epoch) for epoch in state["history"]]

    def _manifest(self) -> dict[str, Any]:
        path = self._folder / MANIFEST
        if not path.exists():
            return {"generations": [], "best": None}
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            entries = [*content["generations"], *([content["best"]] if content["best"] else [])]
            if not all(isinstance(entry[name], str) for entry in entries for name in ("file", "sha256")):
                raise TypeError("names and hashes are text")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"'{path}' is damaged, so there is no checkpoint to go on from. Train again, with another --out."
            ) from error
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


def _named(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


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
