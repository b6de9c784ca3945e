"""Storages of a search that are gone, locked, elsewhere, older than its folder, or none. All so far is kept, and a sentence says so."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faulty_runs import Runs
from tests.searches import Train, after, asked, kept, reached, rows, training_by
from utome.errors import ConfigError, MachineError
from utome.execution import Workers
from utome.jobs.rungs import Leg, LegDone
from utome.jobs.tune import Where, tune, tune_further
from utome.tuning import ledger
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
    monkeypatch.setattr(ledger, "BUSY_SECONDS", 0.1)
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
