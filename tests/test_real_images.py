"""The main job on real electron microscopy and real nuclei, through the command line."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.command import run_utome
from utome.config.overrides import override
from utome.data.formats import read_mask
from utome.data.layouts.finding import find_samples
from utome.data.survey import survey
from utome.jobs.train import train
from utome.modelfolder.folder import load_model
from utome.recipes.library import load_recipe, recipe_names

# Shorter than a user's run, but each learns far more than the commonest class.
SPLIT = ["--set", "data.split=22/4/4"]
LENGTHS = {
    "unet": ["--set", "model.width=16", "--set", "training.epochs=6", "--set", "training.tile=128", *SPLIT],
    "unet-2015": ["--set", "model.width=16", "--set", "training.epochs=4", *SPLIT],
}
# What makes a recipe's network so small that an epoch takes a moment.
NARROW = ["model.width=4"]
SMALL = {
    "se-unet-frem": [*NARROW, "model.enhancement.maps=8"],
    "unet-3-plus": [*NARROW, "model.source_width=4"],
    "efficient-unet": ["model.decoder=[8,8,8,8,8]"],
    "resnet50-unet": ["model.decoder=[8,8,8,8,8]"],
}


@pytest.fixture(scope="module", params=sorted(LENGTHS))
def trained(request: pytest.FixtureRequest, real_images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of each recipe on the EM sections."""
    recipe = str(request.param)
    run = tmp_path_factory.mktemp("em") / recipe
    done = run_utome("train", real_images / "isbi2012" / "train", "--recipe", recipe, "--out", run, *LENGTHS[recipe])
    assert done.returncode == 0, done.stderr
    return run


def best_constant_mean_iou(document: dict[str, Any]) -> float:
    """The mean IoU of predicting the best single class everywhere: its share of the pixels, over the classes."""
    truth = [read_mask(Path(image["image"].replace("/image/", "/label/"))) for image in held_out(document)]
    cell = float(np.mean([label > 127 for label in truth]))
    return max(cell, 1 - cell) / 2


def held_out(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [image for image in document["images"] if image["seen"] == "never"]


def test_both_recipes_beat_the_best_constant_prediction_on_held_out_sections(trained: Path, real_images: Path) -> None:
    done = run_utome("evaluate", trained, real_images / "isbi2012" / "train", "--json")
    document = json.loads(done.stdout)
    assert "Training saw 26 of the 30 images" in done.stderr
    assert document["scored_on"] == {"images": 4, "seen_by_training": False, "at": "native"}
    assert document["mean_iou"] >= best_constant_mean_iou(document) + 0.15
    assert {"mean_iou", "pixel_accuracy", "classes", "images"} <= document.keys()
    assert all({"name", "iou", "dice", "precision", "recall"} <= entry.keys() for entry in document["classes"])


def test_predict_writes_one_label_map_an_image_of_its_stem_and_size(
    trained: Path, real_images: Path, tmp_path: Path
) -> None:
    images = real_images / "isbi2012" / "test"
    few = tmp_path / "few"
    few.mkdir()
    for name in ("0.png", "7.png"):
        (few / name).write_bytes((images / name).read_bytes())
    done = run_utome("predict", trained, few, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == ["0.png", "7.png"]
    for name in ("0.png", "7.png"):
        with Image.open(tmp_path / "out" / name) as labels, Image.open(few / name) as image:
            assert (labels.mode, labels.size) == ("P", image.size)
            assert set(np.unique(np.asarray(labels))) == {0, 1}


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("recipe", recipe_names())
def test_every_recipe_trains_two_epochs_on_real_images(recipe: str, real_images: Path, tmp_path: Path) -> None:
    for kind in ("image", "label"):
        (tmp_path / "em" / kind).mkdir(parents=True)
        for number in range(6):
            content = (real_images / "isbi2012" / "train" / kind / f"{number}.png").read_bytes()
            (tmp_path / "em" / kind / f"{number}.png").write_bytes(content)
    settings = [*SMALL.get(recipe, NARROW), "training.epochs=2", "training.tiles_per_image=1", "machine.threads=1"]
    train(tmp_path / "em", override(load_recipe(recipe).settings, settings), tmp_path / "run")
    first, second = csv.DictReader((tmp_path / "run" / "history.csv").read_text().splitlines())
    losses = [float(epoch[kind]) for epoch in (first, second) for kind in ("train_loss", "val_loss")]
    assert all(0 < loss < 10 for loss in losses)
    assert len(set(losses)) == 4, "the weights move"
    assert load_model(tmp_path / "run").card.recipe == recipe


def test_the_data_science_bowl_is_read_with_its_nuclei_united(real_images: Path) -> None:
    found = survey(find_samples(real_images / "dsb2018"))
    assert found.listing.layout == "dsb2018"
    assert len(found.facts) == 200
    assert sum(len(fact.sample.masks) for fact in found.facts) == 8291
    assert found.classes.names == ("background", "foreground")
    assert all(set(fact.values) <= {0, 1} for fact in found.facts)


def test_a_dsb_folder_and_its_inner_folder_are_the_same_data(real_images: Path) -> None:
    outer, inner = (find_samples(real_images / "dsb2018" / part) for part in (".", "stage1_train"))
    assert [sample.name for sample in outer.samples] == [sample.name for sample in inner.samples]
