"""A run that begins with weights of others: what it writes down of them, and that it goes on without their file."""

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch

from tests.builders import pair_folder
from tests.test_pretrained import published
from utome.config.overrides import override
from utome.config.settings import Config
from utome.errors import ModelError
from utome.files import sha256_bytes
from utome.jobs.preparing import prepare
from utome.jobs.resume import resume
from utome.jobs.train import TrainResult, train
from utome.modelfolder.folder import load_model
from utome.recipes.library import load_recipe
from utome.training.runfolder import STARTING_WEIGHTS, RunFolder

SMALL = (
    "data.size=[32,32]", "training.tile=32", "training.batch=4", "training.epochs=2", "model.decoder=[4,4,4,4,4]",
    "training.precision=float32", "machine.device=cpu",
)  # fmt: skip


def config(weights: Path, *assignments: str) -> Config:
    recipe = load_recipe("efficient-unet").settings
    return override(recipe, [*SMALL, f"model.weights={weights}", *assignments])


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A file of timm's names that says by its own that it was taken over from TensorFlow."""
    path = tmp_path / "tf_efficientnet_b0.safetensors"
    safetensors.torch.save_file(published("timm", "efficientnet_b0"), path)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return pair_folder(tmp_path / "data")


@pytest.fixture
def run(data: Path, weights: Path, tmp_path: Path) -> TrainResult:
    return train(data, config(weights), tmp_path / "run")


def test_the_encoder_begins_with_the_weights_of_the_file(data: Path, weights: Path) -> None:
    drawn = prepare(data, config(weights, "model.weights=null"), lambda event: None).task.network
    begun = prepare(data, config(weights), lambda event: None).task.network
    stem = published("timm", "efficientnet_b0")["conv_stem.weight"].mean(dim=1, keepdim=True) * 3
    own = begun.encoder.state_dict()["stem.0.weight"]
    assert torch.allclose(own, stem)
    assert not torch.equal(own, drawn.encoder.state_dict()["stem.0.weight"])
    assert torch.equal(begun.head[0].weight, drawn.head[0].weight)  # type: ignore[index]


def test_what_came_with_the_weights_is_in_the_config_and_their_origin_in_the_model(
    run: TrainResult, weights: Path
) -> None:
    model = RunFolder(run.run).saved_config().model
    assert (model.epsilon, model.padding) == (0.001, "tensorflow")  # type: ignore[union-attr]
    expected = {"source": str(weights), "sha256": sha256_bytes(weights.read_bytes()), "licence": None}
    assert json.loads((run.run / "model" / "model.json").read_text())["starting_weights"] == expected
    assert json.loads((run.run / STARTING_WEIGHTS).read_text()) == expected


def test_the_model_is_used_without_the_file(run: TrainResult, weights: Path) -> None:
    weights.unlink()
    card = load_model(run.run).card
    assert card.starting_weights is not None
    assert card.architecture.padding == "tensorflow"  # type: ignore[union-attr]


def test_a_run_that_has_finished_an_epoch_goes_on_without_the_file(run: TrainResult, data: Path, weights: Path) -> None:
    before = (run.run / "model" / "model.safetensors").read_bytes()
    weights.unlink()
    resume(data, run.run)
    assert (run.run / "model" / "model.safetensors").read_bytes() == before
    assert load_model(run.run).card.starting_weights is not None


def as_if_killed_before_the_first_state(run: Path) -> None:
    for path in (*run.joinpath("checkpoints").iterdir(), run / "history.csv"):
        path.unlink()


def test_a_run_that_has_finished_none_begins_with_the_file_again(run: TrainResult, data: Path) -> None:
    before = (run.run / "model" / "model.safetensors").read_bytes()
    as_if_killed_before_the_first_state(run.run)
    resume(data, run.run)
    assert (run.run / "model" / "model.safetensors").read_bytes() == before


def test_it_is_refused_to_begin_again_with_another_file(run: TrainResult, data: Path, weights: Path) -> None:
    as_if_killed_before_the_first_state(run.run)
    safetensors.torch.save_file(published("timm", "efficientnet_b0", seed=1), weights)
    with pytest.raises(ModelError, match="no longer holds the weights that"):
        resume(data, run.run)
