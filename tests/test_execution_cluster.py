"""One task on many items, on a Dask cluster of this machine: a scheduler and two workers, started as a user starts them."""

import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from distributed import Client

from tests import executed
from tests.conftest import ROOT
from utome.errors import ConfigError, DataError, MachineError, TerminatedRunError
from utome.execution import Done, Workers, cluster, connecting, fanned
from utome.execution.parcels import opened, packed
from utome.execution.work import Answered, Work

SECONDS = 60
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
    # Give up an item whose worker has died twice; each new worker takes seconds to start.
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
}


@contextmanager
def dask(folder: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """One of Dask's own commands until the block ends."""
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *command, "--no-dashboard"],
            cwd=folder,
            env=ENVIRONMENT,
            stdout=log,
            stderr=log,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(SECONDS)


@contextmanager
def scheduler(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A scheduler, its address and its process."""
    port = str(free_port())
    with dask(folder, "scheduler", "--host", "127.0.0.1", "--port", port) as process:
        yield f"tcp://127.0.0.1:{port}", process


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("cluster")
    with scheduler(folder) as (found, _):
        worker = ("worker", found, "--nthreads", "1", "--local-directory", str(folder))
        with dask(folder, *worker), dask(folder, *worker):
            with Client(found, set_as_default=False, timeout=SECONDS) as client:
                client.wait_for_workers(2, timeout=SECONDS)
            yield found


def ends(task: Callable[[Any], Any], items: list[Any], workers: Workers) -> dict[Any, Done[Any, Any]]:
    with fanned(task, workers) as fan:
        for item in items:
            fan.add(item)
        return {done.item: done for done in fan}


def test_results_are_those_of_one_process(address: str) -> None:
    items = list(range(9))
    assert ends(executed.doubled, items, Workers(cluster=address)) == ends(executed.doubled, items, Workers())


def test_items_come_back_in_the_order_in_which_they_end_and_more_can_be_added_meanwhile(
    address: str, tmp_path: Path
) -> None:
    a, b, c = (tmp_path / name for name in "abc")
    for pipe in (a, b, c):
        os.mkfifo(pipe)
    with fanned(executed.read, Workers(cluster=address)) as fan:
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


def test_a_thread_of_a_worker_has_one_item_at_a_time(address: str) -> None:
    with cluster.cluster_workers(executed.doubled, address, 1) as crew:
        begun = 0
        while crew.has_room():
            crew.begin(Work(begun))
            begun += 1
        ends = [crew.ended() for _ in range(begun)]
        assert all(end is not None for end in ends)
        assert crew.has_room()
    assert begun == 2


def test_an_item_that_raises_ends_with_its_error_and_harms_no_other(address: str) -> None:
    done = ends(executed.choosy, [0, 1, 2, 3, 4, 5], Workers(cluster=address))
    assert [done[item].result for item in (0, 5)] == [0, 5]
    assert isinstance(done[1].error, DataError)
    assert isinstance(done[2].error, ValueError)
    assert "three!" in str(done[3].error)
    assert "SystemExit: four" in str(done[4].error)


@pytest.mark.parametrize("threads", [2, 1])
def test_a_worker_computes_with_as_many_threads_as_it_was_given(threads: int, address: str) -> None:
    done = ends(executed.threads, [0, 1, 2], Workers(threads=threads, cluster=address))
    assert {each.result for each in done.values()} == {(str(threads), threads)}


def test_the_item_of_a_worker_that_is_killed_begins_again(address: str, tmp_path: Path) -> None:
    marks = [tmp_path / name for name in ("a.0", "b.1", "c.0", "d.0")]
    done = ends(executed.deadly, marks, Workers(cluster=address))
    assert [done[mark].result for mark in marks] == [1, 2, 1, 1]


def test_an_item_that_kills_one_worker_after_another_is_given_up(address: str, tmp_path: Path) -> None:
    mark = tmp_path / "a.9"
    error = ends(executed.deadly, [mark], Workers(cluster=address))[mark].error
    assert isinstance(error, MachineError)
    assert "ended 2 times" in str(error)
    assert "--memory-limit" in str(error)


def test_a_signal_ends_the_fan_and_says_what_the_cluster_does(address: str) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def be_told() -> None:
        with fanned(executed.doubled, Workers(cluster=address)) as fan:
            os.kill(os.getpid(), signal.SIGTERM)
            fan.add(1)
            list(fan)

    with pytest.raises(TerminatedRunError, match="goes on there to its end"):
        be_told()
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_scheduler_that_ends_ends_the_fan_with_a_sentence(tmp_path: Path) -> None:
    def lose() -> None:
        with scheduler(tmp_path) as (address, process):
            with Client(address, set_as_default=False, timeout=SECONDS):
                pass
            with fanned(executed.doubled, Workers(cluster=address)) as fan:
                fan.add(1)
                process.kill()
                list(fan)

    with pytest.raises(MachineError, match="scheduler has ended"):
        lose()


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:{free}", "127.0.0.1", "", "http://127.0.0.1:{web}", "127.0.0.1:{web}"]
)
def test_an_address_where_no_scheduler_answers_is_refused_with_a_sentence(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "PATIENCE", 0.5)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as web:
        server = threading.Thread(target=web.serve_forever)
        server.start()
        try:
            given = address.format(free=free_port(), web=web.server_port)
            with pytest.raises(MachineError, match="No Dask scheduler answers at") as caught:
                ends(executed.doubled, [1], Workers(cluster=given))
        finally:
            web.shutdown()
            server.join()
    assert f"'{given}'" in str(caught.value)


def test_without_its_package_a_cluster_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("utome.execution.cluster", "utome.execution.connecting"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match=r"pip install \"utome\[cluster\]\""):
        ends(executed.doubled, [1], Workers(cluster="tcp://127.0.0.1:8786"))


def test_items_in_threads_of_one_process_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "set_threads", lambda _: None)
    parcel, met = packed(executed.met, 0), []
    threads = [threading.Thread(target=lambda: met.append(opened(cluster._in_turn(parcel, 1)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert met == [Answered(result=False)] * 2
