"""What a study's folder says of itself: how images were really divided, what was changed and scored, and the command that goes on."""

import json
import shlex
from pathlib import Path

import pytest

from utome.studies.changes import scoring_key
from utome.studies.file import StudyFile, parse_study
from utome.studies.folder import SCORES, StudyFolder
from utome.studies.gathering import gather
from utome.studies.library import load_study
from utome.studies.outcome import StudyOutcome
from utome.studies.plan import Asked, PlannedRun, planned
from utome.studies.question import DataFacts

TEXT = """
protocols:
  held-out: {title: "10 train, 2 choose, 8 are scored", set: {data.split: 10/2/8}}
  as-published: {title: "trained and scored on the same 20", set: {data.split: 19/1}, scored: all}
arms: {plain: {recipe: unet}, wide: {recipe: unet, set: {model.width: 64}}}
scales: {small: {about: "40 epochs"}}
metrics: {pixels.mean_iou: mean IoU}
published:
  - {row: human, metric: pixels.mean_iou, value: 0.000005, source: "A (2020)"}
"""
FACTS = DataFacts("my images", "pairs", "0" * 64, 20, 20, "image", ("background", "membrane", "nucleus"))


def begun(out: Path, asked: Asked, text: str = TEXT, name: str = "study") -> StudyOutcome:
    """A study of which nothing is done yet."""
    out.mkdir(parents=True)
    folder = StudyFolder(out)
    folder.write(text, parse_study(text, source="study.yaml", name=name), asked, FACTS)
    return gather(folder, versions={})


def asked(*assignments: str, parted: bool = False) -> Asked:
    return Asked("small", assignments, ("plain", "wide"), 2, parted=parted)


def scored(path: Path, study: StudyFile, image: str, accuracy: float) -> None:
    """A run that scored one image of 100 pixels."""
    hits = round(100 * accuracy)
    row = {
        "image": image, "group": None, "source": f"{image}.png", "page": None, "prediction": "it.png", "labelled": True,
        "values": {"pixels.mean_iou": accuracy}, "sums": {"pixels": (hits, 100 - hits, 0, 0, 0, 0, 0, 0, 0)},
    }  # fmt: skip
    content = {
        "format": 1,
        "scoring": scoring_key(study),
        "images": {},
        "variants": {"best": [row]},
        "left_out": {},
        "cost": {},
    }
    path.mkdir(parents=True, exist_ok=True)
    (path / SCORES).write_text(json.dumps(content), encoding="utf-8")


def divisions(outcome: StudyOutcome) -> list[str]:
    return [protocol.title for protocol in outcome.protocols]


def test_a_protocol_that_was_followed_has_its_own_title(tmp_path: Path) -> None:
    outcome = begun(tmp_path / "out", asked("model.depth=2"))
    assert divisions(outcome) == ["10 train, 2 choose, 8 are scored", "trained and scored on the same 20"]


def test_where_the_folders_divide_the_images_no_title_says_otherwise(tmp_path: Path) -> None:
    outcome = begun(tmp_path / "out", asked("data.split=4/2/3", parted=True))
    assert divisions(outcome) == ["parts as the folders have them", "parts as the folders have them, all images scored"]


def test_where_a_setting_divides_the_images_it_is_the_title(tmp_path: Path) -> None:
    outcome = begun(tmp_path / "out", asked("model.depth=2", "data.split=4/2/3"))
    assert divisions(outcome) == [
        "divided by --set data.split=4/2/3",
        "divided by --set data.split=4/2/3, all images scored",
    ]


def test_a_protocol_that_draws_nothing_keeps_its_title_where_the_folders_divide(tmp_path: Path) -> None:
    text = "protocols: {held-out: {title: the challenge's own test images}}\narms: {plain: {recipe: unet}, wide: {recipe: unet}}\n"
    assert divisions(begun(tmp_path / "out", asked(parted=True), text)) == ["the challenge's own test images"]


def test_changed_settings_stand_beside_what_the_scale_says(tmp_path: Path) -> None:
    about = begun(tmp_path / "out", asked("training.epochs=3")).about
    assert about.scale_about == "40 epochs; changed by --set training.epochs=3"


def test_a_study_without_a_title_is_called_by_its_name(tmp_path: Path) -> None:
    assert begun(tmp_path / "out", asked(), name="mine").about.title == "Study 'mine'"


