"""`utome predict --objects`: maps, a table and outlines that agree, whole or refused."""

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.builders import noise, save, tiny_model
from tests.command import run_utome as command
from tests.files import written
from utome.config.prediction import ObjectSettings
from utome.config.sections import MachineSettings
from utome.data.formats import read_image
from utome.device import choose_device
from utome.errors import ConfigError
from utome.jobs.objects import ObjectFiles, ObjectsWanted, instance_tiff
from utome.jobs.predict import Manner, predict
from utome.modelfolder.folder import save_model
from utome.prediction.object_table import object_rows
from utome.prediction.objects import Objects, find_objects
from utome.prediction.predictor import Predictor

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = MachineSettings(device="cpu")
COMPONENTS = Manner(objects=ObjectsWanted("components"))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    model = tiny_model(classes=3)
    save_model(tmp_path / "model", model.network.state_dict(), model.card)
    return tmp_path / "model"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    smooth = [np.kron(noise(5, 6, seed=seed), np.ones((8, 8), dtype=np.uint8)) for seed in (0, 1)]
    for name, image in zip("ab", smooth, strict=True):
        save(tmp_path / "images" / f"{name}.png", image)
    return tmp_path / "images"


def table(out: Path) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO((out / "objects.csv").read_text(encoding="utf-8"))))


@pytest.mark.parametrize("way", ["components", "watershed"])
def test_maps_outlines_and_table_are_of_the_same_objects(tmp_path: Path, run: Path, images: Path, way: Any) -> None:
    out = tmp_path / "out"
    result = predict(run, images, out, manner=Manner(objects=ObjectsWanted(way, pixel_um=0.5)), machine=CPU)
    rows = table(out)
    assert result.objects == result.as_json()["objects"] == len(rows) > 0
    for name in "ab":
        with Image.open(out / f"{name}.png") as image:
            labels = np.asarray(image)
        instances = tifffile.imread(out / "objects" / f"{name}.tif")
        expected = find_objects(labels, way, ObjectSettings())
        assert instances.dtype == np.uint16
        assert (instances == expected.instances).all()
        own = [row for row in rows if row["image"] == name]
        assert [int(row["object_id"]) for row in own] == list(range(1, expected.count + 1))
        assert [int(row["area_px"]) for row in own] == np.bincount(instances.ravel())[1:].tolist()
        assert [row["class"] for row in own] == [f"class {number}" for number in expected.classes]
        assert [float(row["area_um2"]) for row in own] == [int(row["area_px"]) / 4 for row in own]
        features = json.loads((out / "objects" / f"{name}.geojson").read_text(encoding="utf-8"))["features"]
        assert [each["properties"]["classification"]["name"] for each in features] == [row["class"] for row in own]
        with zipfile.ZipFile(out / "objects" / f"{name}.zip") as archive:
            assert len(archive.namelist()) == expected.count


@pytest.mark.parametrize("form", ["auto", "tiff"])
def test_the_size_of_a_pixel_is_the_images_unless_another_is_given(tmp_path: Path, run: Path, form: Any) -> None:
    pixels = np.kron(noise(5, 6), np.ones((8, 8), dtype=np.uint8))
    for name, dots in (("half", (20000, 20000)), ("oblong", (20000, 40000)), ("print", (120, 120))):
        path = tmp_path / "images" / f"{name}.tif"
        save(path, pixels, resolution=dots, resolutionunit="CENTIMETER")
    save(tmp_path / "images" / "silent.tif", pixels)
    images = tmp_path / "images"
    for given, expected in ((None, {"half": 0.25}), (2.0, dict.fromkeys(("half", "oblong", "print", "silent"), 4.0))):
        manner = Manner(objects=ObjectsWanted("components", pixel_um=given), format=form)
        predict(run, images, tmp_path / f"{given}", manner=manner, machine=CPU)
        rows = table(tmp_path / f"{given}")
        areas = {row["image"]: float(row["area_um2"]) / int(row["area_px"]) for row in rows if row["area_um2"]}
        assert areas == expected
    changes = {"smallest_um2": 0.25 * 40}
    manner = Manner(objects=ObjectsWanted("components", changes), format=form)
    result = predict(run, images, tmp_path / "least", manner=manner, machine=CPU)
    assert [path.stem for path in result.written] == ["half"]
    assert all(
        f"{name}.tif' does not say the size of its pixels" in each
        for name, each in zip(("oblong", "print", "silent"), result.failed, strict=True)
    )
    assert all(int(row["area_px"]) >= 40 for row in table(tmp_path / "least"))


