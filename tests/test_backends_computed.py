"""What OpenVINO, ONNX Runtime and whole numbers compute, beside torch: networks of every kind, and a run's own check."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import utome
from tests.small_networks import picture, small
from utome.config.overrides import override
from utome.config.sections import MachineSettings
from utome.errors import ConfigError, DataError, ModelError
from utome.events import Event
from utome.jobs import int8 as job
from utome.jobs.demo import sample_folder
from utome.jobs.predict import Manner, predict
from utome.jobs.train import train
from utome.modelfolder.folder import load_model
from utome.models.folding import folded
from utome.prediction.backends import int8
from utome.prediction.backends.compiled import OnnxRuntime, OpenVino
from utome.prediction.backends.exporting import as_onnx
from utome.prediction.ensemble import load_predictor
from utome.recipes.library import load_recipe

pytest.importorskip("openvino")
pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.usefixtures("one_thread")
MACHINE = MachineSettings(device="cpu", threads=1)
# One of each architecture, and the kinds that are put together otherwise.
NAMES = [
    "unet", "unet-valid", "phseg_v5", "attention-unet", "advanced-attention-unet", "full-attention-unet", "se-unet-plain",
    "se-unet-matched", "efficient-unet-expansion", "resnet50-unet", "unet-plus-plus", "unet-3-plus",
]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that has learned something of the sample, in bfloat16 where the processor has it."""
    settings = ["model.width=4", "model.depth=2", "training.epochs=4", "training.tile=64", "training.tiles_per_image=8"]
    settings.append("optimizer.learning_rate=0.02")
    config = override(load_recipe("unet").settings, [*settings, "machine.threads=1", "machine.device=cpu"])
    return train(sample_folder(), config, tmp_path_factory.mktemp("trained") / "run").run


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four validation images of a hardly trained network say little of what int8 costs."""
    monkeypatch.setattr(int8, "LOWEST", -1.0)


@pytest.mark.parametrize("name", NAMES)
def test_both_libraries_compute_every_architecture_at_any_size(name: str) -> None:
    network = small(name).eval()
    document = as_onnx(folded(network), 1)
    form = network.geometry, network.receptive_field
    libraries = [OpenVino(document, *form, number="float32"), OnnxRuntime(document, *form)]
    for sides in ((8, 40), (33, 17)):
        height, width = (network.geometry.input_side(side) for side in sides)
        image = torch.randn(1, 1, height, width, generator=torch.Generator().manual_seed(height))
        with torch.inference_mode():
            expected = network(image)
        for library in libraries:
            found = library(image)
            assert found.shape == expected.shape
            assert (found - expected).abs().max() <= 2e-5 * expected.abs().max()


@pytest.mark.parametrize("backend", ["openvino", "onnx"])
def test_each_installed_backend_agrees_with_torch_on_the_sample(run: Path, backend: str) -> None:
    image = sample_folder() / "test" / "images"
    paths = sorted(image.iterdir())[:2]
    from utome.data.formats import read_image

    said: list[str] = []

    def listen(event: Event) -> None:
        said.append(getattr(event, "text", ""))

    predictor = load_predictor([run], MACHINE, {"backend": backend}, listen=listen)
    exact = load_predictor([run], MACHINE, {"backend": "float32"})
    for path in paths:
        pixels = read_image(path)
        found, expected = (each.probabilities(pixels, source=str(path)) for each in (predictor, exact))
        assert np.abs(found - expected).max() <= 0.25
        assert (found.argmax(axis=0) != expected.argmax(axis=0)).mean() <= 0.02
    assert predictor.choose([(pixels, "a")]) == (backend,)
    assert len(said) == 1
    assert said[0].startswith(f"Backend: {backend} in ")


def test_int8_is_near_float32_also_where_maps_are_cropped() -> None:
    network = folded(small("unet").eval())
    document = as_onnx(network, 1)
    images = [picture(network, side=side, images=1) for side in (48, 64)]
    whole_numbers = int8.in_int8(document, (image[0].numpy() for image in images))
    assert b"QuantizeLinear" in whole_numbers
    assert len(whole_numbers) != len(document)
    engine = int8.int8_engine(whole_numbers, network)
    for image in [*images, images[0]]:
        with torch.inference_mode():
            expected = network(image)
        found = engine.segmenter(image)
        assert (found - expected).abs().max() < 0.15 * expected.abs().max()
        assert (found - expected).abs().max() > 0


def test_int8_is_made_and_checked_once_and_then_predicts(
    run: Path, tmp_path: Path, lenient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    del lenient
    said: list[str] = []

    def listen(event: Event) -> None:
        said.append(getattr(event, "text", ""))

    image = min((sample_folder() / "test" / "images").iterdir())
    manner = Manner(changes={"backend": "int8"})
    with pytest.raises(ConfigError, match="was not checked in int8 yet"):
        utome.load(run, device="cpu", backend="int8")
    first = predict(run, image, tmp_path / "one", manner=manner, machine=MACHINE, listen=listen)
    check = json.loads((run / "model" / "int8" / "check.json").read_text())
    assert check["weights_sha256"] == load_model(run).card.weights_sha256
    assert (check["images"], check["low"] <= check["difference"] <= check["high"]) == (4, True)
    assert abs(check["before"] - check["after"] + check["difference"]) < 1e-12
    assert any("int8 on 4 validation images: mean IoU" in each for each in said)
    monkeypatch.setattr(job, "in_int8", None)  # whoever asks again fails
    again = predict(run, image, tmp_path / "two", manner=manner, machine=MACHINE)
    assert first.written[0].read_bytes() == again.written[0].read_bytes()
    assert utome.load(run, device="cpu", backend="int8").classes == ("background", "foreground")


def test_int8_that_costs_too_much_is_refused_and_so_is_a_damaged_one(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(run)
    monkeypatch.setattr(int8, "LOWEST", 0.9)
    with pytest.raises(
        ModelError, match=r"`int8` is refused for this model: int8 on 4 validation images: .*must be 0\.9 or more"
    ):
        job.check_int8(run, model, MACHINE)
    with pytest.raises(ModelError, match="`int8` is refused"):
        utome.load(run, device="cpu", backend="int8")
    monkeypatch.setattr(int8, "LOWEST", -1.0)
    document = run / "model" / "int8" / "model.onnx"
    whole = document.read_bytes()
    document.write_bytes(whole[:-1])
    assert int8.checked(run, model.card) is None
    document.write_bytes(whole)
    assert int8.checked(run, model.card) is not None
    assert int8.checked(run, model.card.model_copy(update={"weights_sha256": "another"})) is None
    del tmp_path


def test_int8_needs_the_images_of_the_run(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    alone = shutil.copytree(run / "model", tmp_path / "model", ignore=shutil.ignore_patterns("int8"))
    with pytest.raises(DataError, match="no run lies at"):
        job.check_int8(alone, load_model(alone), MACHINE)
    moved = shutil.copytree(run, tmp_path / "run", ignore=shutil.ignore_patterns("int8"))
    data = shutil.copytree(sample_folder(), tmp_path / "data")
    description: dict[str, Any] = json.loads((moved / "data.json").read_text())
    text = json.dumps(description).replace(str(sample_folder().resolve()), str(data.resolve()))
    (moved / "data.json").write_text(text)
    lost = min((data / "val" / "images").iterdir())
    lost.unlink()
    mask = next(each for each in (data / "val" / "masks").iterdir() if each.stem == lost.stem)
    mask.unlink()
    with pytest.raises(DataError, match=r"1 of the 4 images that int8 needs \(part `val`\) are no longer where"):
        job.check_int8(moved, load_model(moved), MACHINE)
    del monkeypatch
