"""A search whose trials are kept in a real PostgreSQL, which the test starts on a free port."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faulty_runs import Runs, at_call
from tests.searches import command, kept

DEBIAN = Path("/usr/lib/postgresql")


def programs() -> Path | None:
    """The folder of PostgreSQL's programs, the newest of Debian's or the one on the path."""
    found = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0)
    named = shutil.which("initdb")
    return found[-1].parent if found else None if named is None else Path(named).parent


def as_its_user(folder: Path) -> list[str]:
    """PostgreSQL refuses to be run by root: Debian's package has made a user for it."""
    if os.name != "posix" or os.geteuid() != 0:
        return []
    shutil.chown(folder, "postgres")
    return ["runuser", "-u", "postgres", "--"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database of its own."""
    binaries = programs()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    # Below /tmp itself: folders of tests are closed to other users, and a socket's path is short.
    folder = Path("/tmp") / f"utome-postgresql-{os.getpid()}"  # noqa: S108 - removed below
    folder.mkdir(mode=0o700)
    user, data = as_its_user(folder), folder / "data"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    try:
        run(*user, binaries / "initdb", "-D", data, "-U", "utome", "-A", "trust", "--no-sync")
        run(*user, binaries / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
        try:
            yield f"postgresql+psycopg://utome@127.0.0.1:{port}/postgres"
        finally:
            run(*user, binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def run(*command: str | Path) -> None:
    """A command that must succeed. Its output goes nowhere: a server that it starts would keep a pipe open."""
    subprocess.run(
        list(map(str, command)), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", timeout=60
    )


def test_a_search_in_postgresql_is_killed_goes_on_and_is_the_one_in_a_file(
    runs: Runs, server: str, tmp_path: Path
) -> None:
    for name in ("there", "here"):
        (tmp_path / name).mkdir()
    there, here = tmp_path / "there" / "study", tmp_path / "here" / "study"
    killed = runs.wait(
        runs.start(
            *command(runs, there, "--storage", server, trials=3), faults=[at_call("optuna.study.study:Study.tell", 2)]
        )
    )
    assert killed.code == -9, killed.said
    ended = runs.wait(runs.start("tune", runs.data, "--out", there, "--resume"))
    assert ended.code == 0, ended.said
    assert runs.wait(runs.start(*command(runs, here, trials=3))).code == 0
    assert not (there / "study.db").exists()
    assert (there / "trials.csv").read_bytes() == (here / "trials.csv").read_bytes()
    assert kept(there, server) == kept(here)


def test_a_server_that_is_gone_is_a_sentence(runs: Runs, server: str, tmp_path: Path) -> None:
    gone = server.replace("/postgres", "/no_such_database")
    ended = runs.wait(runs.start(*command(runs, tmp_path / "study", "--storage", gone, trials=1)))
    assert ended.code == 5, ended.said
    assert 'database "no_such_database" does not exist. See that it can be reached' in ended.said
