"""Settings: their paths, how they are changed, and what is said when one is wrong."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from utome.config.overrides import override, read_config
from utome.config.sections import AdamSettings, SGDSettings
from utome.config.settings import config_from_dict, leaves, paths
from utome.errors import ConfigError
from utome.recipes.library import load_recipe

UNET = load_recipe("unet").settings


def refusal(*assignments: str) -> str:
    """The sentence with which these assignments are refused."""
    with pytest.raises(ConfigError) as caught:
        override(UNET, assignments)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_every_setting_has_a_dotted_path_however_deep_it_lies() -> None:
    assert {"seed", "model.width", "training.stopping.patience", "optimizer.name"} <= set(paths())


def test_a_group_of_settings_is_no_path() -> None:
    assert not {"model", "training.stopping", "optimizer"} & set(paths())


def test_paths_are_listed_once() -> None:
    assert len(paths()) == len(set(paths()))


def test_paths_of_every_form_are_listed_unless_the_form_is_named() -> None:
    assert {"optimizer.momentum", "optimizer.betas"} <= set(paths())
    assert "optimizer.betas" not in paths({"optimizer": "sgd"})
    assert "optimizer.momentum" not in paths({"optimizer": "adam"})


def test_the_leaves_of_a_config_are_the_paths_of_its_forms() -> None:
    config = config_from_dict(UNET)
    assert set(leaves(config.as_dict())) == set(paths({"optimizer": "adam", "model": "unet"}))


def test_assignments_are_applied_in_turn_and_the_last_one_counts() -> None:
    config = override(UNET, ["model.width=8", "seed=3", "model.width=16"])
    assert (config.model.width, config.seed) == (16, 3)  # type: ignore[union-attr]


def test_an_override_leaves_what_it_was_given_unchanged() -> None:
    settings = {"model": {"width": 8}}
    override(settings, ["model.width=16", "optimizer.name=sgd", "optimizer.learning_rate=0.1"])
    assert settings == {"model": {"width": 8}}


@pytest.mark.parametrize(
    ("assignment", "path", "value"),
    [
        ("optimizer.learning_rate=1e-4", "optimizer.learning_rate", 1e-4),
        ("data.size=[64, 32]", "data.size", [64, 32]),
        ("data.size=null", "data.size", None),
        ("training.stopping.patience=5", "training.stopping.patience", 5),
        ("augmentation.flips=false", "augmentation.flips", False),
        (" seed = 7 ", "seed", 7),
        ("loss.weights.map=2019", "loss.weights.map", "2019"),
    ],
)
def test_a_value_is_read_as_yaml(assignment: str, path: str, value: Any) -> None:
    assert leaves(override(UNET, [assignment]).as_dict())[path] == value


def test_changing_the_optimizer_keeps_the_settings_that_both_have() -> None:
    changed = override(UNET, ["optimizer.weight_decay=0.01", "optimizer.name=sgd", "optimizer.momentum=0.5"]).optimizer
    assert isinstance(changed, SGDSettings)
    assert changed == SGDSettings(
        learning_rate=0.001, weight_decay=0.01, schedule="cosine", warmup_steps=20, momentum=0.5
    )


def test_changing_the_optimizer_back_and_forth_ends_with_the_last_one() -> None:
    changed = override(UNET, ["optimizer.name=sgd", "optimizer.momentum=0.5", "optimizer.name=adam"]).optimizer
    assert isinstance(changed, AdamSettings)


def test_a_setting_of_the_other_optimizer_is_refused() -> None:
    assert refusal("optimizer.momentum=0.5").startswith("There is no setting `optimizer.momentum`. ")


def test_an_unknown_setting_is_refused_with_the_nearest_name() -> None:
    assert refusal("model.dept=3") == "There is no setting `model.dept`. Did you mean `model.depth`?"


def test_an_unknown_setting_in_a_file_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"^There is no setting `model.widht`\. Did you mean `model.width`\?$"):
        config_from_dict({"model": {"widht": 8}})


def test_an_unknown_setting_near_to_nothing_is_refused_with_all_that_there_are() -> None:
    sentence = refusal("zzzzzzzz=1")
    assert sentence.startswith("There is no setting `zzzzzzzz`. Accepted: ")
    assert all(f"`{path}`" in sentence for path in paths())


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("model.width=wide", "The setting `model.width` is 'wide'; accepted: a valid integer"),
        ("model.width=1.5", "The setting `model.width` is 1.5; accepted: a valid integer"),
        ("augmentation.flips=maybe", "The setting `augmentation.flips` is 'maybe'; accepted: a valid boolean"),
        ("data.size=[1, 2, 3]", "The setting `data.size` is [1, 2, 3]; accepted: "),
        ("model.width=", "The setting `model.width` is None; accepted: a valid integer"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_with_what_is_accepted(assignment: str, sentence: str) -> None:
    assert refusal(assignment).startswith(sentence)


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("model.width=0", "The setting `model.width` is 0; accepted: greater than or equal to 1."),
        ("seed=2147483648", "The setting `seed` is 2147483648; accepted: less than 2147483648."),
        ("data.test=1", "The setting `data.test` is 1; accepted: less than 1."),
        ("optimizer.learning_rate=0", "The setting `optimizer.learning_rate` is 0; accepted: greater than 0."),
        ("optimizer.learning_rate=.inf", "The setting `optimizer.learning_rate` is inf; accepted: a finite number."),
        ("loss.dice=-1", "The setting `loss.dice` is -1; accepted: greater than or equal to 0."),
        ("training.stopping.patience=0", "The setting `training.stopping.patience` is 0; accepted: greater than or equal to 1."),
        ("model.norm=layer", "The setting `model.norm` is 'layer'; accepted: 'none' or 'batch'."),
        ("optimizer.name=adamx", "The setting `optimizer.name` is 'adamx'; accepted: 'adam', 'adamw', 'sgd'."),
        ("training.epochs=true", "The setting `training.epochs` is True; accepted: a number."),
        ("data.fold=1", "`data.fold` is one of `data.folds`, which are not given. Give both, as in --set data.folds=5."),
        ("data.fill=.nan", "The setting `data.fill` is nan; accepted: a finite number."),
    ],
)  # fmt: skip
def test_a_value_out_of_range_is_refused_with_the_range(assignment: str, sentence: str) -> None:
    assert refusal(assignment) == sentence


@pytest.mark.parametrize(
    "value",
    [
        "data.classes=[[a,[0]],[a,[1]]]",
        "data.classes=[[a,[0]],[b,[0]]]",
        "data.classes=[[a,[0]]]",
        "data.ignore=[3,3]",
        "data.classes=[[a,[0]],[b,[]]]",
        "data.classes=[[a,[0]],['',[1]]]",
    ],
)
def test_a_mask_value_has_one_meaning_and_a_class_one_name(value: str) -> None:
    assert refusal(value).startswith("`data.classes` and `data.ignore` must name two classes or more, each once")


@pytest.mark.parametrize("path", ["data.validation", "optimizer.learning_rate", "augmentation.contrast", "loss.dice"])
def test_a_setting_that_is_no_number_is_refused(path: str) -> None:
    assert refusal(f"{path}=.nan").startswith(f"The setting `{path}` is nan; accepted: ")


def test_two_wrong_settings_are_both_named() -> None:
    sentence = refusal("model.width=0", "model.depth=9")
    assert "`model.width` is 0" in sentence
    assert "`model.depth` is 9" in sentence


@pytest.mark.parametrize("assignment", ["model.width", "=8", "  =8", ""])
def test_what_is_no_assignment_is_refused_with_an_example(assignment: str) -> None:
    assert refusal(assignment) == (
        f"'{assignment}' is no assignment; write --set path=value, as in --set model.width=16."
    )


def test_a_value_that_is_not_yaml_is_refused() -> None:
    assert refusal("model.width=[1").startswith("The value in 'model.width=[1' is not YAML: ")


def test_a_group_of_settings_is_refused_with_its_members() -> None:
    assert refusal("training.stopping=3") == (
        "`training.stopping` is a group of settings, not one. Set one of them: "
        "training.stopping.monitor, training.stopping.min_delta, training.stopping.patience."
    )


def test_a_missing_learning_rate_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^The setting `optimizer.learning_rate` is missing; give it a value\.$"):
        config_from_dict({"optimizer": {"name": "sgd"}})


def test_a_section_that_does_not_say_its_form_has_the_default_one() -> None:
    config = config_from_dict({"optimizer": {"learning_rate": 0.1}, "model": {"width": 8}})
    assert (config.optimizer.name, config.model.architecture) == ("adam", "unet")
    with pytest.raises(ConfigError, match=r"^The setting `optimizer.momentum` is 0.5; accepted:"):
        config_from_dict({"optimizer": {"learning_rate": 0.1, "momentum": 0.5}})


@pytest.mark.parametrize("group", ["data", "model", "optimizer"])
def test_a_group_without_settings_in_a_file_is_refused(group: str) -> None:
    with pytest.raises(ConfigError, match=f"`{group}`"):
        config_from_dict({group: None})


@pytest.mark.parametrize("group", ["data", "model", "optimizer"])
def test_a_group_without_settings_in_a_file_is_refused_when_one_of_its_settings_is_assigned(group: str) -> None:
    path = next(path for path in paths() if path.startswith(f"{group}."))
    with pytest.raises(ConfigError, match=f"`{group}`"):
        override({group: None}, [f"{path}=1"])


def test_a_config_is_the_same_after_a_round_trip_through_yaml() -> None:
    config = override(UNET, ["data.size=[64, 32]", "optimizer.name=sgd"])
    assert config_from_dict(yaml.safe_load(config.as_yaml())) == config


def test_a_config_is_the_same_after_a_round_trip_through_a_file(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(config_from_dict({}).as_yaml(), encoding="utf-8")
    assert config_from_dict(read_config(path)) == config_from_dict({})


def test_the_hash_of_a_config_does_not_depend_on_order_or_spelling() -> None:
    one = config_from_dict({"seed": 1, "model": {"width": 8, "depth": 2}, "data": {"validation": 0.25}})
    other = config_from_dict({"data": {"validation": "0.25"}, "model": {"depth": 2.0, "width": 8}, "seed": 1})
    assert one.sha256 == other.sha256


def test_the_hash_of_a_config_changes_with_any_setting() -> None:
    hashes = {override(UNET, [change]).sha256 for change in ("seed=0", "seed=1", "model.width=8", "loss.dice=0.5")}
    assert len(hashes) == 4


def test_a_config_cannot_be_changed() -> None:
    config = config_from_dict({})
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 1  # type: ignore[misc]


def test_a_config_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read: No such file or directory\. Give a YAML file"):
        read_config(tmp_path / "config.yaml")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "holds no settings; a line looks like `seed: 0`."),
        (b"- 1\n- 2\n", "holds no settings; a line looks like `seed: 0`."),
        (b"seed: [1\n", "is not YAML: "),
        (b"\xff\xfe\x00", "cannot be read: it is not text."),
        (b"sed: 1\n", "There is no setting `sed`. Did you mean `seed`?"),
        (b"1: 1\n", "There is no setting `1`. "),
    ],
)
def test_a_config_file_that_holds_something_else_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("model.enhancement.at=top", "The setting `model.enhancement.at` is 'top'; accepted: a valid integer"),
        ("model.enhancement.at=-1", "The setting `model.enhancement.at` is -1; accepted: greater than or equal to 0, or 'bottom'"),
        ("model.enhancement.mode=match_skip", "accepted: `in_test: true` with `mode: match_skip`"),
        ("model.renorm.rate=2", "The setting `model.renorm.rate` is 2; accepted: less than 1"),
        ("model.enhancement.maps=0", "The setting `model.enhancement.maps` is 0; accepted: greater than or equal to 1"),
    ],
)  # fmt: skip
def test_a_setting_inside_a_group_of_one_form_is_refused_by_its_own_path(assignment: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        override({"model": {"architecture": "se-unet"}}, [assignment])
    assert sentence in str(caught.value)
    assert "se-unet" not in str(caught.value)
    assert "constrained" not in str(caught.value)


@pytest.mark.parametrize(("value", "accepted"), [("8", "a list, as in [1, 2]"), ("[8, 8]", "a longer list")])
def test_a_list_of_the_wrong_form_is_refused_with_what_is_accepted(value: str, accepted: str) -> None:
    with pytest.raises(ConfigError, match=rf"The setting `model.decoder` is .*8.*; accepted: {re.escape(accepted)}"):
        override({"model": {"architecture": "efficient-unet"}}, [f"model.decoder={value}"])
