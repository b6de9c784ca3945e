"""Suggestions and decisions are functions of what came before: they can be made again, and asked about a search that is over."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.test_tuning_space import RATE, asked
from utome.randomness import generator
from utome.tuning.folder import StudyFolder
from utome.tuning.importance import importances
from utome.tuning.pruning import Judge
from utome.tuning.sampling import suggest
from utome.tuning.savings import Sooner, curves_of, replay, sooner
from utome.tuning.space import Choices, Params, Range, Space
from utome.tuning.trial import Pruner, Rung, Trial, best_of, first_rung, stages

SPACE: Space = {"a": Range(1, 512), "b": Range(1.0, 1000.0, step=1.0), "c": Choices(("x", "y"))}
EPOCHS = 54


def curve(params: Params, repetition: int = 0, *, epochs: int = EPOCHS) -> list[float]:
    """A score that rises, to a height that depends on where `a` and `b` are, with a little luck."""
    luck = generator(9, str(sorted(params.items())), repetition).normal(size=epochs) * 0.002
    height = 0.8 - abs(float(params["a"] or 0) - 100) / 1000 - abs(float(params["b"] or 0) - 300) / 4000
    rising = height * (1 - np.exp(-np.arange(1, epochs + 1) / 6)) + luck
    return [float(each) for each in np.maximum.accumulate(rising)]


def searched(pruner: Pruner, count: int, *, repetitions: int = 1, stop_at: int | None = None) -> list[Trial]:
    """A search for the best height; with `stop_at` the process ends after so many reports, and another goes on."""
    trials: list[Trial] = []
    judge, order = Judge(pruner, EPOCHS, 0), 0
    parts = stages(pruner, EPOCHS, repetitions)
    for number in range(count):
        trial = Trial(number, suggest(SPACE, trials, 0))
        for stage in parts:
            if order == stop_at:
                judge = Judge(pruner, EPOCHS, 0)
                judge.hear([*trials, trial])
            rung = reported(trial, stage.until, stage.step, max(stage.repetitions) + 1, order)
            order += 1
            ends = judge.ends(number, rung) and stage is not parts[-1]
            trial = trial.at(replace(rung, ended=ends))
            if ends:
                break
        trial = replace(trial, state="pruned" if trial.rungs[-1].ended else "complete")
        judge.ended(trial)
        trials.append(trial)
    return trials


def reported(trial: Trial, until: int, step: int, repetitions: int, order: int) -> Rung:
    values = tuple(curve(trial.params, each)[until - 1] for each in range(repetitions))
    return Rung(step, sum(values) / len(values), values, until * repetitions, order, ended=False)


def test_the_estimator_finds_the_neighbourhood_of_the_best() -> None:
    best = best_of(searched("none", 40))
    assert best is not None
    assert best.value is not None
    assert best.value > 0.75
    assert abs(float(best.params["a"] or 0) - 100) < 60


def test_suggestions_lie_in_the_space_and_on_its_steps() -> None:
    for trial in searched("none", 15):
        assert 1 <= int(trial.params["a"] or 0) <= 512
        assert float(trial.params["b"] or 0) == int(float(trial.params["b"] or 0))
        assert trial.params["c"] in {"x", "y"}


@pytest.mark.parametrize(("busy", "free"), [(0.25, 0.75), (0.75, 0.25)])
def test_of_two_equal_peaks_that_is_suggested_where_nothing_is_under_way(busy: float, free: float) -> None:
    space: Space = {"a": Range(0.0, 1.0)}
    scores = {place: 1 - 4 * min(abs(place - busy), abs(place - free)) for place in np.linspace(0, 1, 20)}
    rungs = [
        Rung(1, score, (score,), 1, number, ended=False) for number, score in enumerate(map(float, scores.values()))
    ]
    known = [
        Trial(rung.order, {"a": float(place)}, "complete", (rung,)) for rung, place in zip(rungs, scores, strict=True)
    ]
    under_way = [Trial(number, {"a": busy}) for number in range(20, 26)]
    suggested = [float(suggest(space, [*known, *under_way], seed)["a"] or 0) for seed in range(20)]
    assert all(abs(place - free) < 0.2 for place in suggested), suggested


def test_a_suggestion_is_a_function_of_seed_and_trials_alone() -> None:
    trials = searched("halving", 14)
    assert suggest(SPACE, trials, 0) == suggest(SPACE, trials, 0)
    assert suggest(SPACE, trials, 0) != suggest(SPACE, trials, 1)
    again = [Trial(each.number, suggest(SPACE, trials[: each.number], 0)).params for each in trials]
    assert again == [each.params for each in trials]


@pytest.mark.parametrize("pruner", ["median", "halving", "hyperband", "wilcoxon"])
def test_decisions_after_a_restart_are_those_without_one(pruner: Pruner) -> None:
    repetitions = 6 if pruner == "wilcoxon" else 2
    whole = searched(pruner, 12, repetitions=repetitions)
    assert {trial.state for trial in whole} == {"complete", "pruned"}
    reports = sum(len(trial.rungs) for trial in whole)
    for stop_at in range(3, reports, 7):
        assert searched(pruner, 12, repetitions=repetitions, stop_at=stop_at) == whole


def test_rungs_are_powers_of_three_before_the_end() -> None:
    assert [stage.until for stage in stages("halving", 54, 1)] == [2, 6, 18, 54]
    assert [stage.until for stage in stages("median", 4, 1)] == [1, 3, 4]
    assert [stage.until for stage in stages("hyperband", 1, 3)] == [1]
    assert [stage.until for stage in stages("none", 54, 3)] == [54]
    assert first_rung(2000) == 74


def test_wilcoxon_compares_seed_by_seed_and_ends_a_worse_trial_after_four() -> None:
    judge, parts = Judge("wilcoxon", 10, 0), stages("wilcoxon", 10, 6)
    assert [stage.repetitions for stage in parts] == [(number,) for number in range(6)]

    def report(trial: int, values: Sequence[float]) -> list[bool]:
        return [
            judge.ends(trial, Rung(number + 1, 0.0, tuple(values[: number + 1]), 0, 0, ended=False))
            for number in range(len(values))
        ]

    assert not any(report(0, [0.7, 0.71, 0.72, 0.73, 0.74, 0.75]))
    judge.ended(Trial(0, {}, "complete", (Rung(6, 0.725, (0.725,), 0, 0, ended=False),)))
    assert report(1, [0.6, 0.62, 0.63, 0.65]) == [False, False, False, True]
    assert not any(report(2, [0.71, 0.72, 0.73, 0.74]))


def full(count: int) -> tuple[list[Trial], dict[int, list[list[float]]]]:
    trials = searched("none", count)
    return trials, {trial.number: [curve(trial.params)] for trial in trials}


def test_what_would_have_been_saved_is_replayed_from_the_histories_of_a_full_search() -> None:
    search = asked(seeds=1)
    search = replace(
        search,
        config=search.config.model_copy(
            update={"training": search.config.training.model_copy(update={"epochs": EPOCHS})}
        ),
    )
    trials, curves = full(20)
    found = {each.pruner: each for each in sooner(search, trials, curves)}
    assert set(found) == {"median", "halving", "hyperband"}, "one seed a trial is nothing for Wilcoxon's test"
    best = best_of(trials)
    assert best is not None
    for each in found.values():
        replayed = replay(each.pruner, search, curves)  # type: ignore[arg-type]
        assert each.of == 20 * EPOCHS
        assert each.epochs == sum(trial.epochs for trial in replayed) < each.of
        assert each.pruned == sum(trial.state == "pruned" for trial in replayed) > 0
        chosen = trials[each.trial]
        assert each.value == chosen.value
        assert each.lost == best.value - each.value >= 0  # type: ignore[operator]
        assert (each.trial == best.number) == (each.lost == 0)
    assert found["halving"].share < found["median"].share


def test_a_search_that_ended_trials_itself_tells_nothing_of_other_rules() -> None:
    trials, curves = full(11)
    assert sooner(asked(seeds=1, pruner="median"), trials, curves) == ()
    assert sooner(asked(seeds=1), trials[:9], curves) == (), "too few to tell"
    assert sooner(asked(seeds=1), trials, {**curves, 2: [[]]})[0].of == 10 * EPOCHS, (
        "a trial whose history is gone is left out"
    )


def test_trials_keep_their_numbers_in_a_replay_where_others_failed() -> None:
    """Hyperband spares trials the first rungs by their numbers."""
    search, (trials, curves) = asked(seeds=1), full(20)
    some = {number: curve for number, curve in curves.items() if number % 3}
    assert [trial.number for trial in replay("hyperband", search, some)] == list(some)
    with_failed = [trial if trial.number in some else Trial(trial.number, trial.params, "failed") for trial in trials]
    found = sooner(search, with_failed, curves)
    assert len(found) == 3
    for each in found:
        assert each.trial in some
        assert each.value == trials[each.trial].value


def test_a_share_is_of_the_epochs_of_the_full_search() -> None:
    assert Sooner("median", 25, 100, 3, 0, 0.7, 0.0).share == 0.25


def test_curves_are_the_best_so_far_of_each_history(tmp_path: Path) -> None:
    search, folder = asked(), StudyFolder(tmp_path)
    for repetition, scores in zip(search.repetitions, (["0.5", "0.4", "0.6"], ["nan", "0.2"]), strict=True):
        run = folder.run(0, repetition)
        run.mkdir(parents=True)
        (run / "history.csv").write_text("\n".join(["val_mean_iou", *scores]))
    curves = curves_of(search, [Trial(0, {}), Trial(1, {})], folder)
    assert curves[0] == [[0.5, 0.5, 0.6], [float("-inf"), 0.2]]
    assert curves[1] == [[], []]


def test_what_matters_has_the_greater_importance() -> None:
    trials = searched("none", 40)
    found = importances(SPACE, trials)
    assert sum(found.values()) == pytest.approx(1)
    assert found["a"] > found["c"]
    assert importances(SPACE, trials[:9]) == {}
    assert importances({RATE: Range(0.1, 1.0)}, trials) == {}


def test_where_trials_fail_fewer_are_tried() -> None:
    """A half of the range fails: of the later trials much less than a half lies there."""
    trials: list[Trial] = []
    for number in range(40):
        params = suggest(SPACE, trials, 0)
        place = float(params["a"] or 0)
        score = 0.5 + 0.001 * place
        rung = Rung(EPOCHS, score, (score,), EPOCHS, number, ended=False)
        trials.append(Trial(number, params, "failed") if place > 256 else Trial(number, params, "complete", (rung,)))
    assert sum(trial.state == "failed" for trial in trials[20:]) <= 12
