"""Weights of pixels in the data set, and their maps on the disk: made once, and made again where anything is amiss."""

import os
import stat
from pathlib import Path

import numpy as np
import pytest

from tests.builders import look, pair_folder
from tests.layout_trees import bowl
from utome.data import weight_cache
from utome.data.dataset import Dataset, LabelMap, Objects, Weights
from utome.data.preparation import Preparation
from utome.data.weight_cache import WeightCache, cache_folder

LABELS = np.random.default_rng(0).integers(0, 3, (9, 7), dtype=np.uint8)
OBJECTS = np.random.default_rng(1).integers(0, 5, (9, 7), dtype=np.int32)


class Maker:
    """Makes labels and weights that tell what they were made from, and counts how often."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, labels: LabelMap, objects: Objects | None) -> tuple[LabelMap, Weights]:
        self.count += 1
        return (labels + 1).astype(np.uint8), (labels / 3 + (0 if objects is None else objects)).astype(np.float32)


def same(one: tuple[np.ndarray, ...], other: tuple[np.ndarray, ...]) -> bool:
    return all(
        mine.dtype == theirs.dtype and mine.shape == theirs.shape and mine.tobytes() == theirs.tobytes()
        for mine, theirs in zip(one, other, strict=True)
    )


def files(folder: Path) -> list[Path]:
    return sorted((folder / "weight-maps").iterdir())


def test_a_map_is_made_once_and_then_read_bit_for_bit(tmp_path: Path) -> None:
    make = Maker()
    first = WeightCache(make, "rule", tmp_path)(LABELS, OBJECTS)
    again = [
        cache(LABELS, OBJECTS) for cache in (WeightCache(make, "rule", tmp_path), WeightCache(make, "rule", tmp_path))
    ]
    assert make.count == 1
    assert len(files(tmp_path)) == 1
    assert all(same(each, first) and same(each, Maker()(LABELS, OBJECTS)) for each in again)


def test_what_is_read_can_be_written_to_and_belongs_to_its_reader(tmp_path: Path) -> None:
    cache = WeightCache(Maker(), "rule", tmp_path)
    cache(LABELS, None)
    for array in cache(LABELS, None):
        array[:] = 0
    assert same(cache(LABELS, None), Maker()(LABELS, None))


def test_another_rule_other_labels_other_objects_and_another_shape_have_maps_of_their_own(tmp_path: Path) -> None:
    make = Maker()
    for rule, labels, objects in (
        ("rule", LABELS, OBJECTS),
        ("other", LABELS, OBJECTS),
        ("rule", (LABELS + 1).astype(np.uint8), OBJECTS),
        ("rule", LABELS, OBJECTS + np.int32(1)),
        ("rule", LABELS, None),
        ("rule", LABELS.reshape(7, 9), OBJECTS.reshape(7, 9)),
    ):
        for _ in range(2):
            assert same(WeightCache(make, rule, tmp_path)(labels, objects), Maker()(labels, objects))
    assert make.count == 6
    assert len(files(tmp_path)) == 6


@pytest.mark.parametrize("harm", ["flipped", "truncated", "short", "longer", "empty"])
def test_a_damaged_file_is_made_again(harm: str, tmp_path: Path) -> None:
    make = Maker()
    wanted = WeightCache(make, "rule", tmp_path)(LABELS, None)
    (path,) = files(tmp_path)
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[-3] ^= 4
    harmed = {
        "flipped": bytes(flipped),
        "truncated": content[:-1],
        "short": content[:10],
        "longer": content + b"\0",
        "empty": b"",
    }
    path.write_bytes(harmed[harm])
    assert same(WeightCache(make, "rule", tmp_path)(LABELS, None), wanted)
    assert make.count == 2
    assert path.read_bytes() == content, "the whole file is there again"


def test_a_folder_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    make = Maker()
    for _ in range(2):
        assert same(WeightCache(make, "rule", tmp_path / "file")(LABELS, OBJECTS), Maker()(LABELS, OBJECTS))
    assert make.count == 2
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_file_whose_time_cannot_be_set_is_read_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> None:
        raise PermissionError(path)

    make = Maker()
    wanted = WeightCache(make, "rule", tmp_path)(LABELS, None)
    monkeypatch.setattr(os, "utime", refused)
    assert same(WeightCache(make, "rule", tmp_path)(LABELS, None), wanted)
    assert make.count == 1


def test_a_folder_in_the_place_of_a_file_is_no_map(tmp_path: Path) -> None:
    make = Maker()
    WeightCache(make, "rule", tmp_path)(LABELS, None)
    (path,) = files(tmp_path)
    path.unlink()
    path.mkdir()
    assert same(WeightCache(make, "rule", tmp_path)(LABELS, None), Maker()(LABELS, None))
    assert stat.S_ISDIR(path.stat().st_mode)


def test_what_was_used_longest_ago_goes_where_the_folder_grows_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, make = WeightCache(Maker(), "rule", tmp_path), Maker()
    kinds = [(LABELS + number).astype(np.uint8) for number in range(4)]
    paths: list[Path] = []
    for number, labels in enumerate(kinds):
        cache(labels, None)
        (new,) = set(files(tmp_path)) - set(paths)
        os.utime(new, (1000 + number, 1000 + number))
        paths.append(new)
    cache(kinds[0], None)  # used again, so the second one is now the oldest
    assert paths[0].stat().st_mtime > 2000
    monkeypatch.setattr(weight_cache, "LARGEST_BYTES", int(2.5 * paths[0].stat().st_size))
    again = WeightCache(make, "rule", tmp_path)
    assert set(files(tmp_path)) == {paths[0], paths[3]}
    for labels in kinds:
        again(labels, None)
    assert make.count == 2


def test_the_folder_is_utome_cache_else_in_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UTOME_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    WeightCache(Maker(), "rule")(LABELS, None)
    assert len(files(tmp_path / "own")) == 1
    monkeypatch.delenv("UTOME_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "utome"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "utome"


def test_the_tests_have_a_cache_of_their_own(own_cache: Path) -> None:
    assert cache_folder() == own_cache
    assert Path.home() not in own_cache.parents


def dataset(root: Path, weigh: Maker | None, *, size: tuple[int, int] | None = None) -> Dataset:
    found = look(root)
    return Dataset(found.facts, Preparation(found.channels, "range", size), found.classes, weigh)


def test_without_a_rule_an_item_has_no_weights(tmp_path: Path) -> None:
    assert all(item.weights is None for item in dataset(pair_folder(tmp_path, 2), None))


def test_an_item_has_the_labels_and_weights_of_the_rule_and_is_weighed_once(tmp_path: Path) -> None:
    root, make = pair_folder(tmp_path, 2), Maker()
    plain, weighed = dataset(root, None), dataset(root, make)
    for _ in range(3):
        for one, other in zip(plain, weighed, strict=True):
            assert other.weights is not None
            assert (one.image == other.image).all()
            assert same((other.labels, other.weights), Maker()(one.labels, None))
    assert make.count == 2


def test_objects_reach_the_rule_where_the_truth_has_them_at_the_networks_size(tmp_path: Path) -> None:
    seen: list[tuple[LabelMap, Objects | None]] = []

    class Noting(Maker):
        def __call__(self, labels: LabelMap, objects: Objects | None) -> tuple[LabelMap, Weights]:
            seen.append((labels, objects))
            return super().__call__(labels, objects)

    list(dataset(bowl(tmp_path), Noting(), size=(16, 24)))
    for labels, objects in seen:
        assert objects is not None
        assert objects.shape == labels.shape == (16, 24)
        assert np.unique(objects).tolist() == [0, 1, 2]
        assert ((objects > 0) == (labels == 1)).all()


def test_weights_count_in_the_memory_that_items_take(tmp_path: Path) -> None:
    root = pair_folder(tmp_path, 1)
    (plain,), (weighed,) = dataset(root, None), dataset(root, Maker())
    assert weighed.nbytes - plain.nbytes == 4 * 24 * 20
