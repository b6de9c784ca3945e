"""Images that are predicted by regions give what they give when they are held whole."""

import csv
import io
from importlib.util import find_spec
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from tests.builders import noise, save, tiny_model
from tests.predicted import content, smooth, tiny_run
from tests.test_formats_zarr import zarr_image
from utome.config.prediction import ObjectSettings
from utome.config.sections import MachineSettings
from utome.data.formats import HeldWindows, PixelSize, pixel_size, read_image
from utome.device import Device
from utome.errors import DataError
from utome.jobs import predicting, regions
from utome.jobs.objects import ObjectsWanted
from utome.jobs.predict import Manner, PredictResult, predict
from utome.jobs.predicting import Format
from utome.prediction import predictor, sinks, spread, windowed
from utome.prediction.chunks import Chunks
from utome.prediction.ensemble import Ensemble
from utome.prediction.object_table import object_rows
from utome.prediction.objects import find_objects
from utome.prediction.outlines import outlines
from utome.prediction.predictor import Predictor
from utome.prediction.probability_maps import Depth
from utome.prediction.spread import SpreadObjects
from utome.tiling import Window

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = MachineSettings(device="cpu")
ON_CPU = Device(torch.device("cpu"), torch.float32)
zarr_installed = pytest.mark.skipif(find_spec("zarr") is None, reason="the extra `zarr` is not installed")
FORMS: tuple[Format, ...] = ("auto", "tiff")
DEPTHS: tuple[Depth, ...] = ("uint8", "float32")
SIZES = [(1, 1), (3, 90), (90, 240)]
WAYS: dict[str, dict[str, Any]] = {
    "plain": {}, "blend": {"blend": 9}, "flips": {"average": "flips"}, "halo": {"halo": 8},
    "square": {"average": "square", "average_of": "probabilities", "blend": 5},
    "quarters": {"average": "rotations", "rotations": 4},
}  # fmt: skip


@pytest.fixture(autouse=True)
def small_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windowed, "LEAST", 64)
    monkeypatch.setattr(windowed, "LEAST_TILES", 2)
    monkeypatch.setattr(sinks, "TILE", 32)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_run(tmp_path_factory.mktemp("run") / "model")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("convolution", ["same", "valid"])
def test_logits_of_windows_are_those_of_the_whole_to_the_bit(convolution: str, way: str) -> None:
    predicted = Predictor(tiny_model(convolution=convolution), ON_CPU, {"tile": 72, **WAYS[way]})
    bits = (
        WAYS[way].get("average_of") != "probabilities"
    )  # whose logarithms are rounded otherwise at the end of an array
    for size in SIZES:
        pixels = noise(*size, 1)
        whole = predicted.logits(pixels, source="a")
        image = predicted.by_windows(HeldWindows(pixels), source="a")
        seen = np.zeros(size, dtype=int)
        for window in image.windows:
            found, expected = image.logits(window), whole[:, window.place[0], window.place[1]]
            assert torch.equal(found, expected) if bits else torch.allclose(found, expected, atol=1e-6)
            seen[window.place] += 1
        assert (seen == 1).all()
    assert len(image.windows) > 1
    if bits:
        odd = Window(17, 33, 50, 21)
        assert torch.equal(image.logits(odd), whole[:, odd.place[0], odd.place[1]])


def test_the_mean_of_several_models_is_that_of_the_whole() -> None:
    both = Ensemble([Predictor(tiny_model(), ON_CPU, changes) for changes in ({"tile": 40}, {"tile": 56})])
    pixels = noise(90, 110, 1)
    image = both.by_windows(HeldWindows(pixels), source="a")
    whole = both.logits(pixels, source="a")
    for window in image.windows:
        assert torch.equal(image.logits(window), whole[:, window.place[0], window.place[1]])


