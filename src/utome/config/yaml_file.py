"""Reading a YAML file that a user wrote: its content, or a sentence that says why not."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from utome.errors import ConfigError

MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """The safe loader, which of a name that stands twice in one place would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != MERGE:
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"'{key.value}' stands twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


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
        return _Loader(text).get_single_data()
    except yaml.YAMLError as error:
        raise ConfigError(f"{subject} is not YAML: {' '.join(str(error).split())}.") from error
