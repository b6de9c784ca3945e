"""What goes wrong in a search: trials that fail, storages that are gone, other data. All so far is kept, and a sentence says so."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faulty_runs import SETTINGS, Runs
from tests.searches import Train, after, asked, command, kept, reached, rows, training_by
from utome.config.overrides import override, read_config
from utome.config.settings import config_from_dict
from utome.errors import ConfigError, DataError, MachineError, PartlyFailedError
from utome.events import silent
from utome.jobs.preparing import prepare
from utome.jobs.rungs import Leg, LegDone
from utome.jobs.search_status import search_status
from utome.jobs.tune import Asked, Where, tune, tune_further
from utome.recipes.library import load_recipe
from utome.training.runfolder import data_hash
from utome.tuning.search import Again
from utome.tuning.space import configured

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> Callable[[Train], None]:
    """Replace trainings by a function, and leave the page out."""
    return training_by(monkeypatch)


def test_a_trial_that_fails_is_marked_and_the_search_goes_on(
    runs: Runs, trained: Callable[[Train], None], tmp_path: Path
) -> None:
    trained(lambda leg: LegDone(1, None, "It diverged.") if leg.trial == 1 else reached(leg))
    found = tune(runs.data, asked(), tmp_path / "study", where=Where())
    assert [trial.state for trial in found.trials] == ["complete", "failed", "complete", "complete"]
    assert rows(found.out)[1]["reason"] == "It diverged."
    assert [state for state, *_ in kept(found.out)] == ["complete", "failed", "complete", "complete"]
    assert found.best.number != 1


def test_a_real_training_that_diverges_fails_its_trial_alone(runs: Runs, tmp_path: Path) -> None:
    space = tmp_path / "wide.yaml"
    space.write_text("space: {optimizer.learning_rate: {choices: [1.0e+30, 0.001]}, training.batch: null}")
    ended = runs.wait(runs.start(*command(runs, tmp_path / "study", "--space", space, trials=4, pruner="none")))
    assert ended.code == 0, ended.said
    states = {float(row["optimizer.learning_rate"]): row["state"] for row in rows(tmp_path / "study")}
    assert states == {1e30: "failed", 0.001: "complete"}
    assert "came here again" in next(row["reason"] for row in rows(tmp_path / "study") if row["state"] == "failed")


def test_values_that_are_good_alone_but_not_together_fail_their_trial(
    runs: Runs, trained: Callable[[Train], None], tmp_path: Path
) -> None:
    trained(reached)
    wanted = asked(8)
    space = {"loss.cross_entropy": {"choices": [0.0, 1.0]}, "loss.dice": {"choices": [0.0, 1.0]}}
    found = tune(runs.data, Asked(wanted.config, (), space, 8), tmp_path / "study", where=Where())
    for trial in found.trials:
        nothing_to_learn = not any(trial.params.values())
        assert (trial.state == "failed") == nothing_to_learn
    assert found.count("failed") >= 1


def test_no_trial_that_succeeds_is_a_sentence_with_the_reasons(
    runs: Runs, trained: Callable[[Train], None], tmp_path: Path
) -> None:
    trained(lambda _: LegDone(0, None, "It diverged."))
    with pytest.raises(
        PartlyFailedError,
        match=r"^None of the 4 trials came to its end; .*trials\.csv' has all .* --trials 8\. What the first said: It diverged\.$",
    ):
        tune(runs.data, asked(), tmp_path / "study", where=Where())
    assert str(search_status(tmp_path / "study").next).endswith("--resume --trials 8"), "it goes on in the same way"
    assert json.loads((tmp_path / "study" / "status.json").read_text())["status"] == "failed"
    assert not (tmp_path / "study" / "best.yaml").exists()


def test_what_would_fail_every_trial_ends_the_search_and_it_goes_on_later(
    runs: Runs, trained: Callable[[Train], None], tmp_path: Path
) -> None:
    out = tmp_path / "study"
    trained(after(2, lambda _: LegDone(0, None, "The disk is full.", hopeless=True)))
    with pytest.raises(
        MachineError,
        match=r"^The disk is full\. All trials so far are kept; once that is mended, go on with --resume\.$",
    ):
        tune(runs.data, asked(), out, where=Where())
    assert [state for state, *_ in kept(out)] == ["complete", "complete", "running"]
    trained(reached)
    found = tune_further(runs.data, Again(), out, where=Where())
    assert [trial.state for trial in found.trials] == ["complete"] * 4


def test_a_defect_of_ours_is_no_failed_trial(runs: Runs, trained: Callable[[Train], None], tmp_path: Path) -> None:
    def defect(_: Leg) -> LegDone:
        raise KeyError("ours")

    trained(defect)
    with pytest.raises(KeyError, match="ours"):
        tune(runs.data, asked(), tmp_path / "study", where=Where())


def test_fewer_trials_than_there_are_is_refused(runs: Runs, trained: Callable[[Train], None], tmp_path: Path) -> None:
    trained(reached)
    found = tune(runs.data, asked(3), tmp_path / "study", where=Where())
    with pytest.raises(ConfigError, match=r"--trials is 2, but '.*study' has 3 already\. Give as many or more"):
        tune_further(runs.data, Again(trials=2), found.out, where=Where())


def test_where_one_training_of_a_trial_fails_its_others_are_not_begun(
    runs: Runs, trained: Callable[[Train], None], tmp_path: Path
) -> None:
    begun: list[tuple[int, int]] = []

    def train(leg: Leg) -> LegDone:
        begun.append((leg.trial, leg.repetition))
        return LegDone(1, None, "It diverged.") if begun[-1] == (0, 1) else reached(leg)

    trained(train)
    tune(runs.data, asked(2, seeds=3), tmp_path / "study", where=Where())
    assert begun == [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)]


def test_other_images_are_refused_when_a_search_goes_on(
    runs: Runs, trained: Callable[[Train], None], tmp_path: Path
) -> None:
    trained(reached)
    found = tune(runs.data, asked(), tmp_path / "study", where=Where())
    fewer = shutil.copytree(runs.data, tmp_path / "fewer")
    next((fewer / "images").iterdir()).unlink()
    with pytest.raises((ConfigError, DataError)):
        tune_further(fewer, Again(), found.out, where=Where())
    shutil.copytree(runs.data, tmp_path / "moved")
    assert tune_further(tmp_path / "moved", Again(), found.out, where=Where()).trials == found.trials


def test_a_study_file_that_is_damaged_is_refused(runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("search: 1\nname: [")
    with pytest.raises(ConfigError, match=r"study\.yaml' is damaged"):
        tune_further(runs.data, Again(), tmp_path, where=Where())


def test_an_end_that_the_network_alone_refuses_is_said_before_training(runs: Runs, tmp_path: Path) -> None:
    recipe = load_recipe("se-unet-frem")
    config = override(recipe.settings, [*SETTINGS, "data.split=null"])
    with pytest.raises(
        ConfigError,
        match=r"holds `model.enhancement.maps` = 512\. .* has 8 maps\. Set it to 1 to 8\. --space FILE narrows",
    ):
        tune(runs.data, Asked(config, (), recipe.space, 3), tmp_path / "study", where=Where())
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize("width", [10**6, 10**9, 10**20])
def test_an_end_that_fits_no_memory_is_a_sentence_or_left_to_its_trials(
    width: int, runs: Runs, trained: Callable[[Train], None], tmp_path: Path
) -> None:
    """Weights of a million maps take 10**15 bytes; those of more cannot be counted."""
    trained(reached)
    space = {"model.width": {"low": 2, "high": width}, **asked().space}
    wanted = replace(asked(1), space=space)
    if width == 10**6:
        assert tune(runs.data, wanted, tmp_path / "study", where=Where()).count("complete") == 1
        return
    with pytest.raises(
        ConfigError, match=rf"holds `model\.width` = {width}\. No memory holds that network\. --space FILE"
    ):
        tune(runs.data, wanted, tmp_path / "study", where=Where())


def test_all_trainings_share_their_parts_those_of_other_seeds_after_the_search_too(
    runs: Runs, trained: Callable[[Train], None], tmp_path: Path
) -> None:
    legs: list[Leg] = []

    def train(leg: Leg) -> LegDone:
        legs.append(leg)
        return reached(leg)

    trained(train)
    tune(
        runs.data, replace(asked(1), config=configured(asked().config, {"seed": 3})), tmp_path / "study", where=Where()
    )
    best = config_from_dict(read_config(tmp_path / "study" / "best.yaml"))
    assert (best.seed, best.data.seed) == (3, 3)
    configs = [
        config_from_dict(legs[0].config),
        configured(best, {"seed": 7}),
        configured(best, {"seed": 7, "data.seed": 7}),
    ]
    parts = [data_hash(found.survey, found.split) for found in (prepare(runs.data, each, silent) for each in configs)]
    assert parts[0] == parts[1] != parts[2]


def test_each_training_knows_what_other_trainings_have_otherwise(
    runs: Runs, trained: Callable[[Train], None], tmp_path: Path
) -> None:
    own: list[tuple[str, ...]] = []

    def train(leg: Leg) -> LegDone:
        own.append(leg.own)
        return reached(leg)

    trained(train)
    tune(
        runs.data,
        replace(asked(1), config=configured(asked().config, {"data.folds": 2})),
        tmp_path / "study",
        where=Where(),
    )
    assert own == [("optimizer.learning_rate", "seed", "data.fold")] * 2


def test_a_copied_run_is_not_taken_for_that_of_another_trial(runs: Runs, tmp_path: Path) -> None:
    out = tmp_path / "study"
    assert runs.wait(runs.start(*command(runs, out, trials=1, pruner="none"))).code == 0
    shutil.copytree(out / "trials" / "0000", out / "trials" / "0001")
    ended = runs.wait(runs.start("tune", runs.data, "--out", out, "--resume", "--trials", "2"))
    assert ended.code == 5, ended.said
    assert "holds a training of another trial 1: `optimizer.learning_rate` is " in ended.said
    assert [row["state"] for row in rows(out)] == ["complete", "running"]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "a\nb",
        lambda text: text.replace(",complete,", ";complete,"),
        lambda text: text.replace(",complete,", ",complete,,,"),
        lambda text: text[: text.rindex(",complete,")],
    ],
    ids=["another table", "a cell too few", "an empty cell", "cut"],
)
def test_a_table_that_is_damaged_is_a_sentence_and_written_anew(
    change: Callable[[str], str], runs: Runs, trained: Callable[[Train], None], tmp_path: Path
) -> None:
    trained(reached)
    found = tune(runs.data, asked(2), tmp_path / "study", where=Where())
    table = found.out / "trials.csv"
    good = table.read_text()
    table.write_text(change(good))
    with pytest.raises(
        ConfigError, match=r"trials\.csv' is damaged\. `utome tune .* --resume` goes on with the search"
    ):
        search_status(found.out)
    tune_further(runs.data, Again(), found.out, where=Where())
    assert table.read_text() == good
    assert search_status(found.out).best_val_mean_iou == found.best.value


def test_folds_are_repetitions_whose_mean_counts(runs: Runs, trained: Callable[[Train], None], tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []

    def train(leg: Leg) -> LegDone:
        seen.append((leg.config["seed"], leg.config["data"]["fold"], leg.run.name))
        return reached(leg)

    trained(train)
    config = override(load_recipe("unet").settings, [*SETTINGS, "data.folds=3"])
    found = tune(runs.data, Asked(config, (), load_recipe("unet").space, 1), tmp_path / "study", where=Where())
    assert seen == [(0, fold, f"seed-0-fold-{fold}") for fold in range(3)]
    assert found.best.rungs[-1].values == (found.best.value,) * 3
