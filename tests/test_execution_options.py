"""--workers and --cluster, as every command that fans out has them."""

import subprocess
import sys

import pytest

from utome.cli.options import chosen_workers
from utome.errors import ConfigError
from utome.execution import Workers, threads_of_each


def test_workers_share_the_processors_unless_threads_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert chosen_workers(3, None) == Workers(3, threads=2)
    assert chosen_workers(30, None) == Workers(30, threads=1)
    assert chosen_workers(3, None, threads=5) == Workers(3, threads=5)
    assert chosen_workers(None, None) == Workers(1, threads=8)


@pytest.mark.parametrize(("said", "threads"), [("3", 3), ("", 4), ("0", 4), ("many", 4)])
def test_the_environment_may_say_the_threads(said: str, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert threads_of_each(2) == threads


def test_where_the_system_cannot_say_which_processors_are_ours_all_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 6)
    assert threads_of_each(2) == 3


def test_a_cluster_has_workers_of_its_own() -> None:
    assert chosen_workers(None, "tcp://host:8786") == Workers(cluster="tcp://host:8786")
    assert chosen_workers(None, "tcp://host:8786", threads=4) == Workers(threads=4, cluster="tcp://host:8786")
    with pytest.raises(ConfigError, match="Give one of the two"):
        chosen_workers(2, "tcp://host:8786")


@pytest.mark.parametrize("count", [0, -3])
def test_fewer_than_one_worker_is_refused_with_what_is_accepted(count: int) -> None:
    with pytest.raises(ConfigError, match=f"--workers is {count}; accepted are 1"):
        chosen_workers(count, None)


def test_neither_the_commands_nor_the_local_executor_load_what_takes_long() -> None:
    program = (
        "import sys, utome.cli.app, utome.execution.local; "
        "print(sorted({'torch', 'numpy', 'distributed', 'dask', 'optuna', 'pydantic', 'yaml'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")
