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
from utome.jobs.reading import split_data
from utome.jobs.study.learning_curve import CurveRequest, learn
from utome.statistics.intervals import Interval
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
    assert [arm.steps for arm in outcome.arms] == [8, 8, 8]
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
        assert point.seeds_interval == score.seeds_interval
    assert outcome.curve.sentence == "Smoke, no conclusion: the trainings were too short."


def test_other_sizes_are_refused_in_the_same_folder(curve: tuple[Path, StudyOutcome], data: Path) -> None:
    with pytest.raises(ConfigError, match=r"began with --sizes 1,2,4\."):
        learn(data, curve[0], asked(sizes=(1, 2, 3)))


def test_a_study_of_other_arms_is_no_curve(data: Path, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("arms: {plain: {recipe: unet}, wide: {recipe: unet}}\n")
    (tmp_path / "asked.json").write_text('{"format": 1}')
    with pytest.raises(ConfigError, match=r"holds a study of other arms \(plain, wide\), not of sizes"):
        learn(data, tmp_path, asked())


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


SURE = ((0.02, 0.04), {0: 0.028, 1: 0.03, 2: 0.032}, (0.025, 0.035))


def difference(
    gain: float,
    outcome: str,
    found: tuple[tuple[float, float] | None, dict[int, float], tuple[float, float] | None] = SURE,
    *,
    smallest: float = 0.01,
) -> Difference:
    """Of the fewer images beside the more: what is given is of the more beside the fewer."""
    images, seeds, over_seeds = found
    intervals = [None if each is None else Interval(-each[1], -each[0]) for each in (images, over_seeds)]
    return Difference(
        "held-out", "images-20", "best", "pixels.mean_iou", "images-40", "best", -gain, intervals[0], 0.01, 0.01, smallest, 1, 8,
        "images", 8, 0, 0, None, outcome, "",  # type: ignore[arg-type]
        seeds={seed: -each for seed, each in seeds.items()}, seeds_interval=intervals[1],
    )  # fmt: skip


def sentence(outcome: StudyOutcome, found: Difference, sizes: tuple[int, int] = (20, 40)) -> str:
    """Of a study of two sizes, the last of which is the baseline."""
    scores = tuple(
        replace(score, arm="images-20" if score.arm == "images-2" else "images-40") for score in outcome.scores
    )
    shown = learning_curve(
        replace(outcome, differences=(found,), baseline="images-40", scores=scores),
        dict(zip(("images-20", "images-40"), sizes, strict=True)),
    )
    assert shown is not None
    return shown.sentence


@pytest.mark.parametrize(
    ("found", "said"),
    [
        # log2(50/40) of the step, and so are both ends of the wider interval
        (
            difference(0.03, "worse"),
            (
                "(95 % interval over images +0.020 to +0.040; over seeds +0.025 to +0.035): 10 more labels would probably help, by about "
                "+0.010 (95 % interval +0.006 to +0.013) if it goes on at this rate for each doubling."
            ),
        ),
        (
            difference(0.03, "worse", ((0.025, 0.035), SURE[1], (0.01, 0.05))),
            "by about +0.010 (95 % interval +0.003 to +0.016) if",
        ),
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
    assert said in sentence(curve[1], found)


@pytest.mark.parametrize(
    ("seeds", "interval", "doubt"),
    [
        ({0: -0.9, 1: 0.9, 2: 0.09}, (-0.9, 0.9), "but other seeds may say otherwise"),
        ({0: 0.03}, None, "but that rests on one seed of each, and another may say otherwise"),
    ],
)
def test_where_other_seeds_may_say_otherwise_the_sentence_says_so_and_promises_nothing(
    seeds: dict[int, float], interval: tuple[float, float] | None, doubt: str, curve: tuple[Path, StudyOutcome]
) -> None:
    helped = sentence(curve[1], difference(0.03, "worse", (SURE[0], seeds, interval)))
    assert helped.endswith(f"more images helped, {doubt}, so it is not sure that 10 more labels would.")
    worse = sentence(curve[1], difference(-0.03, "better", (SURE[0], seeds, interval)))
    assert worse.endswith(f"more images made it worse, {doubt}, so look at the labels before adding 10 more.")


@pytest.mark.parametrize(
    ("sizes", "told"), [((5, 10), True), ((4, 9), False), ((2, 4), False), ((30, 40), True), ((38, 40), False)]
)
def test_no_number_is_given_beyond_one_doubling_or_a_longer_step_than_was_seen(
    sizes: tuple[int, int], told: bool, curve: tuple[Path, StudyOutcome]
) -> None:
    said = sentence(curve[1], difference(0.3, "worse"), sizes)
    assert "10 more labels would probably help" in said
    assert ("by about" in said) == told
    assert (f"from {sizes[1]} to {sizes[1] + 10} images is too long a step" in said) == (not told)


def test_where_the_baseline_has_the_fewest_images_the_sentence_is_the_same(curve: tuple[Path, StudyOutcome]) -> None:
    found = difference(0.03, "worse")
    turned = replace(
        found,
        difference=0.03,
        interval=Interval(0.02, 0.04),
        seeds={seed: -each for seed, each in found.seeds.items()},
        seeds_interval=Interval(0.025, 0.035),
        outcome="better",
    )
    assert sentence(curve[1], turned, (40, 20)) == sentence(curve[1], found)
    assert "more images made it worse" in sentence(curve[1], replace(turned, outcome="worse"), (40, 20))


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
