"""The loop and what stands around it, on small drawn images."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.builders import draw_discs
from tests.checkpoint_files import state_file
from utome.config.overrides import override
from utome.config.settings import Config
from utome.device import enough_memory
from utome.errors import ConfigError, MachineError, ModelError, NumericalError
from utome.events import EpochDone, Event, Progressed
from utome.jobs.resume import resume
from utome.jobs.train import TrainResult, train
from utome.modelfolder.folder import load_model
from utome.recipes.library import load_recipe
from utome.training.tracking import Tracker

TINY = [
    "model.width=4",
    "model.depth=2",
    "training.tile=32",
    "training.batch=4",
    "training.epochs=3",
    "machine.threads=1",
]


def config(*assignments: str, recipe: str = "unet") -> Config:
    return override(load_recipe(recipe).settings, [*TINY, *assignments])


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight noisy images with a bright disc each, and its mask."""
    return draw_discs(tmp_path_factory.mktemp("discs"), [f"{number}" for number in range(8)])


@pytest.fixture(scope="module")
def run(discs: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    """A run of three epochs."""
    return train(discs, config(), tmp_path_factory.mktemp("run") / "run")


def rows(run: Path) -> list[dict[str, str]]:
    with (run / "history.csv").open() as file:
        return list(csv.DictReader(file))


def epoch(number: int = 1, *, val_loss: float = 1.0, val_mean_iou: float = 0.5) -> EpochDone:
    return EpochDone(
        number, 9, 1.0, 0.5, val_loss, 0.5, val_mean_iou, 0.1, best=False, seconds=1.0, peak_memory_mb=None
    )


def test_the_history_has_a_row_an_epoch_and_the_events_repeat_it(run: TrainResult) -> None:
    events = [json.loads(line) for line in (run.run / "events.jsonl").read_text().splitlines()]
    done = [event for event in events if event["event"] == "EpochDone"]
    assert [row["epoch"] for row in rows(run.run)] == ["1", "2", "3"]
    assert [float(row["val_loss"]) for row in rows(run.run)] == [event["val_loss"] for event in done]
    assert "seconds" not in rows(run.run)[0]


def test_the_config_that_is_saved_is_the_one_that_was_used(run: TrainResult) -> None:
    assert (run.run / "config.yaml").read_text() == config().as_yaml()
    assert load_model(run.run).card.config_sha256 == config().sha256


def test_every_image_is_listed_with_its_hash_and_part(run: TrainResult) -> None:
    data = json.loads((run.run / "data.json").read_text())
    assert sorted(image["part"] for image in data["images"]) == ["test"] + ["train"] * 6 + ["val"]
    assert all(len(image["sha256"]) == 64 and Path(image["image"]).is_file() for image in data["images"])
    seen = load_model(run.run).card.images
    assert {image["content"]: image["part"] for image in data["images"] if image["part"] != "test"} == seen


def test_no_temporary_file_is_left(run: TrainResult) -> None:
    assert [path.name for path in run.run.rglob(".*")] == []


def test_names_and_order_of_the_files_change_nothing(run: TrainResult, tmp_path: Path) -> None:
    renamed = draw_discs(tmp_path / "data", ["h", "c", "a", "zz", "b", "x y", "0", "é"])
    again = train(renamed, config(), tmp_path / "run")
    assert (again.run / "history.csv").read_bytes() == (run.run / "history.csv").read_bytes()
    assert (again.run / "model" / "model.safetensors").read_bytes() == (
        run.run / "model" / "model.safetensors"
    ).read_bytes()


def test_another_seed_gives_other_weights(run: TrainResult, discs: Path, tmp_path: Path) -> None:
    other = train(discs, config("seed=1"), tmp_path / "run")
    assert (other.run / "model" / "model.safetensors").read_bytes() != (
        run.run / "model" / "model.safetensors"
    ).read_bytes()


@pytest.mark.parametrize("recipe", ["unet", "unet-2015"])
def test_a_recipe_learns_to_see_a_disc(recipe: str, discs: Path, tmp_path: Path) -> None:
    settings = [
        "training.epochs=40",
        "training.batch=1",
        "model.width=8",
        "model.dropout=0",
        "optimizer.warmup_steps=5",
        "augmentation.contrast=0",
        "augmentation.brightness=0",
    ]
    result = train(discs, config(*settings, recipe=recipe), tmp_path / "run")
    assert result.best.val_mean_iou > 0.85


def test_a_recipe_that_resizes_trains_at_that_size_and_scores_at_the_images_own(discs: Path, tmp_path: Path) -> None:
    result = train(discs, config("data.size=[32, 64]"), tmp_path / "run")
    assert load_model(result.run).card.prepared_by.size == (32, 64)
    assert "at their own size" in (result.run / "report.html").read_text()


def test_training_goes_on_from_the_last_whole_epoch_to_the_same_end(
    run: TrainResult, discs: Path, tmp_path: Path
) -> None:
    class Stop(Exception):  # noqa: N818 - it is no error
        pass

    def stop_after_two(event: Event) -> None:
        if isinstance(event, EpochDone) and event.epoch == 2:
            raise Stop

    with pytest.raises(Stop):
        train(discs, config(), tmp_path / "run", listen=stop_after_two)
    assert json.loads((tmp_path / "run" / "status.json").read_text())["status"] == "failed"
    again = resume(discs, tmp_path / "run")
    for name in ("history.csv", "model/model.safetensors"):
        assert (again.run / name).read_bytes() == (run.run / name).read_bytes()


def test_a_damaged_checkpoint_is_noticed_and_the_one_before_it_used(
    run: TrainResult, discs: Path, tmp_path: Path
) -> None:
    copied = tmp_path / "run"
    shutil.copytree(run.run, copied)
    newest = state_file(copied, 3)
    content = bytearray(newest.read_bytes())
    content[-1] ^= 1
    newest.write_bytes(content)
    said: list[str] = []
    again = resume(discs, copied, listen=lambda event: said.append(str(event)))
    assert any("Going on after epoch 2" in sentence for sentence in said)
    for name in ("history.csv", "model/model.safetensors"):
        assert (again.run / name).read_bytes() == (run.run / name).read_bytes()
    for checkpoint in (copied / "checkpoints").glob("*-epoch-*"):
        checkpoint.write_bytes(b"")
    with pytest.raises(ModelError, match="no whole checkpoint"):
        resume(discs, copied)


def test_resuming_on_other_images_is_refused(run: TrainResult, tmp_path: Path) -> None:
    other = draw_discs(tmp_path / "data", [f"{number}" for number in range(9)])
    with pytest.raises(ConfigError, match="not those that"):
        resume(other, run.run)


def test_a_run_that_was_stopped_in_its_first_epoch_begins_anew_and_comes_to_the_same_end(
    run: TrainResult, discs: Path, tmp_path: Path
) -> None:
    def stop_at_once(event: Event) -> None:
        if isinstance(event, Progressed) and event.stage.startswith("epoch"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(discs, config(), tmp_path / "run", listen=stop_at_once)
    assert json.loads((tmp_path / "run" / "status.json").read_text())["status"] == "interrupted"
    again = resume(discs, tmp_path / "run")
    assert (again.run / "history.csv").read_bytes() == (run.run / "history.csv").read_bytes()


@pytest.mark.parametrize("manifest", ["{", "{}", "[]", '{"generations": [{}], "best": null}'])
def test_a_damaged_manifest_is_refused_and_the_status_stays(manifest: str, discs: Path, tmp_path: Path) -> None:
    done = train(discs, config("training.epochs=1"), tmp_path / "run").run
    for name in ("manifest.json", "manifest-before.json"):
        (done / "checkpoints" / name).write_text(manifest)
    with pytest.raises(ModelError, match=r"manifest\.json. is damaged"):
        resume(discs, done)
    assert json.loads((done / "status.json").read_text())["status"] == "done"


def test_a_missing_data_file_is_refused(discs: Path, tmp_path: Path) -> None:
    done = train(discs, config("training.epochs=1"), tmp_path / "run").run
    (done / "data.json").unlink()
    with pytest.raises(ConfigError, match=r"data.json' is missing or damaged"):
        resume(discs, done)


def test_settings_that_were_changed_in_a_run_are_refused(discs: Path, tmp_path: Path) -> None:
    done = train(discs, config("training.epochs=1"), tmp_path / "run").run
    (done / "config.yaml").write_text((done / "config.yaml").read_text().replace("width: 4", "width: 5"))
    with pytest.raises(ConfigError, match=r"`model.width` was 4 and is 5"):
        resume(discs, done)


def test_a_config_of_an_unknown_recipe_is_refused_before_anything_is_written(discs: Path, tmp_path: Path) -> None:
    unknown = config().model_copy(update={"recipe": "unett"})
    with pytest.raises(ConfigError, match=r"There is no recipe .unett.\. Did you mean .unet."):
        train(discs, unknown, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_another_fault_of_torch_is_not_taken_for_too_little_memory() -> None:
    with pytest.raises(NotImplementedError, match="no such operation"), enough_memory():
        raise NotImplementedError("no such operation")


@pytest.mark.parametrize("fault", [MemoryError, torch.OutOfMemoryError])
def test_a_refusal_of_memory_is_a_fault_of_the_machine(fault: type[Exception]) -> None:
    with pytest.raises(MachineError, match="too little memory"), enough_memory():
        raise fault("full")


def test_too_little_memory_is_a_fault_of_the_machine_with_what_to_lower(discs: Path, tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"too little memory.*model.width"):
        train(discs, config("model.width=1000000"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_resuming_where_there_is_no_run_is_refused(discs: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no run"):
        resume(discs, tmp_path / "nothing")


def test_a_loss_that_leaves_the_numbers_ends_the_run_with_the_step_and_what_to_try(discs: Path, tmp_path: Path) -> None:
    settings = ["optimizer.learning_rate=1e30", "optimizer.warmup_steps=0", "model.norm=none"]
    with pytest.raises(
        NumericalError, match=r"at step \d+ of epoch \d+.*3 times.*a smaller optimizer\.learning_rate, as 1e\+29"
    ):
        train(discs, config(*settings), tmp_path / "run")
    assert json.loads((tmp_path / "run" / "status.json").read_text())["status"] == "failed"


def test_patience_ends_a_run_that_no_longer_improves(discs: Path, tmp_path: Path) -> None:
    settings = ["training.epochs=9", "training.stopping.patience=2", "training.stopping.min_delta=10"]
    result = train(discs, config(*settings), tmp_path / "run")
    assert len(rows(result.run)) == 3, "the first epoch, and two without improvement"


def test_the_best_model_and_the_stopping_are_watched_apart(discs: Path, tmp_path: Path) -> None:
    settings = ["training.best=val_loss", "training.stopping.monitor=val_mean_iou"]
    result = train(discs, config(*settings), tmp_path / "run")
    losses = [float(row["val_loss"]) for row in rows(result.run)]
    assert result.best.epoch == 1 + int(np.argmin(losses))


def test_a_loss_improves_downwards_and_a_score_upwards() -> None:
    loss, score = Tracker("val_loss"), Tracker("val_mean_iou")
    first, second = epoch(val_loss=1.0, val_mean_iou=0.5), epoch(2, val_loss=0.9, val_mean_iou=0.4)
    assert (loss.improved(first), loss.improved(second)) == (True, True)
    assert (score.improved(first), score.improved(second)) == (True, False)
    assert (loss.waited, score.waited) == (0, 1)


def test_less_than_min_delta_is_no_improvement() -> None:
    tracker = Tracker("val_loss", min_delta=0.05)
    assert [tracker.improved(epoch(val_loss=value)) for value in (1.0, 0.96, 0.94)] == [True, False, True]


def test_a_score_that_is_no_number_never_becomes_the_best() -> None:
    tracker = Tracker("val_mean_iou")
    assert [tracker.improved(epoch(val_mean_iou=value)) for value in (float("nan"), 0.1, float("nan"))] == [
        False,
        True,
        False,
    ]


def test_a_tracker_keeps_what_a_checkpoint_needs() -> None:
    tracker = Tracker("val_loss")
    tracker.improved(replace(epoch(), val_loss=0.25))
    assert tracker.state() == {"monitor": "val_loss", "min_delta": 0.0, "best": 0.25, "waited": 0}


def test_a_run_that_stopped_early_says_why_it_does_not_go_on(discs: Path, tmp_path: Path) -> None:
    stopping = ("training.stopping.patience=1", "training.stopping.min_delta=1")
    out = train(discs, config(*stopping), tmp_path / "run").run
    assert len(rows(out)) == 2
    said: list[Event] = []
    resume(discs, out, assignments=["training.epochs=4"], listen=said.append)
    assert len(rows(out)) == 2
    assert any("stopped early, since val_mean_iou was no better for 1 epochs" in str(event) for event in said)
    resume(discs, out, assignments=["training.stopping.patience=null"])
    assert len(rows(out)) == 4
