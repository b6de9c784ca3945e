"""Bilinear enlargement whose gradient repeats bit for bit on every device."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


def enlarge(maps: Float[Tensor, "n c h w"], factor: int) -> Float[Tensor, "n c y x"]:
    """Bilinear, by a whole factor, each pixel a square (`align_corners=False`).

    CUDA's own has a gradient that adds up in no fixed order, and is refused where arithmetic must repeat; there a
    transposed convolution with a fixed kernel gives the same values.
    """
    if factor == 1:
        return maps
    if maps.is_cuda:
        return enlarge_by_convolution(maps, factor)
    # The operation itself: `interpolate` takes it apart wherever arithmetic must repeat, which it does on a processor.
    enlarged: Tensor = torch.ops.aten.upsample_bilinear2d.vec(maps, None, False, [float(factor)] * 2)
    return enlarged


def enlarge_by_convolution(maps: Float[Tensor, "n c h w"], factor: int) -> Float[Tensor, "n c y x"]:
    """The same as a transposed convolution: one kernel for all channels, the border repeated once."""
    count, channels, height, width = maps.shape
    rows = torch.cat([maps[:, :, :1], maps, maps[:, :, -1:]], dim=2)
    bordered = torch.cat([rows[..., :1], rows, rows[..., -1:]], dim=3)
    kernel = _kernel(factor).to(maps)
    # Channels become images of one channel, so that the kernel is shared and not repeated.
    single = bordered.reshape(count * channels, 1, height + 2, width + 2)
    larger = functional.conv_transpose2d(single, kernel, stride=factor, padding=factor)
    top = (larger.shape[-2] - height * factor) // 2
    left = (larger.shape[-1] - width * factor) // 2
    larger = larger[..., top : top + height * factor, left : left + width * factor]
    return larger.reshape(count, channels, height * factor, width * factor)


def _kernel(factor: int) -> Float[Tensor, "1 1 k k"]:
    """Products of triangles that are one at a source pixel and zero at its neighbours."""
    size = 2 * factor - factor % 2
    place = torch.arange(size, dtype=torch.float32) - (size - 1) / 2
    triangle = 1 - place.abs() / factor
    return torch.outer(triangle, triangle)[None, None]


class Enlarge(nn.Module):
    """`enlarge` by a fixed factor, as a layer."""

    def __init__(self, factor: int) -> None:
        super().__init__()
        self._factor = factor

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c y x"]:
        """The maps, enlarged."""
        return enlarge(maps, self._factor)
