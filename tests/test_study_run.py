"""A study on a few discs: what it scores, that it goes on where it was killed, and what it refuses."""

import json
import re
import runpy
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from tests.builders import draw_discs, save
from tests.faulty_runs import TERM, Runs, at_call, at_step
from tests.toy_study import TOY
from tests.toy_study import run as run_toy
from utome.cli.app import app
from utome.config.overrides import read_config
from utome.errors import ConfigError, DataError, MachineError, NumericalError, UtomeError
from utome.events import silent
from utome.execution import Done, Workers
from utome.jobs.study.asking import StudyRequest, read_images
from utome.jobs.study.running import run_study
from utome.jobs.study.standing import show_study
from utome.metrics.confusion import confusion
from utome.studies.file import parse_study
from utome.studies.outcome import StudyOutcome, from_json
from utome.studies.plan import Asked

pytestmark = pytest.mark.usefixtures("one_thread")
TEXT = """
question: Is a wider network better?
set:
  training.tile: 32
  training.batch: 2
  training.epochs: 2
  training.steps_per_epoch: 2
  training.precision: float32
  machine.device: cpu
  machine.threads: 1
  model.depth: 2
  data.validation: 0.2
protocols:
  held-out: {folds: 2}
arms:
  plain: {recipe: unet, set: {model.width: 2}}
  wide: {recipe: unet, set: {model.width: 3}}
variants:
  best: {}
  early: {checkpoint: early}
  last: {checkpoint: last}
  strict: {threshold: 0.9}
references: [otsu]
seeds: 1
scales:
  small: {early: 0.5}
metrics:
  pixels.mean_iou: mean IoU
  pixels.foreground.iou@images: IoU per image
  objects.merges@images: merges
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_discs(tmp_path_factory.mktemp("data"), [f"disc-{number}" for number in range(6)])


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study that nothing happened to."""
    out = tmp_path_factory.mktemp("whole") / "out"
    run(data, out, report=True)
    return out


def run(data: Path, out: Path, text: str = TEXT, **asked: Any) -> StudyOutcome:
    return run_toy(data, out, text, **asked)


