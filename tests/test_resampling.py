"""Bilinear enlargement: the two ways to compute it are torch's own, in values and in gradients."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from utome.models.resampling import Enlarge, enlarge, enlarge_by_convolution

WAYS = [enlarge, enlarge_by_convolution]
SIZES = [(1, 1), (1, 5), (4, 4), (7, 3), (13, 8)]


def torchs(maps: Tensor, factor: int) -> Tensor:
    height, width = (factor * side for side in maps.shape[-2:])
    return functional.interpolate(maps, size=(height, width), mode="bilinear", align_corners=False)


def value_and_gradient(way: Callable[[Tensor, int], Tensor], maps: Tensor, factor: int) -> tuple[Tensor, Tensor]:
    """The enlarged maps, and the gradient of an uneven sum over them."""
    maps = maps.clone().requires_grad_()
    larger = way(maps, factor)
    weights = torch.randn(larger.shape, generator=torch.Generator().manual_seed(1))
    torch.autograd.backward((weights * larger).sum())
    assert maps.grad is not None
    return larger.detach(), maps.grad


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("factor", [2, 3, 4, 8, 16])
def test_it_is_torchs_bilinear_interpolation(
    way: Callable[[Tensor, int], Tensor], size: tuple[int, int], factor: int
) -> None:
    maps = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    (value, gradient), (expected, slope) = (value_and_gradient(each, maps, factor) for each in (way, torchs))
    torch.testing.assert_close(value, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(gradient, slope, atol=1e-6 * factor**2, rtol=1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_a_straight_ramp_stays_one_away_from_the_border(way: Callable[[Tensor, int], Tensor]) -> None:
    ramp = torch.arange(6.0).expand(1, 1, 4, 6)
    larger = way(ramp, 4)[0, 0]
    steps = larger[:, 2:-2].diff(dim=1)
    torch.testing.assert_close(steps, torch.full_like(steps, 0.25))
    assert (larger[:, :2] == 0).all()
    assert (larger[:, -2:] == 5).all()


@pytest.mark.parametrize("way", WAYS)
def test_bfloat16_maps_stay_bfloat16_and_lose_no_more_than_its_rounding(way: Callable[[Tensor, int], Tensor]) -> None:
    maps = torch.randn(2, 3, 5, 6, generator=torch.Generator().manual_seed(0)).bfloat16()
    larger = way(maps, 4)
    assert larger.dtype == torch.bfloat16
    torch.testing.assert_close(larger.float(), torchs(maps.float(), 4), atol=2e-2, rtol=1e-2)


def test_by_a_factor_of_one_it_is_what_it_was() -> None:
    maps = torch.randn(1, 2, 3, 4)
    assert torch.equal(enlarge(maps, 1), maps)


def test_the_layer_enlarges_by_its_factor() -> None:
    maps = torch.randn(1, 2, 3, 4)
    assert torch.equal(Enlarge(8)(maps), enlarge(maps, 8))
