"""What the recipe auto chooses: from the images, from the time, and never against what was said."""

from pathlib import Path

import pytest

from tests.builders import look, pair_folder, tiny_config
from utome.config.overrides import override
from utome.jobs.advising import advise, advised, may_narrow, milder, narrower
from utome.recipes.library import load_recipe


def chosen(root: Path, count: int, height: int, width: int) -> dict[str, str]:
    found = look(pair_folder(root, count, height=height, width=width))
    return {advice.path: advice.value for advice in advise(found, load_recipe("auto").config)}


@pytest.mark.parametrize(
    ("size", "tile", "batch"), [((20, 24), "16", "16"), ((130, 300), "128", "16"), ((200, 300), "192", None), ((256, 256), None, None)]
)  # fmt: skip
def test_the_tile_fits_into_the_smallest_image(
    tmp_path: Path, size: tuple[int, int], tile: str | None, batch: str | None
) -> None:
    settings = chosen(tmp_path, 4, *size)
    assert settings.get("training.tile") == tile
    assert settings.get("training.batch") == batch


@pytest.mark.parametrize(("side", "depth"), [(17, "2"), (32, "3"), (48, "3"), (63, "3"), (64, None), (256, None)])
def test_small_tiles_are_halved_less_often(tmp_path: Path, side: int, depth: str | None) -> None:
    assert chosen(tmp_path, 4, side, side).get("model.depth") == depth


def test_a_network_without_a_depth_is_left_alone(tmp_path: Path) -> None:
    config = override(load_recipe("auto").settings, ["model.architecture=efficient-unet"])
    found = look(pair_folder(tmp_path, 4, height=20, width=20))
    assert "model.depth" not in {advice.path for advice in advise(found, config)}


@pytest.mark.parametrize(("count", "epochs"), [(4, 400), (100, 240), (1000, 30)])
def test_the_epochs_hold_about_as_many_steps_whatever_the_number_of_images(
    tmp_path: Path, count: int, epochs: int
) -> None:
    found = look(pair_folder(tmp_path, min(count, 100), height=20, width=20))
    facts = (found.facts * 10)[:count]
    settings = load_recipe("auto").config
    grown = type(found)(found.listing, tuple(facts), found.classes, found.notes)
    said = {advice.path: advice.value for advice in advise(grown, settings)}
    # A 20x20 image holds 1.56, so 2 tiles of 16x16, of which 16 are a step.
    assert int(said["training.epochs"]) == min(400, max(30, round(3000 * 16 / (2 * count))))
    assert int(said["training.epochs"]) == epochs


def test_what_was_said_stays(tmp_path: Path) -> None:
    found = look(pair_folder(tmp_path, 4))
    config, advice = advised(found, load_recipe("auto").config, {"training.tile", "training.epochs"})
    assert {each.path for each in advice} == {"training.batch", "model.depth"}
    assert (config.training.tile, config.training.epochs, config.training.batch) == (256, 100, 16)


def test_images_that_may_not_be_turned_by_quarters_are_only_tilted(tmp_path: Path) -> None:
    found = look(pair_folder(tmp_path, 4))
    settings = load_recipe("auto").settings
    upright = override(settings, ["augmentation.quarter_turns=false"])
    assert advised(found, upright, ())[0].augmentation.rotation == 15
    assert advised(found, upright, {"augmentation.rotation"})[0].augmentation.rotation == 180
    assert advised(found, override(settings, ()), ())[0].augmentation.rotation == 180


def test_other_recipes_are_left_alone(tmp_path: Path) -> None:
    found, config = look(pair_folder(tmp_path, 4)), tiny_config()
    assert advised(found, config, ()) == (config, ())


@pytest.mark.parametrize(
    ("recipe", "assignments", "fixed", "may"),
    [
        ("auto", (), (), True),
        ("auto", (), ("model.width",), False),
        ("auto", ("model.architecture=efficient-unet",), ("model.architecture",), False),
        ("auto", ("model.width=1",), (), False),
        ("unet", (), (), False),
    ],
)
def test_the_width_is_chosen_by_auto_alone_where_there_is_one(
    recipe: str, assignments: tuple[str, ...], fixed: tuple[str, ...], may: bool
) -> None:
    assert may_narrow(override(load_recipe(recipe).settings, assignments), fixed) is may


def test_little_time_halves_the_width() -> None:
    config = load_recipe("auto").config
    advice = narrower(config, 599)
    assert advice is not None
    assert (advice.path, advice.value) == ("model.width", "16")
    assert narrower(config, 600) is None


def test_few_steps_leave_images_as_they_lie() -> None:
    config = load_recipe("auto").config
    said = {advice.path: advice.value for advice in milder(config, 999, ())}
    assert said == {"augmentation.rotation": "0", "augmentation.scale": "0"}
    assert [advice.path for advice in milder(config, 999, {"augmentation.rotation"})] == ["augmentation.scale"]
    assert milder(config, 1000, ()) == ()
    assert milder(load_recipe("unet").config, 10, ()) == ()
