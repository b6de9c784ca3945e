"""Norms folded away give what they gave, in every architecture."""

import pytest
import torch
from torch import nn

from tests.small_networks import SMALL, picture, small
from utome.config.architectures import ResNetUNetSettings
from utome.models.architectures import ARCHITECTURES
from utome.models.folding import folded
from utome.models.network import SegmentationNetwork
from utome.models.normalisation import BatchRenorm2d

pytestmark = pytest.mark.usefixtures("one_thread")
NORMS = (nn.BatchNorm2d, BatchRenorm2d)


def as_if_trained(network: SegmentationNetwork) -> SegmentationNetwork:
    """Statistics and affine parts as no fresh norm has them, so that a slip in any of them shows."""
    draws = torch.Generator().manual_seed(3)
    for module in network.modules():
        if isinstance(module, NORMS):
            spread = module.running_deviation if isinstance(module, BatchRenorm2d) else module.running_var
            assert spread is not None
            assert module.running_mean is not None
            for values, low in (
                (spread, 0.5),
                (module.running_mean, -0.5),
                (module.weight.data, 0.5),
                (module.bias.data, -0.5),
            ):
                values.copy_(torch.rand(values.shape, generator=draws) + low)
    return network.eval()


def test_every_architecture_is_among_the_small_networks() -> None:
    assert {settings.architecture for settings in SMALL.values()} == set(ARCHITECTURES)
    assert isinstance(SMALL["resnet50-unet"], ResNetUNetSettings)


@pytest.mark.parametrize("name", SMALL)
def test_a_folded_network_has_no_norm_and_the_same_logits(name: str) -> None:
    network = as_if_trained(small(name))
    light = folded(network)
    assert not [module for module in light.modules() if isinstance(module, NORMS)]
    image = picture(network, images=1)
    with torch.inference_mode():
        expected, found = network(image), light(image)
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()
    assert (light.geometry, light.receptive_field) == (network.geometry, network.receptive_field)


def test_folding_leaves_the_network_as_it_was() -> None:
    network = as_if_trained(small("se-unet-plain"))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    folded(network)
    after = network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_norm_that_follows_no_convolution_stays() -> None:
    network = small("unet").eval()
    network.head = nn.Sequential(nn.BatchNorm2d(4), network.head)
    light = folded(network)
    assert len([module for module in light.modules() if isinstance(module, NORMS)]) == 1
