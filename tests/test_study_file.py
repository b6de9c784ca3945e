"""Study files: what they may leave out, and the sentence for each mistake."""

from pathlib import Path
from typing import Any

import pytest

from utome.errors import ConfigError
from utome.studies.file import parse_study, read_study
from utome.studies.plan import Asked, chosen_arms, config_of, fixed_of, planned, refuse_own_paths

SMALL = "arms:\n  plain: {recipe: unet}\n  wide: {recipe: unet, set: {model.width: 64}}\n"


def config(text: str, arm: str, *assignments: str, scale: str = "small", **more: Any) -> dict[str, Any]:
    study = parse_study(text, source="s.yaml")
    asked = Asked(scale, assignments, tuple(study.arms), threads=2, **more)
    run = next(run for run in planned(study, study.arms, 1, parted=asked.parted) if run.arm == arm)
    return config_of(study, asked, run).as_dict()


def test_two_arms_are_a_whole_study() -> None:
    study = parse_study(SMALL, source="My Study.yaml", name="My Study")
    assert (study.name, study.baseline, study.main, study.seeds) == ("my-study", "plain", "pixels.mean_iou", 3)
    assert [len(planned(study, study.arms, seeds)) for seeds in (1, 3)] == [2, 6]


def test_settings_are_laid_over_each_other_in_turn() -> None:
    text = SMALL + (
        "set: {training.batch: 3, model.width: 5}\n"
        "protocols: {held-out: {folds: 4}}\n"
        "variants: {best: {}, early: {checkpoint: early}}\n"
        "scales: {small: {set: {training.epochs: 50, training.batch: 4}, arms: {wide: {training.epochs: 60}}, early: 0.2}}\n"
    )
    plain, wide = (config(text, arm, "training.tile=64") for arm in ("plain", "wide"))
    assert (plain["model"]["width"], wide["model"]["width"]) == (5, 64)
    assert (plain["training"]["epochs"], wide["training"]["epochs"]) == (50, 60)
    assert (plain["training"]["batch"], plain["training"]["tile"], plain["machine"]["threads"]) == (4, 64, 2)
    assert (plain["data"]["folds"], plain["data"]["fold"], plain["seed"]) == (4, 0, 0)
    assert plain["training"]["keep_epochs"] == [10]
    assert config(SMALL, "plain")["training"]["keep_epochs"] is None


def test_folders_that_say_what_is_for_test_are_not_divided() -> None:
    text = SMALL + "protocols: {held-out: {folds: 4}, other: {set: {data.split: 3/1/2}}}\n"
    study = parse_study(text, source="s.yaml")
    assert len(planned(study, study.arms, 1)) == 10
    assert len(planned(study, study.arms, 1, parted=True)) == 4
    assert config(text, "plain", parted=True)["data"]["folds"] is None


def test_seeds_come_one_after_another() -> None:
    study = parse_study(SMALL + "references: [otsu]\n", source="s.yaml")
    runs = planned(study, study.arms, 2)
    assert [(run.seed, run.arm, run.kind) for run in runs[:3]] == [
        (0, "plain", "network"), (0, "wide", "network"), (0, "otsu", "otsu"),
    ]  # fmt: skip
    assert [run.seed for run in runs] == [0, 0, 0, 1, 1, 1]


