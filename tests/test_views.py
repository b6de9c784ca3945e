"""Views of an image: there and back bit for bit where that can be, and averages that change nothing where nothing changes."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from torch import Tensor

from tests.builders import noise, tiny_model
from utome.config.prediction import PredictionSettings
from utome.device import Device
from utome.prediction.averaging import Rotation, Turn, View, averaged, mean_probability, views
from utome.prediction.predictor import Predictor

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = Device(torch.device("cpu"), torch.float32)
SIDES = st.integers(1, 40)
TURNS = [Turn(quarters, mirrored=mirrored) for quarters in range(4) for mirrored in (False, True)]


def as_settings(average: str, rotations: int = 7) -> PredictionSettings:
    return PredictionSettings.model_validate({"average": average, "rotations": rotations})


def drawn(height: int, width: int, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(height * 100 + width).normal(size=(channels, height, width)).astype(np.float32)


def smooth(height: int, width: int) -> np.ndarray:
    """A sum of waves, the shortest 50 pixels long."""
    rows, columns = np.mgrid[:height, :width]
    return (np.sin(rows / 9) + np.cos(columns / 11 + rows / 20))[None].astype(np.float32)


def pixel_by_pixel(image: np.ndarray) -> Tensor:
    """A network of one pixel's view: it knows no direction and no border."""
    return torch.from_numpy(np.concatenate([image, 1 - image * image]).astype(np.float32))


@pytest.mark.parametrize("view", TURNS)
@given(SIDES, SIDES)
def test_flips_and_quarter_turns_lead_back_bit_for_bit(view: View, height: int, width: int) -> None:
    image = drawn(height, width)
    back = view.back(torch.from_numpy(view.there(image)), (height, width))
    assert torch.equal(back, torch.from_numpy(image))


def test_the_eight_of_the_square_are_eight_different_views_and_the_flips_the_four_of_the_release() -> None:
    image = drawn(5, 5, 1)
    seen = {view.there(image).tobytes() for view in views(as_settings("square"))}
    assert len(seen) == 8
    flips = [view.there(image) for view in views(as_settings("flips"))]
    released = [image, image[:, :, ::-1], image[:, ::-1], image[:, ::-1, ::-1]]
    assert {each.tobytes() for each in flips} == {np.ascontiguousarray(each).tobytes() for each in released}
    assert {each.tobytes() for each in flips} < seen
    assert len(views(as_settings("none"))) == 1


@given(SIDES, SIDES, st.sampled_from(["none", "flips", "square"]))
def test_a_network_without_direction_gives_the_same_bits_on_average_over_flips_and_quarter_turns(
    height: int, width: int, average: str
) -> None:
    image = drawn(height, width, 1)
    found = averaged(pixel_by_pixel, image, views(as_settings(average)))
    assert torch.equal(found, pixel_by_pixel(image))


@pytest.mark.parametrize("average", ["flips", "square"])
def test_a_mean_of_probabilities_of_the_same_logits_is_their_probability(average: str) -> None:
    image = drawn(9, 12, 1)
    found = averaged(pixel_by_pixel, image, views(as_settings(average)), probabilities=True)
    assert torch.allclose(found.softmax(0), pixel_by_pixel(image).softmax(0), atol=1e-6)


@pytest.mark.parametrize("size", [(64, 64), (61, 90), (128, 33)])
@pytest.mark.parametrize("count", [2, 3, 4, 7, 12])
def test_a_network_without_direction_gives_nearly_the_same_on_average_over_rotations(
    size: tuple[int, int], count: int
) -> None:
    image = smooth(*size)
    found, plain = averaged(pixel_by_pixel, image, views(as_settings("rotations", count))), pixel_by_pixel(image)
    assert found.shape == plain.shape
    # What lines between pixels lose of these waves; at the image's edge the spline meets the mirrored waves' kink.
    assert (found - plain)[:, 3:-3, 3:-3].abs().max() < 0.01
    assert (found - plain).abs().max() < 0.2
    if count in {2, 4}:
        assert torch.equal(found, plain)


