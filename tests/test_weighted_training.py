"""Training with weights of pixels: settings lead to the maps they name, and the maps to another result."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.builders import draw_discs, noise, save, tiny_config
from utome.augmentation.separation import components, separate
from utome.augmentation.weight_maps import WeightMapRule, weight_map
from utome.config.overrides import override
from utome.data.dataset import Item, Weigh
from utome.data.weight_cache import WeightCache
from utome.errors import ConfigError
from utome.events import silent
from utome.jobs import preparing
from utome.jobs.preparing import Prepared, prepare
from utome.jobs.resume import resume
from utome.jobs.train import train
from utome.recipes.library import load_recipe

pytestmark = pytest.mark.usefixtures("one_thread")

SETTINGS = {
    "border": ["loss.weights.map=border"],
    "2019": ["loss.weights.map='2019'"],
    "balance": ["loss.weights.balance=true"],
    "separate": ["loss.weights.separate=true"],
    "everything": ["loss.weights.map=border", "loss.weights.balance=true", "loss.weights.separate=true"],
}
SHORT = ("training.epochs=1", "machine.threads=1")


def nuclei(root: Path) -> Path:
    """The layout of the 2018 Data Science Bowl: two nuclei an image that touch along a column, and one apart."""
    for number in range(8):
        name = f"image{number}"
        save(root / name / "images" / f"{name}.png", noise(24, 24, seed=number))
        for part, box in enumerate((np.s_[4:12, 4:10], np.s_[4:12, 10:16], np.s_[18:22, 3 + number : 8 + number])):
            mask = np.zeros((24, 24), dtype=np.uint8)
            mask[box] = 255
            save(root / name / "masks" / f"{part}.png", mask)
    return root


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nuclei(tmp_path_factory.mktemp("cells"))


@pytest.fixture(scope="module")
def plain(cells: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which all pixels count alike."""
    return train(cells, tiny_config(*SHORT), tmp_path_factory.mktemp("plain") / "run").run


def ready(root: Path, assignments: Sequence[str] = ()) -> Prepared:
    return prepare(root, tiny_config(*SHORT, *assignments), silent)


def items(root: Path, *assignments: str) -> list[Item]:
    return list(ready(root, assignments).data.training)


def objects_of(number: int) -> np.ndarray:
    objects = np.zeros((24, 24), dtype=np.int32)
    objects[4:12, 4:10], objects[4:12, 10:16], objects[18:22, 3 + number : 8 + number] = 1, 2, 3
    return objects


def number_of(item: Item) -> int:
    return int(item.facts.sample.name.removeprefix("image"))


def test_without_settings_nothing_is_weighed(cells: Path) -> None:
    assert all(item.weights is None for item in items(cells))
    batch = next(ready(cells).task.batches.epoch(1))
    assert batch.weight is None


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_training_runs_and_ends_elsewhere_than_without(name: str, cells: Path, plain: Path, tmp_path: Path) -> None:
    run = train(cells, tiny_config(*SHORT, *SETTINGS[name]), tmp_path / "run").run
    assert (run / "history.csv").read_bytes() != (plain / "history.csv").read_bytes()
    assert (run / "model" / "model.safetensors").read_bytes() != (plain / "model" / "model.safetensors").read_bytes()


