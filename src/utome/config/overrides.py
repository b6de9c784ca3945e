"""Changing settings by dotted paths (`--set model.width=16`), and reading a config file."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from utome.config.settings import FORMS, Config, check_names, config_from_dict, leaves, paths
from utome.config.yaml_file import parse_yaml, read_yaml
from utome.errors import ConfigError, nearest

# What may differ between the folder that a model was trained on and one that it is scored on.
READING = ("data.layout", "data.truth", "data.unmarked", "data.fill", "data.ignore")


def override(settings: Mapping[str, Any], assignments: Sequence[str]) -> Config:
    """`settings` with each `path=value` of `assignments` applied in turn; values are read as YAML.

    A section whose form changes (`optimizer.name=sgd`) keeps of its old settings those that the new form has.
    """
    check_names(settings)
    changed: dict[str, Any] = copy.deepcopy(dict(settings))
    for assignment in assignments:
        path, value = _parse(assignment)
        if path == "recipe":
            raise ConfigError("`recipe` is no setting to change; begin with another one by --recipe NAME.")
        _assign(changed, path, value)
    return config_from_dict(changed)


def overlay(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`settings` with those of `changes` in their place; forms are changed first, as by `override`."""
    merged: dict[str, Any] = copy.deepcopy(dict(settings))
    flat = leaves(changes)
    forms = {f"{section}.{tag}" for section, tag in FORMS.items()}
    for path in sorted(flat, key=lambda path: path not in forms):
        _assign(merged, path, flat[path])
    return merged


def prediction_settings(assignments: Sequence[str]) -> Config:
    """Where to compute, how a whole image is predicted, and what stands for values that are no numbers; `ConfigError` for any but
    these.
    """
    return _restricted(assignments, (*(known for known in paths() if known.startswith("prediction.")), "data.fill"))


def evaluation_settings(assignments: Sequence[str]) -> Config:
    """Where to compute and how the files of a folder are read, for scoring a model; `ConfigError` for any but these."""
    return _restricted(assignments, READING)


def _restricted(assignments: Sequence[str], others: Sequence[str]) -> Config:
    accepted = [*(known for known in paths() if known.startswith("machine.")), *others]
    for assignment in assignments:
        path, _ = _parse(assignment)
        if path in paths() and path not in accepted:
            raise ConfigError(f"`{path}` was fixed when the model was trained; here can be set: {', '.join(accepted)}.")
    return override({}, assignments)


def read_config(path: Path) -> dict[str, Any]:
    """The settings in a YAML file, their names checked."""
    settings = read_yaml(path, "config file", "settings")
    if not isinstance(settings, dict):
        raise ConfigError(f"The config file '{path}' holds no settings; a line looks like `seed: 0`.")
    check_names(settings)
    return settings


def _parse(assignment: str) -> tuple[str, Any]:
    path, equals, text = assignment.partition("=")
    if not equals or not path.strip():
        raise ConfigError(f"'{assignment}' is no assignment; write --set path=value, as in --set model.width=16.")
    return path.strip(), parse_yaml(text, f"The value in '{assignment}'")


def _assign(settings: dict[str, Any], path: str, value: Any) -> None:
    known = paths()
    if path not in known:
        raise ConfigError(_unknown(path, known))
    *sections, name = path.split(".")
    place = settings
    for section in sections:
        place = place.setdefault(section, {})
    place[name] = value
    if sections and FORMS.get(sections[0]) == name:
        kept = {
            known.split(".")[1] for known in paths({sections[0]: str(value)}) if known.startswith(f"{sections[0]}.")
        }
        settings[sections[0]] = {setting: given for setting, given in place.items() if setting in kept}


def _unknown(path: str, known: list[str]) -> str:
    inside = [setting for setting in known if setting.startswith(f"{path}.")]
    if inside:
        return f"`{path}` is a group of settings, not one. Set one of them: {', '.join(inside)}."
    return f"There is no setting `{path}`. {nearest(path, known).replace(chr(39), '`')}"