@given(SIDES, SIDES, st.floats(0, 360))
def test_a_turned_image_of_one_value_has_that_value_everywhere_also_in_the_corners(
    height: int, width: int, degrees: float
) -> None:
    view, image = Rotation(degrees), np.full((1, height, width), 3.5, dtype=np.float32)
    there = view.there(image)
    assert np.abs(there - 3.5).max() < 1e-5
    back = view.back(torch.from_numpy(there), (height, width))
    assert back.shape == image.shape
    assert (back - 3.5).abs().max() < 1e-5


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_rotation_by_resampling_goes_the_way_of_the_exact_one(degrees: int) -> None:
    image = drawn(7, 12)
    there, exact = Rotation(float(degrees)).there(image), Turn(degrees // 90).there(image)
    assert there.shape == exact.shape
    assert there == pytest.approx(exact, abs=1e-5)
    back = Rotation(float(degrees)).back(torch.from_numpy(exact), (7, 12))
    assert back.numpy() == pytest.approx(image, abs=1e-5)


@given(SIDES, SIDES, st.floats(0, 360))
def test_every_pixel_of_the_image_lies_on_the_canvas(height: int, width: int, degrees: float) -> None:
    canvas = Rotation(degrees).there(np.zeros((1, height, width), dtype=np.float32)).shape[1:]
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    rows, columns = np.mgrid[:height, :width] - np.array([height - 1, width - 1])[:, None, None] / 2
    turned = np.stack([cosine * rows - sine * columns, sine * rows + cosine * columns])
    for values, side in zip(turned, canvas, strict=True):
        assert np.abs(values).max() <= (side - 1) / 2 + 1e-5


def test_the_corners_of_a_turned_image_are_its_mirror_image() -> None:
    image = smooth(40, 40)
    there = Rotation(45.0).there(image)
    larger = np.pad(image, [(0, 0), (40, 40), (40, 40)], mode="reflect")[:, 20:-20, 20:-20]
    expected = Rotation(45.0).there(larger)
    inset = [(big - small) // 2 for big, small in zip(expected.shape[1:], there.shape[1:], strict=True)]
    height, width = there.shape[1:]
    assert (np.array(expected.shape[1:]) - there.shape[1:]).tolist() == [2 * each for each in inset]
    same = expected[:, inset[0] : inset[0] + height, inset[1] : inset[1] + width]
    assert there == pytest.approx(same, abs=0.02)


def test_rotations_of_a_network_that_knows_direction_cancel_what_it_knows() -> None:
    """A slope along the rows is turned into every direction, so that its mean is none."""
    image = smooth(65, 65)

    def slope(seen: np.ndarray) -> Tensor:
        return torch.from_numpy(ndimage.sobel(seen, axis=1).astype(np.float32))

    plain = slope(image)
    for average in ("flips", "square", "rotations"):
        found = averaged(slope, image, views(as_settings(average)))
        assert found[:, 5:-5, 5:-5].abs().max() < 0.05 * plain.abs().max()


def test_the_mean_of_probabilities_is_that_of_the_softmaxes_and_not_of_the_logits() -> None:
    logits = [torch.tensor([[[8.0]], [[0.0]]]), torch.tensor([[[-1.0]], [[0.0]]]), torch.tensor([[[-1.0]], [[0.0]]])]
    expected = torch.stack([each.softmax(0) for each in logits]).mean(0)
    assert torch.allclose(mean_probability(logits, 3).softmax(0), expected)
    assert expected[0] < 0.52
    assert sum(each[0].item() for each in logits) / 3 == 2


def test_a_mean_of_probabilities_keeps_what_is_next_to_impossible() -> None:
    logits = [torch.tensor([[[0.0]], [[-200.0]]])] * 2
    assert mean_probability(logits, 2)[1].item() == pytest.approx(-200)


@pytest.mark.parametrize("average", ["none", "flips", "square", "rotations"])
@pytest.mark.parametrize("average_of", ["logits", "probabilities"])
def test_a_predictor_averages_as_its_settings_say(average: str, average_of: str) -> None:
    changes = {"average": average, "rotations": 3, "average_of": average_of}
    pixels = noise(21, 30, 1)
    found = Predictor(tiny_model(), CPU, changes).probabilities(pixels, source="a")
    plain = Predictor(tiny_model(), CPU).probabilities(pixels, source="a")
    assert found.shape == (2, 21, 30)
    assert np.allclose(found.sum(axis=0), 1, atol=1e-5)
    assert (np.abs(found - plain).max() > 1e-3) == (average != "none")


def test_an_average_over_the_square_turns_with_the_image() -> None:
    """On sides that the network takes there is no padding, so turning the image only changes the order of the views."""
    predictor = Predictor(tiny_model(), CPU, {"average": "square"})
    pixels = noise(24, 32, 1)
    turned = np.ascontiguousarray(np.rot90(pixels))
    expected = np.rot90(predictor.probabilities(pixels, source="a"), axes=(1, 2))
    assert predictor.probabilities(turned, source="a") == pytest.approx(expected, abs=1e-5)
