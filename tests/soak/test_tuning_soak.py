"""A hundred kills of searches, at random times, in one process and with workers; `make soak` runs them."""

from pathlib import Path

import pytest

from tests.faulty_runs import Runs
from tests.searches import assert_same_search, command, further, kept, search
from utome.randomness import generator

pytestmark = pytest.mark.soak

KILLS, KILLS_WITH_WORKERS = 80, 20


def is_done(out: Path) -> bool:
    status = out / "status.json"
    return status.exists() and '"done"' in status.read_text()


@pytest.mark.parametrize("pruner", ["none", "halving"])
def test_a_search_that_is_killed_again_and_again_is_the_one_that_was_not(
    pruner: str, runs: Runs, tmp_path: Path
) -> None:
    (tmp_path / "whole").mkdir()
    whole = tmp_path / "whole" / "study"
    assert search(runs, whole, pruner=pruner).code == 0
    draws, killed, number = generator(9, "soak", pruner), 0, 0
    while killed < KILLS // 2:
        out, number = tmp_path / f"{number}" / "study", number + 1
        out.parent.mkdir()
        while not is_done(out):
            begun = (out / "study.yaml").exists()
            start = ["tune", runs.data, "--out", out, "--resume"] if begun else command(runs, out, pruner=pruner)
            ended = runs.wait(runs.start(*start), kill_after=draws.uniform(0.3, 3.0))
            assert ended.code in {0, -9}, ended.said
            killed += ended.code == -9 and (out / "trials").exists()  # of those before a trial began there are enough
        assert_same_search(out, whole)


def test_a_search_with_workers_that_is_killed_loses_no_trial(runs: Runs, tmp_path: Path) -> None:
    draws, killed, number = generator(9, "soak", "workers"), 0, 0
    while killed < KILLS_WITH_WORKERS:
        out, number = tmp_path / f"{number}" / "study", number + 1
        out.parent.mkdir()
        pid = runs.start(*command(runs, out, "--workers", "2"))
        ended = runs.wait(pid, kill_after=draws.uniform(8.0, 40.0))
        assert ended.code in {0, -9}, ended.said
        if ended.code == 0 or not (out / "trials").exists():
            continue
        killed += 1
        before = kept(out)
        finished = further(runs, out, "--workers", "2")
        assert finished.code == 0, finished.said
        for earlier, now in zip(before, kept(out), strict=False):
            assert earlier[1] == now[1]
            assert earlier[0] == "running" or earlier == now
        assert all(state != "running" for state, *_ in kept(out))
