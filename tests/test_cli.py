"""The command line as a user meets it: sentences, exit codes, nothing half-written, no traceback."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command import ONE_THREAD, TINY, run_utome
from utome.jobs.demo import sample_folder

SAMPLE = sample_folder()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of one epoch."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    done = run_utome("train", SAMPLE, "--out", folder, *TINY, "--set", "training.epochs=1")
    assert done.returncode == 0, done.stderr
    return folder


def pairs(root: Path, *, images: int = 4) -> Path:
    """A folder of pairs from the sample."""
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True)
        for path in sorted((SAMPLE / "train" / kind).iterdir())[:images]:
            (root / kind / path.name).write_bytes(path.read_bytes())
    return root


def refused(code: int, *arguments: str | Path, cwd: Path) -> str:
    """Run a command that must be refused with this code; its one sentence."""
    done = run_utome(*arguments, cwd=cwd)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return " ".join(done.stderr.split())


def test_a_missing_folder_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    assert "The folder 'nowhere' is not there." in refused(3, "train", "nowhere", cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_image_without_its_mask_is_named(tmp_path: Path) -> None:
    data = pairs(tmp_path / "data")
    gone = next((data / "masks").iterdir())
    gone.unlink()
    sentence = refused(3, "train", data, "--out", tmp_path / "run", cwd=tmp_path)
    assert f"'{gone.name}'" in sentence
    assert not (tmp_path / "run").exists()


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    data = pairs(tmp_path / "data")
    broken = next((data / "images").iterdir())
    broken.write_bytes(broken.read_bytes()[:500])
    assert f"'{broken}' cannot be read as an image" in refused(3, "inspect", data, cwd=tmp_path)


def test_an_unknown_setting_is_answered_with_the_nearest_one(tmp_path: Path) -> None:
    sentence = refused(2, "train", SAMPLE, "--set", "model.dept=3", cwd=tmp_path)
    assert "There is no setting `model.dept`. Did you mean `model.depth`?" in sentence
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_recipe_is_answered_with_the_nearest_one(tmp_path: Path) -> None:
    assert "There is no recipe 'unet-2016'. Did you mean 'unet-2015'?" in refused(
        2, "train", SAMPLE, "--recipe", "unet-2016", cwd=tmp_path
    )


def test_an_unknown_command_is_a_usage_error(tmp_path: Path) -> None:
    assert "Did you mean 'train'?" in refused(2, "trian", SAMPLE, cwd=tmp_path)


def test_a_run_is_never_overwritten(run: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert "is not overwritten" in refused(2, "train", SAMPLE, "--out", run, cwd=tmp_path)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_place_that_cannot_be_written_is_a_fault_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "cannot be written" in refused(5, "train", SAMPLE, "--out", tmp_path / "file" / "run", *TINY, cwd=tmp_path)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    assert "holds no model" in refused(4, "evaluate", SAMPLE, SAMPLE, cwd=tmp_path)


def test_an_image_that_cannot_be_read_does_not_stop_the_others(run: Path, tmp_path: Path) -> None:
    data = pairs(tmp_path / "data")
    broken = next((data / "images").iterdir())
    broken.write_bytes(b"<html>")
    done = run_utome("predict", run, *ONE_THREAD, data / "images", "--out", tmp_path / "out")
    assert done.returncode == 6
    assert f"1 of 4 images were left out. '{broken}' cannot be read" in done.stderr
    assert len(list((tmp_path / "out").glob("*.png"))) == 3
    again = run_utome("predict", run, *ONE_THREAD, data / "images", "--out", tmp_path / "out", "--json")
    assert (again.returncode, json.loads(again.stdout)["kept"]) == (6, 3)
    strict = refused(
        3, "predict", run, *ONE_THREAD, data / "images", "--out", tmp_path / "out", "--strict", cwd=tmp_path
    )
    assert f"'{broken}' cannot be read" in strict


def test_json_is_one_document_and_all_else_goes_to_standard_error(run: Path) -> None:
    done = run_utome("evaluate", run, SAMPLE, *ONE_THREAD, "--json")
    document = json.loads(done.stdout)
    assert [entry["name"] for entry in document["classes"]] == ["background", "foreground"]
    assert document["scored_on"]["images"] == 12
    assert len(document["images"]) == 40
    assert document["seen_by_training"]["mean_iou"] != document["mean_iou"]
    assert "Training saw 28 of the 40 images" in done.stderr


def test_scores_on_training_images_alone_are_called_what_they_are(run: Path) -> None:
    done = run_utome("evaluate", run, SAMPLE / "train", *ONE_THREAD, "--json")
    assert "say nothing about new images" in done.stderr
    assert json.loads(done.stdout)["scored_on"]["seen_by_training"] is True


def test_inspect_says_how_masks_of_0_and_255_are_read() -> None:
    done = run_utome("inspect", SAMPLE)
    assert "read as two classes, background (0) and foreground (255)" in done.stdout
    document = json.loads(run_utome("inspect", SAMPLE, "--json").stdout)
    assert document["parts"] == {"train": 24, "val": 4, "test": 12}
    assert sum(entry["share"] for entry in document["classes"]) == pytest.approx(1)


def test_a_config_file_repeats_a_run_bit_for_bit(run: Path, tmp_path: Path) -> None:
    done = run_utome("train", SAMPLE, "--config", run / "config.yaml", "--out", tmp_path / "again")
    assert done.returncode == 0, done.stderr
    for name in ("history.csv", "model/model.safetensors", "config.yaml"):
        assert (tmp_path / "again" / name).read_bytes() == (run / name).read_bytes(), name


def test_a_short_config_file_lies_over_the_recipe_that_it_names(tmp_path: Path) -> None:
    (tmp_path / "short.yaml").write_text(
        "recipe: unet-2015\nmodel: {width: 2}\ntraining: {epochs: 1, tile: 4, tiles_per_image: 1}\n"
    )
    done = run_utome("train", SAMPLE, "--config", tmp_path / "short.yaml", *ONE_THREAD, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    settings = (tmp_path / "run" / "config.yaml").read_text()
    assert "convolution: valid" in settings
    assert "momentum: 0.99" in settings


def test_a_loss_without_terms_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    zero = ["--set", "loss.cross_entropy=0", "--set", "loss.dice=0"]
    assert "at least one term with a weight above 0" in refused(2, "train", SAMPLE, *zero, "--out", "run", cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_recipe_is_begun_with_and_not_set(tmp_path: Path) -> None:
    assert "begin with another one by --recipe" in refused(2, "train", SAMPLE, "--set", "recipe=foo", cwd=tmp_path)


def test_resuming_nothing_says_that_there_is_no_run(tmp_path: Path) -> None:
    assert "holds no run to go on with" in refused(2, "train", SAMPLE, "--resume", "--out", "nothing", cwd=tmp_path)


def test_overlays_are_not_overwritten_either(run: Path, tmp_path: Path) -> None:
    name = min((SAMPLE / "test" / "images").iterdir()).name
    (tmp_path / "out" / "overlays").mkdir(parents=True)
    (tmp_path / "out" / "overlays" / name).write_text("mine")
    assert "is not overwritten" in refused(2, "predict", run, SAMPLE / "test" / "images", "--out", "out", cwd=tmp_path)
    assert (tmp_path / "out" / "overlays" / name).read_text() == "mine"


def test_a_terminal_that_knows_ascii_alone_ends_no_command(run: Path, tmp_path: Path) -> None:
    data = pairs(tmp_path / "data")
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-m", "utome", "predict", str(run), str(data / "images"), "--out", "é", *ONE_THREAD]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"4 label maps in" in done.stdout


def test_the_version_is_told() -> None:
    assert run_utome("--version").stdout.startswith("utome ")


def test_recipes_are_listed_and_one_is_shown_with_its_reasons() -> None:
    assert "unet-2015" in run_utome("recipes").stdout
    shown = run_utome("recipes", "unet-2015").stdout
    assert "# optimizer.momentum: published, section 3 (0.99)" in shown
    assert "momentum: 0.99" in shown


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX signals are needed to end a process from outside")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_is_told_to_end_keeps_its_epochs_and_goes_on_to_the_same_end(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    settings = [*TINY, "--set", "training.epochs=6", "--set", "training.tiles_per_image=24"]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert run_utome("train", SAMPLE, "--out", whole, *settings).returncode == 0
    command = [sys.executable, "-m", "utome", "train", str(SAMPLE), "--out", str(cut), *settings]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith("epoch 2/"):
                process.send_signal(number)
    assert process.returncode == code
    assert "--resume" in said[-1]
    assert json.loads((cut / "status.json").read_text())["status"] == "interrupted"
    assert run_utome("evaluate", cut, SAMPLE / "test", *ONE_THREAD).returncode == 0, (
        "the best model so far must be usable"
    )
    done = run_utome("train", SAMPLE, "--out", cut, "--resume")
    assert done.returncode == 0, done.stderr
    for name in ("history.csv", "model/model.safetensors"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is a thing of POSIX")
def test_a_terminal_sees_a_progress_bar(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "utome",
        "train",
        str(SAMPLE),
        "--out",
        str(tmp_path / "run"),
        *TINY,
        "--set",
        "training.epochs=1",
    ]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, stderr=slave, stdout=subprocess.DEVNULL, env=environment) as process:
        os.close(slave)
        shown = b""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                shown += os.read(master, 65536)
            except OSError:
                break
    os.close(master)
    assert process.returncode == 0
    assert b"\xe2\x94\x81" in shown, "the bar is drawn with heavy lines"
    assert b"epoch 1/1  loss" in shown


@pytest.mark.parametrize("at", ["utome.cli.app", "torch"])
def test_ctrl_c_while_python_imports_ends_in_silence(at: str, tmp_path: Path) -> None:
    """Imports do not bear KeyboardInterrupt: some show a traceback, some make an ImportError of it."""
    script = (
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background may ignore it\n"
        "class Pressed:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {at!r}:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "            time.sleep(1)\n"
        "sys.meta_path.insert(0, Pressed())\n"
        f"sys.argv = ['utome', 'train', {str(SAMPLE)!r}, '--out', 'run']\n"
        "from utome.__main__ import main\n"
        "main()\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
    assert not (tmp_path / "run").exists()