def test_large_arrays_are_predicted_by_windows_and_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    predicted, pixels = Predictor(tiny_model(in_channels=3), ON_CPU, {"tile": 40}), noise(90, 110, 3)
    expected = predicted.labels(pixels, source="a")
    monkeypatch.setattr(predictor, "IN_ONE", 1000)
    monkeypatch.setattr(Predictor, "logits", None)
    assert (predicted.labels(pixels, source="a") == expected).all()


FILES: dict[str, dict[str, Any]] = {
    "tiles": {"tile": (32, 48), "compression": "zlib"}, "big": {"bigtiff": True, "rowsperstrip": 9}, "one strip": {},
}  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize(("channels", "dtype"), [(1, np.uint8), (1, np.uint16), (3, np.uint8), (1, np.float32)])
def test_label_maps_and_probabilities_from_tiff(tmp_path: Path, kind: str, channels: int, dtype: Any) -> None:
    model = tiny_model(in_channels=3, classes=3)
    from utome.modelfolder.folder import save_model

    save_model(tmp_path / "model", model.network.state_dict(), model.card)
    pixels = np.stack([smooth(100, 130, seed=seed) for seed in range(channels)], axis=-1).astype(dtype)
    if dtype == np.uint16:
        pixels *= 200
    options = {"photometric": "rgb"} if channels == 3 else {}
    path = save(tmp_path / "a.tif", pixels if channels == 3 else pixels[:, :, 0], **options, **FILES[kind])
    whole, parts = (results(tmp_path / "model", path, tmp_path / form, form) for form in ("auto", "tiff"))
    with Image.open(whole.written[0]) as image:
        labels = np.asarray(image)
    with tifffile.TiffFile(parts.written[0]) as file:
        assert file.pages.first.is_tiled
        assert not file.is_bigtiff
        assert (file.asarray() == labels).all()
    probabilities = [tifffile.imread(each.out / "probabilities" / "a.tif") for each in (whole, parts)]
    assert probabilities[0].shape == (3, 100, 130)
    if dtype != np.float32:  # whose normalisation is equal up to rounding
        assert (probabilities[0] == probabilities[1]).all()
    assert probabilities[0] == pytest.approx(probabilities[1], abs=1e-5)
    assert (probabilities[0].argmax(axis=0) == labels).all()
    assert (whole.out / "overlays" / "a.png").read_bytes() == (parts.out / "overlays" / "a.png").read_bytes()


def results(run: Path, image: Path, out: Path, form: Any) -> PredictResult:
    return predict(run, image, out, manner=Manner(format=form, probabilities="float32"), machine=CPU)


@zarr_installed
def test_ome_zarr_in_and_out_keeps_the_size_of_a_pixel(tmp_path: Path, run: Path) -> None:
    zarr_image(tmp_path / "a.zarr", smooth(100, 130), "yx")
    save(tmp_path / "a.tif", smooth(100, 130), resolution=(20000, 40000), resolutionunit="CENTIMETER")
    from_zarr = predict(run, tmp_path / "a.zarr", tmp_path / "one", manner=Manner(format="zarr"), machine=CPU)
    from_tiff = predict(run, tmp_path / "a.tif", tmp_path / "other", manner=Manner(format="zarr"), machine=CPU)
    as_tiff = predict(run, tmp_path / "a.tif", tmp_path / "third", manner=Manner(format="tiff"), machine=CPU)
    assert from_zarr.written == (tmp_path / "one" / "a.zarr",)
    maps = [read_image(each.written[0]) for each in (from_zarr, from_tiff, as_tiff)]
    assert all((each == maps[0]).all() for each in maps)
    assert pixel_size(from_zarr.written[0]) is None
    assert pixel_size(from_tiff.written[0]) == pixel_size(as_tiff.written[0]) == PixelSize(0.25, 0.5)
    assert predict(run, tmp_path / "a.tif", tmp_path / "other", manner=Manner(format="zarr"), machine=CPU).kept == 1
    next(path for path in (tmp_path / "other" / "a.zarr" / "0" / "c").rglob("*") if path.is_file()).unlink()
    assert predict(run, tmp_path / "a.tif", tmp_path / "other", manner=Manner(format="zarr"), machine=CPU).kept == 0
    assert (read_image(from_tiff.written[0]) == maps[0]).all()


