"""Outlines: they hold the pixels of their object and no others, and files of them are read back."""

import io
import json
import struct
import zipfile
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matplotlib.path import Path as Line

from utome.metrics.overlaps import connected_objects
from utome.prediction.geojson import geojson
from utome.prediction.imagej import roi_zip
from utome.prediction.outlines import Polygon, Ring, outlines

MASKS = hnp.arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9)))
NAMES = ("background", "nucleus", "cell/body")
# A ring with a hole, a pixel in the hole, and a second part that touches at a corner.
ODD = np.asarray(
    [[1, 1, 1, 1, 1, 0], [1, 0, 0, 0, 1, 0], [1, 0, 2, 0, 1, 0], [1, 0, 0, 0, 1, 0], [1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 1]]
)  # fmt: skip


def doubled_area(ring: Ring) -> int:
    return sum(x * y_next - x_next * y for (x, y), (x_next, y_next) in zip(ring, ring[1:] + ring[:1], strict=True))


def inside(ring: Ring, shape: tuple[int, ...]) -> np.ndarray:
    """Which pixels' centres lie in a ring."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    centres = np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5], axis=1)
    return Line([*ring, ring[0]]).contains_points(centres).reshape(shape)


def painted(polygons: list[Polygon], shape: tuple[int, ...]) -> np.ndarray:
    total = np.zeros(shape, dtype=np.int64)
    for polygon in polygons:
        total += inside(polygon.shell, shape)
        for hole in polygon.holes:
            total -= inside(hole, shape)
    return total


@settings(max_examples=150)
@given(MASKS)
@example(np.asarray([[1, 1, 1, 1], [1, 0, 1, 1], [1, 1, 0, 1], [1, 1, 1, 0]], dtype=bool))
@example(np.asarray([[1, 1, 1], [1, 0, 1], [1, 1, 0]], dtype=bool))
def test_polygons_hold_the_pixels_of_their_object_and_are_simple(mask: np.ndarray) -> None:
    instances = connected_objects(mask)
    found = outlines(instances)
    assert len(found) == instances.max()
    for number, polygons in enumerate(found, start=1):
        assert (painted(polygons, mask.shape) == (instances == number)).all()
        for polygon in polygons:
            assert doubled_area(polygon.shell) > 0
            assert all(doubled_area(hole) < 0 for hole in polygon.holes)
            for ring in (polygon.shell, *polygon.holes):
                assert len(set(ring)) == len(ring), "a ring meets itself nowhere"
                corners = list(zip(ring, ring[1:] + ring[:1], strict=True))
                assert all((x == x_next) != (y == y_next) for (x, y), (x_next, y_next) in corners)


def test_coordinates_are_edges_of_pixels() -> None:
    instances = np.zeros((5, 6), dtype=np.int32)
    instances[1:3, 2:5] = 1
    ((polygon,),) = outlines(instances)
    assert sorted(polygon.shell) == [(2, 1), (2, 3), (5, 1), (5, 3)]
    assert polygon.holes == []


def test_a_hole_is_a_ring_and_what_meets_at_a_corner_is_a_polygon_more() -> None:
    ring, pixel = outlines(np.where(np.eye(6, dtype=bool) & (ODD == 1) & (np.arange(6) == 5), 1, ODD))
    assert [len(polygon.holes) for polygon in ring] == [1, 0]
    assert sorted(ring[0].holes[0]) == [(1, 1), (1, 4), (4, 1), (4, 4)]
    assert sorted(ring[1].shell) == [(5, 5), (5, 6), (6, 5), (6, 6)]
    assert len(pixel) == 1


def test_geojson_is_one_feature_an_object_with_closed_rings_and_its_class() -> None:
    document = json.loads(geojson(outlines(ODD), [1, 2], NAMES))
    assert document["type"] == "FeatureCollection"
    first, second = document["features"]
    assert first["geometry"]["type"] == "MultiPolygon"
    assert second["geometry"] == {"type": "Polygon", "coordinates": [[[2, 2], [3, 2], [3, 3], [2, 3], [2, 2]]]}
    assert all(ring[0] == ring[-1] for polygon in first["geometry"]["coordinates"] for ring in polygon)
    assert first["properties"] == {
        "objectType": "detection", "name": "1", "classification": {"name": "nucleus", "color": [230, 159, 0]},
    }  # fmt: skip


def read_roi(content: bytes) -> tuple[int, list[list[tuple[float, float]]]]:
    """The kind of a ROI and its rings, as ImageJ's RoiDecoder reads them."""
    assert content[:4] == b"Iout"
    version, kind = struct.unpack(">hB", content[4:7])
    assert version >= 217
    top, left, _, _ = struct.unpack(">4h", content[8:16])
    (corners,), (floats,) = struct.unpack(">H", content[16:18]), struct.unpack(">i", content[36:40])
    assert content[40:44] != b"\0" * 4, "its line has a colour"
    if not floats:
        x, y = np.frombuffer(content[64:], dtype=">i2").reshape(2, corners)
        return kind, [list(zip((x + left).tolist(), (y + top).tolist(), strict=True))]
    numbers = list(np.frombuffer(content[64:], dtype=">f4").tolist())
    assert len(numbers) == floats
    rings: list[list[tuple[float, float]]] = []
    while numbers:
        command = numbers.pop(0)
        if command == 4:
            continue
        if command == 0:
            rings.append([])
        rings[-1].append((numbers.pop(0), numbers.pop(0)))
    return kind, rings


def test_rois_are_read_back_as_the_polygons_that_they_are() -> None:
    lines = outlines(ODD)
    content = roi_zip(lines, [1, 2], NAMES)
    assert content == roi_zip(lines, [1, 2], NAMES)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["1-nucleus.roi", "2-cell-body.roi"]
        composite, plain = (read_roi(archive.read(name)) for name in archive.namelist())
    assert plain == (0, [lines[1][0].shell])
    kind, rings = composite
    assert kind == 1
    assert rings == [ring for polygon in lines[0] for ring in (polygon.shell, *polygon.holes)]


def test_what_lies_too_far_out_for_16_bits_is_a_composite() -> None:
    far = Polygon([(40000, 5), (40010, 5), (40010, 9), (40000, 9)], [])
    with zipfile.ZipFile(io.BytesIO(roi_zip([[far]], [1], NAMES))) as archive:
        assert read_roi(archive.read("1-nucleus.roi")) == (1, [far.shell])


def test_another_program_reads_the_rois(tmp_path: Any) -> None:
    roifile = pytest.importorskip("roifile")
    lines = outlines(ODD)
    (tmp_path / "a.zip").write_bytes(roi_zip(lines, [1, 2], NAMES))
    composite, plain = roifile.roiread(tmp_path / "a.zip")
    assert (plain.roitype.name, composite.roitype.name) == ("POLYGON", "RECT")
    assert plain.stroke_color == bytes([255, 86, 180, 233])
    assert {tuple(corner) for corner in plain.coordinates().tolist()} == set(lines[1][0].shell)
    assert [{tuple(corner) for corner in ring.tolist()} for ring in composite.coordinates(multi=True) if len(ring)] == [
        set(ring) for polygon in lines[0] for ring in (polygon.shell, *polygon.holes)
    ]
