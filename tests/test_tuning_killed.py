"""A search that is killed, wherever, ends as the one that was not: the same suggestions, the same values, the same choice."""

import json
import shutil
from pathlib import Path

import pytest

from tests.faulty_runs import Runs, at_call, at_file
from tests.searches import TRIALS, assert_same_search, further, kept, search
from utome.randomness import generator

RANDOM_TIMES = 3
# What is under way when the search is killed: before this call of this function.
MOMENTS = {
    "before the storage is there": ("utome.tuning.ledger:Ledger.open", 1),
    "making the storage": ("optuna.storages._rdb.storage:RDBStorage.create_new_study", 1),
    "asking": ("utome.jobs.searching:suggest", 3),
    "adding a trial": ("optuna.study.study:Study.add_trial", 2),
    "in a training": ("utome.training.loop:_step", 11),
    "a run is ready": ("utome.training.runfolder:RunFolder.set_status", 4),
    "writing down a report": ("optuna.trial._trial:Trial.set_user_attr", 3),
    "telling Optuna of it": ("optuna.trial._trial:Trial.report", 4),
    "ending a trial": ("optuna.study.study:Study.tell", 2),
    "writing the table": ("utome.tuning.folder:StudyFolder.write_table", 9),
    "writing the best": ("utome.tuning.folder:StudyFolder.write_best", 1),
    "looking back": ("utome.jobs.tune:sooner", 1),
}


@pytest.fixture(scope="module")
def whole(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The search that nothing happened to."""
    out = tmp_path_factory.mktemp("whole search") / "study"
    ended = search(runs, out)
    assert ended.code == 0, ended.said
    return out


def test_a_search_ends_some_trials_early_and_some_not(whole: Path) -> None:
    states = [state for state, *_ in kept(whole)]
    assert len(states) == TRIALS
    assert set(states) == {"complete", "pruned"}


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment(moment: str, runs: Runs, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "study"
    killed = search(runs, out, faults=[at_call(*MOMENTS[moment])])
    assert killed.code == -9, killed.said
    before = kept(out) if (out / "trials").exists() else []
    ended = further(runs, out)
    assert ended.code == 0, ended.said
    assert_same_search(out, whole)
    for earlier, now in zip(before, kept(out), strict=False):
        assert earlier[1] == now[1], "a trial keeps its values"
        if earlier[0] != "running":
            assert earlier == now


def test_killed_before_anything_is_written_it_can_begin_again(runs: Runs, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "study"
    assert search(runs, out, faults=[at_call("utome.tuning.folder:StudyFolder.write_search")]).code == -9
    refused = further(runs, out)
    assert (refused.code, "holds no search to go on with" in refused.said) == (2, True), refused.said
    ended = search(runs, out)
    assert ended.code == 0, ended.said
    assert_same_search(out, whole)


def test_killed_again_and_again_at_random_operations_on_files(runs: Runs, whole: Path, tmp_path: Path) -> None:
    """Times of a clock would tell of how busy the machine is."""
    draws, out = generator(9, "random operations"), tmp_path / "study"
    for number in range(RANDOM_TIMES):
        fault = at_file(int(draws.integers(30, 90)))
        ended = further(runs, out, faults=[fault]) if number else search(runs, out, faults=[fault])
        assert ended.code == -9, (number, ended.said)
        assert kept(out), "a trial had begun"
    ended = further(runs, out)
    assert ended.code == 0, ended.said
    assert_same_search(out, whole)


def test_going_on_after_the_end_trains_nothing_and_further_goes_further(
    runs: Runs, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "study"
    shutil.copytree(whole, out)
    assert further(runs, out, faults=[at_call("utome.training.loop:_step")]).code == 0
    assert_same_search(out, whole)
    ended = further(runs, out, "--trials", str(TRIALS + 1))
    assert ended.code == 0, ended.said
    assert kept(out)[:TRIALS] == kept(whole)
    assert len(kept(out)) == TRIALS + 1


def test_with_workers_killed_finished_trials_stay_and_those_under_way_go_on(runs: Runs, tmp_path: Path) -> None:
    out = tmp_path / "study"
    options = ("--workers", "2")
    moment = at_call("utome.tuning.folder:StudyFolder.write_table", 7)
    assert search(runs, out, *options, faults=[moment], pruner="none", trials=4).code == -9
    before = kept(out)
    assert {"complete", "running"} <= {state for state, *_ in before}
    ended = further(runs, out, *options)
    assert ended.code == 0, ended.said
    after = kept(out)
    assert [state for state, *_ in after] == ["complete"] * 4
    assert [params for _, params, *_ in after[: len(before)]] == [params for _, params, *_ in before]
    for earlier, now in zip(before, after, strict=False):
        if earlier[0] == "complete":
            assert earlier == now
    assert json.loads((out / "status.json").read_text())["status"] == "done"
