"""Training tiles: where they are cut, what surrounds them, and that nothing but the key decides."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.builders import look, noise, pair, pair_folder, save_pairs
from utome.augmentation.tiles import TileAugmentation
from utome.config.sections import AugmentationSettings
from utome.data.batches import Batch, Draw, TileBatches
from utome.data.dataset import Dataset
from utome.data.preparation import Preparation
from utome.errors import DataError
from utome.models.architectures import build_network
from utome.recipes.library import load_recipe
from utome.tiling import Geometry, mirror

# Of U-Nets that halve twice.
SAME = Geometry(stride=4, offset=0, shrink=0, halo=24)
VALID = Geometry(stride=4, offset=12, shrink=40, halo=0)
UNCHANGED = AugmentationSettings(flips=False, quarter_turns=False)


def batches(
    root: Path, geometry: Geometry = SAME, *, tile: int = 8, batch: int = 3, tiles: int | None = 2, seed: int = 0,
    size: tuple[int, int] | None = None,
) -> TileBatches:  # fmt: skip
    found = look(root)
    dataset = Dataset(found.facts, Preparation(found.channels, "range", size), found.classes)
    return TileBatches(
        dataset, geometry, Draw(tile, batch, tiles, seed), TileAugmentation(UNCHANGED, torch.device("cpu"))
    )


def joined(given: list[Batch]) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.cat([batch.image for batch in given]), torch.cat([batch.target for batch in given])


def coordinates(root: Path, height: int, width: int) -> Path:
    """One pair whose pixels tell where they lie: the image holds row x width + column, the mask its last digit."""
    places = np.arange(height * width, dtype=np.uint16).reshape(height, width)
    return save_pairs(root, {"a": (places, (places % 10).astype(np.uint8))})


def places(batch: Batch) -> np.ndarray:
    return (batch.image * np.iinfo(np.uint16).max).round().numpy().astype(np.int64)[:, 0]


def test_the_same_seed_and_epoch_give_the_same_tiles_whatever_the_files_are_called(tmp_path: Path) -> None:
    one = pair_folder(tmp_path / "one", 6)
    other = save_pairs(tmp_path / "other", {f"{(5 * seed) % 6}-new": pair(seed) for seed in range(6)})
    first, second = (joined(list(batches(root).epoch(3))) for root in (one, other))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])


def test_an_epoch_is_the_same_when_others_were_drawn_before_it(tmp_path: Path) -> None:
    root = pair_folder(tmp_path, 4)
    tiles = batches(root)
    list(tiles.epoch(1))
    assert torch.equal(joined(list(tiles.epoch(2)))[0], joined(list(batches(root).epoch(2)))[0])


def test_another_epoch_and_another_seed_give_other_tiles(tmp_path: Path) -> None:
    root = pair_folder(tmp_path, 4)
    drawn = [joined(list(batches(root, seed=seed).epoch(epoch)))[0] for seed, epoch in ((0, 0), (0, 1), (1, 0))]
    assert not torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize("geometry", [SAME, VALID])
def test_the_labels_of_a_tile_lie_where_its_image_does(tmp_path: Path, geometry: Geometry) -> None:
    for batch in batches(coordinates(tmp_path, 40, 50), geometry, tiles=9).epoch(0):
        border = geometry.border
        inner = places(batch)[:, border:-border, border:-border] if border else places(batch)
        assert batch.target.dtype == torch.int64
        assert (inner % 10 == batch.target.numpy()).all()


@pytest.mark.parametrize("geometry", [SAME, VALID])
def test_a_tile_has_the_context_of_its_image_mirrored_at_the_edge(tmp_path: Path, geometry: Geometry) -> None:
    height, width, border = 40, 50, geometry.border
    whole = np.arange(height * width).reshape(height, width)
    tiles = batches(coordinates(tmp_path, height, width), geometry, tiles=9)
    for tile in np.concatenate([places(batch) for batch in tiles.epoch(0)]):
        top, left = divmod(int(tile[border, border]), width)
        rows = mirror(top - border, top + tiles.side + border, height)
        columns = mirror(left - border, left + tiles.side + border, width)
        assert (tile == whole[rows[:, None], columns]).all()


def test_a_tile_of_a_valid_network_is_larger_than_its_target_by_the_border(tmp_path: Path) -> None:
    tiles = batches(pair_folder(tmp_path, 2), VALID, tile=8)
    (batch,) = batches(pair_folder(tmp_path, 2), VALID, tile=8, batch=4).epoch(0)
    assert tiles.side == 8
    assert batch.image.shape == (4, 1, 8 + 2 * VALID.border, 8 + 2 * VALID.border)
    assert batch.target.shape == (4, 8, 8)


def test_a_tile_larger_than_every_image_shrinks_to_the_largest_side_that_fits_the_network(tmp_path: Path) -> None:
    assert batches(pair_folder(tmp_path, 2, height=21, width=10), tile=256).side == 24


def test_a_tile_has_at_least_two_strides_so_that_batch_norm_can_train_on_a_last_batch_of_one_tiny_image(
    tmp_path: Path,
) -> None:
    config = load_recipe("unet").config
    network = build_network(config.model, in_channels=1, classes=2, seed=0).train()
    tiles = batches(pair_folder(tmp_path, 3, height=16, width=16), network.geometry, batch=2, tile=256, tiles=1)
    assert tiles.side == 2 * network.geometry.stride
    sizes = [network(batch.image).shape for batch in tiles.epoch(0)]
    assert sizes == [(2, 2, 32, 32), (1, 2, 32, 32)]


def test_an_image_smaller_than_the_tile_is_mirrored(tmp_path: Path) -> None:
    tiles = batches(coordinates(tmp_path, 3, 30), tile=16, tiles=9)
    whole = np.arange(90).reshape(3, 30)
    for batch in tiles.epoch(0):
        assert batch.image.shape[-2:] == (16, 16)
        for tile in places(batch):
            assert set(np.unique(tile)) <= set(whole.ravel().tolist())
            assert np.ptp(tile // 30) == 2
            assert (np.abs(np.diff(tile // 30, axis=0)) == 1).all()


def test_an_image_of_one_pixel_is_a_tile(tmp_path: Path) -> None:
    save_pairs(tmp_path, {"a": pair(0), "b": (noise(1, 1), np.zeros((1, 1), dtype=np.uint8))})
    images, targets = joined(list(batches(tmp_path, VALID, tile=16).epoch(0)))
    assert images.shape[-2:] == (16 + 2 * VALID.border, 16 + 2 * VALID.border)
    assert targets.shape[-2:] == (16, 16)


def test_tiles_lie_everywhere_in_the_image(tmp_path: Path) -> None:
    seen = np.concatenate([places(batch) for batch in batches(coordinates(tmp_path, 12, 12), tiles=200).epoch(0)])
    assert len(np.unique(seen)) == 144


def test_without_a_number_of_tiles_an_image_gives_as_many_as_cover_its_area(tmp_path: Path) -> None:
    save_pairs(tmp_path, {"a": pair(0, 40, 40), "b": pair(1, 16, 8), "c": pair(2, 4, 4)})
    drawn = joined(list(batches(tmp_path, tile=8, tiles=None).epoch(0)))[0]
    assert len(drawn) == 25 + 2 + 1


def test_the_number_of_steps_is_known_and_the_last_batch_may_be_smaller(tmp_path: Path) -> None:
    tiles = batches(pair_folder(tmp_path, 5), batch=4, tiles=2)
    assert len(tiles) == 3
    assert [len(batch.image) for batch in tiles.epoch(0)] == [4, 4, 2]


def test_tiles_are_cut_from_images_resized_as_the_recipe_says(tmp_path: Path) -> None:
    tiles = batches(pair_folder(tmp_path, 3), tile=64, size=(16, 12))
    assert tiles.side == 16
    assert all(batch.image.shape[-2:] == (16, 16) for batch in tiles.epoch(0))


def test_grey_images_among_colour_ones_have_three_equal_channels(tmp_path: Path) -> None:
    save_pairs(tmp_path, {"a": pair(0, 16, 16), "b": (noise(16, 16, 3), pair(0, 16, 16)[1])})
    images = joined(list(batches(tmp_path, tile=16).epoch(0)))[0]
    assert images.shape[1] == 3
    equal = [bool((tile == tile[:1]).all()) for tile in images]
    assert sorted(equal) == [False, False, True, True]


def drawn(root: Path, **draw: bool) -> TileBatches:
    found = look(root)
    dataset = Dataset(found.facts, Preparation(found.channels, "range"), found.classes)
    return TileBatches(dataset, SAME, Draw(8, 3, None, 0, **draw), TileAugmentation(UNCHANGED, torch.device("cpu")))


def test_tiles_on_a_grid_lie_side_by_side_and_centred_and_are_the_same_each_epoch(tmp_path: Path) -> None:
    root = coordinates(tmp_path, 19, 25)
    tiles = drawn(root, grid=True)
    corners = {int(tile[0, 0]) for batch in tiles.epoch(1) for tile in places(batch)}
    assert corners == {row * 25 + column for row in (1, 9) for column in (0, 8, 16)}
    assert {int(tile[0, 0]) for batch in tiles.epoch(2) for tile in places(batch)} == corners
    assert len(tiles) == 2


def test_a_tile_in_each_mirroring_comes_four_times_with_its_labels(tmp_path: Path) -> None:
    root = coordinates(tmp_path, 8, 8)
    found = list(drawn(root, grid=True, each_flip=True).epoch(1))
    shown = {tile.tobytes() for batch in found for tile in places(batch)}
    whole = np.arange(64).reshape(8, 8)
    assert shown == {
        each.tobytes() for each in (whole, whole[:, ::-1].copy(), whole[::-1].copy(), whole[::-1, ::-1].copy())
    }
    for batch in found:
        assert (places(batch) % 10 == batch.target.numpy()).all()


@pytest.mark.parametrize("kind", ["images", "masks"])
def test_a_file_that_changes_while_it_is_trained_on_is_refused_by_its_name(kind: str, tmp_path: Path) -> None:
    root = save_pairs(tmp_path, {"a": pair(0)})
    tiles = batches(root)
    image, mask = pair(0)
    image[0, 0] += 1
    mask[0, 0] = mask.max() - mask[0, 0]
    changed = save_pairs(tmp_path / "changed", {"a": (image, mask)})
    (file,) = (changed / kind).iterdir()
    (root / kind / file.name).write_bytes(file.read_bytes())
    with pytest.raises(DataError, match=rf"{file.name}' has changed since it was first read"):
        list(tiles.epoch(1))