def test_a_small_published_value_is_printed_without_an_exponent(tmp_path: Path) -> None:
    assert [each.printed for each in begun(tmp_path / "out", asked()).published] == ["0.000005"]


def test_the_command_names_file_data_and_folder_as_they_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    setting = "data.classes=[[membrane, [0]], [cell, [255]]]"
    words = shlex.split(begun(Path("all") / "my study", asked(setting)).command)
    assert words == [
        "utome", "study", "run", "all/my study/study.yaml", "--data", "my images", "--out", "all/my study", "--scale", "small",
        "--seeds", "2", "--set", setting,
    ]  # fmt: skip


def test_the_command_of_a_shipped_study_has_its_name(tmp_path: Path) -> None:
    study, text = load_study("frem-mouse")
    outcome = begun(tmp_path / "out", Asked("small", (), tuple(study.arms)[:2], 1), text, "frem-mouse")
    assert shlex.split(outcome.command)[3] == "frem-mouse"
    assert "--arms se-unet,shallow" in outcome.command


def test_an_images_row_has_the_score_of_the_prediction_that_is_kept_beside_the_mean(tmp_path: Path) -> None:
    begun(tmp_path / "out", asked())
    folder = StudyFolder(tmp_path / "out")
    for run in planned(folder.study, ["plain"], 2):
        if run.protocol == "held-out":
            scored(folder.scores(run), folder.study, "ab"[run.seed], (0.9, 0.3)[run.seed])
    rows = {each.name: each for each in gather(folder, versions={}).images}
    kept = {name: (each.seed, each.shown_value, each.value, each.runs) for name, each in rows.items()}
    assert kept == {"a": (0, 0.9, 0.9, 1), "b": (1, 0.3, 0.3, 1)}
    scored(folder.scores(PlannedRun(1, "held-out", 0, "plain")), folder.study, "a", 0.5)
    (row,) = gather(folder, versions={}).images
    assert row.value == pytest.approx(0.7)
    assert (row.seed, row.shown_value, row.runs) == (0, 0.9, 2)
    assert row.prediction == "scores/plain/held-out-seed-0/it.png"


def test_comparisons_of_runs_that_are_too_short_have_no_verdict(tmp_path: Path) -> None:
    for place, setting in (("short", "training.epochs=3"), ("long", "training.epochs=400")):
        begun(tmp_path / place, asked(setting))
        folder = StudyFolder(tmp_path / place)
        for run in planned(folder.study, ["plain", "wide"], 2):
            if run.protocol == "held-out":
                scored(folder.scores(run), folder.study, "a", 0.5 + 0.2 * (run.arm == "wide"))
        outcome = gather(folder, versions={})
        (found,) = outcome.differences
        assert found.difference is not None
        assert found.difference > 0
        assert (found.outcome == "no conclusion") == outcome.smoke == (place == "short")
        assert found.verdict.startswith("Smoke, no conclusion") == outcome.smoke


def test_arms_that_are_one_training_are_known(tmp_path: Path) -> None:
    assert begun(tmp_path / "out", asked()).equal_arms == {}
    assert begun(tmp_path / "same", asked("model.width=32")).equal_arms == {"wide": "plain"}


def test_the_epochs_planned_are_those_of_the_run_and_not_of_the_study(tmp_path: Path) -> None:
    # As where the recipe `auto`, or a length in minutes, chose another number.
    begun(tmp_path / "out", asked("training.epochs=40"))
    folder = StudyFolder(tmp_path / "out")
    run = planned(folder.study, ["plain"], 1)[0]
    folder.run(run).mkdir(parents=True)
    names = ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "val_mean_iou")
    lines = [f"epoch,epochs,{','.join(names)},best", *(f"{epoch},240,1,1,1,1,0.5,{epoch == 1}" for epoch in (1, 2))]
    (folder.run(run) / "history.csv").write_text("\n".join(lines), encoding="utf-8")
    costs = {each.path: each.cost for each in gather(folder, versions={}).runs}
    cost = costs[folder.run(run).relative_to(folder.path).as_posix()]
    assert (cost.epochs_run, cost.epochs_planned, cost.best_epoch) == (2, 240, 1)
