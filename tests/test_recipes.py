"""Recipes: complete, explained, and found by name."""

from importlib.resources import files
from typing import Any

import pytest
import yaml

import utome.recipes
from utome.config.architectures import SEUNetSettings, UNetSettings
from utome.config.overrides import override
from utome.config.settings import leaves, paths
from utome.errors import ConfigError
from utome.recipes.library import load_recipe, network_names, recipe_names, settings_over_recipe


def content(name: str) -> dict[str, Any]:
    """What the file of a recipe holds itself."""
    return yaml.safe_load(files(utome.recipes).joinpath(f"{name}.yaml").read_text(encoding="utf-8"))


LIKE = {name: content(name)["like"] for name in recipe_names() if content(name)["like"] in recipe_names()}
ISSUE = [
    "unet-2015", "unet", "unet-batchnorm", "se-unet", "se-unet-shallow", "se-unet-supervised", "se-unet-dropout",
    "se-unet-frem", "attention-unet", "advanced-attention-unet", "full-attention-unet", "efficient-unet",
    "resnet50-unet", "unet-plus-plus", "unet-3-plus",
]  # fmt: skip


def test_every_network_of_the_papers_has_its_recipe() -> None:
    assert set(network_names()) == set(ISSUE)
    assert set(recipe_names()) == {
        *ISSUE, "auto", "attention-unet-ours", "advanced-attention-unet-ours", "full-attention-unet-ours",
    }  # fmt: skip


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_validates_and_remembers_its_name(name: str) -> None:
    assert load_recipe(name).config.recipe == name


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_sets_every_setting_of_its_forms(name: str) -> None:
    recipe = load_recipe(name)
    assert set(leaves(recipe.settings)) == set(leaves(recipe.config.as_dict()))


@pytest.mark.parametrize("name", recipe_names())
def test_every_setting_of_a_recipe_is_published_or_has_a_reason_and_never_both(name: str) -> None:
    recipe = load_recipe(name)
    assert not recipe.published.keys() & recipe.reasons.keys()
    explained = recipe.published.keys() | recipe.reasons.keys()
    assert explained == set(leaves(recipe.config.as_dict())) - {"recipe"}


@pytest.mark.parametrize("name", recipe_names())
def test_no_place_and_no_reason_is_given_for_what_is_no_setting(name: str) -> None:
    recipe = load_recipe(name)
    known = paths({"optimizer": recipe.config.optimizer.name, "model": recipe.config.model.architecture})
    assert (recipe.published.keys() | recipe.reasons.keys()) <= set(known)


@pytest.mark.parametrize("name", recipe_names())
def test_every_place_reason_title_and_paper_says_something(name: str) -> None:
    recipe = load_recipe(name)
    texts = [recipe.title, recipe.paper, *recipe.published.values(), *recipe.reasons.values()]
    assert all(isinstance(text, str) and len(text) > 3 for text in texts)


@pytest.mark.parametrize("name", sorted(set(recipe_names()) - set(network_names())))
def test_a_recipe_without_a_network_of_its_own_names_the_one_that_has_it(name: str) -> None:
    own, other = load_recipe(name), load_recipe(str(load_recipe(name).network_of))
    assert own.settings["model"]["architecture"] == other.settings["model"]["architecture"]


def test_an_unknown_recipe_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"^There is no recipe 'unet-2016'\. Did you mean 'unet-2015'\?$"):
        load_recipe("unet-2016")


def test_a_recipe_near_to_none_is_refused_with_all_names() -> None:
    with pytest.raises(ConfigError) as caught:
        load_recipe("zzz")
    assert str(caught.value) == (
        f"There is no recipe 'zzz'. Accepted: {', '.join(repr(name) for name in recipe_names())}."
    )


def test_the_original_recipe_has_the_published_numbers() -> None:
    config = load_recipe("unet-2015").config
    assert isinstance(config.model, UNetSettings)
    assert (config.model.width, config.model.depth, config.model.convolution, config.model.norm) == (
        64,
        4,
        "valid",
        "none",
    )
    assert (config.optimizer.name, getattr(config.optimizer, "momentum", None)) == ("sgd", 0.99)
    assert (config.training.batch, config.training.tile) == (1, 388)


