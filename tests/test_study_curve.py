"""Learning curves: nested sets of training images, the same test images, and one sentence."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.builders import draw_discs, look, tiny_config
from tests.faulty_runs import SETTINGS
from utome.cli.studying import lines
from utome.data.splitting import Rule, limited, split
from utome.errors import ConfigError
from utome.jobs.learning_curve import CurveRequest, learn
from utome.jobs.reading import split_data
from utome.studies.curve import learning_curve, limits
from utome.studies.file import parse_study
from utome.studies.outcome import Difference, StudyOutcome

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_discs(tmp_path_factory.mktemp("data"), [f"disc-{number}" for number in range(9)])


@pytest.fixture(scope="module")
def curve(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StudyOutcome]:
    out = tmp_path_factory.mktemp("curve") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("utome.jobs.train.write_report", lambda *_: None)
        return out, learn(data, out, asked())


def asked(**changes: Any) -> CurveRequest:
    settings = (
        *(each for each in SETTINGS if "epochs" not in each and "steps" not in each),
        "training.epochs=2",
        "data.split=5/1/3",
    )
    return replace(CurveRequest("unet", (1, 2, 4), 1, settings), **changes)


def images(out: Path, arm: str, part: str) -> set[str]:
    content = json.loads((out / "runs" / arm / "seed-0" / "data.json").read_text())
    return {image["name"] for image in content["images"] if image["part"] == part}


def test_smaller_sets_are_parts_of_larger_ones_and_the_rest_stays(curve: tuple[Path, StudyOutcome]) -> None:
    out, _ = curve
    sets = [images(out, f"images-{size}", "train") for size in (1, 2, 4)]
    assert [len(each) for each in sets] == [1, 2, 4]
    assert sets[0] < sets[1] < sets[2]
    for part in ("val", "test"):
        assert images(out, "images-1", part) == images(out, "images-4", part)


def test_every_size_has_the_same_steps(curve: tuple[Path, StudyOutcome]) -> None:
    out, outcome = curve
    lengths = [(run.cost.epochs_run, run.state) for run in outcome.runs]
    assert lengths == [(2, "done")] * 3
    steps = {
        (out / run.path / "config.yaml").read_text().split("steps_per_epoch: ")[1].split("\n")[0]
        for run in outcome.runs
    }
    assert steps == {"4"}  # of the largest: 4 images of 48x40 have two tiles of 32 each, and 2 tiles are a step


def test_the_curve_has_a_point_for_each_size(curve: tuple[Path, StudyOutcome]) -> None:
    _, outcome = curve
    assert outcome.curve is not None
    assert [point.size for point in outcome.curve.points] == [1, 2, 4]
    for point in outcome.curve.points:
        score = outcome.score("held-out", f"images-{point.size}", "best", "pixels.mean_iou")
        assert score is not None
        assert (point.value, point.units) == (score.value, 3)
    assert outcome.curve.sentence.startswith("From 2 to 4 images the mean IoU changed by ")


def test_other_sizes_are_refused_in_the_same_folder(curve: tuple[Path, StudyOutcome], data: Path) -> None:
    with pytest.raises(ConfigError, match=r"began with --sizes 1,2,4\."):
        learn(data, curve[0], asked(sizes=(1, 2, 3)))


def test_more_images_than_there_are_are_refused_with_how_many_there_are(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"asks for 40 training images, but there are 5 "):
        learn(data, tmp_path / "out", asked(sizes=(5, 40)))
    assert not (tmp_path / "out").exists()


def test_a_limit_above_the_training_images_is_refused(data: Path) -> None:
    config = tiny_config("data.limit=8", "data.split=5/1/3")
    with pytest.raises(ConfigError, match=r"data\.limit is 8, but there are 5 training images"):
        split_data(look(data), config.data, seed=0, listen=lambda event: None)


def test_a_limit_takes_images_group_by_group(data: Path) -> None:
    facts = [
        replace(fact, sample=replace(fact.sample, group=str(number // 3)))
        for number, fact in enumerate(sorted(look(data).facts, key=lambda fact: fact.sample.name))
    ]
    parts = split(facts, Rule(shares=(0.2, 0.0)), seed=1)
    some = limited(parts, 3, Rule().groups, seed=1)
    assert len({fact.sample.group for fact in some.train}) == 1
    assert (some.val, some.test) == (parts.val, parts.test)


def difference(gain: float, outcome: str, *, smallest: float = 0.01) -> Difference:
    """Of the fewer images beside the more."""
    return Difference(
        "held-out", "images-20", "best", "pixels.mean_iou", "images-40", "best", -gain, None, 0.01, 0.01, smallest, 1, 8, "images",
        8, 0, 0, None, outcome, "",  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (difference(0.03, "worse"), "10 more labels would probably help, by about +0.010"),
        (
            difference(0.001, "not distinguishable"),
            "that cannot be told from chance, so nothing here says that 10 more labels would help",
        ),
        (
            difference(0.03, "not distinguishable", smallest=0.5),
            "with so few test images no change could be told from chance",
        ),
        (difference(-0.03, "better"), "more images made it worse, so look at the labels"),
    ],
)
def test_one_sentence_says_whether_more_labels_would_help(
    found: Difference, said: str, curve: tuple[Path, StudyOutcome]
) -> None:
    _, outcome = curve
    shown = learning_curve(
        replace(
            outcome,
            differences=(found,),
            baseline="images-40",
            scores=tuple(
                replace(score, arm="images-20" if score.arm == "images-2" else "images-40") for score in outcome.scores
            ),
        ),
        {"images-20": 20, "images-40": 40},
    )
    assert shown is not None
    assert said in shown.sentence


def test_arms_that_differ_in_more_than_the_images_make_no_curve() -> None:
    text = "arms: {a: {recipe: unet, set: {data.limit: 3}}, b: {recipe: unet, set: {data.limit: 5, model.width: 4}}}"
    assert limits(parse_study(text, source="s.yaml")) == {}


def test_another_recipe_or_setting_in_a_begun_folder_is_refused(data: Path, curve: tuple[Path, StudyOutcome]) -> None:
    out, _ = curve
    for changed in (asked(recipe="attention-unet"), asked(assignments=(*asked().assignments, "model.width=3"))):
        with pytest.raises(ConfigError, match=r"began with|is not the one|changed|differ"):
            learn(data, out, changed)


def test_a_smoke_curve_says_no_sentence_in_the_terminal(curve: tuple[Path, StudyOutcome]) -> None:
    _, outcome = curve
    assert outcome.smoke
    assert outcome.curve is not None
    assert outcome.curve.sentence not in lines(outcome)
