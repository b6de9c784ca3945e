"""One task on many items, in this process and in spawned ones."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import executed
from utome.errors import DataError, InterruptedRunError, MachineError, TerminatedRunError
from utome.execution import Done, Workers, fanned

HERE, TWO = Workers(), Workers(2)


def ends(task: Callable[[Any], Any], items: list[Any], workers: Workers) -> list[Done[Any, Any]]:
    with fanned(task, workers) as fan:
        for item in items:
            fan.add(item)
        return list(fan)


@pytest.mark.parametrize("workers", [HERE, TWO], ids=["here", "two"])
def test_every_item_ends_once_with_its_result(workers: Workers) -> None:
    done = ends(executed.doubled, list(range(7)), workers)
    assert sorted((each.item, each.result, each.error) for each in done) == [
        (item, 2 * item, None) for item in range(7)
    ]


def test_in_this_process_items_run_in_their_order_and_each_only_when_it_is_asked_for() -> None:
    begun: list[int] = []
    with fanned(begun.append, HERE) as fan:
        fan.add(1)
        fan.add(2)
        assert begun == []
        ended = iter(fan)
        assert next(ended).item == 1
        assert begun == [1]
        fan.add(3)
        assert [done.item for done in ended] == [2, 3]
    assert begun == [1, 2, 3]


def test_items_come_back_in_the_order_in_which_they_end_and_more_can_be_added_meanwhile(tmp_path: Path) -> None:
    pipes = [tmp_path / name for name in "abc"]
    for pipe in pipes:
        os.mkfifo(pipe)
    a, b, c = pipes
    with fanned(executed.read, TWO) as fan:
        fan.add(a)
        fan.add(b)
        ended = iter(fan)
        b.write_text("second")
        assert next(ended) == Done(b, "second", None)
        fan.add(c)
        c.write_text("third")
        assert next(ended) == Done(c, "third", None)
        a.write_text("first")
        assert list(ended) == [Done(a, "first", None)]
        fan.add(c)
        c.write_text("again")
        assert [done.result for done in fan] == ["again"]


@pytest.mark.parametrize("workers", [HERE, TWO], ids=["here", "two"])
def test_an_item_that_raises_ends_with_its_error_and_harms_no_other(workers: Workers) -> None:
    done = {each.item: each for each in ends(executed.choosy, [0, 1, 2, 3, 5], workers)}
    assert [done[item].result for item in (0, 5)] == [0, 5]
    assert isinstance(done[1].error, DataError)
    assert str(done[1].error) == "One is no image."
    assert isinstance(done[2].error, ValueError)
    assert "three!" in str(done[3].error)


def test_an_error_from_a_worker_says_where_it_arose_unless_it_is_a_users() -> None:
    done = {each.item: each.error for each in ends(executed.choosy, [1, 2, 3], TWO)}
    assert not hasattr(done[1], "__notes__")
    for item in (2, 3):
        (note,) = done[item].__notes__  # type: ignore[union-attr]
        assert "executed.py" in note
    assert "StubbornError: three!" in str(done[3])


def test_a_task_that_leaves_or_returns_what_cannot_travel_is_an_error_of_its_item() -> None:
    (done,) = ends(executed.choosy, [4], TWO)
    assert "SystemExit: four" in str(done.error)
    (done,) = ends(executed.unportable, [0], TWO)
    assert isinstance(done.error, AttributeError | pickle.PicklingError | TypeError)


def test_workers_say_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    assert [done.result for done in ends(executed.loud, [1], TWO)] == [1]
    assert capfd.readouterr() == ("", "")


def test_a_worker_computes_with_as_many_threads_as_it_was_given() -> None:
    (done,) = ends(executed.threads, [0], Workers(2, threads=2))
    assert done.result == ("2", 2)


def test_the_item_of_a_worker_that_is_killed_begins_again(tmp_path: Path) -> None:
    marks = [tmp_path / name for name in ("a.0", "b.1", "c.0", "d.2", "e.0")]
    done = {each.item: each for each in ends(executed.deadly, marks, TWO)}
    assert {mark.name: done[mark].result for mark in marks} == {"a.0": 1, "b.1": 2, "c.0": 1, "d.2": 3, "e.0": 1}


def test_an_item_that_kills_three_workers_is_given_up_and_no_other_is_harmed(tmp_path: Path) -> None:
    marks = [tmp_path / name for name in ("a.9", "b.0", "c.0", "d.0")]
    done = {each.item: each for each in ends(executed.deadly, marks, TWO)}
    assert [done[mark].result for mark in marks] == [None, 1, 1, 1]
    error = done[marks[0]].error
    assert isinstance(error, MachineError)
    assert "ended 3 times" in str(error)
    assert "killed by SIGKILL" in str(error)
    assert "--workers" in str(error)
    assert len(marks[0].read_text().splitlines()) == 3


@pytest.mark.parametrize("error", [InterruptedRunError("Ctrl-C"), TerminatedRunError("SIGTERM"), KeyboardInterrupt()])
def test_what_ends_a_run_in_this_process_ends_the_fan(error: BaseException) -> None:
    def task(item: int) -> None:
        if item == 2:
            raise error

    seen = []

    def iterate() -> None:
        with fanned(task, HERE) as fan:
            for item in (1, 2, 3):
                fan.add(item)
            for done in fan:
                seen.append(done.item)  # noqa: PERF401 - the end comes in the midst

    with pytest.raises(type(error)):
        iterate()
    assert seen == [1]