def test_label_maps_are_the_same_with_and_without_objects(tmp_path: Path, run: Path, images: Path) -> None:
    predict(run, images, tmp_path / "with", manner=COMPONENTS, machine=CPU)
    without = predict(run, images, tmp_path / "without", machine=CPU)
    assert without.as_json().keys() == {"out", "written", "kept", "failed"}
    assert sorted(path.name for path in (tmp_path / "without").iterdir()) == [
        "a.png",
        "b.png",
        "manifest.jsonl",
        "overlays",
    ]
    for path in without.written:
        assert path.read_bytes() == (tmp_path / "with" / path.name).read_bytes()


@pytest.mark.parametrize("size", [None, (16, 24)])
def test_labels_are_those_of_the_predictor_and_have_the_highest_probability(
    images: Path, size: tuple[int, int] | None
) -> None:
    predictor = Predictor(tiny_model(classes=3, size=size), choose_device(CPU, precision="float32"))
    pixels = read_image(images / "a.png")
    labels, probabilities = predictor.labels_and_probabilities(pixels, source="a.png")
    assert (labels == predictor.labels(pixels, source="a.png")).all()
    assert probabilities.shape == (3, *labels.shape)
    assert probabilities.sum(axis=0) == pytest.approx(1)
    assert np.take_along_axis(probabilities, labels[None].astype(np.int64), 0)[0] == pytest.approx(
        probabilities.max(axis=0)
    )


def test_the_table_has_boxes_edges_and_mean_probabilities() -> None:
    instances = np.zeros((10, 12), dtype=np.int32)
    instances[0:3, 4:6], instances[4:8, 5:12] = 1, 2
    instances[4, 5] = 0
    probabilities = np.zeros((3, 10, 12), dtype=np.float32)
    probabilities[2, :, 4], probabilities[2, :, 5] = 0.5, 1
    probabilities[1] = 0.25
    first, second = object_rows(
        "a", Objects(instances, np.asarray([2, 1])), ("no", "one", "two"), probabilities=probabilities
    )
    assert (first.class_name, first.area_px, first.mean_probability) == ("two", 6, 0.75)
    assert (first.box_top_px, first.box_left_px, first.box_height_px, first.box_width_px) == (0, 4, 3, 2)
    assert (first.centroid_y_px, first.centroid_x_px, first.at_edge, first.area_um2) == (1, 4.5, True, None)
    assert (second.box_top_px, second.box_left_px, second.box_height_px, second.box_width_px) == (4, 5, 4, 7)
    assert (second.area_px, second.at_edge, second.mean_probability) == (27, True, 0.25)
    inner = object_rows("a", Objects(np.pad(instances, 1), np.asarray([2, 1])), ("no", "one", "two"))
    assert [row.at_edge for row in inner] == [False, False]
    assert inner[0].mean_probability is None


@pytest.mark.parametrize(("count", "dtype"), [(65535, np.uint16), (65536, np.uint32)])
def test_more_objects_than_16_bits_can_number_have_32(count: int, dtype: type[np.generic]) -> None:
    instances = np.arange(count + 1, dtype=np.int32)[None]
    read = tifffile.imread(io.BytesIO(instance_tiff(instances)))
    assert read.dtype == dtype
    assert (read == instances).all()


