"""Finding and reading the recipes inside the package."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import yaml

from utome.config.overrides import overlay
from utome.config.settings import Config, config_from_dict, form_of, paths
from utome.errors import ConfigError, nearest

# A file whose name begins with `_` is no recipe, but what others are like.
RECIPE = re.compile(r"[a-z].*\.yaml")


@dataclass(frozen=True)
class Recipe:
    """A system's settings, where they come from, and why the open ones are as they are.

    `published` tells for each setting stated by the paper where it stands there; `reasons` why the others were
    chosen. Together they hold every setting, by dotted path. The file of a recipe that is `like` another one holds only
    what differs from it. `network_of` names the recipe that has the same network, where this one differs in its training alone.
    `space` is what `utome tune` searches, in so many `trials`; `searched` says why.
    """

    name: str
    title: str
    paper: str
    published: Mapping[str, str]
    reasons: Mapping[str, str]
    settings: Mapping[str, Any]
    network_of: str | None = None
    space: Mapping[str, Any] = field(default_factory=dict)
    trials: int = 15
    searched: str = ""

    @property
    def config(self) -> Config:
        """The recipe's settings, validated."""
        return config_from_dict(self.settings)


def recipe_names() -> list[str]:
    """Every recipe's name."""
    found = [entry.name.removesuffix(".yaml") for entry in files(__package__).iterdir() if RECIPE.fullmatch(entry.name)]
    return sorted(found)


def network_names() -> list[str]:
    """The recipes that have a network of their own."""
    return [name for name in recipe_names() if load_recipe(name).network_of is None]


def settings_over_recipe(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a file, with those of the recipe that it names (`auto` if none) where it is silent."""
    recipe = load_recipe(str(settings.get("recipe", "auto")))
    return overlay(recipe.settings, {**settings, "recipe": recipe.name})


def load_recipe(name: str) -> Recipe:
    """The recipe of this name; `ConfigError` names the nearest one where there is none."""
    if name not in recipe_names():
        raise ConfigError(f"There is no recipe '{name}'. {nearest(name, recipe_names())}")
    content = _content(name)
    settings = {"recipe": name, **content["settings"]}
    texts = content["title"], content["paper"], content["published"], content["reasons"]
    search = content["search"]
    return Recipe(
        name, *texts, settings, content.get("network_of"), search["space"], search["trials"], search["reason"]
    )


def _content(name: str) -> dict[str, Any]:
    """The file of a recipe, with what it takes over from the one that it is like."""
    own: dict[str, Any] = yaml.safe_load(files(__package__).joinpath(f"{name}.yaml").read_text(encoding="utf-8"))
    if "like" not in own:
        return own
    other = _content(own["like"])
    settings = overlay(other["settings"], own["settings"])
    known, explained = set(paths(form_of(settings))), {**own["published"], **own["reasons"]}
    for kind in ("published", "reasons"):
        kept = {path: text for path, text in other[kind].items() if path in known and path not in explained}
        own[kind] = {**kept, **own[kind]}
    return {**other, **own, "settings": settings}
