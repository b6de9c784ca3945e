"""Predicting what training can read: pages of stacks, and images whose stems are the same in several folders."""

import io
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.builders import noise, pair_folder, save, tiny_model
from tests.files import written
from tests.layout_trees import HEIGHT, WIDTH, isbi_stacks, stack, tracking
from tests.test_formats_zarr import zarr_image
from utome.config.sections import MachineSettings
from utome.data.layouts.finding import find_samples
from utome.errors import ConfigError, DataError
from utome.events import Event, Noted, silent
from utome.jobs.inputs import find_inputs
from utome.jobs.predict import Manner, PredictResult, predict
from utome.modelfolder.folder import save_model

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = MachineSettings(device="cpu")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    model = tiny_model()
    save_model(tmp_path / "model", model.network.state_dict(), model.card)
    return tmp_path / "model"


def names(result: PredictResult) -> list[str]:
    """The names of the label maps, which are those of the overlays."""
    overlays = sorted(path.name for path in (result.out / "overlays").iterdir())
    assert overlays == sorted(path.name for path in result.written)
    return [path.name for path in result.written]


def labels(path: Path) -> np.ndarray:
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        return np.asarray(image)


def test_every_page_of_a_stack_has_a_label_map(tmp_path: Path, run: Path) -> None:
    pages = noise(11, HEIGHT, WIDTH)
    heard: list[Event] = []
    path = stack(tmp_path / "test-volume.tif", pages)
    result = predict(run, path, tmp_path / "out", machine=CPU, listen=heard.append)
    assert names(result) == [f"test-volume-{number:02d}.png" for number in range(1, 12)]
    assert Noted("'test-volume.tif' holds many pages, each predicted as an image of its own.") in heard
    for number, page in enumerate(pages, 1):
        alone = predict(
            run, save(tmp_path / f"{number}.png", page), tmp_path / f"out-{number}", machine=CPU, listen=silent
        )
        assert (labels(alone.written[0]) == labels(tmp_path / "out" / f"test-volume-{number:02d}.png")).all()


def test_pages_are_named_as_in_training(tmp_path: Path) -> None:
    root = isbi_stacks(tmp_path)
    inputs = [each.name for each in find_inputs(root, silent)]
    assert {sample.name for sample in find_samples(root).samples} <= set(inputs)
    assert len(inputs) == 22


def test_images_of_one_stem_in_several_folders_are_named_by_their_folders(tmp_path: Path, run: Path) -> None:
    root = tracking(tmp_path / "cells", {"01_GT": [0, 1], "02_GT": [0, 1]})
    result = predict(run, root, tmp_path / "out", machine=CPU)
    assert names(result) == ["01-t000.png", "01-t001.png", "02-t000.png", "02-t001.png"]
    assert [f"{sample.name}.png" for sample in find_samples(root).samples] == names(result)


def test_images_of_parts_may_have_one_name(tmp_path: Path, run: Path) -> None:
    for part in ("train", "test"):
        pair_folder(tmp_path / "data" / part, 1)
    result = predict(run, tmp_path / "data", tmp_path / "out", machine=CPU)
    assert sorted(names(result)) == ["test-images-image-0.png", "train-images-image-0.png"]


def test_stems_that_differ_are_names_whatever_the_folders(tmp_path: Path) -> None:
    root = tracking(tmp_path, {"01_GT": [0, 1]})
    assert [each.name for each in find_inputs(root, silent)] == ["t000", "t001"]


def test_two_files_of_one_stem_in_one_folder_are_still_refused(tmp_path: Path) -> None:
    save(tmp_path / "a.png", noise(9, 7))
    save(tmp_path / "a.tif", noise(9, 7))
    with pytest.raises(DataError, match=r"^2 images are called 'a', so their label maps would overwrite each other\."):
        find_inputs(tmp_path, silent)


def test_a_page_and_a_file_of_its_name_are_refused(tmp_path: Path) -> None:
    stack(tmp_path / "a.tif", noise(2, 9, 7))
    save(tmp_path / "a-1.png", noise(9, 7))
    with pytest.raises(DataError, match=r"^2 images are called 'a-1'"):
        find_inputs(tmp_path, silent)


@pytest.mark.parametrize("other", ["stack.png", "stack.tiff"])
def test_a_stack_of_probabilities_has_a_name_of_its_own(tmp_path: Path, run: Path, other: str) -> None:
    stack(tmp_path / "data" / "stack.tif", noise(11, HEIGHT, WIDTH))
    if other == "stack.png":
        save(tmp_path / "data" / other, noise(HEIGHT, WIDTH))
    else:
        stack(tmp_path / "data" / other, noise(2, HEIGHT, WIDTH))
    with pytest.raises(DataError, match=r"^'probabilities/stack\.tif' would be written 2 times"):
        predict(run, tmp_path / "data", tmp_path / "out", manner=Manner(probabilities="uint8"), machine=CPU)
    assert not (tmp_path / "out").exists()
    assert len(predict(run, tmp_path / "data", tmp_path / "out", machine=CPU).written) >= 12