def test_what_a_study_says_is_not_for_the_recipe_auto_to_choose() -> None:
    study = parse_study("arms: {a: {recipe: auto, set: {model.width: 8}}}\nset: {training.batch: 2}\n", source="s.yaml")
    fixed = fixed_of(study, Asked("small", ("training.tile=64",)), "a")
    assert {"model.width", "training.batch", "training.tile", "seed", "data.folds"} <= fixed
    assert "training.epochs" not in fixed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("question: why\n", r"'s\.yaml' has no arms"),
        ("arms: [1", r"'s\.yaml' is not YAML"),
        ("arms: {}\n", r"`arms` is \{\}; accepted: .*at least 1"),
        ("arms: {a: {}}\n", r"`arms\.a\.recipe` is missing"),
        (SMALL + "base: plain\n", r"`base` is not known\. Did you mean 'baseline'\?"),
        ("arms: {a: {recipe: unet, settings: {}}}\n", r"`arms\.a\.settings` is not known\. .*'set'"),
        (SMALL + "baseline: plane\n", r"`baseline` names the arm 'plane', which there is not\. Did you mean 'plain'\?"),
        (SMALL + "variants: {best: {arms: [wid]}}\n", r"`variants\.best\.arms` names the arm 'wid'.*'wide'"),
        (SMALL + "variants: {best: {set: {model.width: 3}}}\n", r"`model\.width` cannot be set there: a variant"),
        (
            SMALL + "variants: {best: {checkpoint: first}}\n",
            r"`variants\.best\.checkpoint` is 'first'; accepted: 'best', 'early' or 'last'",
        ),
        (SMALL + "protocols: {p: {set: {model.width: 3}}}\n", r"`model\.width` cannot be set there: a protocol"),
        (SMALL + "metrics: {pixel.iou: x}\n", r"There are no metrics 'pixel'.*'pixels'"),
        (SMALL + "main: thin.f1\n", r"`main` names the metric 'thin\.f1'"),
        (SMALL + "seeds: 0\n", r"`seeds` is 0; accepted: greater than or equal to 1"),
        (
            SMALL + "published: [{row: a, metric: pixels.mean_iou, source: s}]\n",
            r"accepted: one of `value` and `percent`",
        ),
        ("arms: {otsu: {recipe: unet}}\n", r"An arm is called 'otsu'"),
        (
            "arms: {A b: {recipe: unet}}\n",
            r": `arms\.A b` is 'A b'; accepted: a name of small letters, digits, and `\.`, `_`, `-` behind the first\.$",
        ),
        ("arms: {a: unet}\n", r"`arms\.a` is 'unet'; accepted: names with their values, as in \{recipe: unet, "),
        ("arms: {a: {recipe: unet, set: [x]}}\n", r"`arms\.a\.set` is \['x'\]; accepted: names with their values\.$"),
        (SMALL + "references: otsu\n", r"`references` is 'otsu'; accepted: a list, as in \[a, b\]\."),
        (
            SMALL + "title: 2015\n",
            r"`title` is 2015; accepted: text, in quotes where YAML takes it for something else\.",
        ),
        (
            SMALL + "variants: {best: {arms: [wide]}, last: {}}\n",
            r"`variants\.best` is the first variant, the usual way to predict, so every arm has it\. Leave its `arms` out",
        ),
        (
            SMALL + "variants: {best: {}, none: {arms: []}}\n",
            r"`variants\.none\.arms` is .*; accepted: at least 1 entry",
        ),
        (SMALL + "references: [otsu, otsu]\n", r"`references` names 'otsu' twice"),
        (SMALL + "seeds: true\n", r"`seeds` is True; accepted: a valid integer"),
        *(
            (
                SMALL + f"published: [{{row: a, metric: pixels.mean_iou, {number}, source: s}}]\n",
                r"`published\.0\.(value|percent)` is (nan|-?inf); accepted: a finite number",
            )
            for number in ("value: .nan", "percent: .inf", "percent: -.inf")
        ),
        (
            SMALL + "published: [{row: a, metric: pixels.mean_iou, value: true, source: s}]\n",
            r"value` is True; accepted: a",
        ),
        ("arms: {a: {recipe: unet}, a: {recipe: unet-2015}}\n", r"is not YAML: 'a' stands twice .*line 1, column 27"),
        *(
            (
                SMALL + f"data: {{unlabelled: '{pattern}'}}\n",
                r"`data\.unlabelled` is '.*'; accepted: a pattern of files below",
            )
            for pattern in ("/images/*.png", "C:/images/*.png", "../*.png", "more/**.png", "")
        ),
    ],
)
def test_a_mistake_gets_a_sentence(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_study(text, source="s.yaml")


def test_characters_that_no_text_has_are_told_and_no_traceback() -> None:
    with pytest.raises(ConfigError, match=r"'s\.yaml' is not YAML: .*special characters are not allowed"):
        parse_study('title: "a bell: \x07"\n' + SMALL, source="s.yaml")


def test_anchors_may_be_laid_over_each_other() -> None:
    text = """
arms:
  plain: {recipe: unet, set: &small {model.width: 8}}
  wide: {recipe: unet, set: &wide {<<: *small, model.width: 16}}
set: {<<: *wide, training.epochs: 40}
"""
    study = parse_study(text, source="s.yaml")
    assert study.set == {"model.width": 16, "training.epochs": 40}
    assert study.arms["wide"].set == {"model.width": 16}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "arms: {a: {recipe: unett}}\n",
            r"^In the arm 'a' of the study 'study': There is no recipe 'unett'\. Did you mean 'unet'\?",
        ),
        (
            "arms: {a: {recipe: unet, set: {model.wdth: 3}}}\n",
            r"^In the arm 'a' .*There is no setting `model\.wdth`\. .*`model\.width`",
        ),
        ("arms: {a: {recipe: unet, set: {model.width: no}}}\n", r"^In the arm 'a' .*`model\.width`"),
    ],
)
def test_a_mistake_in_an_arm_names_the_arm(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        config(text, "a")


def test_an_unknown_scale_or_arm_is_refused() -> None:
    study = parse_study(SMALL + "scales: {small: {}, paper: {}}\n", source="s.yaml")
    with pytest.raises(ConfigError, match=r"has no scale 'papers'\. Did you mean 'paper'\?"):
        study.scale("papers")
    with pytest.raises(ConfigError, match=r"has no arm 'wid'\. Did you mean 'wide'\?"):
        chosen_arms(study, "plain, wid")
    assert chosen_arms(study, " wide,plain ") == ("plain", "wide")


def test_what_the_study_sets_itself_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"`seed` is what the study 'study' sets of each run itself"):
        refuse_own_paths(parse_study(SMALL, source="s.yaml"), ["seed=3"])
    for text in (
        SMALL + "set: {seed: 3}\n",
        "arms: {a: {recipe: unet, set: {seed: 3}}}\n",
        SMALL + "scales: {small: {set: {seed: 3}}}\n",
        SMALL + "scales: {small: {arms: {wide: {seed: 3}}}}\n",
    ):
        with pytest.raises(ConfigError, match=r"`seed` is what the study 'study' sets of each run itself"):
            refuse_own_paths(parse_study(text, source="s.yaml"), [])


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml' cannot be read: No such file"):
        read_study(tmp_path / "absent.yaml")
