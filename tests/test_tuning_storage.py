"""Storages of a search that are gone, locked, elsewhere, older than its folder, or none. All so far is kept, and a sentence says so."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.faulty_runs import Runs
from tests.searches import Train, after, asked, kept, reached, rows, training_by
from utome.errors import ConfigError, MachineError
from utome.execution import Workers
from utome.jobs.rungs import Leg, LegDone
from utome.jobs.search_status import search_status
from utome.jobs.tune import Where, tune, tune_further
from utome.tuning import storage
from utome.tuning.search import Again

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> Callable[[Train], None]:
    """Replace trainings by a function, and leave the page out."""
    return training_by(monkeypatch)


def test_a_storage_that_is_gone_in_the_middle_ends_the_search_in_a_sentence(
    runs: Runs, trained: Callable[[Train], None], tmp_path: Path
) -> None:
    out = tmp_path / "study"

    def gone(leg: Leg) -> LegDone:
        (out / "study.db").unlink(missing_ok=True)
        return reached(leg)

    trained(after(2, gone))
    with pytest.raises(
        MachineError,
        match=r"study\.db' is no longer there, so the search cannot go on\. The trials that were trained are still",
    ):
        tune(runs.data, asked(), out, where=Where())
    assert [row["state"] for row in rows(out)] == ["complete", "complete", "running"]


def test_a_storage_that_is_gone_before_going_on_is_a_sentence(
    runs: Runs, trained: Callable[[Train], None], tmp_path: Path
) -> None:
    trained(reached)
    out = tmp_path / "study"
    (out / "trials").mkdir(parents=True)
    found = tune(runs.data, asked(), tmp_path / "other", where=Where())
    shutil.rmtree(out)
    shutil.copytree(found.out, out)
    (out / "trials").mkdir()
    (out / "study.db").unlink()
    with pytest.raises(MachineError, match=r"study\.db' is not there, so the search cannot go on"):
        tune_further(runs.data, Again(), out, where=Where())
    empty = sqlite3.connect(out / "study.db")
    empty.close()
    with pytest.raises(MachineError, match=r"holds no study 'other-[0-9a-f]{8}', so the search cannot go on"):
        tune_further(runs.data, Again(), out, where=Where())


def test_a_storage_that_is_locked_is_a_sentence_and_the_search_goes_on_after_it(
    runs: Runs, trained: Callable[[Train], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "BUSY_SECONDS", 0.1)
    out, others = tmp_path / "study", list[sqlite3.Connection]()

    def locked(leg: Leg) -> LegDone:
        others.append(sqlite3.connect(out / "study.db", isolation_level=None))
        others[-1].execute("BEGIN EXCLUSIVE")
        return reached(leg)

    trained(after(2, locked))
    with pytest.raises(MachineError, match=r"refuses: it is locked by another program\. .* everything so far is kept"):
        tune(runs.data, asked(), out, where=Where())
    for each in others:
        each.close()
    trained(reached)
    assert tune_further(runs.data, Again(), out, where=Where()).count("complete") == 4


@pytest.mark.parametrize(
    ("url", "error", "sentence"),
    [
        ("sqlite://", ConfigError, "'sqlite://' is no storage. Write sqlite:///FILE.db"),
        ("sqlite:///:memory:", ConfigError, "keeps this one in memory, where it would be lost with the process."),
        ("not a url", ConfigError, "'not a url' is no storage. Write sqlite:///FILE.db or postgresql+psycopg://"),
        ("nosuch://here/db", ConfigError, "'nosuch://here/db' is no storage."),
        ("postgresql+pg8000://here/db", ConfigError, "needs a Python package that is not installed"),
        ("postgresql+psycopg://me:secret@127.0.0.1:1/db", MachineError, "'postgresql+psycopg://me:***@127.0.0.1:1/db' refuses: "),
        ("postgresql+psycopg://me@127.0.0.1:1/db?password=secret", ConfigError, "://me@127.0.0.1:1/db' has a password behind its `?`"),
        ("postgresql+psycopg://me@127.0.0.1:1/db?sslPassword=secret", ConfigError, "has a password behind its `?`. Write it before"),
        ("postgresql+psycopg://me:secret@here:there/db", ConfigError, "'postgresql+psycopg://***@here:there/db' is no storage."),
        ("nosuch://me:secret@here/db", ConfigError, "'nosuch://***@here/db' is no storage."),
        ("sqlite:////nowhere/study.db?timeout=5", ConfigError, "Of SQLite nothing but the path of a file is accepted."),
        ("sqlite:///file:study.db?uri=true", ConfigError, "Of SQLite nothing but the path of a file is accepted."),
        ("sqlite:////nowhere/study.db", MachineError, "The storage 'sqlite:////nowhere/study.db' refuses: unable to open database file"),
    ],
)  # fmt: skip
def test_a_storage_that_cannot_be_is_a_sentence_without_its_password(
    url: str, error: type[Exception], sentence: str, runs: Runs, trained: Callable[[Train], None], tmp_path: Path
) -> None:
    trained(reached)
    with pytest.raises(error) as caught:
        tune(runs.data, asked(), tmp_path / "study", where=Where(storage=url))
    assert sentence in str(caught.value)
    assert "secret" not in str(caught.value)
    assert not (tmp_path / "study").exists(), "nothing is written, so the corrected command is not refused"
    assert tune(runs.data, asked(1), tmp_path / "study", where=Where()).count("complete") == 1


def test_a_cluster_that_does_not_answer_is_said_before_anything_is_written(runs: Runs, tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="No Dask scheduler answers"):
        tune(runs.data, asked(), tmp_path / "study", where=Where(Workers(cluster="tcp://127.0.0.1:1")))
    assert not (tmp_path / "study").exists()


def test_a_storage_in_the_folder_of_the_search_is_refused(
    runs: Runs, trained: Callable[[Train], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(reached)
    monkeypatch.chdir(tmp_path)
    for out in (Path("study"), tmp_path / "study"):
        with pytest.raises(
            ConfigError, match=r"'sqlite:///study/my\.db' lies in the folder of the search, which must be new"
        ):
            tune(runs.data, asked(1), out, where=Where(storage="sqlite:///study/my.db"))
        (tmp_path / "study").mkdir(exist_ok=True)  # as a folder that is there and empty
    assert tune(runs.data, asked(1), tmp_path / "study", where=Where()).count("complete") == 1


@pytest.mark.parametrize("name", ["what?", "100%20", "{here}", "a#b c", "näh"])
def test_folders_may_have_any_name(name: str, runs: Runs, trained: Callable[[Train], None], tmp_path: Path) -> None:
    trained(reached)
    tune(runs.data, asked(1), tmp_path / name, where=Where())
    assert sorted(path.name for path in tmp_path.iterdir()) == [name], "nothing is written beside it"
    assert (tmp_path / name / "study.db").is_file()
    assert tune_further(runs.data, Again(trials=2), tmp_path / name, where=Where()).count("complete") == 2


def test_a_path_that_a_url_must_quote_is_found_again(
    runs: Runs, trained: Callable[[Train], None], tmp_path: Path
) -> None:
    trained(reached)
    file = tmp_path / "what? {100%20}.db"
    tune(runs.data, asked(1), tmp_path / "study", where=Where(storage=f"sqlite:///{quote(str(file))}"))
    assert file.is_file()
    assert len(tune_further(runs.data, Again(), tmp_path / "study", where=Where()).trials) == 1


def test_a_search_that_is_done_stays_done_where_a_wrong_storage_is_given(
    runs: Runs, trained: Callable[[Train], None], tmp_path: Path
) -> None:
    trained(reached)
    out = tmp_path / "study"
    tune(runs.data, asked(1), out, where=Where())
    tune(runs.data, asked(1), tmp_path / "other", where=Where())
    for wrong in (tmp_path / "other" / "study.db", tmp_path / "nowhere.db"):
        with pytest.raises(MachineError):
            tune_further(runs.data, Again(), out, where=Where(storage=f"sqlite:///{wrong}"))
        assert search_status(out).status == "done"


def test_a_password_must_be_given_again() -> None:
    url = storage.storage_url("postgresql+psycopg://me:secret@here/db")
    assert not storage.needs_password(url)
    named = storage.shown(url)
    assert "secret" not in named
    assert storage.needs_password(storage.storage_url(named))


def test_a_storage_elsewhere_is_found_again(runs: Runs, trained: Callable[[Train], None], tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    trained(after(2, lambda _: LegDone(0, None, "The disk is full.", hopeless=True)))
    with pytest.raises(MachineError):
        tune(runs.data, asked(), tmp_path / "study", where=Where(storage=url))
    assert not (tmp_path / "study" / "study.db").exists()
    trained(reached)
    assert len(tune_further(runs.data, Again(), tmp_path / "study", where=Where()).trials) == 4
    assert len(kept(tmp_path / "study", url)) == 4


def test_a_storage_by_a_path_from_here_is_found_from_elsewhere(
    runs: Runs, trained: Callable[[Train], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(reached)
    monkeypatch.chdir(tmp_path)
    found = tune(runs.data, asked(1), tmp_path / "study", where=Where(storage="sqlite:///here.db"))
    monkeypatch.chdir(runs.data)
    assert tune_further(runs.data, Again(), found.out, where=Where()).trials == found.trials


def test_a_storage_that_is_given_again_is_the_one_from_then_on(
    runs: Runs, trained: Callable[[Train], None], tmp_path: Path
) -> None:
    trained(reached)
    out, urls = tmp_path / "study", [f"sqlite:///{tmp_path / name}" for name in ("first.db", "copy.db")]
    tune(runs.data, asked(1), out, where=Where(storage=urls[0]))
    shutil.copy(tmp_path / "first.db", tmp_path / "copy.db")
    tune_further(runs.data, Again(trials=2), out, where=Where(storage=urls[1]))
    assert len(tune_further(runs.data, Again(), out, where=Where()).trials) == 2
    with pytest.raises(
        MachineError, match=r"first\.db' holds 1 trials of this search, and '.*trials\.csv' 2\. Put the"
    ):
        tune_further(runs.data, Again(), out, where=Where(storage=urls[0]))
    assert len(rows(out)) == 2, "what was there before is kept"
    assert len(tune_further(runs.data, Again(), out, where=Where()).trials) == 2
