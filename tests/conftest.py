"""What several test files share: where the real images lie, a cache of their own, and how many threads small networks get."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[1]


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
