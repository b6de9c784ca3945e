import json
from dataclasses import replace

from tests.outcomes import MAIN, finished_outcome, small_outcome
from utome.studies.outcome import from_json


def test_an_outcome_comes_back_from_json_as_it_was() -> None:
    outcome = small_outcome()
    text = json.dumps(outcome.as_json(), allow_nan=False)
    assert from_json(json.loads(text)) == outcome


def test_failed_and_missing_runs_are_told_apart() -> None:
    outcome = small_outcome()
    assert [(run.arm, run.seed) for run in outcome.failed] == [("wide", 1)]
    assert [(run.arm, run.seed) for run in outcome.missing] == [("otsu", 1)]
    assert not outcome.done
    assert finished_outcome().done


def test_fewer_than_thirty_epochs_are_smoke() -> None:
    outcome = small_outcome()
    short = replace(outcome, arms=(replace(outcome.arms[0], epochs=29), *outcome.arms[1:]))
    assert not outcome.smoke
    assert short.smoke
    assert (outcome.as_json()["smoke"], short.as_json()["smoke"]) == (False, True)
    assert (outcome.as_json()["done"], finished_outcome().as_json()["done"]) == (False, True)


def test_fewer_than_three_hundred_steps_are_smoke_however_many_epochs() -> None:
    outcome = small_outcome()
    made = [replace(outcome, arms=(replace(outcome.arms[0], steps=steps), *outcome.arms[1:])) for steps in (299, 300)]
    assert [each.smoke for each in made] == [True, False]


def test_scores_and_differences_are_found_by_their_names() -> None:
    outcome = small_outcome()
    found = outcome.against_baseline("held-out", "wide", "best", MAIN)
    score = outcome.score("held-out", "wide", "best", MAIN)
    assert found is not None
    assert score is not None
    assert (found.difference, score.value) == (0.03, 0.74)
    assert outcome.against_baseline("held-out", "otsu", "best", MAIN) is None
    assert outcome.against_first_variant("held-out", "wide", "views", MAIN) is None


def test_the_cost_of_an_arm_is_the_median_of_its_runs() -> None:
    cost = small_outcome().cost("plain", "held-out")
    assert cost is not None
    assert (cost.best_epoch, cost.seconds, cost.stopped_early) == (32, 61.5, False)
    assert small_outcome().cost("otsu", "held-out") is None
