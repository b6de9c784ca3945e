"""OME-Zarr, which needs the optional package zarr: its pages, what is refused, and that nothing is unpickled."""

import json
import math
import pickle
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.builders import noise
from tests.files import read_without
from utome.data.formats import (
    COLOURED,
    file_sha256,
    image_size,
    is_image_file,
    ome_zarr,
    page_count,
    read_image,
    read_mask,
    stored,
)
from utome.errors import DataError

installed = pytest.mark.skipif(find_spec("zarr") is None, reason="the extra `zarr` is not installed")


@installed
@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(
    ("axes", "shape", "pages"),
    [
        ("yx", (9, 7), 1), ("cyx", (3, 9, 7), 1), ("tczyx", (1, 1, 1, 9, 7), 1), ("tczyx", (2, 3, 5, 9, 7), 10),
        ("zyx", (5, 9, 7), 5), ("cyx", (6, 9, 7), 6),
    ],
)  # fmt: skip
def test_pages_are_what_is_left_without_rows_columns_and_channels(
    tmp_path: Path, version: int, axes: str, shape: tuple[int, ...], pages: int
) -> None:
    array = noise(*shape, dtype=np.uint16)
    path = zarr_image(tmp_path / "a.ome.zarr", array, axes, version=version)
    channels = math.prod(shape) // (pages * 63)
    by_page = np.moveaxis(array, axes.index("c"), -1) if channels > 1 else array
    assert is_image_file(path)
    assert page_count(path) == pages
    assert image_size(path, page=pages - 1) == (9, 7)
    for page, expected in enumerate(by_page.reshape(pages, 9, 7, channels)):
        assert np.array_equal(read_image(path, page=page), expected)


@installed
def test_a_mask_may_be_coloured_or_labels(tmp_path: Path) -> None:
    labels = zarr_image(tmp_path / "a.zarr", noise(9, 7, dtype=np.int32), "yx")
    assert np.array_equal(read_mask(labels), noise(9, 7, dtype=np.int32))
    coloured = zarr_image(tmp_path / "b.zarr", noise(3, 9, 7), "cyx")
    assert read_mask(coloured).min() >= COLOURED


@installed
def test_its_hash_is_that_of_all_its_files(tmp_path: Path) -> None:
    one, other = (zarr_image(tmp_path / name, noise(9, 7), "yx") for name in ("a.zarr", "b.zarr"))
    assert file_sha256(one) == file_sha256(other)
    next(file for file in (one / "0" / "c").rglob("*") if file.is_file()).write_bytes(b"other")
    assert file_sha256(one) != file_sha256(other)


@installed
def test_another_zarr_axes_that_do_not_fit_and_a_way_out_are_refused(tmp_path: Path) -> None:
    path = zarr_image(tmp_path / "a.zarr", noise(9, 7), "yx")
    place = path / "zarr.json"
    document = json.loads(place.read_text(encoding="utf-8"))
    multiscales = document["attributes"]["ome"]["multiscales"][0]
    for changes, sentence in (
        ({"axes": ["z", "x"]}, "with the axes 'zx'; accepted: one letter an axis, among them y and x"),
        ({"axes": ["c", "y", "x"]}, "with the axes 'cyx'; accepted"),
        ({"datasets": [{"path": "../b.zarr/0"}]}, "names an array outside of itself"),
        ({"datasets": [{"path": "1"}]}, "names an array '1' that is not there"),
        ({"datasets": []}, "cannot be read as an image"),
    ):
        document["attributes"]["ome"]["multiscales"] = [{**multiscales, **changes}]
        place.write_text(json.dumps(document), encoding="utf-8")
        assert sentence in refusal(path)
    document["attributes"] = {}
    place.write_text(json.dumps(document), encoding="utf-8")
    assert "is a Zarr without `multiscales`, so it is no OME-Zarr image" in refusal(path)
    place.write_text("{", encoding="utf-8")
    assert "cannot be read as an image" in refusal(path)


@installed
def test_too_large_an_image_and_too_large_a_chunk_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zarr_image(tmp_path / "a.zarr", noise(9, 7), "yx")
    monkeypatch.setattr(stored, "BUDGET", 62)
    assert "says that it is 9x7 with 1 channel of uint8" in refusal(path)
    monkeypatch.setattr(ome_zarr, "BUDGET", 3)
    assert "has chunks of more than" in refusal(path)


@installed
@pytest.mark.parametrize("key", ["filters", "compressor"])
def test_nothing_in_it_is_unpickled(tmp_path: Path, key: str) -> None:
    path = zarr_image(tmp_path / "a.zarr", noise(9, 7), "yx", version=2)
    place = path / "0" / ".zarray"
    document = json.loads(place.read_text(encoding="utf-8"))
    document |= {"filters": None, "compressor": None}
    document[key] = [{"id": "pickle"}] if key == "filters" else {"id": "pickle"}
    place.write_text(json.dumps(document), encoding="utf-8")
    for chunk in (path / "0").glob("[0-9]*"):
        chunk.write_bytes(pickle.dumps(np.zeros(1)))
    assert "is packed by 'pickle'; accepted: blosc, bytes" in refusal(path)


@installed
def test_codecs_inside_of_shards_are_looked_at_too(tmp_path: Path) -> None:
    path = zarr_image(tmp_path / "a.zarr", noise(8, 8), "yx", chunks=(2, 2), shards=(8, 8))
    assert np.array_equal(read_mask(path), noise(8, 8))
    place = path / "0" / "zarr.json"
    place.write_text(place.read_text(encoding="utf-8").replace('"zstd"', '"strange"'), encoding="utf-8")
    assert "is packed by 'strange'" in refusal(path)


def test_without_the_package_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    path.mkdir()
    (path / ".zattrs").write_text("{}", encoding="utf-8")
    found = read_without("zarr", path)
    assert (
        found
        == f"'{path}' is an OME-Zarr, which needs the package zarr. Run `pip install 'utome[zarr]'`, or save it as TIFF."
    )


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_image(path)
    return str(caught.value)


def zarr_image(path: Path, array: np.ndarray, axes: str, *, version: Any = 3, **options: Any) -> Path:
    """An OME-Zarr of version 0.5 (Zarr 3) or 0.4 (Zarr 2) with one resolution."""
    import zarr

    group = zarr.open_group(str(path), mode="w", zarr_format=version)
    group.create_array("0", data=array, **({"chunks": (*array.shape[:-2], 5, 4)} | options))
    multiscales = [{"axes": [{"name": axis} for axis in axes], "datasets": [{"path": "0"}]}]
    group.attrs.update({"ome": {"multiscales": multiscales}} if version == 3 else {"multiscales": multiscales})
    return path
