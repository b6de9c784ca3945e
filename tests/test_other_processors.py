"""How far the numbers of other processors are from ours: the same training with the instructions of older ones."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from utome.jobs.demo import sample_folder

# What torch and its convolutions use where a processor has no more: what torch calls "default" is SSE, of 2008 and before.
OLDER = {
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "sse4.1": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"},
}
SETTINGS = (
    "model.width=8", "training.tile=64", "training.epochs=4", "training.steps_per_epoch=5", "training.precision=float32",
    "machine.threads=1",
)  # fmt: skip
# Stated in docs/reliability.md. A first epoch of few steps differs by rounding; then each step multiplies what differs.
FIRST_EPOCH, LATER_EPOCHS, SCORE = 1e-4, 1e-3, 0.005


def _history(out: Path, environment: dict[str, str]) -> list[dict[str, float]]:
    command = [sys.executable, "-m", "utome", "train", sample_folder(), "--recipe", "unet", "--out", out]
    command += [part for setting in SETTINGS for part in ("--set", setting)]
    subprocess.run(
        [str(part) for part in command], env={**os.environ, **environment}, check=True, capture_output=True, timeout=300
    )
    with (out / "history.csv").open(newline="", encoding="utf-8") as file:
        columns = ("train_loss", "val_loss", "val_mean_iou")
        return [{name: float(row[name]) for name in columns} for row in csv.DictReader(file)]


def test_older_instructions_give_the_same_training_within_the_stated_tolerance(tmp_path: Path) -> None:
    ours = _history(tmp_path / "ours", {})
    for name, environment in OLDER.items():
        theirs = _history(tmp_path / name, environment)
        assert len(theirs) == len(ours) == 4
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            within = FIRST_EPOCH if number == 0 else LATER_EPOCHS
            assert other["train_loss"] == pytest.approx(one["train_loss"], rel=within)
            assert other["val_mean_iou"] == pytest.approx(one["val_mean_iou"], abs=SCORE)
        # Where all digits are the same, the same instructions were used, and nothing was shown. Older processors have no others.
        assert theirs != ours or torch.backends.cpu.get_cpu_capability() != "AVX512"
