"""A length in minutes: what fits into them, by a clock that the tests turn, and a config that repeats it without a clock."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.builders import draw_discs, tiny_config
from tests.inspected import run_here
from tests.toy_study import run
from utome.config.overrides import override, read_config
from utome.config.settings import Config, config_from_dict
from utome.errors import ConfigError
from utome.events import Event, Noted, Progressed, silent
from utome.jobs import costing
from utome.jobs import train as training
from utome.jobs.costing import lasting
from utome.jobs.preparing import Prepared, prepare
from utome.jobs.resume import resume
from utome.jobs.train import train
from utome.recipes.library import load_recipe

pytestmark = pytest.mark.usefixtures("one_thread")


class Clock:
    """Seconds that pass when a test says so, and as many each time that the clock is read."""

    def __init__(self, *, ticking: float = 0.0) -> None:
        self.now, self._ticking = 100.0, ticking

    def perf_counter(self) -> float:
        self.now += self._ticking
        return self.now


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_discs(tmp_path_factory.mktemp("discs"), [f"{number}" for number in range(8)])


@pytest.fixture(scope="module")
def prepared(discs: Path) -> Prepared:
    return prepare(discs, config(), silent)


def config(*assignments: str) -> Config:
    return tiny_config("machine.threads=1", *assignments)


Measure = Callable[[float, float], None]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Measure:
    """Steps and validations that take so many seconds of a clock; the first step takes twenty seconds more."""

    def measure(step: float, validation: float) -> None:
        clock = Clock()

        def steps(task: object, count: int) -> list[float]:
            del task
            clock.now += 20 + count * step
            return [20 + step, *[step] * (count - 1)]

        def validate(*arguments: object, pieces: object) -> None:
            del arguments, pieces
            clock.now += validation

        monkeypatch.setattr(costing, "time", clock)
        monkeypatch.setattr(costing, "_steps", steps)
        monkeypatch.setattr(costing, "validate", validate)

    return measure


def spent_before(step: float, validation: float) -> float:
    return 20 + costing.STEPS_TO_FIT * step + validation


@pytest.mark.parametrize(
    ("seconds", "step", "validation"),
    [(600, 1.0, 2.0), (3600, 0.25, 0.5), (3600, 0.01, 0.0), (120, 0.5, 30.0), (300, 20.0, 0.1), (7200, 60.0, 400.0), (61, 0.1, 0.1)],
)  # fmt: skip
def test_what_is_chosen_fits_and_not_one_step_an_epoch_more_would(
    seconds: float, step: float, validation: float, prepared: Prepared, measured: Measure
) -> None:
    measured(step, validation)
    chosen = lasting(prepared, seconds).training
    assert chosen.steps_per_epoch is not None
    left = 0.96 * seconds - spent_before(step, validation)
    ending = validation + costing.SECONDS_TO_SAVE
    assert 1 <= chosen.epochs <= costing.MOST_EPOCHS
    assert chosen.epochs * (chosen.steps_per_epoch * step + ending) <= left + 1e-6
    assert chosen.epochs * ((chosen.steps_per_epoch + 1) * step + ending) > left - 1e-6
    assert chosen.epochs == 1 or chosen.epochs * ending <= 0.06 * left + 1e-6


def test_an_hour_is_cut_into_epochs_of_which_a_sixteenth_is_validation(prepared: Prepared, measured: Measure) -> None:
    measured(0.5, 20.5)
    chosen = lasting(prepared, 3600).training
    left = 3600 * 0.96 - (20 + 9 * 0.5 + 20.5)
    assert chosen.epochs == int(0.06 * left / 21) == 9
    assert chosen.steps_per_epoch == int((left / 9 - 21) / 0.5) == 716


def test_what_was_spent_before_counts(prepared: Prepared, measured: Measure) -> None:
    measured(0.5, 20.5)
    assert lasting(prepared, 3600, spent=1000).training == lasting(prepared, 3600 - 1000 / 0.96).training
    assert lasting(prepared, 3600, spent=1000) != lasting(prepared, 3600)


def test_slow_steps_beside_a_quick_validation_have_fewer_epochs_and_are_not_refused(
    prepared: Prepared, measured: Measure
) -> None:
    measured(10.0, 0.1)
    left = 0.96 * 300 - spent_before(10.0, 0.1)
    chosen = lasting(prepared, 300).training
    assert chosen.epochs == int(left / 10.6) == 16
    assert chosen.steps_per_epoch == 1


def test_only_the_length_is_another(prepared: Prepared, measured: Measure) -> None:
    measured(1.0, 1.0)
    found, before = lasting(prepared, 600).as_dict(), prepared.task.config.as_dict()
    for each in (found, before):
        del each["training"]["epochs"], each["training"]["steps_per_epoch"]
    assert found == before


@pytest.mark.parametrize(("step", "validation"), [(1.0, 2.0), (30.0, 0.5), (0.4, 100.0), (7.77, 13.1)])
def test_too_few_minutes_are_refused_and_as_many_as_are_named_are_enough(
    step: float, validation: float, prepared: Prepared, measured: Measure
) -> None:
    measured(step, validation)
    with pytest.raises(ConfigError) as caught:
        lasting(prepared, 6, spent=40)
    sentence = str(caught.value)
    assert f"A step of this training takes {step:.1f} s here and a validation {validation + 0.5:.1f} s" in sentence
    assert "or lower model.width, training.batch or training.tile" in sentence
    named = float(sentence.partition("--minutes ")[2].partition(",")[0])
    assert lasting(prepared, 60 * named, spent=40).training.epochs == 1
    with pytest.raises(ConfigError):
        lasting(prepared, 60 * (named - 0.11), spent=40)


def test_the_first_step_does_not_count_for_the_others(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costing, "_steps", lambda task, count: [50.0, 2.0, 4.0])
    monkeypatch.setattr(costing, "validate", lambda *arguments, pieces: None)
    monkeypatch.setattr(costing, "time", Clock())
    chosen = lasting(prepared, 100).training
    assert (chosen.epochs, chosen.steps_per_epoch) == (int(0.06 * 96 / 0.5), 2)
    assert 11 * (2 * 3 + 0.5) <= 96 < 11 * (3 * 3 + 0.5)


def test_no_more_steps_are_timed_than_an_epoch_has(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costing, "time", Clock(ticking=1.0))
    assert len(prepared.task.batches) < 100
    assert costing._steps(prepared.task, 100) == [1.0] * len(prepared.task.batches)
    assert costing._steps(prepared.task, 2) == [1.0, 1.0]


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that stands still but for a second at each look of what chooses the length."""
    monkeypatch.setattr(costing, "time", Clock(ticking=1.0))
    monkeypatch.setattr(training, "time", SimpleNamespace(perf_counter=lambda: 0.0))