def test_only_large_images_are_predicted_by_regions_of_themselves(
    tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "images" / "large.png", smooth(60, 60))
    save(tmp_path / "images" / "small.png", smooth(40, 40))
    monkeypatch.setattr(predicting, "WHOLE", 2000)
    result = predict(run, tmp_path / "images", tmp_path / "out", machine=CPU)
    assert [path.name for path in result.written] == ["large.tif", "small.png"]
    assert not (tmp_path / "out" / ".parts").exists()


def test_the_picture_of_a_large_image_has_every_so_many_th_pixel(
    tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "a.tif", smooth(101, 130))
    predict(run, tmp_path / "a.tif", tmp_path / "whole", manner=Manner(format="tiff"), machine=CPU)
    monkeypatch.setattr(regions, "PICTURE", 50)
    monkeypatch.setattr(regions, "BAND", 700)
    predict(run, tmp_path / "a.tif", tmp_path / "out", manner=Manner(format="tiff"), machine=CPU)
    with Image.open(tmp_path / "out" / "overlays" / "a.png") as image:
        assert image.size == (44, 34)
    assert (tmp_path / "out" / "a.tif").read_bytes() == (tmp_path / "whole" / "a.tif").read_bytes()


def test_objects_by_regions_are_those_of_the_whole(tmp_path: Path, run: Path) -> None:
    save(tmp_path / "a.tif", smooth(100, 130))
    wanted = ObjectsWanted("components", {"smallest_px": 3}, pixel_um=0.5)
    for form in FORMS:
        predict(run, tmp_path / "a.tif", tmp_path / form, manner=Manner(objects=wanted, format=form), machine=CPU)
    whole, parts = (content(tmp_path / form) for form in ("auto", "tiff"))
    for name in ("objects/a.geojson", "objects/a.zip"):
        assert whole[name] == parts[name]
    maps = [tifffile.imread(io.BytesIO(each["objects/a.tif"])) for each in (whole, parts)]
    assert maps[0].max() > 5
    assert (maps[0] == maps[1]).all()
    assert maps[0].dtype == maps[1].dtype
    tables = [list(csv.DictReader(io.StringIO(each["objects.csv"].decode()))) for each in (whole, parts)]
    for one, other in zip(*tables, strict=True):
        for name, value in one.items():
            if name != "mean_probability":
                assert other[name] == value or float(other[name]) == pytest.approx(float(value)), name
        assert other["mean_probability"] == ""


