"""What of a begun study may change, and what is refused; mistakes are found before anything is trained."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.builders import draw_discs
from tests.toy_study import TOY, run
from utome.errors import ConfigError, InterruptedRunError, TerminatedRunError
from utome.events import Event, Noted
from utome.jobs.study.standing import show_study
from utome.studies.changes import refuse_another_question
from utome.studies.file import parse_study
from utome.studies.folder import StudyFolder
from utome.studies.outcome import StudyOutcome

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_discs(tmp_path_factory.mktemp("data"), [f"disc-{number}" for number in range(6)])


@pytest.fixture(scope="module")
def begun(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy study, done; tests work on copies."""
    out = tmp_path_factory.mktemp("begun") / "out"
    run(data, out)
    return out


@pytest.fixture
def out(begun: Path, tmp_path: Path) -> Path:
    return shutil.copytree(begun, tmp_path / "out")


def models(out: Path) -> dict[str, int]:
    """When each model was written."""
    return {str(path): path.stat().st_mtime_ns for path in out.rglob("model.safetensors")}


def value(outcome: StudyOutcome, variant: str, metric: str = "pixels.mean_iou") -> float:
    score = outcome.score("held-out", "plain", variant, metric)
    assert score is not None
    assert score.value is not None
    return score.value


def never(*arguments: Any, **named: Any) -> None:
    raise AssertionError("something is trained")


def test_variants_and_metrics_that_are_added_are_scored_without_training(data: Path, out: Path) -> None:
    before = models(out)
    more = "variants: {best: {}, strict: {threshold: 0.999}}\nmetrics: {pixels.mean_iou: IoU, pixels.foreground.iou@images: own}\n"
    (out / "study.yaml").write_text(TOY + more)  # stopped as soon as the new file was written
    waiting = show_study(out)
    assert [run.state for run in waiting.runs] == ["trained", "trained"]
    said: list[Event] = []
    outcome = run(data, out, TOY + more, listen=said.append)
    assert outcome.done
    assert models(out) == before
    assert value(outcome, "strict") != value(outcome, "best")
    assert value(outcome, "best", "pixels.foreground.iou@images") >= 0
    assert Noted("2 of 2 runs are scored anew, since variants or metrics are others now.") in said
    scored = {path: path.stat().st_mtime_ns for path in out.rglob("scores.json")}
    assert run(data, out, TOY + more).done
    assert {path: path.stat().st_mtime_ns for path in out.rglob("scores.json")} == scored


def test_words_may_change_without_anything_being_done_again(data: Path, out: Path) -> None:
    words = (
        "title: Wider\nquestion: Is it better?\nnotes: [a note]\n"
        "published: [{row: ours, arm: plain, metric: pixels.mean_iou, value: 0.5, source: a book}]\n"
    )
    before = {path: path.stat().st_mtime_ns for path in out.rglob("scores.json")}
    outcome = run(
        data,
        out,
        words + TOY.replace("{recipe: unet, set: {model.width: 3}}", "{title: W, recipe: unet, set: {model.width: 3}}"),
    )
    assert (outcome.about.title, outcome.about.notes, outcome.published[0].source) == ("Wider", ("a note",), "a book")
    assert outcome.arm("wide").title == "W"
    assert {path: path.stat().st_mtime_ns for path in out.rglob("scores.json")} == before


