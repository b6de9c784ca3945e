"""A search on a Dask cluster of this machine, one of whose workers is killed: the trials of the search that ran here."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client

from tests.faulty_runs import Runs
from tests.searches import asked
from tests.test_execution_cluster import SECONDS, dask, scheduler
from utome.events import Event, TrialBegun
from utome.execution import Workers
from utome.jobs.tune import Where, tune

pytestmark = pytest.mark.usefixtures("one_thread")
TRIALS = 2
# At the scheduler, until the training is seen there that was just sent.
LOOKS = 1000


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a scheduler with two workers, which are started again when they are killed."""
    folder = tmp_path_factory.mktemp("cluster")
    with scheduler(folder) as (address, _):
        worker = ("worker", address, "--nworkers", "2", "--nthreads", "1", "--local-directory", str(folder))
        with dask(folder, *worker), Client(address, set_as_default=False, timeout=SECONDS) as client:
            client.wait_for_workers(2, timeout=SECONDS)
            yield client


@pytest.mark.skipif(sys.platform == "win32", reason="the system knows no such signals")
def test_on_a_cluster_one_of_whose_workers_is_killed_the_trials_are_those_of_one_process(
    runs: Runs, cluster: Client, tmp_path: Path
) -> None:
    here = tune(runs.data, asked(TRIALS), tmp_path / "here", where=Where())
    killed: list[str] = []

    def kill_at_the_second_trial(event: Event) -> None:
        """The worker on which the first trial is under way."""
        if isinstance(event, TrialBegun) and event.trial == 1:
            processes = cluster.run(os.getpid)
            busy = (worker for _ in range(LOOKS) for worker, tasks in cluster.processing().items() if tasks)
            killed.append(next(busy))
            os.kill(processes[killed[0]], signal.SIGKILL)

    where = Where(Workers(cluster=cluster.scheduler_info()["address"]))
    there = tune(runs.data, asked(TRIALS), tmp_path / "there", where=where, listen=kill_at_the_second_trial)
    assert killed
    assert [(trial.state, trial.params, trial.value) for trial in there.trials] == [
        (trial.state, trial.params, trial.value) for trial in here.trials
    ]