@pytest.mark.parametrize("limit", [10, 2**22])
def test_rows_and_outlines_of_objects_across_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(spread, "ALONE", limit)
    labels = (smooth(90, 110, seed=3) // 90).astype(np.uint8)
    rows, columns = (0, 40, 64, 90), (0, 30, 110)
    grid = [
        Window(top, left, bottom - top, right - left)
        for (top, bottom), (left, right) in product(pairwise(rows), pairwise(columns))
    ]
    chunks = Chunks(tmp_path / "chunks", grid, 1, np.dtype(np.uint8))
    for number, window in enumerate(grid):
        assert not chunks.has(number)
        chunks.write(number, labels[window.place][None])
    whole = Window(0, 0, 90, 110)
    assert (chunks.read(whole)[0] == labels).all()
    found = SpreadObjects(chunks, smallest=5.0, source="a")
    expected = find_objects(labels, "components", ObjectSettings(smallest_px=5))
    assert (found.read(whole)[0] == expected.instances).all()
    described = found.described("a", ("no", "one", "two"), 0.5)
    assert described.outlines == outlines(expected.instances)
    for row, other in zip(described.rows, object_rows("a", expected, ("no", "one", "two"), pixel_um=0.5), strict=True):
        ours, theirs = vars(row), vars(other)
        for name, value in theirs.items():
            assert ours[name] == (pytest.approx(value) if isinstance(value, float) else value), name


def test_no_objects_at_all(tmp_path: Path) -> None:
    chunks = Chunks(tmp_path / "chunks", [Window(0, 0, 4, 5)], 1, np.dtype(np.uint8))
    chunks.write(0, np.zeros((1, 4, 5), dtype=np.uint8))
    found = SpreadObjects(chunks, smallest=0.0, source="a")
    described = found.described("a", ("no", "one"), None)
    assert (found.count, described.rows, described.outlines) == (0, [], [])


@pytest.mark.parametrize(
    ("manner", "sentence"),
    [
        (Manner(format="tiff", objects=ObjectsWanted("watershed")), "where a watershed cannot be told from its parts"),
        (Manner(format="tiff", objects=ObjectsWanted("components", {"holes_px": 3})), "where holes cannot be filled"),
        (Manner(format="tiff", changes={"average": "rotations"}), "rotations by other than quarter turns need the whole"),
    ],
)  # fmt: skip
def test_what_needs_the_whole_image_is_refused(tmp_path: Path, run: Path, manner: Manner, sentence: str) -> None:
    save(tmp_path / "a.tif", smooth(60, 60))
    with pytest.raises(DataError, match=sentence):
        predict(run, tmp_path / "a.tif", tmp_path / "out", manner=manner, machine=CPU)


def test_a_recipe_that_resizes_needs_the_whole_image(tmp_path: Path) -> None:
    from utome.modelfolder.folder import save_model

    model = tiny_model(size=(32, 32))
    save_model(tmp_path / "model", model.network.state_dict(), model.card)
    save(tmp_path / "a.tif", smooth(60, 60))
    with pytest.raises(DataError, match="cannot be predicted by regions: the recipe resizes images"):
        predict(tmp_path / "model", tmp_path / "a.tif", tmp_path / "out", manner=Manner(format="tiff"), machine=CPU)


def test_an_object_that_is_too_large_to_be_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spread, "TOO_LARGE", 10)
    chunks = Chunks(tmp_path / "chunks", [Window(0, 0, 4, 5)], 1, np.dtype(np.uint8))
    chunks.write(0, np.ones((1, 4, 5), dtype=np.uint8))
    with pytest.raises(DataError, match="has an object 4 pixels high and 5 wide, too large to be measured"):
        SpreadObjects(chunks, smallest=0.0, source="a").described("a", ("no", "one"), None)


def test_uint8_probabilities_are_shares_of_255(tmp_path: Path, run: Path) -> None:
    save(tmp_path / "a.tif", smooth(60, 70))
    found = {}
    for depth, form in product(DEPTHS, FORMS):
        out = tmp_path / f"{depth}-{form}"
        predict(run, tmp_path / "a.tif", out, manner=Manner(format=form, probabilities=depth), machine=CPU)
        found[depth, form] = tifffile.imread(out / "probabilities" / "a.tif")
    assert (found["uint8", "auto"] == found["uint8", "tiff"]).all()
    assert (found["float32", "auto"] == found["float32", "tiff"]).all()
    assert (found["uint8", "auto"] == (found["float32", "auto"] * np.float32(255)).round()).all()
    assert found["uint8", "auto"].dtype == np.uint8


def test_a_bigtiff_is_written_where_it_may_be_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "MOST_OF_CLASSIC", 1000)
    pixels = noise(1, 70, 90)
    source = sinks.Derived(pixels.shape, pixels.dtype, lambda window: pixels[:, *window.place])
    sinks.write_tiff(tmp_path / "a.tif", source, None)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.is_bigtiff
        assert (file.asarray() == pixels[0]).all()