@pytest.mark.usefixtures("ticking")
def test_a_run_of_minutes_is_repeated_by_its_config_without_them(discs: Path, tmp_path: Path) -> None:
    told: list[Event] = []
    timed = train(discs, config(), tmp_path / "timed", minutes=2.0, listen=told.append).run
    saved = config_from_dict(read_config(timed / "config.yaml"))
    length = (saved.training.epochs, saved.training.steps_per_epoch)
    assert length == (4, 24)
    notes = [event.text for event in told if isinstance(event, Noted)]
    assert "4 epochs of 24 steps fit into the time; config.yaml keeps that length." in notes
    again = train(discs, saved, tmp_path / "again").run
    for name in ("config.yaml", "history.csv", "model/model.safetensors"):
        assert (again / name).read_bytes() == (timed / name).read_bytes(), name


@pytest.mark.usefixtures("ticking")
@pytest.mark.parametrize(
    ("step", "fixed", "width", "rotation"),
    [(0.25, (), 4, 0), (0.15, (), 8, 0), (0.05, (), 8, 180), (0.25, ("model.width", "augmentation.rotation"), 8, 180)],
)
def test_in_few_minutes_auto_halves_the_width_and_augments_less(
    step: float, fixed: tuple[str, ...], width: int, rotation: int, discs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "step_seconds", lambda prepared: step)
    settings = override(load_recipe("auto").settings, ["model.width=8", "machine.threads=1"])
    found = training.plan(discs, settings, fixed=fixed, minutes=2.0).task.config
    assert (getattr(found.model, "width", None), found.augmentation.rotation) == (width, rotation)
    assert found.augmentation.flips


def test_minutes_of_a_study_choose_the_length_of_an_arm_and_leave_its_network_alone(
    discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[Config] = []

    def length(prepared: Prepared, seconds: float, *, spent: float) -> Config:
        del seconds, spent
        measured.append(prepared.task.config)
        return prepared.task.config

    monkeypatch.setattr(training, "lasting", length)
    monkeypatch.setattr(training, "step_seconds", lambda prepared: 60.0)
    monkeypatch.setattr("utome.jobs.study.running._carry_out", lambda *_: None)
    text = "arms: {auto: {recipe: auto}}\nscales: {small: {minutes: 1}}\nset: {data.split: 4/2/2, machine.threads: 1}\n"
    run(discs, tmp_path / "out", text)
    (config,) = measured
    assert (getattr(config.model, "width", None), config.augmentation.rotation) == (32, 180)


@pytest.mark.usefixtures("ticking")
def test_an_interrupted_run_of_minutes_goes_on_to_the_same_end(discs: Path, tmp_path: Path) -> None:
    whole = train(discs, config(), tmp_path / "whole", minutes=2.0).run

    def stop(event: Event) -> None:
        if isinstance(event, Progressed) and event.stage == "epoch 2/4":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(discs, config(), tmp_path / "cut", minutes=2.0, listen=stop)
    again = resume(discs, tmp_path / "cut").run
    for name in ("config.yaml", "history.csv", "model/model.safetensors"):
        assert (again / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.usefixtures("ticking")
def test_too_few_minutes_end_the_command_with_a_sentence_and_nothing_is_written(
    discs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings: list[str] = ["--set", "model.width=2", "--set", "model.depth=2", "--set", "training.tile=16"]
    arguments: list[str | Path] = ["train", discs, "--out", tmp_path / "run", "--minutes", "0.1", *settings]
    done = run_here(arguments, monkeypatch, capsys)
    assert done.code == 2
    assert "does not fit. Give at least --minutes 0." in " ".join(done.errors.split())
    assert not (tmp_path / "run").exists()


def test_resuming_with_minutes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = run_here(["train", tmp_path, "--out", tmp_path, "--resume", "--minutes", "5"], monkeypatch, capsys)
    assert done.code == 2
    assert "neither --recipe, --config nor --minutes" in " ".join(done.errors.split())


def test_less_than_a_tenth_of_a_minute_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = run_here(["train", tmp_path, "--minutes", "0.05"], monkeypatch, capsys)
    assert done.code == 2
    assert "--minutes" in done.errors
