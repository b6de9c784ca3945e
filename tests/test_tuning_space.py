"""Search spaces: what is refused before anything is trained, and what a recipe or a file says."""

import re
import textwrap
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from tests.conftest import ROOT
from utome.config.overrides import override
from utome.config.settings import leaves, paths
from utome.errors import ConfigError
from utome.recipes.library import load_recipe, recipe_names
from utome.tuning.search import Again, Search, refuse_differences, refuse_pruner, search_from_yaml
from utome.tuning.space import Choices, Range, configured, is_searched, read_space, space_as_dict, within
from utome.tuning.space_file import SpaceFile, read_space_file
from utome.tuning.trial import Rung, State, Trial

UNET = load_recipe("unet").config
RATE = "optimizer.learning_rate"


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_has_a_space_that_holds_its_own_values(name: str) -> None:
    recipe = load_recipe(name)
    space = read_space(recipe.space, recipe.config)
    assert within(recipe.config, space) == recipe.config
    assert recipe.trials >= 1
    assert recipe.searched.endswith(".")


def test_the_spaces_of_the_paper() -> None:
    frem, supervised = load_recipe("se-unet-frem"), load_recipe("se-unet-supervised")
    assert frem.trials == 50
    assert read_space(frem.space, frem.config) == {
        "model.enhancement.maps": Range(1, 512), "model.enhancement.factor": Range(1.0, 1000.0, step=1.0),
    }  # fmt: skip
    assert supervised.trials == 15
    assert read_space(supervised.space, supervised.config) == {"loss.supervision": Range(0.0, 1.0)}


