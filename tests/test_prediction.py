"""Prediction: tiles give what the whole image gives, and label maps keep the image's size."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.builders import noise, tiny_model
from utome.config.architectures import UNetSettings
from utome.device import Device
from utome.errors import DataError
from utome.models.architectures import build_network
from utome.models.network import SegmentationNetwork
from utome.prediction.classes import classify
from utome.prediction.pictures import colour_png, displayed, label_png, overlay
from utome.prediction.predictor import Predictor
from utome.prediction.tiled import predict_tiled

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = Device(torch.device("cpu"), torch.float32)
SIZES = [(1, 1), (1, 7), (3, 50), (19, 20), (21, 37), (40, 41), (64, 64), (97, 66)]


def network(convolution: str, norm: str = "none") -> SegmentationNetwork:
    """Width 4, depth 2; with batch norm the statistics are those of a few steps of noise."""
    chosen = UNetSettings.model_validate({"width": 4, "depth": 2, "convolution": convolution, "norm": norm})
    built = build_network(chosen, in_channels=2, classes=3, seed=0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for _ in range(3):
            built(torch.randn(2, 2, 64, 64, generator=generator))
    return built.eval()


NETWORKS = {(convolution, norm): network(convolution, norm) for convolution in ("valid", "same") for norm in ("none", "batch")}  # fmt: skip


def image_of(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * 1000 + width).normal(size=(2, height, width)).astype(np.float32)


def whole(built: SegmentationNetwork, image: np.ndarray) -> torch.Tensor:
    """What the network says of the image in one piece, padded by numpy's reflection."""
    height, width = image.shape[1:]
    geometry = built.geometry
    padding = [(geometry.border, geometry.input_side(side) - side - geometry.border) for side in (height, width)]
    padded = np.pad(image, [(0, 0), *padding], mode="reflect")
    with torch.inference_mode():
        logits: torch.Tensor = built(torch.from_numpy(padded)[None])[0, :, :height, :width]
    return logits


