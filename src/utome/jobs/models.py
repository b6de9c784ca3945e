"""`utome models`: the architectures there are, and what one consists of."""

from collections.abc import Sequence
from pathlib import Path

from utome.config.overrides import override
from utome.errors import ConfigError, nearest
from utome.files import write_bytes
from utome.models.anatomy import Anatomy, anatomy
from utome.models.architectures import ARCHITECTURES
from utome.recipes.library import load_recipe, network_names, recipe_names
from utome.report.drawing import draw

ONE_LOGIT_CLASSES = 2


def models(*, in_channels: int | None = None, classes: int = 2, size: int = 512) -> dict[str, Anatomy]:
    """Every recipe's network, by the recipe's name."""
    return {name: describe_model(name, in_channels=in_channels, classes=classes, size=size) for name in network_names()}


def describe_model(
    name: str, assignments: Sequence[str] = (), *, in_channels: int | None = None, classes: int = 2, size: int = 512
) -> Anatomy:
    """The network of a recipe, with settings changed by `model.*` assignments.

    Where no number of image channels is given, it is that of the paper's images. A recipe's one logit is for two classes;
    with more there is one for each.
    """
    if name not in recipe_names():
        raise ConfigError(f"There is no recipe '{name}'. {nearest(name, recipe_names())}")
    own = {**load_recipe(name).settings["model"]}
    if classes != ONE_LOGIT_CLASSES:
        own["one_logit"] = False
    settings = override({"model": own}, assignments).model
    channels = in_channels or ARCHITECTURES[settings.architecture].channels
    return anatomy(settings, in_channels=channels, classes=classes, size=size)


def draw_model(network: Anatomy, path: Path) -> None:
    """Write a drawing of the network as SVG."""
    if path.suffix.lower() != ".svg":
        raise ConfigError(f"'{path}' is no name for a drawing, which is SVG. Let it end in .svg.")
    write_bytes(path, draw(network).encode())
