"""Running a command to its end and measuring it: its output, wall time and peak memory."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# The unit of `ru_maxrss`.
MEMORY_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Finished:
    """What a command printed, how long it took, and the most memory that it held at once.

    Linux counts what the parent held when it started the child as the child's own, so `peak_bytes` is right only
    where the parent is the smaller of the two.
    """

    output: str
    seconds: float
    peak_bytes: int


def run_child(command: Sequence[str], folder: Path) -> Finished:
    """Run `command` in `folder`, which also takes its output; `CalledProcessError` where it fails."""
    output = folder / "output.txt"
    started = time.perf_counter()
    with output.open("wb") as file, subprocess.Popen(command, cwd=folder, stdout=file) as process:
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Finished(output.read_text(encoding="utf-8"), seconds, usage.ru_maxrss * MEMORY_UNIT)
