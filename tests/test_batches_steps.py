"""Epochs of a given number of steps: passes over all tiles, cut into pieces of equal length, from anywhere on."""

from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.builders import look, noise, pair_folder, save_pairs
from utome.augmentation.tiles import TileAugmentation
from utome.config.sections import AugmentationSettings
from utome.data.batches import Batch, Draw, TileBatches
from utome.data.dataset import Dataset, LabelMap, Objects, Weights
from utome.data.preparation import Preparation
from utome.tiling import Geometry

SAME = Geometry(stride=4, offset=0, shrink=0, halo=24)
VALID = Geometry(stride=4, offset=12, shrink=40, halo=0)
CHANGED = AugmentationSettings(rotation=20.0, brightness=0.3)
TILES = 10


def tiles(root: Path, *, steps: int | None, batch: int = 3, each_flip: bool = False) -> TileBatches:
    """Five images of two tiles each."""
    found = look(root if root.exists() else pair_folder(root, 5))
    dataset = Dataset(found.facts, Preparation(found.channels, "range"), found.classes)
    draw = Draw(8, batch, 2, 0, steps=steps, each_flip=each_flip)
    return TileBatches(dataset, SAME, draw, TileAugmentation(CHANGED, torch.device("cpu")))


def each(batches: TileBatches, *epochs: int) -> list[bytes]:
    """The image and the target of every tile of these epochs, as bytes."""
    return [
        image.numpy().tobytes() + target.numpy().tobytes()
        for epoch in epochs
        for batch in batches.epoch(epoch)
        for image, target in zip(batch.image, batch.target, strict=True)
    ]


@pytest.mark.parametrize(("steps", "batch"), [(1, 3), (2, 3), (4, 3), (7, 3), (5, 2), (3, 20), (1, 1)])
def test_epochs_of_so_many_steps_put_together_are_whole_passes_in_their_order(
    tmp_path: Path, steps: int, batch: int
) -> None:
    cut, whole = (tiles(tmp_path / "data", steps=each_, batch=batch) for each_ in (steps, None))
    epochs = -(-3 * TILES // (steps * batch))
    wanted = each(whole, *range(1, 2 + epochs * steps * batch // TILES))
    assert each(cut, *range(1, epochs + 1)) == wanted[: epochs * steps * batch]


@pytest.mark.parametrize("steps", [1, 3, 4, 9])
def test_every_batch_is_full_and_an_epoch_has_its_steps(tmp_path: Path, steps: int) -> None:
    batches = tiles(tmp_path / "data", steps=steps)
    assert len(batches) == steps
    for epoch in (1, 2, 5):
        assert [len(batch.image) for batch in batches.epoch(epoch)] == [3] * steps


def test_without_a_number_of_steps_the_last_batch_is_what_is_left(tmp_path: Path) -> None:
    batches = tiles(tmp_path / "data", steps=None)
    assert len(batches) == 4
    assert [len(batch.image) for batch in batches.epoch(2)] == [3, 3, 3, 1]


def coloured(root: Path) -> Path:
    """Images of one grey value each, so that a tile tells which one it was cut from."""
    flat = {f"{number}": np.full((16, 16), 40 * number, dtype=np.uint8) for number in range(5)}
    return save_pairs(root, {name: (image, noise(16, 16, seed=1) // 128) for name, image in flat.items()})


def test_every_pass_has_each_tile_once(tmp_path: Path) -> None:
    found = look(coloured(tmp_path))
    dataset = Dataset(found.facts, Preparation(1, "none"), found.classes)
    plain = TileAugmentation(AugmentationSettings(), torch.device("cpu"))
    batches = TileBatches(dataset, SAME, Draw(8, 3, 2, 0, steps=2), plain)
    shown = [float(image[0, 0, 0]) for epoch in range(1, 6) for batch in batches.epoch(epoch) for image in batch.image]
    assert len(shown) == 3 * TILES
    for first in range(0, 3 * TILES, TILES):
        assert Counter(shown[first : first + TILES]) == {40.0 * number: 2 for number in range(5)}
    assert shown[:TILES] != shown[TILES : 2 * TILES], "each pass has an order of its own"


def test_the_tiles_of_a_pass_are_none_of_another(tmp_path: Path) -> None:
    shown = each(tiles(tmp_path / "data", steps=10, batch=3), 1)
    assert len(set(shown)) == 3 * TILES


def test_an_epoch_needs_its_number_alone(tmp_path: Path) -> None:
    one = tiles(tmp_path / "data", steps=4)
    every = [each(one, epoch) for epoch in range(1, 7)]
    for epoch in (6, 2, 4):
        assert each(tiles(tmp_path / "data", steps=4), epoch) == every[epoch - 1]


def test_an_epoch_that_was_left_halfway_is_the_same_again(tmp_path: Path) -> None:
    batches = tiles(tmp_path / "data", steps=4)
    wanted = each(batches, 2)
    list(islice(batches.epoch(2), 2))
    assert each(batches, 2) == wanted


def test_with_each_flip_a_pass_has_four_times_the_tiles(tmp_path: Path) -> None:
    assert len(tiles(tmp_path / "data", steps=None, each_flip=True)) == -(-4 * TILES // 3)


def scaled(labels: LabelMap, objects: Objects | None) -> tuple[LabelMap, Weights]:
    assert objects is None
    return labels, (1 + 4 * labels).astype(np.float32)


@pytest.mark.parametrize("geometry", [SAME, VALID])
def test_weights_of_the_dataset_come_with_the_targets_that_they_belong_to(tmp_path: Path, geometry: Geometry) -> None:
    found = look(pair_folder(tmp_path, 3))
    dataset = Dataset(found.facts, Preparation(1, "range"), found.classes, scaled)
    batches = TileBatches(
        dataset, geometry, Draw(8, 3, 2, 0), TileAugmentation(AugmentationSettings(), torch.device("cpu"))
    )
    seen: list[Batch] = list(batches.epoch(1))
    for batch in seen:
        assert batch.weight is not None
        assert torch.equal(batch.weight, 1.0 + 4 * batch.target)
    assert {value for batch in seen for value in batch.target.flatten().tolist()} == {0, 1}
