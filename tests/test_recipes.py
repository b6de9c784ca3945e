"""Recipes: complete, explained, and found by name."""

import pytest

from utome.config.architectures import UNetSettings
from utome.config.settings import leaves, paths
from utome.errors import ConfigError
from utome.recipes.library import ALIASES, load_recipe, recipe_names


def test_the_default_and_the_original_are_among_the_recipes() -> None:
    assert {"unet", "unet-2015"} <= set(recipe_names())


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_validates_and_remembers_its_name(name: str) -> None:
    assert load_recipe(name).config.recipe == ALIASES.get(name, name)


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


@pytest.mark.parametrize("alias", sorted(ALIASES))
def test_an_alias_is_the_recipe_that_it_stands_for(alias: str) -> None:
    assert load_recipe(alias) == load_recipe(ALIASES[alias])


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
