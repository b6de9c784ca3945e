"""A training's state as bytes: safetensors, with all that is no tensor as JSON in their header. No pickle."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from utome.errors import ModelError
from utome.events import EpochDone
from utome.training.progress import Progress, Sums

FORMAT = 1
NETWORK, AVERAGE, OPTIMIZER = "network.", "average.", "optimizer."


@dataclass(frozen=True)
class Saved:
    """A state that was read: `about` is what was said of the run when it was saved."""

    tensors: Mapping[str, Tensor]
    state: Mapping[str, Any]

    @property
    def about(self) -> dict[str, Any]:
        """Config, data, threads, versions."""
        return dict(self.state["about"])


def packed(network: nn.Module, progress: Progress, about: Mapping[str, Any]) -> bytes:
    """The state after the last step that was done."""
    average = progress.average
    state = {
        "format": FORMAT,
        "about": about,
        "best": progress.best.state(),
        "stopping": progress.stopping.state(),
        "history": [asdict(epoch) for epoch in progress.history],
        "step": progress.step,
        "sums": asdict(progress.sums),
        "returns": progress.returns,
        "averaged_steps": 0 if average is None else average.steps,
    }
    tensors = {f"{NETWORK}{name}": tensor for name, tensor in weights(network).items()}
    if average is not None:
        tensors |= {f"{AVERAGE}{name}": tensor for name, tensor in weights(average.network).items()}
    tensors |= _optimizer_tensors(progress.optimizer)
    return safetensors.torch.save(tensors, {"state": json.dumps(state)})


def unpacked(content: bytes) -> Saved:
    """The state that these bytes hold; `ModelError` where another version of utome wrote them."""
    header_size = int.from_bytes(content[:8], "little")
    state = json.loads(json.loads(content[8 : 8 + header_size])["__metadata__"]["state"])
    if state.get("format") != FORMAT:
        raise ModelError(
            f"The checkpoint has format {state.get('format')}; this version of utome reads format {FORMAT}. Go on with the version "
            "that environment.json names, or train again with another --out."
        )
    return Saved(safetensors.torch.load(content), state)


def put_back(saved: Saved, network: nn.Module, progress: Progress) -> None:
    """Network and progress as they were."""
    state = saved.state
    network.load_state_dict(_named(saved.tensors, NETWORK))
    if progress.average is not None:
        progress.average.network.load_state_dict(_named(saved.tensors, AVERAGE))
        progress.average.steps = state["averaged_steps"]
    _restore_optimizer(progress.optimizer, saved.tensors)
    progress.history[:] = [EpochDone(**epoch) for epoch in state["history"]]
    for tracker, kept in ((progress.best, state["best"]), (progress.stopping, state["stopping"])):
        tracker.best, tracker.waited = kept["best"], kept["waited"]
        if (kept["monitor"], kept["min_delta"]) != (tracker.monitor, tracker.min_delta):
            tracker.watch(progress.history)  # another figure is watched now, or otherwise
    progress.step, progress.sums, progress.returns = state["step"], Sums(**state["sums"]), state["returns"]


def result_weights(saved: Saved) -> dict[str, Tensor]:
    """The weights that predict: the averaged ones if there are some."""
    return _named(saved.tensors, AVERAGE) or _named(saved.tensors, NETWORK)


def weights(network: nn.Module) -> dict[str, Tensor]:
    """All weights and statistics of a network, each in one piece of memory."""
    return {name: tensor.detach().contiguous() for name, tensor in network.state_dict().items()}


def _named(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    state = optimizer.state_dict()["state"]
    return {
        f"{OPTIMIZER}{number}.{name}": torch.as_tensor(value).detach().contiguous()
        for number, values in state.items()
        for name, value in values.items()
        if value is not None
    }


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for path, tensor in tensors.items():
        if path.startswith(OPTIMIZER):
            _, number, name = path.split(".", 2)
            state.setdefault(int(number), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