@pytest.mark.parametrize("name", sorted(LIKE))
def test_a_recipe_like_another_differs_from_it_in_its_own_settings_and_in_those_of_its_form_alone(name: str) -> None:
    recipe, other = load_recipe(name), load_recipe(LIKE[name])
    ours, theirs, own = leaves(recipe.settings), leaves(other.settings), leaves(content(name)["settings"])
    assert own.items() <= ours.items()
    assert {path: value for path, value in ours.items() if path not in {*own, "recipe"}}.items() <= theirs.items()
    of_our_forms = set(leaves(recipe.config.as_dict()))
    assert set(theirs) - set(ours) == {path for path in theirs if path not in of_our_forms}


@pytest.mark.parametrize("name", sorted(LIKE))
def test_a_recipe_like_another_keeps_its_reasons_but_for_those_that_it_gives_itself(name: str) -> None:
    recipe, other, own = load_recipe(name), load_recipe(LIKE[name]), content(name)
    settings = set(leaves(recipe.settings))
    for kind in ("published", "reasons"):
        ours, theirs = getattr(recipe, kind), getattr(other, kind)
        explained = own["published"].keys() | own["reasons"].keys()
        assert ours == {path: text for path, text in theirs.items() if path in settings - explained} | own[kind]
    assert recipe.title == own["title"] != other.title
    assert recipe.paper == own.get("paper", other.paper)


def test_a_reason_for_a_setting_of_another_form_is_dropped() -> None:
    assert "model.gate_share" in load_recipe("attention-unet").reasons.keys() | load_recipe("attention-unet").published
    batchnorm = load_recipe("unet-batchnorm")
    assert "model.gate_share" not in {**batchnorm.reasons, **batchnorm.published, **leaves(batchnorm.settings)}


@pytest.mark.parametrize("name", ["se-unet-frem", "se-unet-supervised", "se-unet-dropout", "se-unet-shallow"])
def test_a_variant_differs_from_its_baseline_in_what_it_is_named_for(name: str) -> None:
    ours, theirs = leaves(load_recipe(name).settings), leaves(load_recipe("se-unet").settings)
    assert ours.keys() == theirs.keys()
    assert {path for path in ours if ours[path] != theirs[path]} == {"recipe"} | {
        "se-unet-frem": {"model.enhancement.mode", "model.enhancement.maps", "model.enhancement.factor"},
        "se-unet-supervised": {"model.supervision", "loss.supervision"},
        "se-unet-dropout": {"model.dropout"},
        "se-unet-shallow": {"model.depth"},
    }[name]


def test_naming_the_architecture_that_a_recipe_has_keeps_its_nested_groups() -> None:
    changed = override(
        load_recipe("se-unet-frem").settings, ["model.renorm.rate=0.5", "model.architecture=se-unet", "model.width=8"]
    ).model
    assert isinstance(changed, SEUNetSettings)
    assert (changed.enhancement.mode, changed.enhancement.maps, changed.renorm.rate) == ("random", 162, 0.5)
    assert (changed.width, changed.reduction) == (8, 16)


def test_another_architecture_keeps_what_it_shares_and_drops_the_groups_that_it_lacks() -> None:
    changed = override(
        load_recipe("se-unet-frem").settings, ["model.dropout=0.25", "model.norm=batch", "model.architecture=unet"]
    ).model
    assert isinstance(changed, UNetSettings)
    assert (changed.width, changed.depth, changed.dropout, changed.norm) == (32, 4, 0.25, "batch")


def test_one_setting_of_a_nested_group_leaves_the_others() -> None:
    settings = settings_over_recipe({"recipe": "se-unet-frem", "model": {"enhancement": {"factor": 250.0}}})
    assert settings["model"]["enhancement"] == {
        **load_recipe("se-unet-frem").settings["model"]["enhancement"], "factor": 250.0,
    }  # fmt: skip
