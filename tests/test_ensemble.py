"""Several models as one, and a model from Python: arrays in, arrays out."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import utome
from tests.builders import noise, save, tiny_model
from tests.command import run_utome
from utome.config.prediction import Backend, PredictionSettings
from utome.config.sections import MachineSettings
from utome.device import Device
from utome.errors import ConfigError, DataError, MachineError, ModelError
from utome.jobs.predict import Manner, predict
from utome.modelfolder.folder import Model, save_model
from utome.models.architectures import build_network
from utome.prediction.ensemble import load_predictor
from utome.prediction.predictor import Predictor

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = Device(torch.device("cpu"), torch.float32)
MACHINE = MachineSettings(device="cpu", threads=1)


def saved(folder: Path, *, seed: int = 0, changes: Mapping[str, Any] | None = None, **options: Any) -> Path:
    """A model whose weights follow from `seed`, and whose card has these changes."""
    model = tiny_model(**options)
    network = build_network(
        model.card.architecture, in_channels=model.card.in_channels, classes=len(model.card.classes), seed=seed
    )
    save_model(folder, network.state_dict(), model.card.model_copy(update=dict(changes or {})))
    return folder


def alone(run: Path, pixels: np.ndarray) -> np.ndarray:
    return load_predictor([run], MACHINE).probabilities(pixels, source="a")


def test_an_ensemble_goes_by_windows_only_where_all_its_members_do(tmp_path: Path) -> None:
    turned = PredictionSettings(average="rotations", tile=64)
    runs = [saved(tmp_path / "a"), saved(tmp_path / "b", seed=1, changes={"prediction": turned})]
    assert load_predictor(runs[:1], MACHINE).refusal_of_windows is None
    for order in (runs, runs[::-1]):
        refusal = load_predictor(order, MACHINE).refusal_of_windows
        assert refusal is not None
        assert "quarter turns" in refusal


def test_each_member_has_the_backend_that_was_chosen_for_it(tmp_path: Path) -> None:
    runs = [saved(tmp_path / str(seed), seed=seed) for seed in range(2)]
    told: Sequence[Backend]
    for told in (("torch", "float32"), ("float32", "torch")):
        together = load_predictor(runs, MACHINE, {"backend": "auto"}, backends=told)
        assert together.choose([(noise(30, 41, 1), "a")]) == told
    assert load_predictor(runs, MACHINE, {"backend": "auto"}).choose([]) == (), "the first image decides"


def test_an_ensemble_gives_the_mean_of_the_probabilities_of_its_members(tmp_path: Path) -> None:
    runs = [saved(tmp_path / str(seed), seed=seed) for seed in range(3)]
    pixels = noise(30, 41, 1)
    expected = np.mean([alone(run, pixels) for run in runs], axis=0)
    together = load_predictor(runs, MACHINE)
    assert together.probabilities(pixels, source="a") == pytest.approx(expected, abs=1e-6)
    assert (together.labels(pixels, source="a") == expected.argmax(axis=0)).mean() > 0.999
    assert np.abs(expected - alone(runs[0], pixels)).max() > 1e-3


def test_a_model_averaged_with_itself_is_itself(tmp_path: Path) -> None:
    run, pixels = saved(tmp_path / "run"), noise(30, 41, 1)
    assert load_predictor([run, run], MACHINE).probabilities(pixels, source="a") == pytest.approx(
        alone(run, pixels), abs=1e-6
    )


def test_members_with_moments_of_their_own_prepare_the_image_each_by_its_own(tmp_path: Path) -> None:
    card = tiny_model().card

    def by_moments(mean: float) -> dict[str, Any]:
        moments = {"mean": (mean,), "deviation": (50.0,)}
        preparation = {**card.preparation.model_dump(), "normalization": "dataset", "moments": moments}
        return {"preparation": type(card.preparation).model_validate(preparation)}

    runs = [saved(tmp_path / str(mean), changes=by_moments(mean)) for mean in (100.0, 140.0)]
    pixels = noise(16, 24, 1)
    expected = np.mean([alone(run, pixels) for run in runs], axis=0)
    assert load_predictor(runs, MACHINE).probabilities(pixels, source="a") == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"classes": 3}, "knows the classes class 0, class 1, class 2, but"),
        ({"in_channels": 3}, "`channels` is 3, not 1"),
        ({"size": (16, 16)}, r"`size` is \(16, 16\), not None"),
    ],
)
def test_runs_that_do_not_belong_together_are_refused(tmp_path: Path, options: dict[str, Any], sentence: str) -> None:
    runs = [saved(tmp_path / "one"), saved(tmp_path / "other", **options)]
    with pytest.raises(ConfigError, match=sentence):
        load_predictor(runs, MACHINE)


def test_the_deviation_of_an_ensemble_is_that_of_its_mean(tmp_path: Path) -> None:
    runs = [saved(tmp_path / str(seed), seed=seed) for seed in range(2)]
    found = load_predictor(runs, MACHINE, {"tile": 32, "halo": 0, "average": "flips"}).deviation(
        noise(60, 70, 1), source="a"
    )
    assert (found.tile, found.halo, found.reference) == (32, 0, None)
    assert found.largest > 1e-5
    one_piece = load_predictor(runs, MACHINE).deviation(noise(20, 20, 1), source="a")
    assert one_piece.tile is None


def test_the_deviation_of_an_ensemble_names_the_smallest_tile_and_halo(tmp_path: Path) -> None:
    settings = [PredictionSettings(tile=48, halo=4), PredictionSettings(tile=32, halo=6)]
    runs = [saved(tmp_path / str(seed), seed=seed, changes={"prediction": settings[seed]}) for seed in range(2)]
    for order in (runs, runs[::-1]):
        found = load_predictor(order, MACHINE).deviation(noise(60, 70, 1), source="a")
        assert (found.tile, found.halo) == (32, 4)


def test_runs_named_beside_the_first_are_averaged_with_it(tmp_path: Path) -> None:
    runs = [saved(tmp_path / str(seed), seed=seed) for seed in range(2)]
    path = save(tmp_path / "a.png", noise(30, 41))
    result = predict(runs[0], path, tmp_path / "out", manner=Manner(others=(runs[1],)), machine=MACHINE)
    expected = load_predictor(runs, MACHINE).labels(noise(30, 41)[:, :, None], source="a")
    from PIL import Image

    with Image.open(result.written[0]) as image:
        assert (np.asarray(image) == expected).all()


def test_the_command_averages_verifies_and_names_other_runs(tmp_path: Path) -> None:
    runs = [saved(tmp_path / str(seed), seed=seed) for seed in range(2)]
    save(tmp_path / "images" / "a.png", noise(100, 90))
    done = run_utome(
        "predict", runs[0], tmp_path / "images", "--out", tmp_path / "out", "--with", runs[1], "--verify", "--json",
        "--set", "prediction.average=flips", "--set", "prediction.halo=4", "--set", "machine.device=cpu",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["verified"]["a"]["halo"] == 4
    assert 0 < document["verified"]["a"]["largest"] < 1
    assert (
        "a: tiles of 56 with a halo of 4 against the whole image" in done.stderr
    )  # two of at most 64 that reach over 100


def test_the_command_refuses_runs_of_other_classes(tmp_path: Path) -> None:
    one, other = saved(tmp_path / "one"), saved(tmp_path / "other", classes=3)
    save(tmp_path / "images" / "a.png", noise(10, 10))
    done = run_utome("predict", one, tmp_path / "images", "--out", tmp_path / "out", "--with", other)
    assert done.returncode == ConfigError.exit_code
    assert "their probabilities cannot be averaged" in done.stderr
    assert not (tmp_path / "out").exists()


# From Python.


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return saved(tmp_path / "run", classes=3)


@pytest.fixture
def colour_run(tmp_path: Path) -> Path:
    return saved(tmp_path / "colour", in_channels=3)


def test_a_loaded_model_gives_classes_and_probabilities_of_an_array(run: Path) -> None:
    model, image = utome.load(run, device="cpu"), noise(30, 41)
    labels, probabilities = model.predict(image), model.predict_proba(image)
    assert labels.shape == (30, 41)
    assert labels.dtype == np.uint8
    assert probabilities.shape == (30, 41, 3)
    assert probabilities.dtype == np.float32
    assert probabilities.transpose(2, 0, 1) == pytest.approx(alone(run, image[:, :, None]), abs=1e-6)
    assert (probabilities.argmax(axis=2) == labels).all()
    assert model.classes == ("class 0", "class 1", "class 2")
    assert isinstance(model, utome.LoadedModel)


def test_axes_are_known_by_their_names_in_any_order(colour_run: Path) -> None:
    model, image = utome.load(colour_run, device="cpu"), noise(20, 30, 3)
    expected = model.predict_proba(image, axes="yxc")
    assert (model.predict_proba(image) == expected).all()
    assert (model.predict_proba(image.transpose(2, 0, 1), axes="cyx") == expected).all()
    assert (model.predict_proba(image.transpose(1, 0, 2), axes="xyc") == expected.transpose(1, 0, 2)).all()
    assert (model.predict(image.transpose(2, 1, 0), axes="CXY") == expected.argmax(axis=2).T).all()


def test_what_is_no_row_column_or_channel_is_a_stack_of_images(run: Path) -> None:
    model, stack = utome.load(run, device="cpu"), noise(2, 3, 20, 30)
    found = model.predict(stack, axes="tzyx")
    assert found.shape == (2, 3, 20, 30)
    assert (found[1, 2] == model.predict(stack[1, 2])).all()
    last = model.predict_proba(stack.transpose(2, 3, 0, 1), axes="yxtz")
    assert last.shape == (20, 30, 2, 3, 3)
    assert (last[:, :, 1, 2] == model.predict_proba(stack[1, 2])).all()


def test_an_array_with_channels_is_what_a_file_with_them_is(run: Path, colour_run: Path) -> None:
    grey = noise(20, 30)
    plain = utome.load(run, device="cpu").predict(grey)
    assert (utome.load(run, device="cpu").predict(grey[:, :, None]) == plain).all()
    assert (utome.load(run, device="cpu").predict(np.repeat(grey[:, :, None], 3, axis=2)) == plain).all()
    model = utome.load(colour_run, device="cpu")
    assert (model.predict(grey) == model.predict(np.repeat(grey[:, :, None], 3, axis=2))).all()


def test_settings_of_prediction_and_further_runs_are_taken(tmp_path: Path) -> None:
    runs = [saved(tmp_path / str(seed), seed=seed) for seed in range(2)]
    image = noise(30, 41)
    together = utome.load(*runs, device="cpu", threads=1, average="square").predict_proba(image)
    expected = load_predictor(runs, MACHINE, {"average": "square"}).probabilities(image[:, :, None], source="a")
    assert together.transpose(2, 0, 1) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("array", "axes", "sentence"),
    [
        (noise(4, 5, 6, 7), None, r"^The array has 4 axes\. Name them"),
        (noise(4, 5), "y", "does not fit an array of shape"),
        (noise(4, 5), "yy", "does not fit an array of shape"),
        (noise(4, 5), "zy", "y and x among them"),
        (noise(4, 5, 9), None, r"has 9 channels; this model takes 1\. Name its axes, as in axes='zyx'"),
        (noise(0, 5), None, "has no pixels"),
        (np.full((4, 5), "a"), None, "accepted: integers or real numbers"),
        (np.full((4, 5), np.nan), None, r"^The array holds values that are no numbers"),
        (np.full((2, 4, 5), np.inf), "zyx", r"^The array at \[0\] holds values that are no numbers"),
    ],
)
def test_an_array_that_does_not_fit_is_refused(run: Path, array: np.ndarray, axes: str | None, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        utome.load(run, device="cpu").predict(array, axes)


def test_what_numpy_takes_for_an_array_is_one(run: Path) -> None:
    model, image = utome.load(run, device="cpu"), noise(20, 30).astype(np.float32)
    expected = model.predict(image)
    assert (model.predict(torch.from_numpy(image)) == expected).all()
    assert model.predict(image.tolist()).shape == expected.shape
    for given in ([[1, 2], [3]], torch.zeros(4, 4, requires_grad=True)):
        with pytest.raises(DataError, match=r"No array can be made of this (list|Tensor): .* Give a NumPy array\."):
            model.predict(given)


def test_values_as_shares_of_their_type_need_a_type_of_files(tmp_path: Path) -> None:
    card = tiny_model().card
    ranged = card.preparation.model_copy(update={"normalization": "range"})
    model = utome.load(saved(tmp_path / "run", changes={"preparation": ranged}), device="cpu")
    assert model.predict(noise(9, 9)).shape == (9, 9)
    with pytest.raises(DataError, match=r"is int64, but this model takes values as shares of what their type can hold"):
        model.predict(noise(9, 9).astype(np.int64))


def test_values_that_are_no_numbers_become_what_stood_for_them_in_training(tmp_path: Path) -> None:
    card = tiny_model().card
    filled = card.preparation.model_copy(update={"fill": 0.0})
    model = utome.load(saved(tmp_path / "run", changes={"preparation": filled}), device="cpu")
    image = noise(9, 9).astype(np.float32)
    image[2, 3] = 0
    with_hole = image.copy()
    with_hole[2, 3] = np.nan
    assert (model.predict_proba(with_hole) == model.predict_proba(image)).all()


def test_what_cannot_be_loaded_is_refused(tmp_path: Path, run: Path) -> None:
    with pytest.raises(ModelError, match="is not there"):
        utome.load(tmp_path / "none")
    with pytest.raises(
        ConfigError, match=r"There is no setting `prediction\.averaging`\. Did you mean `prediction\.average"
    ):
        utome.load(run, averaging="flips")
    with pytest.raises(ConfigError, match=r"`machine\.device` is 'tpu'"):
        utome.load(run, device="tpu")
    if not torch.cuda.is_available():
        with pytest.raises(MachineError, match="no device 'cuda'"):
            utome.load(run, device="cuda")
    with pytest.raises(AttributeError, match="has no attribute 'loads'"):
        utome.loads  # noqa: B018


def test_importing_the_package_imports_neither_torch_nor_numpy() -> None:
    code = "import utome, sys; print(sorted({'torch', 'numpy', 'scipy'} & set(sys.modules)), 'load' in dir(utome))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] True"


def test_a_predictor_of_a_model_leaves_its_card_as_it_is() -> None:
    model = tiny_model()
    Predictor(Model(model.network, model.card), CPU, {"tile": 16})
    assert model.card.predicted_as.tile == 64