def test_a_further_arm_is_trained_and_the_others_are_not(data: Path, out: Path) -> None:
    before = models(out)
    outcome = run(data, out, TOY.replace("seeds: 1", "  third: {recipe: unet, set: {model.width: 4}}\nseeds: 1"))
    assert outcome.done
    assert [arm.name for arm in outcome.arms] == ["plain", "wide", "third"]
    assert before.items() < models(out).items()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("model.width: 3", "model.width: 4", r"\n  arm wide in held-out, model\.width: it was 3 and is 4\n"),
        ("model.depth: 2", "model.depth: 1", r"\n  arm plain in .*, model\.depth: it was 2 and is 1\n  arm wide in"),
        ("data.split: 2/1/3", "data.split: 3/1/2", r'data\.split: it was "2/1/3" and is "3/1/2"'),
        ("  wide: {recipe: unet, set: {model.width: 3}}\n", "", r"\n  arm wide in held-out: it is no longer there\n"),
        ("seeds: 1", "protocols: {held-out: {scored: all}}", r"\n  protocol held-out: it was .*test.* and is .*all"),
        ("seeds: 1", "protocols: {held-out: {}, more: {}}", r"\n  protocol more: it was not there and is "),
        (
            "seeds: 1",
            "variants: {best: {}, soon: {checkpoint: early}}",
            r"training\.keep_epochs: it was null and is \[1\]",
        ),
    ],
)
def test_what_a_training_depends_on_is_refused(data: Path, begun: Path, old: str, new: str, said: str) -> None:
    before = {path: path.read_bytes() for path in begun.glob("*.*")}
    with pytest.raises(ConfigError, match=r"(?s)are not those that it began with:" + r".*" + said):
        run(data, begun, TOY.replace(old, new))
    assert {path: path.read_bytes() for path in begun.glob("*.*")} == before


BAD = TOY.replace("seeds: 1", "  bad: {recipe: unet, set: {data.limit: 400}}\nseeds: 1")


def test_an_arm_of_which_nothing_is_trained_may_be_mended_or_taken_out(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    failed = run(data, out, BAD)
    assert [run.arm for run in failed.failed] == ["bad"]
    before = models(out)
    mended = shutil.copytree(out, tmp_path / "mended")
    outcome = run(data, mended, BAD.replace("400", "1"))
    assert outcome.done
    (bad,) = (run for run in outcome.runs if run.arm == "bad")
    assert bad.images["train"] == 1
    outcome = run(data, out, TOY)
    assert outcome.done
    assert [arm.name for arm in outcome.arms] == ["plain", "wide"]
    assert {difference.family for difference in outcome.differences} == {1}
    assert models(out) == before
    assert not (out / "scores" / "bad").exists()


def test_an_arm_that_is_trained_stays_whatever_lies_beside_it(data: Path, out: Path) -> None:
    shutil.rmtree(out / "runs" / "wide")  # to save room: its scores are there
    with pytest.raises(ConfigError, match=r"model\.width: it was 3 and is 4"):
        run(data, out, TOY.replace("model.width: 3", "model.width: 4"))


@pytest.mark.parametrize(("status", "kept"), [("interrupted", True), ("failed", False)])
def test_an_arm_whose_training_goes_on_stays_and_one_that_failed_begins_anew(
    data: Path, out: Path, status: str, kept: bool
) -> None:
    shutil.rmtree(out / "scores" / "wide")
    (out / "runs" / "wide" / "seed-0" / "status.json").write_text(json.dumps({"status": status}))
    other = TOY.replace("model.width: 3", "model.width: 4")
    if kept:
        with pytest.raises(ConfigError, match=r"model\.width: it was 3 and is 4"):
            run(data, out, other)
        return
    assert run(data, out, other).done
    assert "width: 4" in (out / "runs" / "wide" / "seed-0" / "config.yaml").read_text()


def test_what_was_scored_as_the_baseline_said_is_scored_anew_with_it(
    data: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("utome.jobs.study.running._carry_out", lambda *_: None)
    for place in ("scores/plain", "runs/plain"):
        shutil.rmtree(out / place)
    otsu = out / "scores" / "otsu" / "seed-0"
    otsu.mkdir(parents=True)
    (otsu / "scores.json").write_text("{}")
    run(data, out, TOY + "references: [otsu]\n")
    assert otsu.exists()
    run(data, out, TOY.replace("model.width: 2", "data.limit: 1") + "references: [otsu]\n")
    assert not otsu.exists()
    assert (out / "scores" / "wide" / "seed-0" / "scores.json").is_file()


def test_the_length_of_an_arm_that_is_another_now_is_measured_anew(
    data: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("utome.jobs.study.running._carry_out", lambda *_: None)
    for place in ("scores/wide", "runs/wide"):
        shutil.rmtree(out / place)
    content = json.loads((out / "asked.json").read_text())
    content["lengths"] = {arm: {"epochs": 1, "steps": 1} for arm in ("plain", "wide")}
    (out / "asked.json").write_text(json.dumps(content))
    run(data, out, TOY.replace("model.width: 3", "model.width: 4"))
    assert set(StudyFolder(out).asked().lengths) == {"plain"}


def test_the_main_metric_stays_what_it_was(data: Path, out: Path) -> None:
    other = "metrics: {pixels.foreground.iou: own}\n"
    with pytest.raises(ConfigError, match=r"was `pixels\.mean_iou` and is now `pixels\.foreground\.iou`"):
        run(data, out, TOY + other)
    both = "metrics: {pixels.foreground.iou: own, pixels.mean_iou: mean IoU}\nmain: pixels.mean_iou\n"
    assert run(data, out, TOY + both).main_metric == "pixels.mean_iou"


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        ("", "variants: {low: {threshold: 0.2}, best: {}}\n", r"first variant was `.*null.* and is now `.*0\.2"),
        ("", "variants: {best: {checkpoint: last}}\n", r"first variant was `.*\"best\".* now `.*\"last\""),
        (
            "metrics: {thin.f1: F1}\n",
            "metrics: {thin.f1: F1}\ntolerance: 9\n",
            r"`tolerance` was 2 and is now 9; the methods say that the main score was fixed beforehand",
        ),
    ],
)
def test_how_the_main_score_is_had_stays_what_it_was(then: str, now: str, said: str) -> None:
    before, after = (parse_study(TOY + text, source="toy.yaml") for text in (then, now))
    with pytest.raises(ConfigError, match=said):
        refuse_another_question(before, after)
    refuse_another_question(before, before)
    for text, other in (
        ("", "tolerance: 9\n"),
        ("metrics: {thin.cldice: x}\n", "metrics: {thin.cldice: x}\ntolerance: 9\n"),
        ("", "variants: {usual: {title: another name}, last: {checkpoint: last}}\n"),
    ):
        refuse_another_question(parse_study(TOY + text, source="s"), parse_study(TOY + other, source="s"))


def test_of_a_study_begun_before_trainings_were_written_down_its_file_tells(data: Path, out: Path) -> None:
    content = json.loads((out / "asked.json").read_text())
    del content["trainings"]
    (out / "asked.json").write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=r"model\.width: it was 3 and is 4"):
        run(data, out, TOY.replace("model.width: 3", "model.width: 4"))