def scores_of(out: Path) -> dict[str, bytes]:
    """Every file of scores and every label map, by its place."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted((out / "scores").rglob("*"))
        if path.is_file()
    }


def test_every_run_is_an_ordinary_run_folder_with_scores_beside_it(whole: Path) -> None:
    outcome = show_study(whole)
    assert {run.path for run in outcome.runs} == {
        f"runs/{arm}/seed-0-fold-{fold}" for arm in ("plain", "wide", "otsu") for fold in (0, 1)
    }
    assert outcome.done
    assert outcome.smoke
    for each in (run for run in outcome.runs if run.arm != "otsu"):
        assert (whole / each.path / "model" / "model.json").is_file()
        states = [path.name for path in (whole / each.path / "checkpoints").glob("*-epoch-*")]
        assert len(states) == 1, f"one state of a training that is scored is enough: {states}"
        assert each.variants == ("best", "early", "last", "strict")
        assert (each.cost.epochs_run, each.cost.epochs_planned, each.cost.stopped_early) == (2, 2, False)
        assert each.images == {"train": 2, "val": 1, "test": 3}
    assert (whole / "report.html").is_file()


def test_the_pooled_score_is_that_of_all_label_maps_together(whole: Path, data: Path) -> None:
    outcome = show_study(whole)
    counts = np.zeros((2, 2))
    for path in (whole / "scores" / "wide").glob("*/predictions/best/*.png"):
        truth = np.asarray(Image.open(data / "masks" / path.name)) // 255
        counts += confusion(truth.astype(np.uint8), np.asarray(Image.open(path)), classes=2).counts
    hits = np.diag(counts)
    score = outcome.score("held-out", "wide", "best", "pixels.mean_iou")
    assert score is not None
    assert score.value == pytest.approx((hits / (counts.sum(0) + counts.sum(1) - hits)).mean())
    assert score.units == 6
    assert counts.sum() == 6 * 48 * 40


def test_arms_are_compared_with_the_baseline_and_variants_with_their_first(whole: Path) -> None:
    outcome = show_study(whole)
    found = outcome.against_baseline("held-out", "wide", "last", "pixels.mean_iou")
    value = {arm: outcome.score("held-out", arm, "last", "pixels.mean_iou") for arm in ("plain", "wide")}
    assert found is not None
    assert value["wide"] is not None
    assert value["plain"] is not None
    assert found.difference == pytest.approx(value["wide"].value - value["plain"].value)  # type: ignore[operator]
    assert (found.family, len(found.seeds), found.smallest_corrected_p) == (1, 1, 2 / 2**6)
    strict = outcome.against_first_variant("held-out", "plain", "strict", "pixels.mean_iou")
    assert strict is not None
    assert strict.family == 6  # three variants of two arms
    assert {each.arm for each in outcome.differences} == {"plain", "wide"}  # a threshold is no arm


def test_the_last_and_the_early_checkpoint_are_those_epochs(whole: Path) -> None:
    place = whole / "runs" / "plain" / "seed-0-fold-0"
    assert read_config(place / "config.yaml")["training"]["keep_epochs"] == [1]
    best = json.loads((place / "model" / "model.json").read_text())["metrics"]["epoch"]
    same = "early" if best == 1 else "last"
    folder = whole / "scores" / "plain" / "seed-0-fold-0" / "predictions"
    for path in (folder / "best").iterdir():
        assert path.read_bytes() == (folder / same / path.name).read_bytes()
    others = {"early", "last"} - {same}
    assert json.loads((place / "kept" / "epoch-00001" / "model.json").read_text())["metrics"]["epoch"] == 1
    scores = show_study(whole)
    values = {name: scores.score("held-out", "plain", name, "pixels.mean_iou") for name in ("best", *others)}
    assert len({each.value for each in values.values() if each is not None}) == 2


def test_a_strict_threshold_finds_no_more_than_the_usual_one(whole: Path) -> None:
    folder = whole / "scores" / "plain" / "seed-0-fold-0" / "predictions"
    for path in (folder / "strict").iterdir():
        strict, usual = (np.asarray(Image.open(folder / name / path.name)) for name in ("strict", "best"))
        assert (strict <= usual).all()


def test_the_printed_command_goes_on_with_the_study(
    data: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(whole, tmp_path / "my study")
    shutil.copytree(data, tmp_path / "images")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("utome.jobs.study.running.write_study_report", lambda *_: None)
    program, *arguments = shlex.split(run(Path("images"), Path("my study")).command)
    ended = CliRunner().invoke(app, arguments)
    assert (program, ended.exit_code) == ("utome", 0), ended.output
    assert "6 of 6 runs are done" in ended.output
    assert scores_of(Path("my study")) == scores_of(whole)


def test_the_json_of_a_study_is_its_outcome(whole: Path) -> None:
    outcome = show_study(whole)
    assert from_json(json.loads(json.dumps(outcome.as_json(), allow_nan=False))) == outcome


@pytest.mark.parametrize(
    "fault",
    [at_step(2), at_step(6), at_call("utome.jobs.study.scoring:write_bytes", 9), at_call("utome.studies.folder:StudyFolder.write_asked")],
    ids=["in the first run", "in the second run", "while scoring", "at the start"],
)  # fmt: skip
def test_a_killed_study_goes_on_to_the_same_numbers(
    fault: dict[str, Any], runs: Runs, data: Path, whole: Path, tmp_path: Path
) -> None:
    file, out = tmp_path / "study.yaml", tmp_path / "out"
    file.write_text(TEXT)
    command = ["study", "run", str(file), "--data", str(data), "--out", str(out)]
    assert runs.wait(runs.start(*command, faults=[fault])).code == -9
    ended = runs.wait(runs.start(*command))
    assert ended.code == 0, ended.said
    assert scores_of(out) == scores_of(whole)


def test_a_study_that_is_told_to_end_saves_and_goes_on(runs: Runs, data: Path, whole: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "study.yaml", tmp_path / "out"
    file.write_text(TEXT)
    command = ["study", "run", str(file), "--data", str(data), "--out", str(out)]
    ended = runs.wait(runs.start(*command, faults=[at_step(3, TERM)]))
    assert ended.code == 143
    assert "Give the same command again to go on." in ended.said
    assert "--resume" not in ended.said
    assert [run.state for run in show_study(out).runs].count("interrupted") == 1
    ended = runs.wait(runs.start(*command))
    assert ended.code == 0, ended.said
    assert scores_of(out) == scores_of(whole)


def test_a_study_is_shown_and_handed_on_without_images(whole: Path, tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["study", "show", str(whole), "--without-images", str(tmp_path / "page")])
    assert shown.exit_code == 0, shown.output
    assert f"Study folder: {whole}" in shown.output
    assert (tmp_path / "page" / "report.html").is_file()
    assert not list((tmp_path / "page" / "figures").glob("panel*"))


def test_two_workers_give_the_numbers_of_one(data: Path, whole: Path, tmp_path: Path) -> None:
    run(data, tmp_path / "out", workers=Workers(2))
    assert scores_of(tmp_path / "out") == scores_of(whole)


def failing(data: Path, out: Path) -> StudyOutcome:
    """The study whose arm `wide` fails in its first fold."""
    from utome.jobs.train import train

    def refusing(*arguments: Any, **named: Any) -> Any:
        if "wide" in arguments[2].parts and arguments[2].name.endswith("fold-0"):
            raise NumericalError("The loss is no longer finite.")
        return train(*arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("utome.jobs.study.runs.train", refusing)
        return run(data, out)


def test_a_failed_run_is_shown_with_its_reason_and_the_rest_goes_on(data: Path, whole: Path, tmp_path: Path) -> None:
    outcome = failing(data, tmp_path / "out")
    assert [(run.arm, run.fold, run.reason) for run in outcome.failed] == [("wide", 0, "The loss is no longer finite.")]
    assert [run.state for run in outcome.runs].count("done") == 5
    # Arms are compared on the runs that both have.
    found = outcome.against_baseline("held-out", "wide", "best", "pixels.mean_iou")
    assert found is not None
    assert found.units == 3
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "scores").rglob("scores.json")}
    assert run(data, tmp_path / "out").done
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    assert scores_of(tmp_path / "out") == scores_of(whole)


def test_a_failed_run_ends_the_command_with_6(runs: Runs, data: Path, tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    hot = "{model.width: 3, model.norm: none, optimizer.learning_rate: 1.0e+30, optimizer.warmup_steps: 0}"
    file.write_text(TEXT.replace("{model.width: 3}", hot))
    ended = runs.wait(runs.start("study", "run", file, "--data", data, "--out", tmp_path / "out"))
    assert ended.code == 6
    assert "2 of 6 runs failed, the first with: " in ended.said
    assert "a smaller optimizer.learning_rate" in ended.said
    assert "4 of 6 runs are done" in ended.said


def test_a_changed_file_is_refused_with_the_difference(data: Path, whole: Path) -> None:
    before = scores_of(whole)
    said = r"(?s)are not those that it began with:\n  arm plain in held-out, training\.epochs: it was 2 and is 3\n"
    with pytest.raises(ConfigError, match=said):
        run(data, whole, TEXT.replace("epochs: 2", "epochs: 3"))
    assert scores_of(whole) == before


def test_a_comment_is_no_change(data: Path, whole: Path) -> None:
    assert run(data, whole, f"# what we ask\n{TEXT}").done


def test_other_settings_are_refused(data: Path, whole: Path) -> None:
    with pytest.raises(ConfigError, match=r"began with --set \(nothing\) and is now given model.depth=1"):
        run(data, whole, assignments=("model.depth=1",))


def test_other_images_are_refused(data: Path, whole: Path, tmp_path: Path) -> None:
    other = draw_discs(tmp_path / "other", [f"disc-{number}" for number in range(5)])
    with pytest.raises(DataError, match=r"are not those that .*6 then, 5 now"):
        run(other, whole)


def test_an_image_that_moved_from_test_to_train_makes_another_study(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for part, count in (("train", 4), ("test", 2)):
        draw_discs(data / part, [f"{part}-{number}" for number in range(count)])
    text = TEXT.replace("held-out: {folds: 2}", "held-out: {}")
    study = parse_study(text, source="toy.yaml")
    asked = Asked("small", (), ("plain", "wide"), 1, 1)
    before = read_images(study, data, asked, silent)[1].sha256
    for kind in ("images", "masks"):
        (data / "test" / kind / "test-0.png").rename(data / "train" / kind / "test-0.png")
    assert read_images(study, data, asked, silent)[1].sha256 != before


def test_a_run_whose_worker_is_lost_is_a_failed_run_with_its_reason(data: Path, tmp_path: Path) -> None:
    @contextmanager
    def losing(task: Any, workers: Workers) -> Iterator[Any]:
        del task, workers
        items: list[Any] = []
        yield Lost(items)

    class Lost:
        def __init__(self, items: list[Any]) -> None:
            self.add = items.append
            self._items = items

        def __iter__(self) -> Iterator[Done[Any, None]]:
            return (Done(item, None, MachineError("The worker of this item ended 3 times.")) for item in self._items)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("utome.jobs.study.running.fanned", losing)
        outcome = run(data, tmp_path / "out")
    assert len(outcome.failed) == len(outcome.runs) == 6
    assert {each.reason for each in outcome.failed} == {"The worker of this item ended 3 times."}


def test_arms_that_the_settings_make_equal_are_named(data: Path, tmp_path: Path) -> None:
    said: list[str] = []
    study = parse_study(TEXT, source="toy.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("utome.jobs.study.running._carry_out", lambda *_: None)
        patch.setattr("utome.jobs.study.running.write_study_report", lambda *_: None)
        request = StudyRequest(assignments=("model.width=2",))
        run_study(study, TEXT, data, tmp_path / "out", request, listen=lambda event: said.append(str(event)))
    assert any("WARNING: 'wide' has all settings of 'plain'" in each for each in said)


def test_some_arms_first_and_the_others_later_are_one_study(data: Path, whole: Path, tmp_path: Path) -> None:
    first = run(data, tmp_path / "out", arms="plain")
    assert {run.arm for run in first.runs} == {"plain", "otsu"}
    assert run(data, tmp_path / "out").done
    assert scores_of(tmp_path / "out") == scores_of(whole)


def test_the_second_observer_is_a_row(tmp_path: Path) -> None:
    root = tmp_path / "data"
    for number in range(4):
        grey = np.full((32, 32, 3), 90, dtype=np.uint8) + np.uint8(number)
        truth = np.zeros((32, 32), dtype=bool)
        truth[8:16, 8:24] = True
        for eye in "LR":
            grey[0, 0] = ord(eye)
            save(root / f"Image_0{number}{eye}.jpg", grey, quality=95)
            save(root / f"Image_0{number}{eye}_1stHO.png", truth)
            save(root / f"Image_0{number}{eye}_2ndHO.png", np.roll(truth, 4, axis=0))
    content = yaml.safe_load(TEXT)
    text = yaml.safe_dump({
        **content, "references": ["human"], "variants": {"best": {}}, "metrics": {"pixels.foreground.iou": "IoU"},
        "arms": {"plain": content["arms"]["plain"]},
    })  # fmt: skip
    outcome = run(root, tmp_path / "out", text)
    score = outcome.score("held-out", "human", "best", "pixels.foreground.iou")
    assert score is not None
    assert score.value == pytest.approx(4 / 12)
    assert (score.units, outcome.data.unit if outcome.data else None) == (4, "group")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"protocols": {"many": {"folds": 100}}}, r"data\.folds 100, but there are 6 groups of images"),
        ({"protocols": {"none": {"set": {"data.split": "5/1/0"}}}}, "There is no test image to score"),
    ],
)
def test_images_that_leave_nothing_to_score_are_refused_before_anything_is_trained(
    change: dict[str, Any], said: str, data: Path, tmp_path: Path
) -> None:
    text = yaml.safe_dump({**yaml.safe_load(TEXT), **change})
    with pytest.raises(UtomeError, match=said):
        run(data, tmp_path / "out", text)
    assert not (tmp_path / "out").exists()


def test_a_missing_second_observer_is_told_at_first_and_the_rest_goes_on(data: Path, tmp_path: Path) -> None:
    said: list[str] = []
    outcome = run_toy(
        data, tmp_path / "out", TOY + "references: [human]\n", listen=lambda event: said.append(str(event))
    )
    assert "WARNING: no image has the masks of a second observer, so the runs of `human` will fail." in "".join(said)
    assert [(each.arm, each.reason) for each in outcome.failed] == [
        ("human", "No test image has the masks of a second observer, so there is no human row.")
    ]


def test_a_study_is_published_with_the_images_that_may_be_shown(whole: Path, tmp_path: Path) -> None:
    publish = runpy.run_path(str(Path(__file__).parents[1] / "scripts" / "publish_studies.py"))["publish"]
    folder = shutil.copytree(whole, tmp_path / "folder")
    (folder / "results.md").write_text("of an older version")
    publish(folder, tmp_path / "docs", images=True)
    there = tmp_path / "docs" / show_study(folder).about.name
    text = (there / "results.md").read_text(encoding="utf-8")
    assert text == (folder / "results.md").read_text(encoding="utf-8")
    assert "figures/panel" in text
    assert {path.name for path in there.iterdir()} >= {
        "results.csv",
        "results.json",
        "table.tex",
        "study.yaml",
        "asked.json",
    }
    assert not (there / "report.html").exists()
    assert all((there / each).is_file() for each in re.findall(r"figures/[\w.-]+\.png", text))


def test_a_folder_without_a_study_is_refused(tmp_path: Path, data: Path) -> None:
    with pytest.raises(ConfigError, match="holds no study"):
        show_study(tmp_path)
    save(tmp_path / "out" / "image.png", np.zeros((4, 4), dtype=np.uint8))
    with pytest.raises(ConfigError, match="is there already and is no study"):
        run(data, tmp_path / "out")
