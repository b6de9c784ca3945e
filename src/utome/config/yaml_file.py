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
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        _refuse_twice(node)
        return None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        raise ConfigError(f"{subject} is not YAML: {' '.join(str(error).split())}.") from error


def _refuse_twice(root: yaml.Node | None) -> None:
    """A YAML error for a name that stands twice in one place, of which the last alone would silently hold."""
    # Before anything is constructed: what is merged from an anchor is then written into its node, beside what it overrides.
    seen: set[int] = set()
    waiting = [] if root is None else [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:  # an anchor that is named again
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            _refuse_twice_in(node)
            waiting += [value for _, value in node.value]


def _refuse_twice_in(node: yaml.MappingNode) -> None:
    names: set[tuple[str, str]] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag == MERGE:
            continue
        if (key.tag, key.value) in names:
            raise yaml.constructor.ConstructorError(None, None, f"'{key.value}' stands twice", key.start_mark)
        names.add((key.tag, key.value))
