"""Checkpoints that are damaged: noticed, the state before them used, and wrong weights never loaded."""

import json
import shutil
from pathlib import Path

import pytest

from tests.damage import COUNTS, KINDS, change_manifest, damage, newest_state
from tests.faulty_runs import (
    EACH_STEP,
    TERM,
    Runs,
    assert_same_end,
    assert_same_state,
    at_call,
    at_step,
    copied,
    newest,
)
from utome.errors import ModelError
from utome.jobs.status import run_status
from utome.randomness import generator
from utome.training.checkpoints import Checkpoints

MANIFESTS = ("manifest.json", "manifest-before.json")


@pytest.fixture(scope="module")
def stepped(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that saved each step and was told to end after its tenth."""
    run = tmp_path_factory.mktemp("stepped") / "run"
    assert runs.train(run, EACH_STEP, faults=[at_step(10, TERM)]).code == 143
    return run


@pytest.fixture(scope="module")
def epochs(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four epochs that was killed when all were saved."""
    run = tmp_path_factory.mktemp("epochs") / "run"
    assert runs.train(run, faults=[at_call("utome.jobs.train:score_split")]).code == -9
    return run


@pytest.mark.parametrize("kind", KINDS)
def test_six_hundred_damaged_checkpoints(kind: str, stepped: Path, tmp_path: Path) -> None:
    whole = newest(stepped)
    without = copied(stepped, tmp_path / "without")
    newest_state(without).unlink()
    before = newest(without)
    assert (whole.state["step"], before.state["step"]) == (3, 2)
    for number in range(COUNTS[kind]):
        run = copied(stepped, tmp_path / f"{number}")
        damage(run, kind, generator(6, "damage", kind, number))
        found = newest(run)
        if found.state["step"] == 2:
            assert_same_state(found, before)
        else:  # swapped with the one before it: the third is there
            assert kind == "swapped"
            assert (found.state["step"], len(found.state["history"])) == (1, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_with_a_damaged_checkpoint_comes_to_the_same_end(
    kind: str, runs: Runs, epochs: Path, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    for number in range(2):
        run = copied(epochs, tmp_path / f"{number}")
        damage(run, kind, generator(6, "damage and go on", kind, number))
        runs.finish(run)
        assert_same_end(run, whole_runs["plain"])


def test_any_one_file_of_the_checkpoints_may_be_lost(
    runs: Runs, stepped: Path, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    names = sorted(path.name for path in (stepped / "checkpoints").iterdir())
    assert {*MANIFESTS} < {*names}
    assert len(names) >= 2 + 3 + 2, "manifests, states, and the best weights twice"
    for name in names:
        run = copied(stepped, tmp_path / name)
        (run / "checkpoints" / name).unlink()
        runs.finish(run)
        assert_same_end(run, whole_runs["plain"])


@pytest.mark.parametrize("name", MANIFESTS)
@pytest.mark.parametrize("content", ["", "{", "[]", '{"manifest": {}, "sha256": ""}', "\x00" * 4096])
def test_a_damaged_manifest_is_noticed_and_the_other_used(
    name: str, content: str, stepped: Path, tmp_path: Path
) -> None:
    run = copied(stepped, tmp_path / "run")
    (run / "checkpoints" / name).write_text(content)
    assert newest(run).state["step"] == (2 if name == "manifest.json" else 3)


def test_each_bit_of_a_manifest_counts(stepped: Path) -> None:
    folder = stepped / "checkpoints"
    content = (folder / "manifest.json").read_bytes()
    draws = generator(6, "manifest")
    try:
        for _ in range(60):
            changed = bytearray(content)
            changed[draws.integers(len(changed))] ^= 1 << int(draws.integers(8))
            (folder / "manifest.json").write_bytes(changed)
            # White space between the parts says nothing, so that a change of it may pass.
            assert newest(stepped).state["step"] in {2, 3}
    finally:
        (folder / "manifest.json").write_bytes(content)
    assert newest(stepped).state["step"] == 3


def test_a_manifest_of_another_version_is_refused_with_what_reads_it(stepped: Path, tmp_path: Path) -> None:
    run = copied(stepped, tmp_path / "run")
    for name in MANIFESTS:
        change_manifest(run / "checkpoints", lambda text: text.replace('"format": 2', '"format": 9'), name=name)
    with pytest.raises(ModelError, match="has format 9; this version of utome reads format 2"):
        newest(run)


def test_states_of_another_version_alone_are_refused_with_what_reads_them(epochs: Path, tmp_path: Path) -> None:
    run = copied(epochs, tmp_path / "run")
    damage(run, "other version", generator(6, "other"))
    newer = newest_state(run)
    for path in (run / "checkpoints").glob("*-epoch-*"):
        if path != newer:
            path.unlink()
    with pytest.raises(ModelError, match="The checkpoint has format"):
        newest(run)


def test_nothing_is_loaded_where_no_state_is_whole(runs: Runs, stepped: Path, tmp_path: Path) -> None:
    run = copied(stepped, tmp_path / "run")
    for path in (run / "checkpoints").glob("*-epoch-*"):
        path.write_bytes(path.read_bytes()[:-1])
    refused = runs.resume(run)
    assert (refused.code, "holds no whole checkpoint" in refused.said) == (4, True), refused.said


@pytest.mark.parametrize("lost", ["checkpoints", "manifests"])
def test_a_run_whose_states_are_gone_is_not_begun_anew(lost: str, runs: Runs, stepped: Path, tmp_path: Path) -> None:
    run = copied(stepped, tmp_path / "run")
    if lost == "checkpoints":
        shutil.rmtree(run / "checkpoints")
    else:
        for name in MANIFESTS:
            (run / "checkpoints" / name).unlink()
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    refused = runs.resume(run)
    assert (refused.code, "has no list of states to go on from" in refused.said) == (4, True), refused.said
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_journal_whose_last_line_was_torn_goes_on_with_a_line_of_its_own(
    runs: Runs, stepped: Path, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    run = copied(stepped, tmp_path / "run")
    journal = run / "events.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"event": "Noted", "text": "\xce')
    assert run_status(run).epoch > 0
    runs.finish(run)
    assert journal.read_bytes().startswith(whole)
    events = [json.loads(line)["event"] for line in journal.read_text().splitlines()]
    assert events.count("EpochDone") == 4
    assert_same_end(run, whole_runs["plain"])


def test_best_weights_that_are_damaged_twice_are_refused_by_name(runs: Runs, stepped: Path, tmp_path: Path) -> None:
    run = copied(stepped, tmp_path / "run")
    for path in (run / "checkpoints").glob("*-best*"):
        path.write_bytes(b"")
    refused = runs.resume(run)
    assert (refused.code, "the best weights, is missing or damaged" in refused.said) == (4, True), refused.said


def test_what_is_damaged_is_struck_out_before_training_goes_on(stepped: Path, tmp_path: Path) -> None:
    run = copied(stepped, tmp_path / "run")
    damaged = newest_state(run)
    damaged.write_bytes(b"")
    checkpoints = Checkpoints(run / "checkpoints", {})
    checkpoints.mend()
    assert damaged.name not in (run / "checkpoints" / "manifest.json").read_text()
    assert newest(run).state["step"] == 2
    content = (run / "checkpoints" / "manifest.json").read_bytes()
    checkpoints.mend()
    assert (run / "checkpoints" / "manifest.json").read_bytes() == content, "there is nothing more to mend"


def test_of_a_training_that_is_done_one_state_is_enough(epochs: Path, tmp_path: Path) -> None:
    run = copied(epochs, tmp_path / "run")
    checkpoints = Checkpoints(run / "checkpoints", {})
    before, best = newest(run), checkpoints.best()
    assert len(list((run / "checkpoints").glob("*-epoch-*"))) > 1
    checkpoints.trim()
    assert [path.name for path in (run / "checkpoints").glob("*-epoch-*")] == [newest_state(run).name]
    assert_same_state(newest(run), before)
    still = checkpoints.best()
    assert best is not None
    assert still is not None
    assert still.epoch == best.epoch
    (run / "checkpoints" / "manifest.json").write_bytes(b"")
    assert newest(run).state == before.state, "the manifest before it names that state too"


def test_nothing_is_let_go_of_where_the_newest_state_is_damaged(epochs: Path, tmp_path: Path) -> None:
    run = copied(epochs, tmp_path / "run")
    newest_state(run).write_bytes(b"")
    there = sorted(path.name for path in (run / "checkpoints").iterdir())
    Checkpoints(run / "checkpoints", {}).trim()
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == there


def test_files_of_others_in_the_folder_are_left_alone(
    runs: Runs, stepped: Path, whole_runs: dict[str, Path], tmp_path: Path
) -> None:
    run = copied(stepped, tmp_path / "run")
    (run / "checkpoints" / "@eaDir").mkdir()
    (run / "checkpoints" / "notes.txt").write_text("mine")
    runs.finish(run)
    assert (run / "checkpoints" / "notes.txt").read_text() == "mine"
    assert_same_end(run, whole_runs["plain"])
