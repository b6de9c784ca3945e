"""Magnitudes of features: what is measured, on which tiles, and that measuring changes nothing."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.small_networks import SMALL, picture, small
from utome.config.architectures import SEUNetSettings
from utome.config.sections import MachineSettings
from utome.device import choose_device
from utome.models.architectures import build_network
from utome.models.enhancement import Enhancement
from utome.models.network import SegmentationNetwork
from utome.training.magnitudes import fixed_tiles, magnitudes

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = choose_device(MachineSettings(device="cpu"), precision="float32")
CHANNELS, MAPS = 16, 5


@dataclass(frozen=True)
class Facts:
    """What is known of an image: here, the hash of its content."""

    content: str


@dataclass(frozen=True)
class Item:
    """An image as the network sees it."""

    image: np.ndarray


class Images:
    """A data set of these images, by the hash of their content."""

    def __init__(self, images: dict[str, np.ndarray]) -> None:
        self.facts = tuple(Facts(content) for content in images)
        self._items = [Item(image) for image in images.values()]

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, number: int) -> Item:
        return self._items[number]


def tiles_of(images: dict[str, np.ndarray], side: int) -> Tensor:
    return fixed_tiles(Images(images), side)  # type: ignore[arg-type]


def enhanced(mode: str, **options: Any) -> SegmentationNetwork:
    settings = {"mode": mode, "maps": MAPS, "factor": 50.0, **options}
    model = SEUNetSettings.model_validate({"width": 4, "depth": 2, "reduction": 2, "enhancement": settings})
    network = build_network(model, in_channels=1, classes=2, seed=0)
    network.reselect(0, 3)
    return network


@pytest.mark.parametrize("name", sorted(SMALL))
def test_every_architecture_has_a_bottom_and_a_skip_and_is_left_as_it_was(name: str) -> None:
    network = small(name).train()
    tiles = picture(network)
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    draws = torch.get_rng_state()
    found = magnitudes(network, tiles, CPU)
    assert network.training
    assert torch.equal(torch.get_rng_state(), draws)
    assert all(torch.equal(tensor, before[key]) for key, tensor in network.state_dict().items())
    assert not any(each._forward_pre_hooks for each in network.modules())
    with torch.no_grad():
        maps = network.eval().encoder(tiles)
    assert found["bottom_mean"] == pytest.approx(maps[-1].clamp(min=0).mean().item(), rel=1e-5)
    assert found["skip_mean"] == pytest.approx(maps[-2].clamp(min=0).mean().item(), rel=1e-5)
    assert found["bottom_mean"] > 0
    assert found["skip_mean"] > 0


@pytest.mark.parametrize("in_test", [False, True])
def test_the_two_sums_are_of_the_maps_before_the_multiplication(in_test: bool) -> None:
    network, plain = enhanced("random", in_test=in_test), enhanced("none")
    tiles = picture(network)
    found, without = magnitudes(network, tiles, CPU), magnitudes(plain, tiles, CPU)
    module = next(each for each in network.modules() if isinstance(each, Enhancement))
    chosen = module.factors.flatten() > 1
    with torch.no_grad():
        bottom = plain.eval().encoder(tiles)[-1]
    assert chosen.sum() == MAPS
    assert found["enhanced_sum"] == pytest.approx(bottom[:, chosen].sum(dim=1).mean().item(), rel=1e-5)
    assert found["not_enhanced_sum"] == pytest.approx(bottom[:, ~chosen].sum(dim=1).mean().item(), rel=1e-5)
    assert found["enhanced_sum"] + found["not_enhanced_sum"] == pytest.approx(
        CHANNELS * without["bottom_mean"], rel=1e-5
    )
    assert (found["bottom_mean"] == without["bottom_mean"]) == (not in_test)


def test_all_maps_enhanced_leave_none_for_the_other_sum() -> None:
    network = enhanced("all")
    assert magnitudes(network, picture(network), CPU)["not_enhanced_sum"] == 0


@pytest.mark.parametrize("mode", ["none", "match_skip"])
def test_without_a_multiplication_there_are_no_sums(mode: str) -> None:
    network = enhanced(mode, in_test=mode == "match_skip")
    assert set(magnitudes(network, picture(network), CPU)) == {"bottom_mean", "skip_mean"}


def test_the_tiles_are_the_middles_of_four_images_whatever_their_order() -> None:
    images = {f"{number:x}": np.full((1, 20, 30), number, dtype=np.float32) for number in range(6)}
    images["0"] = np.arange(600, dtype=np.float32).reshape(1, 20, 30)
    tiles = tiles_of(dict(reversed(images.items())), 8)
    assert tiles.shape == (4, 1, 8, 8)
    assert torch.equal(tiles, tiles_of(images, 8))
    assert torch.equal(tiles[0, 0], torch.from_numpy(images["0"][0, 6:14, 11:19]))
    assert tiles[1:].amax(dim=(1, 2, 3)).tolist() == [1, 2, 3]


def test_an_image_smaller_than_a_tile_is_mirrored() -> None:
    row = np.array([[[1.0, 2.0, 3.0]]], dtype=np.float32)
    assert tiles_of({"a": row}, 6)[0, 0].tolist() == [[3, 2, 1, 2, 3, 2]] * 6
