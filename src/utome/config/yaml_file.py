"""Reading a YAML file that a user wrote: its content, or a sentence that says why not."""

from pathlib import Path
from typing import Any

import yaml

from utome.errors import ConfigError


def read_yaml(path: Path, what: str, holds: str) -> Any:
    """The content of a file; `what` it is, as in "config file", and what it `holds`, as in "settings", stand in the `ConfigError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ConfigError(f"The {what} '{path}' cannot be read: {reason}. Give a YAML file of {holds}.") from error
    return parse_yaml(text, f"The {what} '{path}'")


def parse_yaml(text: str, subject: str) -> Any:
    """The content of a text; `subject` begins the sentence of the `ConfigError` where it is not YAML."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{subject} is not YAML: {' '.join(str(error).split())}.") from error
