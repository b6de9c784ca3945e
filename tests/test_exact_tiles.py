"""Tiles against whole images: every small size, sizes drawn for every architecture, chosen halos, and cuts that fade."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.small_networks import SMALL, small
from utome.config.architectures import UNetSettings
from utome.config.prediction import PredictionSettings
from utome.device import Device
from utome.models.architectures import assemble, build_network
from utome.models.network import SegmentationNetwork
from utome.prediction.manner import is_exact, planned, suited
from utome.prediction.tiled import in_one_piece, predict_tiled
from utome.tiling import Geometry, fading, plan

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = Device(torch.device("cpu"), torch.float32)
SIDES = range(1, 66)
with torch.device("meta"):
    BARE = {name: assemble(chosen, in_channels=1, classes=2) for name, chosen in SMALL.items()}
LOCAL = sorted(name for name, network in BARE.items() if network.receptive_field is not None)
GLOBAL = sorted(set(BARE) - set(LOCAL))
GEOMETRIES = st.sampled_from([
    Geometry(16, 60, 184, 0), Geometry(2, 4, 16, 0), Geometry(2, 0, 0, 8), Geometry(16, 0, 0, 96), Geometry(32, 0, 0, 0),
])  # fmt: skip


def network_of(convolution: str, *, depth: int) -> SegmentationNetwork:
    chosen = UNetSettings.model_validate({"width": 4, "depth": depth, "convolution": convolution, "norm": "none"})
    return build_network(chosen, in_channels=1, classes=2, seed=0).eval()


def image_of(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * 1000 + width).normal(size=(1, height, width)).astype(np.float32)


def padded(geometry: Geometry, image: np.ndarray) -> np.ndarray:
    """The image in one piece, by numpy's reflection."""
    padding = [(geometry.border, geometry.input_side(side) - side - geometry.border) for side in image.shape[1:]]
    return np.pad(image, [(0, 0), *padding], mode="reflect")


def whole(network: SegmentationNetwork, image: np.ndarray) -> Tensor:
    with torch.inference_mode():
        logits: Tensor = network(torch.from_numpy(padded(network.geometry, image))[None])
    return logits[0, :, : image.shape[1], : image.shape[2]]


def difference(tiled: Tensor, expected: Tensor) -> float:
    return ((tiled - expected).abs().max() / expected.abs().max().clamp(min=1)).item()


def in_batches(network: SegmentationNetwork, images: list[Tensor]) -> list[Tensor]:
    """What the network says of each image; those of one size go through it together."""
    found: dict[int, Tensor] = {}
    by_size: dict[torch.Size, list[int]] = defaultdict(list)
    for number, image in enumerate(images):
        by_size[image.shape].append(number)
    with torch.inference_mode():
        for numbers in by_size.values():
            logits = network(torch.cat([images[number] for number in numbers]))
            found |= {number: logits[place : place + 1] for place, number in enumerate(numbers)}
    return [found[number] for number in range(len(images))]


