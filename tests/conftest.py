"""What several test files share: where the real images lie, a cache of their own, and how many threads small networks get."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import torch

from tests.builders import draw_discs
from tests.faulty_runs import TERM, VARIANTS, Runs, at_step

ROOT = Path(__file__).parents[1]

# How long one example takes says nothing on a machine that does other things, too.
hypothesis.settings.register_profile("utome", deadline=None)
hypothesis.settings.load_profile("utome")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache for the tests alone, in the environment so that processes they start have it too."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UTOME_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def real_images() -> Path:
    """The folder of real data sets, from UTOME_DATA; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("UTOME_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "isbi2012").is_dir():
        pytest.skip(f"the real data sets are not in '{folder}'; set UTOME_DATA to the folder that holds them")
    return folder


@pytest.fixture
def one_thread() -> Iterator[None]:
    """For networks so small that threads only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """Small runs in children of a process that has imported torch already."""
    found = Runs(draw_discs(tmp_path_factory.mktemp("discs"), [f"{number}" for number in range(8)]))
    yield found
    found.close()


@pytest.fixture(scope="session")
def whole_runs(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Of each variant the run that nothing happened to."""
    folder = tmp_path_factory.mktemp("whole")
    for name, settings in VARIANTS.items():
        started = time.perf_counter()
        ended = runs.train(folder / name, *settings)
        assert ended.code == 0, ended.said
        runs.seconds = time.perf_counter() - started
    return {name: folder / name for name in VARIANTS}


@pytest.fixture(scope="session")
def half(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was told to end after its tenth step: two epochs and two steps; tests copy it."""
    run = tmp_path_factory.mktemp("half") / "run"
    ended = runs.train(run, faults=[at_step(10, TERM)])
    assert ended.code == 143, ended.said
    return run


@pytest.fixture(scope="session")
def traced(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every operation on files of a run, in order, and the most bytes that lay in its folder."""
    folder = tmp_path_factory.mktemp("traced")
    trace = {"kind": "trace", "folder": str(folder / "run"), "trace": str(folder / "trace.json")}
    ended = runs.train(folder / "run", faults=[trace])
    assert ended.code == 0, ended.said
    found: dict[str, Any] = json.loads((folder / "trace.json").read_text())
    return found
