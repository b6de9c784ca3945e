"""The estimate that a training gives of itself: when, of what, and in which words."""

from pathlib import Path

import pytest

from tests.builders import draw_discs
from utome.config.overrides import override
from utome.config.settings import Config
from utome.events import EpochDone, Estimated, Event, Progressed
from utome.jobs.resume import resume
from utome.jobs.train import train
from utome.recipes.library import load_recipe
from utome.training.forecast import STEPS

TINY = ("model.width=4", "model.depth=2", "training.tile=32", "training.batch=4", "training.epochs=3", "machine.threads=1")  # fmt: skip


def config(*assignments: str) -> Config:
    return override(load_recipe("unet").settings, [*TINY, *assignments])


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight noisy images with a bright disc each, and its mask."""
    return draw_discs(tmp_path_factory.mktemp("discs"), [f"{number}" for number in range(8)])


def of_training(events: list[Event]) -> list[Event]:
    """Steps, epochs and estimates, but not the steps of other work."""
    kinds = (Estimated, EpochDone)
    return [each for each in events if isinstance(each, kinds) or (isinstance(each, Progressed) and "epoch" in each.stage)]  # fmt: skip


def place(events: list[Event]) -> int:
    """Where the only estimate stands."""
    (number,) = [number for number, each in enumerate(events) if isinstance(each, Estimated)]
    return number


def test_the_estimate_comes_once_after_a_few_steps(discs: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    train(discs, config("training.tiles_per_image=8"), tmp_path / "run", listen=events.append)
    events = of_training(events)
    assert place(events) == STEPS + 1
    estimate = events[STEPS + 1]
    assert isinstance(estimate, Estimated)
    assert (estimate.epochs, estimate.of) == (3, 3)
    assert estimate.seconds > 0
    assert '"event": "Estimated"' in (tmp_path / "run" / "events.jsonl").read_text()


def test_where_epochs_are_short_it_comes_after_the_first(discs: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    train(discs, config("training.tiles_per_image=1"), tmp_path / "run", listen=events.append)
    events = of_training(events)
    first, estimate = events[place(events) - 1], events[place(events)]
    assert isinstance(first, EpochDone)
    assert isinstance(estimate, Estimated)
    assert (first.epoch, estimate.epochs, estimate.of) == (1, 2, 3)
    assert estimate.seconds == pytest.approx(2 * first.seconds, abs=0.1)


def test_a_single_short_epoch_has_none(discs: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    settings = ("training.tiles_per_image=1", "training.epochs=1")
    train(discs, config(*settings), tmp_path / "run", listen=events.append)
    assert not [each for each in events if isinstance(each, Estimated)]


def test_a_run_that_goes_on_says_what_is_left(discs: Path, tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, Progressed) and event.stage == "epoch 2/3" and event.done == 2:
            raise KeyboardInterrupt

    made = config("training.tiles_per_image=1", "training.batch=2", "training.save_minutes=0")
    with pytest.raises(KeyboardInterrupt):
        train(discs, made, tmp_path / "run", listen=stop)
    events: list[Event] = []
    resume(discs, tmp_path / "run", listen=events.append)
    events = of_training(events)
    # The second epoch began before the interruption, so its seconds tell nothing; the third is the last.
    assert not [each for each in events if isinstance(each, Estimated)]
    events = []
    resume(discs, tmp_path / "run", assignments=["training.epochs=5"], listen=events.append)
    estimate = of_training(events)[place(of_training(events))]
    assert isinstance(estimate, Estimated)
    assert (estimate.epochs, estimate.of) == (1, 5)


@pytest.mark.parametrize(
    ("estimate", "sentence"),
    [
        (Estimated(720, 100, 100, 1300.0), "About 12 minutes for 100 epochs; 1.3 GB so far."),
        (Estimated(1, 1, 1, None), "About 1 second for 1 epoch."),
        (Estimated(9000, 1, 20, 800.0), "About 2.5 hours for the 1 epoch left; 0.8 GB so far."),
        (Estimated(80, 12, 20, None), "About 80 seconds for the 12 epochs left."),
    ],
)
def test_the_sentence_says_time_epochs_and_memory(estimate: Estimated, sentence: str) -> None:
    assert estimate.sentence == sentence
