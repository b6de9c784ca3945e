"""Whether the checkpoints of a training will find room on the disk: asked before anything is written."""

import shutil
from pathlib import Path

from utome.errors import MachineError
from utome.training.progress import Task

try:
    import resource
except ImportError:  # Windows has none
    resource = None  # type: ignore[assignment]

# Three states may lie there at once, and the best weights twice.
STATES, BESTS = 3, 2
# Sums that an optimiser keeps for each weight.
SUMS = {"adam": 2, "adamw": 2, "sgd": 1}


def refuse_too_little_space(out: Path, task: Task) -> None:
    """`MachineError` where the disk has no room for the checkpoints, or the system allows no file as large as one."""
    weights = sum(tensor.nbytes for tensor in task.network.state_dict().values())
    config = task.config
    state = weights * (1 + SUMS[config.optimizer.name] + (config.training.average is not None))
    needed = STATES * state + BESTS * weights
    place = next(folder for folder in (out, *out.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(place).free
    if free < needed:
        raise MachineError(
            f"The checkpoints of this training need {_megabytes(needed)}, but '{place}' has {_megabytes(free)} free. Free some space "
            "there, or give an --out on another disk."
        )
    largest = None if resource is None else resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if largest is not None and largest != resource.RLIM_INFINITY and largest < state:
        raise MachineError(
            f"A checkpoint of this training is a file of {_megabytes(state)}, but this system allows files of {_megabytes(largest)} "
            "(ulimit -f). Raise that limit."
        )


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"
