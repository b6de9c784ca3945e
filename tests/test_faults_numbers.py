"""Numbers that are no longer finite: never saved, at most three returns, and then what went wrong is named."""

import json
import re
from pathlib import Path

import pytest
import torch

from tests.faulty_runs import EACH_STEP, Runs, assert_same_end, assert_same_state, at_step, newest
from utome.training.faults import first_module

ALWAYS = list(range(1, 200))
# Batch normalisation, whose statistics may go wrong without the loss.
NORM = "model.norm=batch"


def poisoned(place: str, steps: list[int]) -> dict[str, object]:
    """At these steps of the process a number is not finite."""
    return {"kind": "poison", "place": place, "steps": steps}


def all_finite(run: Path) -> bool:
    """Whether every number of every state that lies there is finite."""
    return all(bool(torch.isfinite(tensor).all()) for tensor in newest(run).tensors.values())


@pytest.mark.parametrize("place", ["loss", "gradient", "weight"])
def test_once_wrong_it_goes_back_and_comes_to_an_end(place: str, runs: Runs, tmp_path: Path) -> None:
    ended = runs.train(tmp_path / "run", NORM, EACH_STEP, faults=[poisoned(place, [6])])
    assert ended.code == 0, ended.said
    assert ended.said.count("Going back to the end of epoch 1 and on at 0.5 of the learning rate.") == 1
    state = newest(tmp_path / "run").state
    assert (state["returns"], len(state["history"])) == (1, 4)
    assert state["history"][1]["learning_rate"] == pytest.approx(state["history"][0]["learning_rate"] / 2, rel=0.5)
    assert all_finite(tmp_path / "run")


NAMED = {
    "loss": r"The loss terms cross_entropy \(nan\) and dice \(nan\) are no longer finite",
    "gradient": r"The gradient of `",
    "weight": r"running_var` are no longer finite",
}


@pytest.mark.parametrize("place", NAMED)
def test_wrong_again_after_three_returns_it_ends_with_6_and_names_the_cause(
    place: str, runs: Runs, tmp_path: Path
) -> None:
    ended = runs.train(tmp_path / "run", NORM, faults=[poisoned(place, ALWAYS[5:])])
    assert ended.code == 6, ended.said
    assert ended.said.count("Going back to the end of epoch 1") == 3
    last = ended.said.splitlines()[-1]
    assert re.search(NAMED[place], last), last
    assert "3 times, each time with 0.5 of the learning rate" in last
    if place != "weight":
        assert re.search(r"at step \d of epoch 2, on '\d'", last), last
    if place == "loss":
        assert "the first such output is that of `" in last
    assert json.loads((tmp_path / "run" / "status.json").read_text())["status"] == "failed"
    assert all_finite(tmp_path / "run")
    assert len(newest(tmp_path / "run").state["history"]) == 1
    assert (tmp_path / "run" / "model" / "model.safetensors").is_file(), "the best of what was good is kept"


def test_a_validation_that_goes_wrong_names_the_image_the_loss_term_and_the_module(runs: Runs, tmp_path: Path) -> None:
    ended = runs.train(tmp_path / "run", NORM, faults=[poisoned("validation", ALWAYS[1:])])
    assert ended.code == 6, ended.said
    assert ended.said.count("Going back to the end of epoch 1") == 3
    last = ended.said.splitlines()[-1]
    assert re.search(rf"{NAMED['loss']} \(the first such output is that of `encoder.blocks.0.1`\)", last), last
    assert re.search(r" on the validation image '\d' after epoch 2\. Training went back", last), last
    assert len(newest(tmp_path / "run").state["history"]) == 1


def test_after_a_return_a_killed_run_ends_as_one_that_was_not(runs: Runs, tmp_path: Path) -> None:
    faults = [poisoned("loss", [6])]
    assert runs.train(tmp_path / "whole", faults=faults).code == 0
    # Steps 1 to 6, then the second epoch again (7 to 10), and one of the third.
    assert runs.train(tmp_path / "run", faults=[*faults, at_step(11)]).code == -9
    runs.finish(tmp_path / "run")
    assert_same_end(tmp_path / "run", tmp_path / "whole")
    assert newest(tmp_path / "run").state["returns"] == 1


def test_a_return_before_the_first_epoch_is_done_begins_anew(runs: Runs, tmp_path: Path) -> None:
    ended = runs.train(tmp_path / "run", faults=[poisoned("loss", [3])])
    assert (ended.code, "Going back to the end of epoch 0" in ended.said) == (0, True), ended.said


def test_no_state_is_saved_that_is_not_finite(runs: Runs, tmp_path: Path) -> None:
    runs.train(tmp_path / "good", NORM, EACH_STEP, faults=[at_step(4)])
    runs.train(tmp_path / "run", NORM, EACH_STEP, faults=[poisoned("weight", [5]), at_step(5)])
    assert_same_state(newest(tmp_path / "run"), newest(tmp_path / "good"))


class Overflowing(torch.nn.Module):
    """Finite inside, and not finite as a whole."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = torch.nn.Identity()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.inner(image) * float("inf")


class Holding(torch.nn.Module):
    """A network of three parts, of which the middle one overflows in its own arithmetic."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.middle, self.last = torch.nn.Identity(), Overflowing(), torch.nn.Identity()

    def supervised(self, image: torch.Tensor) -> torch.Tensor:
        return self.last(self.middle(self.first(image)))


def test_the_module_that_is_named_is_the_one_that_went_wrong_and_not_the_one_after() -> None:
    assert first_module(Holding(), torch.ones(1)) == "middle"