def test_a_recipe_that_another_version_has_otherwise_is_refused(
    data: Path, begun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from utome.recipes.library import load_recipe
    from utome.studies import plan

    settings = dict(load_recipe("unet").settings)
    changed = {**settings, "optimizer": {**settings["optimizer"], "learning_rate": 0.5}}
    monkeypatch.setattr(plan, "_settings", lambda _: changed)
    with pytest.raises(ConfigError, match=r"optimizer\.learning_rate: it was .* and is 0\.5"):
        run(data, begun, seeds=2)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("variants: {best: {set: {prediction.foo: 3}}}\n", r"In the variant 'best' of .* no setting `prediction\.foo`"),
        (
            "variants: {best: {}, small: {set: {prediction.tile: -3}}}\n",
            r"In the variant 'small' of .*prediction\.tile",
        ),
        (
            "variants: {best: {set: {model.enhancement.factor: -1}}}\n",
            r"In the variant 'best' of .*model\.enhancement\.factor",
        ),
    ],
)
def test_a_mistake_in_a_variant_is_found_before_anything_is_trained(
    data: Path, tmp_path: Path, more: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("utome.jobs.study.runs.train", never)
    arms = "arms: {a: {recipe: se-unet-frem, set: {model.width: 4}}}\n"
    with pytest.raises(ConfigError, match=said):
        run(data, tmp_path / "out", arms + more)
    assert not (tmp_path / "out").exists()


def test_a_variant_of_enhancement_is_left_out_of_arms_that_have_none(data: Path, out: Path) -> None:
    text = TOY + "variants: {best: {}, unenhanced: {set: {model.enhancement.mode: none}}}\n"
    outcome = run(data, out, text)
    assert {run.left_out["unenhanced"] for run in outcome.runs} == {"its network has no enhancement"}


def test_a_folder_of_other_things_is_refused_before_images_are_read(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    monkeypatch.setattr("utome.jobs.study.asking.read_data", never)
    with pytest.raises(ConfigError, match="is there already and is no study"):
        run(data, tmp_path)


def test_a_folder_left_in_the_middle_of_its_first_file_is_begun(data: Path, tmp_path: Path) -> None:
    for name in ("study.lock", ".writing-0123456789abcdef"):
        (tmp_path / name).write_text("")
    folder = StudyFolder(tmp_path)
    folder.refuse_others()
    with folder.alone():
        assert {path.name for path in tmp_path.iterdir()} == {"study.lock"}


def test_data_that_were_moved_are_found_where_they_are_now(data: Path, out: Path, tmp_path: Path) -> None:
    there = shutil.copytree(data, tmp_path / "there")
    outcome = run(there, out)
    assert outcome.data is not None
    assert outcome.data.root == str(there)
    assert show_study(out).data == outcome.data


@pytest.mark.parametrize(
    "damage",
    [
        {"format": 1},
        {"format": 1, "name": "toy"},
        {"scale": 7},
        {"data": {}},
        {"trainings": [1]},
        {"lengths": {"plain": 1}},
    ],
    ids=str,
)
def test_a_damaged_file_of_what_was_asked_is_an_error_of_the_user(
    data: Path, out: Path, damage: dict[str, Any]
) -> None:
    asked = json.loads((out / "asked.json").read_text())
    (out / "asked.json").write_text(json.dumps(damage if "format" in damage else {**asked, **damage}))
    with pytest.raises(ConfigError, match=r"asked\.json' is damaged: `.*` is missing or wrong"):
        run(data, out)


@pytest.mark.parametrize("damage", [{"format": 1}, {"variants": {"best": [{}]}}, {"cost": {"macs": "many"}}], ids=str)
def test_damaged_scores_are_scored_anew(data: Path, out: Path, damage: dict[str, Any]) -> None:
    place = out / "scores" / "plain" / "seed-0" / "scores.json"
    whole = place.read_bytes()
    content = json.loads(whole)
    place.write_text(json.dumps(damage if "format" in damage else {**content, **damage}))
    assert [run.state for run in show_study(out).runs] == ["trained", "done"]
    assert run(data, out).done
    assert place.read_bytes() == whole


def test_the_machine_and_the_versions_are_those_of_the_runs(data: Path, out: Path) -> None:
    place = out / "runs" / "plain" / "seed-0" / "environment.json"
    content = json.loads(place.read_text())
    content |= {"utome": "0.0.1", "gpu": "A100", "device": "cuda:0, bfloat16"}
    place.write_text(json.dumps(content))
    outcome = show_study(out)
    other = json.loads((out / "runs" / "wide" / "seed-0" / "environment.json").read_text())
    assert outcome.versions["utome"] == f"0.0.1 or {other['utome']}"
    assert outcome.versions["torch"] == other["packages"]["torch"]
    assert [run.cost.device for run in outcome.runs] == [
        "A100 (cuda:0, bfloat16)", f"{other['processor']} (cpu, float32, 1 thread)"
    ]  # fmt: skip
    assert other["processor"]


@pytest.mark.parametrize("kind", [InterruptedRunError, TerminatedRunError])
def test_whoever_stops_a_study_is_told_how_it_goes_on(
    data: Path, tmp_path: Path, kind: type[InterruptedRunError], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*arguments: Any, **named: Any) -> None:
        raise kind("The state is saved. Go on with --resume.")

    monkeypatch.setattr("utome.jobs.study.runs.train", stopped)
    with pytest.raises(kind, match=r"Give the same command again to go on\.$") as caught:
        run(data, tmp_path / "out")
    assert type(caught.value) is kind


def test_what_is_to_be_said_of_the_images_is_said_once(data: Path, tmp_path: Path) -> None:
    said: list[str] = []
    run(data, tmp_path / "out", listen=lambda event: said.append(event.text) if isinstance(event, Noted) else None)
    assert len(said) == len(set(said))


def test_a_pattern_that_no_file_fits_is_told(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("utome.jobs.study.running._carry_out", lambda *_: None)
    said: list[str] = []
    text = TOY + "data: {unlabelled: more/*.png}\n"
    run(data, tmp_path / "out", text, listen=lambda event: said.append(str(event)))
    assert any("no file in" in each and "'more/*.png'" in each for each in said)
