"""Too little memory: what would fit is found by trying, and said; nothing is made smaller by itself."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.builders import draw_discs
from tests.faulty_runs import Runs, newest
from utome.config.overrides import override
from utome.device import enough_memory
from utome.errors import MachineError
from utome.events import silent
from utome.jobs.preparing import prepare
from utome.recipes.library import load_recipe
from utome.training.fitting import what_fits
from utome.training.progress import Task

SETTINGS = (
    "model.width=2",
    "model.depth=2",
    "training.batch=8",
    "training.tile=32",
    "prediction.tile=64",
    "machine.threads=1",
)


@pytest.fixture
def task(tmp_path: Path, one_thread: None) -> Task:
    data = draw_discs(tmp_path / "data", [f"{number}" for number in range(8)])
    return prepare(data, override(load_recipe("unet").settings, SETTINGS), silent).task


def limit(task: Task, pixels: int) -> None:
    """Batches of more pixels than this are refused, as a GPU does."""

    def refuse(module: torch.nn.Module, inputs: tuple[Tensor, ...]) -> None:
        del module
        if inputs[0].shape[0] * inputs[0].shape[2] * inputs[0].shape[3] > pixels:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    first = next(module for module in task.network.modules() if isinstance(module, torch.nn.Conv2d))
    first.register_forward_pre_hook(refuse)


FITTING = {
    8 * 32 * 32: "All fits now: something else took the memory. Go on with --resume.",
    5
    * 32
    * 32: r"A step of 8 tiles does not fit, one of 4 does: train anew with --set training.batch=4\. The batch is never made",
    1 * 32 * 32: "one of 1 does",
    20
    * 20: "Not even a step of one tile of 32 pixels fits; one tile of 16 does: train anew with --set training.batch=1",
    4 * 4: "Not even the smallest tile fits: train anew with a smaller model.width",
}


@pytest.mark.parametrize("pixels", FITTING)
def test_what_fits_is_found_by_trying(pixels: int, task: Task) -> None:
    limit(task, pixels)
    with pytest.raises(MachineError, match=FITTING[pixels]), enough_memory(lambda: what_fits(task)):
        raise torch.OutOfMemoryError("CUDA out of memory.")
    assert task.config.training.batch == 8


def test_a_validation_that_does_not_fit_names_the_tile_of_prediction(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(network: object, image: object, device: object, *, tile: int, **context: object) -> None:
        del context
        if tile > 40:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr("utome.training.fitting.predict_tiled", refuse)
    assert what_fits(task) == "Steps fit, but validation needs smaller tiles: train anew with --set prediction.tile=32."


def test_a_processor_that_gives_no_memory_ends_the_run_and_the_old_state_stays(runs: Runs, tmp_path: Path) -> None:
    settings = ["training.batch=64", "model.width=16", "training.tile=64", "training.steps_per_epoch=1"]
    ended = runs.train(tmp_path / "run", *settings, faults=[{"kind": "memory", "bytes": 100_000_000}])
    assert (ended.code, "There is too little memory for this network and tile." in ended.said) == (5, True), ended.said
    assert newest(tmp_path / "run").state["history"] == []
