"""The checkpoints of a run, read as any other program would."""

from pathlib import Path

import safetensors.torch
from torch import Tensor


def state_file(run: Path, epoch: int, step: int = 0) -> Path:
    """The newest state after so many whole epochs and further steps."""
    return max(run.joinpath("checkpoints").glob(f"*-epoch-{epoch:05d}-step-{step:05d}.safetensors"))


def state_tensors(run: Path, epoch: int, step: int = 0) -> dict[str, Tensor]:
    """Its tensors."""
    return safetensors.torch.load_file(state_file(run, epoch, step))


def best_tensors(run: Path) -> dict[str, Tensor]:
    """The best weights so far."""
    return safetensors.torch.load_file(max(run.joinpath("checkpoints").glob("*-best.safetensors")))
