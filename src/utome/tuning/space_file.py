"""A user's own search space: a YAML file of the same form as the recipes' `search`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utome.config.yaml_file import read_yaml
from utome.errors import ConfigError

EXAMPLE = "space:\n  optimizer.learning_rate: {low: 0.0001, high: 0.01, log: true}\ntrials: 20"


@dataclass(frozen=True)
class SpaceFile:
    """Settings by path, none for one that is not to be searched, and the number of trials if it is said."""

    space: dict[str, Any]
    trials: int | None = None


def read_space_file(path: Path) -> SpaceFile:
    """What the file says; `ConfigError` where it cannot be read or says something else."""
    content = read_yaml(path, "file", "a search space")
    space = content.get("space") if isinstance(content, dict) else None
    if (
        not isinstance(space, dict)
        or set(content) - {"space", "trials"}
        or not all(isinstance(name, str) for name in space)
    ):
        raise ConfigError(f"The file '{path}' holds no search space. It looks like this:\n{EXAMPLE}")
    trials = content.get("trials")
    if trials is not None and (not isinstance(trials, int) or isinstance(trials, bool) or trials < 1):
        raise ConfigError(f"`trials` in '{path}' is {trials!r}; accepted: a whole number of 1 or more.")
    return SpaceFile(space, trials)
