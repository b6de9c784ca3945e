"""Reading a YAML file that a user wrote: its content, or a sentence that says why not."""

from pathlib import Path
from typing import Any

import yaml

from utome.errors import ConfigError

MERGE = "tag:yaml.org,2002:merge"


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
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        _refuse_twice(node)
        return None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        raise ConfigError(f"{subject} is not YAML: {' '.join(str(error).split())}.") from error


def _refuse_twice(root: yaml.Node | None) -> None:
    """A YAML error for a name that stands twice in one place, of which the last alone would silently hold."""
    seen: list[yaml.Node] = []
    waiting = [] if root is None else [root]
    while waiting:
        node = waiting.pop()
        if any(node is each for each in seen):  # an anchor that is named again
            continue
        if isinstance(node, yaml.MappingNode):
            seen.append(node)
            names: set[str] = set()
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode) and key.tag != MERGE:
                    if key.value in names:
                        raise yaml.constructor.ConstructorError(
                            None, None, f"'{key.value}' stands twice", key.start_mark
                        )
                    names.add(key.value)
                waiting.append(value)
        elif isinstance(node, yaml.SequenceNode):
            seen.append(node)
            waiting += node.value