def test_an_image_without_objects_has_empty_files() -> None:
    files = ObjectFiles(ObjectsWanted("watershed"), ("background", "cell"), ObjectSettings())
    contents, count = files.contents("a", np.zeros((4, 5), dtype=np.uint8), np.ones((2, 4, 5), dtype=np.float32))
    assert count == 0
    assert list(csv.DictReader(io.StringIO(contents["objects/a.csv"].decode()))) == []
    assert json.loads(contents["objects/a.geojson"])["features"] == []
    assert tifffile.imread(io.BytesIO(contents["objects/a.tif"])).tolist() == np.zeros((4, 5)).tolist()
    with zipfile.ZipFile(io.BytesIO(contents["objects/a.zip"])) as archive:
        assert archive.namelist() == []


@pytest.mark.parametrize("there", ["objects.csv", "objects/b.tif", "objects/a.geojson", "objects/a.zip"])
def test_nothing_is_overwritten(tmp_path: Path, run: Path, images: Path, there: str) -> None:
    (tmp_path / "out" / there).parent.mkdir(parents=True)
    written(tmp_path / "out" / there, b"mine")
    with pytest.raises(ConfigError, match=r"is there already and is not overwritten"):
        predict(run, images, tmp_path / "out", manner=COMPONENTS, machine=CPU)
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == [tmp_path / "out" / there]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--set", "prediction.objects.neck=0.5"), "`prediction.objects.neck` is about objects. Give --objects components"),
        (("--pixel-size", "0.5"), "--pixel-size is about objects. Give --objects components"),
        (("--objects", "components", "--pixel-size", "0"), "--pixel-size is 0; accepted is the side of a pixel"),
        (("--objects", "watershed", "--set", "prediction.objects.neck=2"), "The setting `prediction.objects.neck` is 2;"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_before_anything_is_written(
    tmp_path: Path, run: Path, images: Path, options: tuple[str, ...], sentence: str
) -> None:
    done = command("predict", run, images, "--out", tmp_path / "out", *options)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("high", "side"), [(0.5, 0.5), (0.504, 0.502), (0.6, None)])
def test_pixels_that_are_not_square_have_no_side(tmp_path: Path, high: float, side: float | None) -> None:
    said = {"PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": high, "PhysicalSizeYUnit": "µm"}
    tifffile.imwrite(tmp_path / "a.ome.tif", noise(20, 30), ome=True, metadata=said)
    files = ObjectFiles(ObjectsWanted("components"), ["background", "cell"], ObjectSettings())
    assert files.pixel_um(tmp_path / "a.ome.tif", "a") == pytest.approx(side)
    given = ObjectFiles(ObjectsWanted("components", pixel_um=0.7), ["background", "cell"], ObjectSettings())
    assert given.pixel_um(tmp_path / "a.ome.tif", "a") == 0.7


def test_areas_in_um_need_the_size_of_a_pixel(tmp_path: Path, run: Path, images: Path) -> None:
    options = ("--objects", "components", "--set", "prediction.objects.smallest_um2=3")
    done = command("predict", run, images, "--out", tmp_path / "out", *options)
    assert done.returncode == 3
    assert f"is 3, but '{images / 'a.png'}' does not say the size of its pixels. Give it by --pixel-size" in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_command_says_how_many_there_are_and_where(tmp_path: Path, run: Path, images: Path) -> None:
    largest = ("--set", "prediction.objects.smallest_px=40")
    out = tmp_path / "out"
    done = command("predict", run, images, "--out", out, "--objects", "watershed", *largest)
    assert done.returncode == 0, done.stderr
    rows = table(out)
    assert (
        f"{len(rows)} objects in {out / 'objects.csv'}; maps and outlines of them in {out / 'objects'}." in done.stdout
    )
    assert all(int(row["area_px"]) >= 40 for row in rows)
