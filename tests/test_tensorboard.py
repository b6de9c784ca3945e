"""TensorBoard's listener: it writes what the tables hold, joins a run that goes on, and is never there unasked."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders import draw_discs, tiny_config
from tests.command import TINY, run_utome
from utome.errors import ConfigError
from utome.events import Event
from utome.jobs.resume import resume
from utome.jobs.train import train


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six noisy images with a bright disc each, and its mask."""
    return draw_discs(tmp_path_factory.mktemp("discs"), [f"{number}" for number in range(6)])


def figures(run: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard shows: for each tag the epochs and values."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    shown = accumulator.EventAccumulator(str(run / "tensorboard")).Reload()
    return {tag: [(each.step, each.value) for each in shown.Scalars(tag)] for tag in shown.Tags()["scalars"]}


def test_all_figures_of_the_tables_are_written_and_the_run_is_the_same(discs: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    settings = [*TINY, "--set", "training.epochs=2"]
    done = run_utome("train", discs, "--out", tmp_path / "with", *settings, "--tensorboard")
    assert done.returncode == 0, done.stderr
    assert run_utome("train", discs, "--out", tmp_path / "without", *settings).returncode == 0
    for name in ("history.csv", "config.yaml", "model/model.safetensors"):
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes()
    assert not (tmp_path / "without" / "tensorboard").exists()
    rows = list(csv.DictReader((tmp_path / "with" / "history.csv").read_text().splitlines()))
    shown = figures(tmp_path / "with")
    for tag, column in (
        ("loss/train", "train_loss"),
        ("mean_iou/val", "val_mean_iou"),
        ("loss_dice/val", "val_loss_dice"),
    ):
        assert [step for step, _ in shown[tag]] == [1, 2]
        assert [value for _, value in shown[tag]] == pytest.approx([float(row[column]) for row in rows])
    assert {"magnitudes/bottom_mean", "training/learning_rate", "cost/val_seconds"} <= shown.keys()


def test_a_run_that_goes_on_is_shown_whole_and_once(discs: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from utome.report.tensorboard import TensorBoard

    run = train(discs, tiny_config("machine.threads=1", "training.tiles_per_image=1"), tmp_path / "run").run
    for epochs in (4, 5):
        board = TensorBoard(run)
        resume(discs, run, assignments=[f"training.epochs={epochs}"], listen=board)
        board.close()
        assert [step for step, _ in figures(run)["loss/train"]] == list(range(1, epochs + 1))


def test_without_the_package_the_command_says_what_to_install_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from utome.report.tensorboard import TensorBoard

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard.writer", None)
    with pytest.raises(ConfigError, match=r'pip install "utome\[tensorboard\]"'):
        TensorBoard(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_epoch_writes_nothing(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from utome.report.tensorboard import TensorBoard

    board = TensorBoard(tmp_path / "run")
    board(Event())
    board.close()
    assert list(tmp_path.iterdir()) == []


def test_training_does_not_import_it_unasked() -> None:
    code = (
        "import sys, utome.cli.commands, utome.jobs.train; print('torch' in sys.modules, 'tensorboard' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
