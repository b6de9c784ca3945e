"""How this process was started: alone, or by torchrun as one of many that do one training together."""

import os
from dataclasses import dataclass

# What torchrun and its like tell each process.
TOLD = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Place:
    """The number of a process among `size` of them, from 0, and among those of its own machine."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0


def launched() -> Place:
    """The place of this process; the only one where it was started alone."""
    told = [os.environ.get(name, "") for name in TOLD]
    if not all(told) or not (told[0].isdecimal() and told[1].isdecimal()) or int(told[1]) == 1:
        return Place()
    return Place(int(told[0]), int(told[1]), int(os.environ.get("LOCAL_RANK", "0")))