def test_a_map_that_is_read_from_the_cache_gives_the_same_run_as_one_that_is_made(
    cells: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config(*SHORT, *SETTINGS["everything"])
    monkeypatch.setenv("UTOME_CACHE", str(tmp_path / "cache"))
    runs = [train(cells, config, tmp_path / "made").run, train(cells, config, tmp_path / "read").run]
    assert len(list((tmp_path / "cache" / "weight-maps").iterdir())) == len(ready(cells).data.training)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("UTOME_CACHE", str(tmp_path / "file"))
    runs.append(train(cells, config, tmp_path / "unwritable").run)
    for name in ("history.csv", "model/model.safetensors"):
        assert len({(run / name).read_bytes() for run in runs}) == 1, name


def test_touching_objects_of_the_bowl_have_the_border_between_them(cells: Path) -> None:
    for item in items(cells, "loss.weights.map=border", "loss.weights.w0=7", "loss.weights.sigma=3"):
        objects, labels = objects_of(number_of(item)), item.labels
        rule = WeightMapRule(w0=7.0, sigma=3.0, separate=False)
        assert item.weights is not None
        assert (labels == (objects > 0)).all()
        assert (item.weights == weight_map(labels, objects, rule)[1]).all()
        assert item.weights[8, 9] == pytest.approx(1 + 7 * np.exp(-1 / 18))
        assert weight_map(labels, components(labels), rule)[1][8, 9] < 2, "as one object they would have no border"


def test_2019_takes_the_objects_too(cells: Path) -> None:
    for item in items(cells, "loss.weights.map='2019'"):
        objects = objects_of(number_of(item))
        wanted = weight_map((objects > 0).astype(np.uint8), objects, WeightMapRule("2019", separate=False))[1]
        assert item.weights is not None
        assert (item.weights == wanted).all()


def test_separate_parts_the_labels_and_leaves_all_weights_alike(cells: Path) -> None:
    for item in items(cells, "loss.weights.separate=true"):
        objects = objects_of(number_of(item))
        assert (item.labels == separate((objects > 0).astype(np.uint8), objects)).all()
        assert not item.labels[8, 10]
        assert item.weights is not None
        assert (item.weights == 1).all()


def test_balance_gives_both_classes_of_the_training_images_the_same_weight_in_total(cells: Path) -> None:
    found = items(cells, "loss.weights.balance=true")
    totals = [
        sum(float(item.weights[item.labels == each].sum()) for item in found if item.weights is not None)
        for each in (0, 1)
    ]
    assert totals[0] == pytest.approx(totals[1], rel=1e-5)
    assert sum(totals) == pytest.approx(len(found) * 24 * 24, rel=1e-5)


def test_only_training_images_are_weighed(cells: Path) -> None:
    prepared = ready(cells, SETTINGS["everything"])
    assert all(item.weights is None for item in prepared.data.validation)
    for item in prepared.data.validation:
        assert (item.labels == (objects_of(number_of(item)) > 0)).all()


def test_masks_of_classes_are_weighed_by_their_connected_parts(tmp_path: Path) -> None:
    rows = np.indices((20, 20))[0]
    for number in range(6):
        mask = (((rows < 8) | (rows > 10)) * 255).astype(np.uint8)
        save(tmp_path / "images" / f"{number}.png", noise(20, 20, seed=number))
        save(tmp_path / "masks" / f"{number}.png", mask)
    for item in items(tmp_path, "loss.weights.map=border"):
        assert item.weights is not None
        assert item.weights[9, 5] == pytest.approx(1 + 10 * np.exp(-16 / 50), rel=1e-5)


def test_the_rule_is_told_to_the_cache_whole(cells: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    class Noting(WeightCache):
        def __init__(self, make: Weigh, rule: str) -> None:
            told.append(rule)
            super().__init__(make, rule)

    monkeypatch.setattr(preparing, "WeightCache", Noting)
    changes = (
        "loss.weights.w0=9", "loss.weights.sigma=4", "loss.weights.balance=true", "loss.weights.separate=true",
        "loss.weights.map='2019'", "seed=0",
    )  # fmt: skip
    for change in changes:
        ready(cells, ("loss.weights.map=border", change))
    assert len(set(told)) == len(changes)


def test_an_interrupted_run_with_weights_goes_on_to_the_same_end(tmp_path: Path) -> None:
    config = tiny_config("machine.threads=1", *SETTINGS["everything"])
    discs = draw_discs(tmp_path / "discs", [f"{number}" for number in range(8)])
    whole = train(discs, config, tmp_path / "whole").run

    def stop(event: object) -> None:
        if getattr(event, "epoch", 0) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(discs, config, tmp_path / "cut", listen=stop)
    again = resume(discs, tmp_path / "cut").run
    for name in ("history.csv", "model/model.safetensors"):
        assert (again / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.parametrize("setting", ["loss.weights.map=border", "loss.weights.balance=true"])
def test_weights_without_a_term_that_heeds_them_are_refused(setting: str) -> None:
    without = ["loss.cross_entropy=0", "loss.dice=1", setting]
    with pytest.raises(ConfigError, match=r"^`loss.weights` weighs pixels, but Dice and Jaccard"):
        override(load_recipe("unet").settings, without)
    assert override(load_recipe("unet").settings, [*without, "loss.focal=1"]).loss.focal == 1
