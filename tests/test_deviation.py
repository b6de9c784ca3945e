"""How far tiles are from the whole: measured, stored with a model, and shown on a user's image."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.builders import noise, pair_folder, save, tiny_config, tiny_model
from tests.small_networks import small
from utome.config.prediction import PredictionSettings
from utome.config.sections import MachineSettings
from utome.device import Device
from utome.errors import ConfigError
from utome.events import Event, Noted, silent
from utome.jobs.predict import Manner, predict
from utome.jobs.preparing import prepare
from utome.jobs.resume import refuse_other_settings
from utome.jobs.train import train
from utome.modelfolder.card import ModelCard
from utome.modelfolder.folder import CARD, load_model, save_model
from utome.models.folding import folded
from utome.prediction import deviation as deviations
from utome.prediction import memory
from utome.prediction.deviation import deviation_of
from utome.prediction.memory import forward_bytes, free_bytes, largest_tile
from utome.prediction.predictor import Predictor
from utome.prediction.tiled import predict_tiled
from utome.training.validation import validate

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = Device(torch.device("cpu"), torch.float32)
MACHINE = MachineSettings(device="cpu", threads=1)
SE_UNET = (
    "model.width=4", "model.depth=2", "model.reduction=2", "training.epochs=1", "training.tile=32", "training.batch=2",
    "training.precision=float32", "loss.supervision=0", "machine.device=cpu",
)  # fmt: skip


def drawn(height: int, width: int) -> np.ndarray:
    """Noise that grows brighter to the right, so that a tile's mean is not the image's."""
    image = np.random.default_rng(0).normal(size=(1, height, width)) + np.linspace(0, 4, width)
    return image.astype(np.float32)


@pytest.mark.parametrize(("name", "used", "width"), [("se-unet-plain", 24, 96), ("efficient-unet-expansion", 64, 160)])
def test_the_deviation_is_that_of_the_probabilities_of_tiles_and_whole(name: str, used: int, width: int) -> None:
    network, image = small(name).eval(), drawn(48, width)
    found = deviation_of(network, PredictionSettings(tile=24, halo=8, blend=2), image, CPU)
    tiled = predict_tiled(network, image, CPU, tile=24, halo=8, blend=2)
    whole = predict_tiled(network, image, CPU, tile=width)
    expected = (tiled.softmax(0) - whole.softmax(0)).abs()
    assert (found.tile, found.halo, found.blend, found.reference) == (used, 8, 2, None)
    assert found.largest == pytest.approx(expected.max().item())
    assert found.mean == pytest.approx(expected.mean().item(), rel=1e-4)
    assert found.labels_changed == pytest.approx((tiled.argmax(0) != whole.argmax(0)).float().mean().item())
    assert found.largest > 1e-4
    assert f"tiles of {used} with a halo of 8 against the whole image" in found.sentence


def test_exact_tiles_deviate_by_rounding_alone() -> None:
    found = deviation_of(small("unet").eval(), PredictionSettings(tile=64), drawn(70, 150), CPU)
    assert found.tile == 64
    assert found.largest < 1e-5
    assert found.labels_changed < 1e-3


def test_the_tile_that_is_told_is_the_one_that_was_used() -> None:
    network = small("unet").eval()
    geometry = network.geometry
    least = 2 * geometry.halo + geometry.stride
    found = deviation_of(network, PredictionSettings(tile=least + 40 * geometry.stride + 1), drawn(70, 600), CPU)
    # Four tiles of at most 212 pixels have to reach over 600; four of 188 do, as many times 4 and 2 halos of 24 in common.
    assert (least, geometry.stride, geometry.halo) == (52, 4, 24)
    assert found.tile == 188
    found = deviation_of(network, PredictionSettings(tile=1), drawn(70, 3 * least), CPU)
    assert found.tile == least
    assert f"tiles of {least} with a halo of {geometry.halo}" in found.sentence
    without = deviation_of(network, PredictionSettings(tile=1, halo=0), drawn(70, 3 * least), CPU)
    assert (without.tile, without.halo) == (geometry.stride, 0)


def test_an_image_in_one_piece_has_nothing_to_compare() -> None:
    found = deviation_of(small("se-unet-plain").eval(), PredictionSettings(tile=64, halo=8), drawn(40, 64), CPU)
    assert (found.tile, found.largest, found.mean, found.labels_changed) == (None, 0, 0, 0)
    assert found.sentence == "in one piece, so there are no tiles."


def test_where_memory_is_short_tiles_are_compared_with_the_largest_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    network, image = small("se-unet-plain").eval(), drawn(96, 192)
    whole = forward_bytes(small("se-unet-plain").eval().to("meta"), (1, 1, 96, 192))
    monkeypatch.setattr(memory, "free_bytes", lambda device: int(0.8 * whole))
    side = largest_tile(network, 1, (96, 192), CPU)
    assert side is not None
    assert 24 < side < 192
    found = deviation_of(network, PredictionSettings(tile=24, halo=8), image, CPU)
    assert found.reference == side
    expected = predict_tiled(network, image, CPU, tile=24, halo=8).softmax(0)
    expected = (expected - predict_tiled(network, image, CPU, tile=side).softmax(0)).abs()
    assert found.largest == pytest.approx(expected.max().item())
    assert f"against larger tiles of {side}: " in found.sentence


def test_memory_that_is_not_known_is_taken_to_be_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda device: None)
    assert largest_tile(small("unet"), 1, (4096, 4096), CPU) is None


def test_the_memory_of_an_image_is_counted_without_taking_it() -> None:
    network = torch.nn.Sequential(*(torch.nn.Conv2d(4, 4, 3, padding=1) for _ in range(5))).to("meta")
    plane = 4 * 1000 * 1000 * 4
    # The image, and of the chain of maps two at a time.
    assert forward_bytes(network, (1, 4, 1000, 1000)) == 3 * plane
    bare = small("unet").eval().to("meta")
    assert forward_bytes(bare, (1, 1, 128, 128)) == pytest.approx(4 * forward_bytes(bare, (1, 1, 64, 64)), rel=1e-3)


def test_free_memory_is_what_the_machine_and_the_container_leave(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    free = free_bytes(CPU)
    assert free is None or free > 2**20
    (tmp_path / "memory.max").write_text("3000\n", encoding="ascii")
    (tmp_path / "memory.current").write_text("1000\n", encoding="ascii")
    monkeypatch.setattr(memory, "CONTAINER", tmp_path)
    assert free_bytes(CPU) == 2000


@pytest.fixture(scope="module")
def se_unet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Event]]:
    """A short training of a network that averages over the whole image."""
    root = tmp_path_factory.mktemp("se")
    heard: list[Event] = []
    config = tiny_config(*SE_UNET, recipe="se-unet")
    train(pair_folder(root / "data", height=40, width=56), config, root / "run", listen=heard.append)
    return root / "run", heard


def test_a_network_that_averages_over_the_image_is_measured_at_the_end_of_its_training(
    se_unet: tuple[Path, list[Event]],
) -> None:
    run, heard = se_unet
    card = load_model(run).card
    found = card.deviation
    assert found is not None
    assert (card.prediction_tile, card.predicted_as.tile, card.predicted_as.halo) == (32, 32, 8)
    assert (found.tile, found.halo, found.reference, found.mirrored) == (32, 8, None, False)
    assert (found.height, found.width) == (40, 56)
    assert found.image.startswith("image-")
    said = [event.text for event in heard if isinstance(event, Noted) and "not exact" in event.text]
    assert len(said) == 1
    assert f"Measured on '{found.image}': tiles of 32 with a halo of 8 against the whole image" in said[0]


def test_the_stored_deviation_is_what_the_validation_image_gives(se_unet: tuple[Path, list[Event]]) -> None:
    run, _ = se_unet
    from utome.data.formats import read_image

    model = load_model(run)
    found = model.card.deviation
    assert found is not None
    pixels = read_image(run.parent / "data" / "images" / f"{found.image}.png")
    again = Predictor(model, CPU).deviation(pixels, source="a")
    assert (again.largest, again.mean) == pytest.approx((found.largest, found.mean), rel=1e-3)
    assert again.labels_changed == pytest.approx(found.labels_changed)
    assert found.largest > 0


def test_where_all_validation_images_fit_into_a_tile_their_mirror_images_are_tiled(tmp_path: Path) -> None:
    config = tiny_config(*SE_UNET, "training.tile=64", recipe="se-unet")
    run = train(pair_folder(tmp_path / "data"), config, tmp_path / "run").run
    found = load_model(run).card.deviation
    assert found is not None
    assert (found.mirrored, found.height, found.width, found.tile) == (True, 128, 128, 64)
    assert found.largest > 0


def test_a_network_of_exact_tiles_is_not_measured_unless_its_halo_is_smaller(tmp_path: Path) -> None:
    data = pair_folder(tmp_path / "data", height=60, width=60)
    exact = train(data, tiny_config("training.epochs=1"), tmp_path / "exact").run
    assert load_model(exact).card.deviation is None
    config = tiny_config("training.epochs=1", "prediction.tile=32", "prediction.halo=4", "prediction.blend=4")
    found = load_model(train(data, config, tmp_path / "near").run).card.deviation
    assert found is not None
    assert (found.tile, found.halo, found.blend, found.mirrored) == (32, 4, 4, False)
    assert found.largest > 1e-5


def test_a_card_of_before_there_were_these_settings_predicts_as_then(tmp_path: Path) -> None:
    model = tiny_model()
    save_model(tmp_path, model.network.state_dict(), model.card)
    content = json.loads((tmp_path / CARD).read_text(encoding="utf-8"))
    del content["prediction"], content["deviation"]
    (tmp_path / CARD).write_text(json.dumps(content), encoding="utf-8")
    card = load_model(tmp_path).card
    assert card.predicted_as == PredictionSettings(tile=64)
    assert isinstance(card, ModelCard)
    pixels = noise(90, 70, 1)
    expected = predict_tiled(folded(model.network), card.prepared_by.image(pixels, source="a"), CPU, tile=64)
    assert torch.equal(Predictor(load_model(tmp_path), CPU).logits(pixels, source="a"), expected)


def test_validation_predicts_in_the_pieces_that_the_settings_name(tmp_path: Path) -> None:
    config = tiny_config("training.epochs=1")
    task = prepare(pair_folder(tmp_path, height=60, width=70), config, silent).task

    def loss(**settings: int) -> float:
        pieces = PredictionSettings.model_validate(settings)
        return validate(task.network, task.validation, config.loss, task.device, pieces=pieces).loss

    whole = loss()
    assert loss(tile=32) == pytest.approx(whole, rel=1e-5)
    assert loss(tile=32, halo=0) != pytest.approx(whole, rel=1e-5)
    assert loss(tile=32, halo=0, blend=8) != pytest.approx(loss(tile=32, halo=0), rel=1e-6)


def test_a_run_that_began_before_there_were_these_settings_goes_on(tmp_path: Path) -> None:
    config = tiny_config("prediction.tile=1024")
    begun = {**config.as_dict(), "prediction": {"tile": 1024}}
    del begun["augmentation"]["gamma"]
    refuse_other_settings(begun, config, tmp_path)
    with pytest.raises(ConfigError, match=r"`prediction\.halo` was None and is 8"):
        refuse_other_settings(begun, tiny_config("prediction.tile=1024", "prediction.halo=8"), tmp_path)


def test_verifying_says_of_each_image_how_far_its_tiles_are_from_the_whole(
    tmp_path: Path, se_unet: tuple[Path, list[Event]]
) -> None:
    save(tmp_path / "images" / "large.png", noise(60, 100))
    save(tmp_path / "images" / "small.png", noise(20, 30))
    heard: list[Event] = []
    manner = Manner(verify=True)
    result = predict(
        se_unet[0], tmp_path / "images", tmp_path / "out", manner=manner, machine=MACHINE, listen=heard.append
    )
    assert result.verified is not None
    assert list(result.verified) == ["large", "small"]
    assert result.verified["large"].tile == 32
    assert result.verified["large"].largest > 1e-6
    assert result.verified["small"].tile is None
    texts = [event.text for event in heard if isinstance(event, Noted)]
    assert f"large: {result.verified['large'].sentence}" in texts
    document = json.loads(json.dumps(result.as_json()))
    assert document["verified"]["large"]["largest"] == result.verified["large"].largest
    plain = predict(se_unet[0], tmp_path / "images", tmp_path / "plain", machine=MACHINE)
    assert "verified" not in plain.as_json()
    assert [path.read_bytes() for path in plain.written] == [path.read_bytes() for path in result.written]


def test_settings_given_when_predicting_come_before_those_of_the_model(
    tmp_path: Path, se_unet: tuple[Path, list[Event]]
) -> None:
    path = save(tmp_path / "a.png", noise(60, 100))
    manner = Manner(verify=True, changes={"tile": 48, "halo": 12})
    result = predict(se_unet[0], path, tmp_path / "out", manner=manner, machine=MACHINE)
    assert result.verified is not None
    assert (result.verified["a"].tile, result.verified["a"].halo) == (48, 12)
    usual = predict(
        se_unet[0], path, tmp_path / "usual", manner=Manner(verify=True, changes={"tile": None}), machine=MACHINE
    )
    assert usual.verified is not None
    assert usual.verified["a"].tile == 32


def test_a_setting_of_prediction_that_there_is_not_is_refused() -> None:
    from utome.config.overrides import prediction_settings

    assert prediction_settings(["prediction.average=square"]).prediction.average == "square"
    with pytest.raises(ConfigError, match=r"'none', 'flips', 'square' or 'rotations'"):
        prediction_settings(["prediction.average=9"])
    with pytest.raises(ConfigError, match=r"fixed when the model was trained"):
        prediction_settings(["training.tile=9"])
    assert deviations.Deviation(None, 0, 0, None, 0.0, 0.0, 0.0).as_json()["tile"] is None