def difference(tiled: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest difference between two maps of logits, as a share of the largest logit (at least 1)."""
    return ((tiled - expected).abs().max() / expected.abs().max().clamp(min=1)).item()


@pytest.mark.parametrize("kind", NETWORKS, ids="-".join)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("tile", [17, 50, 1024])
def test_a_tiled_prediction_equals_the_whole_one(kind: tuple[str, str], size: tuple[int, int], tile: int) -> None:
    image = image_of(*size)
    tiled = predict_tiled(NETWORKS[kind], image, CPU, tile=tile)
    assert tiled.shape == (3, *size)
    assert tiled.dtype == torch.float32
    assert difference(tiled, whole(NETWORKS[kind], image)) < 1e-6


@pytest.mark.parametrize("kind", NETWORKS, ids="-".join)
def test_tiles_as_small_as_the_network_allows_give_the_same(kind: tuple[str, str]) -> None:
    image = image_of(23, 49)
    assert difference(predict_tiled(NETWORKS[kind], image, CPU, tile=1), whole(NETWORKS[kind], image)) < 1e-6


@settings(max_examples=30)
@given(st.sampled_from(sorted(NETWORKS)), st.integers(1, 110), st.integers(1, 110), st.integers(16, 120))
def test_a_tiled_prediction_equals_the_whole_one_at_any_size(
    kind: tuple[str, str], height: int, width: int, tile: int
) -> None:
    image = image_of(height, width)
    tiled = predict_tiled(NETWORKS[kind], image, CPU, tile=tile)
    assert difference(tiled, whole(NETWORKS[kind], image)) < 1e-6


def test_the_logits_of_a_prediction_need_no_gradient() -> None:
    assert not predict_tiled(NETWORKS["same", "none"], image_of(9, 9), CPU, tile=64).requires_grad


def test_the_class_of_a_pixel_is_that_of_its_highest_logit() -> None:
    logits = torch.tensor([[[0.0, 5.0]], [[1.0, 2.0]], [[-1.0, 7.0]]])
    labels = classify(logits)
    assert labels.dtype == np.uint8
    assert labels.tolist() == [[1, 2]]


@pytest.mark.parametrize("classes", [1, 2, 3, 7, 255])
def test_of_equal_logits_the_first_is_the_class(classes: int) -> None:
    drawn = np.random.default_rng(classes).integers(0, 4, size=(classes, 9, 31)).astype(np.float32)
    assert (classify(torch.from_numpy(drawn)) == drawn.argmax(axis=0)).all()
    turned = torch.from_numpy(drawn).transpose(1, 2)
    assert (classify(turned) == drawn.argmax(axis=0).T).all()


@pytest.mark.parametrize("convolution", ["valid", "same"])
@pytest.mark.parametrize("size", [(1, 1), (5, 90), (33, 40)])
def test_labels_have_the_size_of_the_image(convolution: str, size: tuple[int, int]) -> None:
    model = tiny_model(classes=3, convolution=convolution)
    labels = Predictor(model, CPU).labels(noise(*size, 1), source="a.png")
    assert labels.shape == size
    assert labels.dtype == np.uint8
    assert labels.max() < 3


def test_a_recipe_that_resizes_predicts_at_its_size_and_labels_at_the_images_own() -> None:
    predictor = Predictor(tiny_model(size=(16, 24)), CPU)
    pixels = noise(33, 50, 1)
    assert predictor.logits(pixels, source="a.png").shape == (2, 16, 24)
    assert predictor.labels(pixels, source="a.png").shape == (33, 50)


def test_a_grey_image_is_taken_by_a_network_for_colour_images() -> None:
    assert Predictor(tiny_model(in_channels=3), CPU).labels(noise(9, 8, 1), source="a.png").shape == (9, 8)


def test_a_colour_image_is_refused_by_a_network_for_grey_ones() -> None:
    with pytest.raises(DataError, match=r"^'a\.png' is a colour image, but this model was trained on grey ones\."):
        Predictor(tiny_model(), CPU).labels(noise(9, 8, 3), source="a.png")


def test_the_depth_of_an_image_does_not_change_its_labels() -> None:
    predictor = Predictor(tiny_model(), CPU)
    pixels = noise(20, 30, 1)
    deep = pixels.astype(np.uint16) * 257
    assert (predictor.labels(pixels, source="a") == predictor.labels(deep, source="b")).mean() > 0.99


def test_a_label_map_as_png_holds_the_class_numbers_inside_and_colours_outside() -> None:
    labels = np.arange(8, dtype=np.uint8).reshape(2, 4)
    with Image.open(io.BytesIO(label_png(labels))) as image:
        assert image.mode == "P"
        assert (np.asarray(image) == labels).all()
        colours = np.asarray(image.convert("RGB"))
    assert colours[0, 0].tolist() == [0, 0, 0]
    assert colours[0, 1].max() > 100
    assert len(np.unique(colours.reshape(-1, 3), axis=0)) == 8


@pytest.mark.parametrize("count", [1, 2, 200, 256])
def test_a_label_map_of_few_or_many_classes_survives_its_png(count: int) -> None:
    labels = (np.arange(400) % count).astype(np.uint8).reshape(20, 20)
    with Image.open(io.BytesIO(label_png(labels))) as image:
        assert (np.asarray(image) == labels).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_overlay_shows_numbers_near_the_limit_of_their_type(dtype: Any) -> None:
    limit = float(np.finfo(dtype).max)
    pixels = np.linspace(-1, 1, 64).reshape(8, 8, 1).astype(dtype) * dtype(limit)
    shown = overlay(pixels, np.zeros((8, 8), dtype=np.uint8))
    assert shown[0, 0].tolist() == [0, 0, 0]
    assert shown[7, 7].tolist() == [255, 255, 255]
    assert (np.diff(shown[:, :, 0].ravel().astype(np.int64)) > 0).all()
    same = np.full((8, 8, 1), limit, dtype=dtype)
    assert not overlay(same, np.zeros((8, 8), dtype=np.uint8)).any()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_an_overlay_is_a_colour_picture_of_the_images_size(channels: int, dtype: Any) -> None:
    picture = overlay(noise(9, 7, channels, dtype=dtype), noise(9, 7) % 3)
    assert picture.shape == (9, 7, 3)
    assert picture.dtype == np.uint8
    with Image.open(io.BytesIO(colour_png(picture))) as image:
        assert (np.asarray(image) == picture).all()


def test_an_overlay_leaves_the_first_class_as_it_is_and_outlines_the_others_in_full_colour() -> None:
    pixels = noise(9, 9, 1)
    labels = np.zeros((9, 9), dtype=np.uint8)
    labels[2:7, 2:7] = 1
    picture = overlay(pixels, labels)
    assert (picture[labels == 0] == displayed(pixels)[labels == 0]).all()
    assert picture[2, 2].tolist() == picture[6, 4].tolist() == [230, 159, 0]
    assert picture[4, 4].tolist() != [230, 159, 0]


@pytest.mark.parametrize("value", [0, 255])
def test_an_image_of_one_value_is_displayed_without_an_error(value: int) -> None:
    assert not displayed(np.full((4, 5, 1), value, dtype=np.uint8)).any()
