"""Whether the checkpoints of a training will find room on the disk: asked before anything is written."""

import shutil
from pathlib import Path

from utome.config.settings import Config
from utome.errors import MachineError
from utome.files import in_words, standing
from utome.training.checkpoints import GENERATIONS
from utome.training.optimizers import SUMS
from utome.training.progress import Task

try:
    import resource
except ImportError:  # Windows has none
    resource = None  # type: ignore[assignment]

# While a state is written there lie the newest ones, the last whole epoch and the one before it. Of the newest each may have best
# weights of its own, twice. The model that is written at the end, beside itself, is as large as these.
# Names, settings and history take some room in each file.
STATES = GENERATIONS + 2
BESTS = 2 * (GENERATIONS + 1) + 2
WORDS = 1_000_000


def refuse_too_little_space(out: Path, task: Task) -> None:
    """`MachineError` where the disk has no room for the checkpoints, or the system allows no file as large as one."""
    weights = sum(tensor.nbytes for tensor in task.network.state_dict().values())
    state, needed = needed_bytes(weights, task.config)
    there = sum(path.stat().st_size for path in out.glob("checkpoints/*.safetensors"))
    needed = max(needed - there, state + 2 * weights)
    place = standing(out)
    free = shutil.disk_usage(place).free
    if free < needed:
        raise MachineError(
            f"The checkpoints of this training need {in_words(needed)}, but '{place}' has {in_words(free)} free. Free some space "
            "there, or give an --out on another disk."
        )
    largest = None if resource is None else resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if largest is not None and largest != resource.RLIM_INFINITY and largest < state:
        raise MachineError(
            f"A checkpoint of this training is a file of {in_words(state)}, but this system allows files of {in_words(largest)} "
            "(ulimit -f). Raise that limit."
        )


def needed_bytes(weights: int, config: Config) -> tuple[int, int]:
    """The bytes of one state of a network with so many bytes of weights, and of all that may lie in a run at once."""
    state = weights * (1 + SUMS[config.optimizer.name] + (config.training.average is not None))
    return state, STATES * state + BESTS * weights + (STATES + BESTS) * WORDS