@pytest.mark.parametrize(
    ("path", "said", "sentence"),
    [
        ("model.dept", {"low": 1, "high": 2}, "There is no setting `model.dept`. Did you mean `model.depth`?"),
        ("model", {"low": 1, "high": 2}, "`model` is a group of settings, not one."),
        (RATE, {"low": 0.1, "high": 0.01}, f"The range of `{RATE}` is reversed: low is 0.1 and high is 0.01. Exchange them."),
        (RATE, {"low": 0.1, "high": 0.1}, f"The range of `{RATE}` is empty: low and high are both 0.1."),
        (RATE, {"low": -1, "high": 0.1}, f"The search space holds `{RATE}` = -1. The setting `{RATE}` is -1"),
        (RATE, {"low": 0.1}, f"The space of `{RATE}` is {{'low': 0.1}}; write {{low: 1, high: 512}}"),
        (RATE, {"low": 0.1, "high": 1, "lgo": True}, f"The space of `{RATE}` is {{'low': 0.1, 'high': 1, 'lgo': True}}; write"),
        (RATE, {"low": "1e-4", "high": "much"}, f"The space of `{RATE}` is {{'low': '1e-4', 'high': 'much'}}; write"),
        (RATE, {"low": True, "high": 1}, f"The space of `{RATE}` is {{'low': True, 'high': 1}}; write"),
        (RATE, 0.1, f"The space of `{RATE}` is 0.1; write"),
        ("model.dropout", {"low": 0, "high": 0.5, "log": True}, "has `log: true`, which takes a low end above 0 and no step"),
        ("model.dropout", {"low": 0, "high": 0.5, "step": 0.2}, "Steps of 0.2 do not lead from 0.0 to 0.5"),
        ("model.dropout", {"low": 0, "high": 0.5, "step": 0}, "The step of `model.dropout` is 0; accepted: a number above 0."),
        ("model.width", {"low": 8, "high": 16, "step": 0.5}, "The step of `model.width` is 0.5; accepted: a whole number above 0."),
        ("model.width", {"low": 8, "high": 16.5}, "The search space holds `model.width` = 16.5. The setting `model.width` is 16.5"),
        ("model.norm", {"low": 1, "high": 2}, "The search space holds `model.norm` = 1."),
        ("model.norm", {"choices": ["batch", "group"]}, "The search space holds `model.norm` = 'group'."),
        ("model.norm", {"choices": ["batch"]}, "choices are a list of two or more different numbers, words or true and false."),
        ("model.norm", {"choices": ["batch", "batch"]}, "choices are a list of two or more different"),
        ("training.batch", {"choices": [2, 2.0]}, "choices are a list of two or more different"),
        ("training.batch", {"choices": [1, True]}, "The search space holds `training.batch` = True."),
        (RATE, {"choices": [0.001, "1e-3"]}, "choices are a list of two or more different"),
        ("optimizer.betas", {"choices": [[0.9, 0.99], [0.9, 0.999]]}, "choices are a list of two or more different"),
        ("augmentation.flips", {"low": 0, "high": 1}, "`augmentation.flips`"),
        ("training.epochs", {"low": 1, "high": 9}, "`training.epochs` cannot be searched: trials that differ in it could not be"),
        ("machine.threads", {"low": 1, "high": 2}, "`machine.threads` cannot be searched"),
        (RATE, {"low": 0.1, "high": 10**400}, f"The search space holds `{RATE}` = 10000"),
        ("data.size", {"choices": [[32, 32], [64, 64]]}, "`data.size` cannot be searched"),
        ("data.fold", {"low": 0, "high": 1}, "`data.fold` cannot be searched"),
    ],
)  # fmt: skip
def test_a_space_that_cannot_be_is_refused_in_a_sentence(path: str, said: Any, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_space({path: said}, UNET)
    assert sentence in str(caught.value)


# Two values of settings of each kind: words, whole numbers, numbers, true and false, and those that may be nothing.
ACCEPTED: dict[str, list[Any]] = {
    "data.normalization": ["image", "none"], "training.batch": [1, 2], "training.tile": [32, 64], "training.places": ["random", "grid"],
    "training.clip": [None, 1.0], "training.average": [None, 0.9], "training.precision": ["float32", "bfloat16"],
    "model.norm": ["none", "batch"], "loss.dice": [0.0, 1.0], "augmentation.flips": [False, True],
}  # fmt: skip
GROUPS = ("model.", "loss.", "optimizer.", "augmentation.")


@pytest.mark.parametrize("path", ACCEPTED)
def test_what_can_be_searched_is_accepted_in_a_space(path: str) -> None:
    given = {path: {"choices": ACCEPTED[path]}}
    assert read_space(given, UNET) == {path: Choices(tuple(ACCEPTED[path]))}


def test_only_lists_of_what_can_be_searched_have_no_form_in_a_space() -> None:
    configs = [load_recipe(name).config for name in recipe_names()]
    lists = {path for config in configs for path, value in leaves(config.as_dict()).items() if isinstance(value, list)}
    assert {path for path in lists if is_searched(path)} == {"model.decoder", "optimizer.betas", "optimizer.drops"}


def test_of_each_setting_it_is_decided_whether_it_can_be_searched() -> None:
    """A new setting below these groups can, any other not before it is named above."""
    assert {path for path in paths() if is_searched(path) and not path.startswith(GROUPS)} == {
        path for path in ACCEPTED if not path.startswith(GROUPS)
    }
    for path in ("data.limit", "training.steps_per_epoch", "training.tiles_per_image", "training.stopping.patience"):
        with pytest.raises(ConfigError, match=f"`{path}` cannot be searched"):
            read_space({path: {"low": 1, "high": 9}}, UNET)


def test_numbers_without_a_point_are_numbers(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text(
        f"space: {{{RATE}: {{low: 1e-4, high: 1E-2}}, model.dropout: {{choices: [0, 5e-1]}}}}"
    )
    assert read_space(read_space_file(tmp_path / "space.yaml").space, UNET) == {
        RATE: Range(0.0001, 0.01), "model.dropout": Choices((0.0, 0.5)),
    }  # fmt: skip


def test_nothing_to_search_is_refused_with_what_to_give() -> None:
    with pytest.raises(
        ConfigError,
        match=rf"There is nothing to search: of the recipe 'unet' all is left out: `{RATE}`\. Give --space FILE",
    ):
        read_space({RATE: None}, UNET)


def test_whole_numbers_stay_whole_and_others_do_not() -> None:
    space = read_space(
        {"model.width": {"low": 4, "high": 8}, "model.dropout": {"low": 0, "high": 0.5, "step": 0.25}}, UNET
    )
    assert [type(space[path].low) for path in space] == [int, float]  # type: ignore[union-attr]
    assert read_space(space_as_dict(space), UNET) == space


def test_values_are_put_in_their_places_and_forms_change() -> None:
    changed = configured(UNET, {"optimizer.name": "sgd", RATE: 0.5, "model.norm": "none"})
    assert (changed.optimizer.name, changed.optimizer.learning_rate) == ("sgd", 0.5)
    assert leaves(changed.as_dict())["model.norm"] == "none"
    assert "optimizer.betas" not in leaves(changed.as_dict())


def test_a_value_outside_the_space_moves_to_its_nearest_end() -> None:
    config = override(load_recipe("se-unet-frem").settings, ["model.width=2", "model.depth=2"])
    space = read_space(
        {"model.enhancement.maps": {"low": 1, "high": 8}, "model.norm": {"choices": ["none", "batch"]}}, config
    )
    moved = leaves(within(config, space).as_dict())
    assert (moved["model.enhancement.maps"], moved["model.norm"]) == (8, "none")


def test_a_file_holds_a_space_and_a_number_of_trials(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text("space: {model.width: {choices: [2, 4]}, optimizer.learning_rate: null}\ntrials: 7\n")
    assert read_space_file(file) == SpaceFile({"model.width": {"choices": [2, 4]}, RATE: None}, 7)
    assert read_space(read_space_file(file).space, UNET) == {"model.width": Choices((2, 4))}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- 1", "holds no search space. It looks like this:\nspace:"),
        ("space: 3", "holds no search space."),
        ("spaces: {}", "holds no search space."),
        ("space: {a: [}", "is not YAML: "),
        ("space: {}\ntrials: 0", "`trials` in "),
        ("space: {}\ntrials: many", "is 'many'; accepted: a whole number of 1 or more."),
    ],
)
def test_a_file_that_holds_something_else_is_refused(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_space_file(tmp_path / "space.yaml")
    assert sentence in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read: No such file or directory"):
        read_space_file(tmp_path / "space.yaml")


def asked(**changes: Any) -> Search:
    config = override(load_recipe("unet").settings, ["seed=3"])
    space = read_space({RATE: {"low": 0.001, "high": 0.1, "log": True}}, config)
    given: dict[str, Any] = {
        "name": "a", "recipe": "unet", "assignments": ("seed=3",), "trials": 5, "seeds": 2, "pruner": "none", "space": space,
        "storage": "here", "data": "/d", "data_sha256": "0", "config": config, **changes,
    }  # fmt: skip
    return Search(**given)


def test_a_search_is_written_and_read_again() -> None:
    assert search_from_yaml(asked().as_yaml()) == asked()


def test_epochs_to_the_end_are_those_of_whole_trainings_but_of_failed_ones_those_that_they_reported() -> None:
    search, rung = asked(), Rung(1, 0.5, (0.5, 0.5), 6, 0, ended=False)
    trials = [Trial(number, {}, state, (rung,)) for number, state in enumerate(get_args(State))]
    assert {"complete", "pruned", "failed"} <= {trial.state for trial in trials}
    assert search.epochs_to_the_end(trials) == (len(trials) - 1) * search.epochs * 2 + 6


def test_repetitions_are_seeds_and_folds() -> None:
    assert asked().repetitions == ({"seed": 3}, {"seed": 4})
    folds = asked(config=override(load_recipe("unet").settings, ["data.folds=3"]), seeds=1)
    assert folds.repetitions == tuple({"seed": 0, "data.fold": fold} for fold in range(3))
    third = folds.config_of({RATE: 0.01}, 2)
    assert (third.seed, third.data.fold, third.optimizer.learning_rate) == (0, 2, 0.01)


@pytest.mark.parametrize(
    ("again", "sentence"),
    [
        (Again(recipe="se-unet"), "--recipe was unet and is se-unet"),
        (Again(seeds=3), "--seeds was 2 and is 3"),
        (Again(pruner="median"), "--pruner was none and is median"),
        (Again(assignments=("seed=4",)), "--set was ['seed=3'] and is ['seed=4']"),
        (Again(space={RATE: {"low": 0.01, "high": 0.1, "log": True}}), f"the space of `{RATE}` was {{'low': 0.001"),
        (Again(space={RATE: None}), "and is None"),
    ],
)
def test_another_search_is_refused_on_resume_with_the_difference(again: Again, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        refuse_differences(again, asked(), Path("study"))
    assert "The search is not the one that 'study' began with: " in str(caught.value)
    assert sentence in str(caught.value)


def test_the_same_search_and_more_trials_are_not_refused() -> None:
    space = yaml.safe_load(asked().as_yaml())["space"]
    refuse_differences(Again("unet", ("seed=3",), space, 50, 2, "none"), asked(), Path("study"))
    refuse_differences(Again(), asked(), Path("study"))


def test_a_pruner_that_there_is_not_or_that_could_end_nothing_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"There is no pruner 'mediant'\. Accepted: none, median, halving, hyperband, wilcoxon."
    ):
        refuse_pruner("mediant", 1)
    with pytest.raises(
        ConfigError, match=r"with 4 of them it saves nothing. Give --seeds 5 or more, or --set data.folds=5"
    ):
        refuse_pruner("wilcoxon", 4)
    assert refuse_pruner("wilcoxon", 5) == "wilcoxon"


def test_the_file_that_the_page_shows_is_accepted(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "tuning.md").read_text(encoding="utf-8")
    shown = textwrap.dedent("".join(re.findall(r"^    .*\n", page, re.MULTILINE)))
    (tmp_path / "space.yaml").write_text(shown)
    file = read_space_file(tmp_path / "space.yaml")
    assert set(read_space(file.space, UNET)) == {RATE, "model.dropout", "model.norm"}
    assert file.trials == 30
