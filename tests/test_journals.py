"""What a run writes down of each epoch, and that a resumed one writes the same."""

import csv
from pathlib import Path

import pytest

from tests.builders import draw_discs
from utome.config.overrides import override
from utome.config.settings import Config
from utome.events import EpochDone, Event, Progressed
from utome.jobs.resume import resume
from utome.jobs.train import TrainResult, train
from utome.recipes.library import load_recipe
from utome.training.journals import history_csv, timing_csv

TINY = (
    "model.width=4", "model.depth=2", "training.tile=32", "training.batch=4", "training.epochs=3", "machine.threads=1",
    "training.save_minutes=0",
)  # fmt: skip


def config(recipe: str, *assignments: str) -> Config:
    return override(load_recipe(recipe).settings, [*TINY, *assignments])


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight noisy images with a bright disc each, and its mask."""
    return draw_discs(tmp_path_factory.mktemp("discs"), [f"{number}" for number in range(8)])


@pytest.fixture(scope="module")
def run(discs: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    """A run of the default recipe."""
    return train(discs, config("unet"), tmp_path_factory.mktemp("run") / "run")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def epoch(number: int, **more: dict[str, float]) -> EpochDone:
    return EpochDone(
        number, 9, 1.0, 0.5, 1.0, 0.5, 0.5, 0.1, best=False, seconds=3.0, peak_memory_mb=None, train_seconds=2.0, val_seconds=1.0,
        **more,
    )  # fmt: skip


def test_the_history_has_each_term_of_the_loss_and_they_add_up_to_it(run: TrainResult) -> None:
    for row in rows(run.run / "history.csv"):
        for part in ("train", "val"):
            terms = [float(row[f"{part}_loss_{name}"]) for name in ("cross_entropy", "dice")]
            assert sum(terms) == pytest.approx(float(row[f"{part}_loss"]), rel=1e-5)
            assert min(terms) > 0


def test_the_history_has_the_features_of_every_epoch_and_they_move(run: TrainResult) -> None:
    found = rows(run.run / "history.csv")
    for name in ("bottom_mean", "skip_mean"):
        assert len({row[name] for row in found}) == 3
    assert "enhanced_sum" not in found[0]


def test_the_seconds_are_those_of_training_and_of_validation(run: TrainResult) -> None:
    found = rows(run.run / "timing.csv")
    assert list(found[0]) == ["epoch", "seconds", "train_seconds", "val_seconds", "peak_memory_mb"]
    for row in found:
        assert float(row["train_seconds"]) + float(row["val_seconds"]) == pytest.approx(float(row["seconds"]), abs=0.01)
    assert "seconds" not in (run.run / "history.csv").read_text()


@pytest.mark.parametrize("settings", [("unet",), ("se-unet-frem", "model.enhancement.maps=3", "data.split=6/1/1")])
def test_a_run_that_was_stopped_within_an_epoch_writes_the_same_history(
    settings: tuple[str, ...], run: TrainResult, discs: Path, tmp_path: Path
) -> None:
    recipe, *assignments = settings
    made = config(recipe, *assignments, "training.tiles_per_image=4")

    def stop(event: Event) -> None:
        if isinstance(event, Progressed) and event.stage == "epoch 2/3" and event.done == 2:
            raise KeyboardInterrupt

    whole = train(discs, made, tmp_path / "whole").run
    with pytest.raises(KeyboardInterrupt):
        train(discs, made, tmp_path / "cut", listen=stop)
    said: list[str] = []
    again = resume(discs, tmp_path / "cut", listen=lambda event: said.append(str(event)))
    assert any("Going on after epoch 1, step 1" in each for each in said)
    assert (again.run / "history.csv").read_bytes() == (whole / "history.csv").read_bytes()
    assert ("enhanced_sum" in rows(whole / "history.csv")[0]) == (recipe == "se-unet-frem")


def test_a_column_that_an_earlier_epoch_has_not_is_empty_there() -> None:
    text = history_csv([epoch(1), epoch(2, train_terms={"dice": 0.25}, magnitudes={"bottom_mean": 2.0})])
    first, second = csv.DictReader(text.splitlines())
    assert (first["train_loss_dice"], second["train_loss_dice"]) == ("", "0.25")
    assert (first["bottom_mean"], second["bottom_mean"]) == ("", "2.0")
    assert timing_csv([epoch(1)]).splitlines()[1] == "1,3.0,2.0,1.0,"