@contextmanager
def answering(network: SegmentationNetwork, answer: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """The network answers so while the block lasts."""
    network.forward = answer  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        del network.forward


def tiled_in_batches(network: SegmentationNetwork, images: list[np.ndarray], *, tile: int) -> list[Tensor]:
    """What `predict_tiled` makes of each image: first it is asked for the tiles, then given what the network says of all of them."""
    asked: list[Tensor] = []

    def note(image: Tensor) -> Tensor:
        asked.append(image.clone())
        return torch.zeros(1, 2, *(side - network.geometry.shrink for side in image.shape[2:]))

    with answering(network, note):
        for image in images:
            predict_tiled(network, image, CPU, tile=tile)
    answers = iter(in_batches(network, asked))
    with answering(network, lambda image: next(answers)):
        return [predict_tiled(network, image, CPU, tile=tile) for image in images]


@pytest.mark.parametrize("convolution", ["valid", "same"])
def test_tiles_equal_the_whole_at_every_size_from_1_to_65_in_both_directions(convolution: str) -> None:
    network = network_of(convolution, depth=1)
    largest, pieces = 0.0, set()
    for height in SIDES:
        images = [image_of(height, width) for width in SIDES]
        tiled = tiled_in_batches(network, images, tile=40)
        wholes = in_batches(network, [torch.from_numpy(padded(network.geometry, image))[None] for image in images])
        for width, ours, expected in zip(SIDES, tiled, wholes, strict=True):
            assert ours.shape == (2, height, width)
            largest = max(largest, difference(ours, expected[0, :, :height, :width]))
            pieces.add(len(plan(width, network.geometry, tile=40)))
    assert largest < 1e-5
    assert max(pieces) >= 2


@pytest.mark.parametrize("name", LOCAL)
@settings(max_examples=4)
@given(data=st.data())
def test_tiles_equal_the_whole_at_drawn_sizes_of_every_network_that_looks_a_limited_way(
    name: str, data: st.DataObject
) -> None:
    network = small(name).eval()
    geometry = network.geometry
    height = data.draw(st.integers(1, 40))
    width = data.draw(st.integers(1, 2 * geometry.halo + 6 * geometry.stride))
    image = image_of(height, width)
    if data.draw(st.booleans()):
        image = image.transpose(0, 2, 1).copy()
    assert difference(predict_tiled(network, image, CPU, tile=1), whole(network, image)) < 2e-5


@pytest.mark.parametrize("name", GLOBAL)
def test_tiles_of_a_network_that_averages_over_the_image_differ_from_the_whole_whatever_their_halo(name: str) -> None:
    network = small(name).eval()
    stride = network.geometry.stride
    # The right half is brighter, so that a tile's mean is not the image's.
    image = image_of(2 * stride, 8 * stride) + np.linspace(0, 4, 8 * stride, dtype=np.float32)
    assert not is_exact(PredictionSettings(), network)
    tiled = predict_tiled(network, image, CPU, tile=1, halo=2 * stride)
    assert difference(tiled, whole(network, image)) > 1e-4


@pytest.mark.parametrize("name", ["unet", "se-unet-plain"])
def test_tiles_are_levelled_unless_the_network_averages_over_the_image(name: str) -> None:
    network = small(name).eval()
    geometry = network.geometry
    tile = 2 * geometry.halo + 8 * geometry.stride
    side = tile + geometry.stride
    asked: list[int] = []

    def note(image: Tensor) -> Tensor:
        asked.append(image.shape[3])
        return torch.zeros(1, 2, *image.shape[2:])

    with answering(network, note):
        predict_tiled(network, image_of(1, side), CPU, tile=tile)
    levelled = tile if name in GLOBAL else 2 * geometry.halo + 5 * geometry.stride
    assert asked == [levelled, levelled]


@pytest.mark.parametrize("blend", [1, 5, 16])
def test_cuts_that_fade_change_nothing_where_the_halo_is_whole(blend: int) -> None:
    for convolution in ("valid", "same"):
        network = network_of(convolution, depth=2)
        image = image_of(90, 130)
        assert difference(predict_tiled(network, image, CPU, tile=40, blend=blend), whole(network, image)) < 1e-5


def test_a_smaller_halo_takes_fewer_tiles_and_differs_more_the_smaller_it_is() -> None:
    network = network_of("same", depth=2)
    image, geometry = image_of(150, 150), network.geometry
    expected = whole(network, image)
    found = [difference(predict_tiled(network, image, CPU, tile=64, halo=halo), expected) for halo in (0, 8, 24)]
    assert found[0] > found[1] > 1e-4
    assert found[2] < 1e-6
    counts = [len(plan(1000, planned(network, halo=halo, blend=0), tile=64)) for halo in (0, 8, 24)]
    assert counts[0] < counts[1] < counts[2]
    assert geometry.halo == 24


def test_a_halo_beyond_what_a_network_looks_at_is_not_paid_for() -> None:
    same, valid = network_of("same", depth=1), network_of("valid", depth=1)
    assert planned(same, halo=1000, blend=0) == same.geometry
    assert planned(valid, halo=1000, blend=0) == valid.geometry
    assert planned(same, halo=None, blend=3) == replace(same.geometry, halo=same.geometry.halo + 3)
    assert planned(small("se-unet-plain"), halo=1000, blend=0).halo == 1000


def test_fading_without_a_halo_softens_the_step_at_a_cut() -> None:
    network = network_of("same", depth=2)
    image = image_of(64, 256)
    hard = predict_tiled(network, image, CPU, tile=64, halo=0)
    soft = predict_tiled(network, image, CPU, tile=64, halo=0, blend=16)
    expected = whole(network, image)
    assert (soft - expected).square().mean() < (hard - expected).square().mean()


@given(GEOMETRIES, st.integers(1, 900), st.integers(1, 400), st.integers(0, 40), st.integers(0, 40))
def test_the_weights_of_fading_tiles_sum_to_one_at_every_pixel(
    geometry: Geometry, length: int, tile: int, halo: int, blend: int
) -> None:
    geometry = replace(geometry, halo=halo + blend)
    spans = plan(length, geometry, tile=tile)
    total = np.zeros(length)
    for span, (first, weights) in zip(spans, fading(spans, blend=blend), strict=True):
        assert (weights > 0).all()
        assert (weights <= 1).all()
        total[first : first + len(weights)] += weights
        # What counts is at least the halo away from where the tile was cut out of the image.
        if span is not spans[0]:
            assert first >= span.start + geometry.border + halo
        if span is not spans[-1]:
            assert first + len(weights) <= span.start + span.size - geometry.border - halo
    assert total == pytest.approx(np.ones(length), abs=1e-6)


@given(GEOMETRIES, st.integers(1, 900), st.integers(1, 400))
def test_without_fading_each_tile_counts_for_what_is_kept_of_it(geometry: Geometry, length: int, tile: int) -> None:
    spans = plan(length, geometry, tile=tile)
    for span, (first, weights) in zip(spans, fading(spans, blend=0), strict=True):
        assert (first, first + len(weights)) == (span.keep_start, span.keep_stop)
        assert (weights == 1).all()
    assert all(one.keep_stop == other.keep_start for one, other in pairwise(spans))


def test_a_network_that_averages_over_the_image_is_given_pieces_as_in_training_unless_told_otherwise() -> None:
    network, local = small("se-unet-plain"), small("unet")
    usual = suited(PredictionSettings(), network, tile=256)
    assert (usual.tile, usual.halo) == (256, 64)
    assert suited(PredictionSettings(halo=8), network, tile=256).halo == 8
    assert suited(PredictionSettings(tile=512), network, tile=256) == PredictionSettings(tile=512)
    assert suited(PredictionSettings(), local, tile=256) == PredictionSettings(tile=1024)
    assert suited(usual, network, tile=64) == usual


@pytest.mark.parametrize("name", sorted(SMALL))
def test_tiles_are_known_to_be_exact_where_nothing_averages_over_the_image_and_the_halo_covers_the_field(
    name: str,
) -> None:
    network = BARE[name]
    exact = name in LOCAL
    assert is_exact(PredictionSettings(), network) == exact
    assert is_exact(PredictionSettings(halo=network.geometry.halo), network) == exact
    assert is_exact(PredictionSettings(halo=0), network) == (exact and network.geometry.halo == 0)


def test_an_image_no_larger_than_a_tile_is_one_piece() -> None:
    network = network_of("same", depth=1)
    assert in_one_piece(network, (64, 64), tile=64, halo=None, blend=0)
    assert not in_one_piece(network, (64, 65), tile=64, halo=None, blend=0)
    assert in_one_piece(network, (30, 30), tile=1, halo=16, blend=8)
