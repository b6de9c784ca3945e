"""Running the command `utome` as a user does, in a process of its own."""

import subprocess
import sys
from pathlib import Path

# One thread: on small networks more of them mostly wait for each other.
ONE_THREAD = ["--set", "machine.threads=1"]
TINY = [
    *ONE_THREAD, "--set", "model.width=2", "--set", "model.depth=2", "--set", "training.tile=32",
    "--set", "training.tiles_per_image=1",
]  # fmt: skip


def run_utome(
    *arguments: str | Path, cwd: Path | None = None, timeout: float = 900
) -> subprocess.CompletedProcess[str]:
    """Run `utome` to its end; standard output and error are kept apart."""
    command = [sys.executable, "-m", "utome", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=timeout, check=False)