@pytest.mark.parametrize("images", ["data", "data/images"])
def test_label_maps_do_not_lie_among_images(tmp_path: Path, run: Path, images: str) -> None:
    save(tmp_path / images / "a.tif", noise(HEIGHT, WIDTH))
    for out in {"data", images}:
        with pytest.raises(
            ConfigError, match=r"would be taken for images by the next command\. Give a folder of its own"
        ):
            predict(run, tmp_path / "data", tmp_path / out, machine=CPU)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file() and "model" not in path.parts] == ["a.tif"]
    assert predict(run, tmp_path / images / "a.tif", tmp_path / images, machine=CPU).kept == 0
    assert predict(run, tmp_path / images / "a.tif", tmp_path / images, machine=CPU).kept == 1


def test_a_folder_of_predictions_inside_that_of_images_is_not_told_of(
    tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "data" / "a.tif", noise(HEIGHT, WIDTH))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "data")
    outs = [tmp_path / "data" / "out"] * 2 + [tmp_path / "another"]
    for data, out, kept in zip(("data", "link", "data"), outs, (0, 1, 0), strict=True):
        heard: list[Event] = []
        result = predict(run, Path(data), out, machine=CPU, listen=heard.append)
        assert result.kept == kept
        assert not [event for event in heard if isinstance(event, Noted)]


def test_an_image_is_not_overwritten_by_its_label_map(tmp_path: Path, run: Path) -> None:
    save(tmp_path / "data" / "a.tif", noise(HEIGHT, WIDTH))
    predict(run, tmp_path / "data" / "a.tif", tmp_path / "data", machine=CPU)
    before = (tmp_path / "data" / "a.png").read_bytes()
    with pytest.raises(ConfigError, match=r"a\.png' is an image that is to be predicted, and would be overwritten"):
        predict(run, tmp_path / "data" / "a.png", tmp_path / "data", machine=CPU)
    assert (tmp_path / "data" / "a.png").read_bytes() == before


def test_a_damaged_file_among_stacks_is_named_and_does_not_stop_them(tmp_path: Path, run: Path) -> None:
    stack(tmp_path / "data" / "a.tif", noise(2, HEIGHT, WIDTH))
    broken = written(tmp_path / "data" / "b.tif", b"<html>")
    result = predict(run, tmp_path / "data", tmp_path / "out", machine=CPU)
    assert names(result) == ["a-1.png", "a-2.png"]
    assert len(result.failed) == 1
    assert str(broken) in result.failed[0]


@pytest.mark.skipif(find_spec("zarr") is None, reason="the extra `zarr` is not installed")
def test_an_ome_zarr_is_predicted_page_by_page(tmp_path: Path, run: Path) -> None:
    path = zarr_image(tmp_path / "data" / "a.zarr", noise(3, HEIGHT, WIDTH), "zyx")
    assert names(predict(run, path, tmp_path / "out", machine=CPU)) == ["a-1.png", "a-2.png", "a-3.png"]
    assert names(predict(run, tmp_path / "data", tmp_path / "again", machine=CPU)) == ["a-1.png", "a-2.png", "a-3.png"]


def test_what_is_not_predicted_is_said(tmp_path: Path, run: Path) -> None:
    heard: list[Event] = []
    root = pair_folder(tmp_path / "data", 2) / "images"
    save(root / "more" / "deeper.png", noise(HEIGHT, WIDTH))
    written(root / "photo.webp", b"RIFF")
    assert len(predict(run, root, tmp_path / "out", machine=CPU, listen=heard.append).written) == 2
    said = [event.text for event in heard if isinstance(event, Noted)]
    assert any("'photo.webp'" in text for text in said)
    assert any("are left out: 'more'." in text for text in said)


def test_what_stands_for_values_that_are_no_numbers_may_be_said_at_prediction(tmp_path: Path, run: Path) -> None:
    image = noise(HEIGHT, WIDTH).astype(np.float32)
    image[0, 0] = np.nan
    path = save(tmp_path / "odd.tif", image)
    with pytest.raises(DataError, match=r"--set data\.fill=0"):
        predict(run, path, tmp_path / "out", machine=CPU)
    assert len(predict(run, path, tmp_path / "out", manner=Manner(fill=0.0), machine=CPU).written) == 1
