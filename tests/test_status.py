"""`utome status`: each state that a run can be in, from its files alone."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.builders import draw_discs, tiny_config
from tests.command import run_utome
from utome.errors import ConfigError
from utome.files import exclusive, held
from utome.jobs.status import find_runs, run_status
from utome.jobs.train import train
from utome.training.runfolder import RunFolder

posix = pytest.mark.skipif(sys.platform == "win32", reason="the system knows no such locks")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two epochs."""
    folder = tmp_path_factory.mktemp("status")
    discs = draw_discs(folder / "my data", [f"{number}" for number in range(6)])
    return train(discs, tiny_config("machine.threads=1", "training.tiles_per_image=1"), folder / "runs" / "done").run


@pytest.fixture
def run(done: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(done, tmp_path / "runs" / "my run"))


def say(run: Path, status: str, reason: str | None = None) -> None:
    (run / "status.json").write_text(json.dumps({"status": status, "reason": reason}))


def longer(run: Path, epochs: int) -> None:
    """Make a run one that was to have so many epochs."""
    config = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(config.replace("epochs: 2", f"epochs: {epochs}"))


def test_a_finished_run_has_its_best_epoch_and_what_to_do_with_it(run: Path) -> None:
    found = run_status(run)
    best = json.loads((run / "model" / "model.json").read_text())["metrics"]
    assert (found.status, found.epoch, found.epochs, found.recipe) == ("done", 2, 2, "unet")
    assert (found.best_epoch, found.best_val_mean_iou) == (best["epoch"], best["val_mean_iou"])
    assert found.best_val_loss == best["val_loss"]
    assert found.seconds_left is None
    assert found.next == f"utome predict '{run}' IMAGES --out PREDICTIONS"


@posix
def test_a_run_that_says_running_is_running_while_its_process_lives_and_has_died_after(run: Path) -> None:
    say(run, "running")
    longer(run, 12)
    (run / "timing.csv").write_text("epoch,seconds\n1,100\n2,3.0\n")
    with exclusive(run / "events.jsonl") as ours:
        assert ours
        found = run_status(run)
    assert (found.status, found.next) == ("running", None)
    assert found.seconds_left == pytest.approx(10 * 51.5)
    found = run_status(run)
    assert found.status == "died"
    assert found.reason is not None
    assert found.next is not None
    assert found.next.endswith(f"/my data' --out '{run}' --resume")


def test_looking_takes_no_lock_and_makes_no_file(run: Path, tmp_path: Path) -> None:
    say(run, "running")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    run_status(run)
    with exclusive(run / "events.jsonl") as ours:
        assert ours
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    assert held(tmp_path / "nothing") is None
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("status", ["interrupted", "failed"])
def test_a_run_that_ended_early_says_why_and_how_to_go_on(status: str, run: Path) -> None:
    say(run, status, "because")
    found = run_status(run)
    assert (found.status, found.reason) == (status, "because")
    assert found.next is not None
    assert "--resume" in found.next


def test_before_the_first_epoch_the_time_left_is_what_the_run_said_itself(run: Path) -> None:
    say(run, "interrupted")
    for name in ("history.csv", "timing.csv"):
        (run / name).unlink()
    (run / "events.jsonl").write_text('{"event": "Estimated", "seconds": 50}\n{"event": "Noted"}\n{"event": "Esti')
    found = run_status(run)
    assert (found.epoch, found.best_epoch, found.best_val_loss) == (0, None, None)
    assert found.seconds_left == 50


def test_a_run_of_several_processes_goes_on_with_as_many(run: Path) -> None:
    say(run, "interrupted")
    machine = json.loads((run / "environment.json").read_text())
    assert machine["processes"] == 1
    (run / "environment.json").write_text(json.dumps(machine | {"processes": 2}))
    found = run_status(run)
    assert found.next is not None
    assert found.next.startswith("torchrun --nproc-per-node 2 -m utome train ")
    assert found.next.endswith(f"--out '{run}' --resume")


def test_files_that_are_missing_leave_only_their_figures_out(run: Path) -> None:
    for path in (run / "config.yaml", run / "data.json", run / "events.jsonl", run / "history.csv", run / "timing.csv"):
        path.unlink()
    say(run, "failed")
    found = run_status(run)
    assert (found.recipe, found.epochs, found.seconds_left) == (None, None, None)
    assert found.next == f"utome train DATA --out '{run}' --resume"


@pytest.mark.parametrize("content", ["", "[]", '{"status": 3}'])
def test_a_damaged_status_is_refused(content: str, run: Path) -> None:
    (run / "status.json").write_text(content)
    with pytest.raises(ConfigError, match=r"status.json' is damaged"):
        run_status(run)


def test_a_folder_stands_for_the_runs_in_it(done: Path, run: Path) -> None:
    assert find_runs([run.parent, done]) == [run, done]
    with pytest.raises(ConfigError, match="is no run and holds none"):
        find_runs([run / "model"])


def test_the_command_shows_one_run_in_lines_and_several_in_a_table(done: Path, run: Path) -> None:
    say(run, "failed", "too hot")
    longer(run, 4)
    alone = run_utome("status", run)
    assert alone.returncode == 0, alone.stderr
    first, second, third, fourth = alone.stdout.splitlines()
    assert first == f"{run}: failed (too hot)"
    assert second.startswith("epoch 2/4; the best so far is ")
    assert third.endswith(" left, once it goes on.")
    assert fourth.startswith("Next: utome train ")
    table = run_utome("status", run.parent, done).stdout.splitlines()
    assert table[0].split() == ["run", "status", "epoch", "best", "mean", "IoU", "left", "recipe"]
    assert [line.split()[-1] for line in table[1:]] == ["unet", "unet"]
    assert " failed " in table[1]
    assert " done " in table[2]


def test_json_is_an_object_for_one_run_and_a_list_for_a_folder_which_is_runs_by_default(run: Path) -> None:
    one = json.loads(run_utome("status", run, "--json").stdout)
    many = json.loads(run_utome("status", "--json", cwd=run.parents[1]).stdout)
    assert one == run_status(run).as_json()
    assert [each["status"] for each in many] == ["done"]
    refused = run_utome("status", cwd=run)
    assert refused.returncode == 2
    assert "'runs' is no run and holds none" in refused.stderr


def test_a_config_of_another_version_is_refused_with_both_versions(run: Path) -> None:
    config = run / "config.yaml"
    config.write_text(config.read_text() + "ensemble: 3\n")
    with pytest.raises(ConfigError, match="no setting `ensemble`") as same:
        RunFolder(run).saved_config()
    assert "written by" not in str(same.value)
    (run / "environment.json").write_text(json.dumps({"utome": "99.0"}))
    with pytest.raises(ConfigError, match=r"written by utome 99\.0.*no setting `ensemble`.*the version that wrote it"):
        RunFolder(run).saved_config()
