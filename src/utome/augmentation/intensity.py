"""Changes of grey values: brightness, contrast, colour, gamma, noise and blur, for a batch of tiles at once.

Values are in units of the prepared image: with data.normalization=image, of its standard deviation.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.nn import functional

from utome.config.sections import AugmentationSettings

Batch = Float[Tensor, "n c h w"]
# Beyond so many deviations a Gaussian is nothing.
REACH = 3.0


def change_intensities(images: Batch, settings: AugmentationSettings, draws: Sequence[np.random.Generator]) -> Batch:
    """The images, each changed by numbers from its own generator; as many are drawn whatever the settings say, but for noise.

    First gamma, on the range that each image has, then contrast and brightness, and colour by channel; then blur, and noise last,
    as a camera adds it.
    """
    channels = images.shape[1]
    drawn = np.stack([_numbers(settings, each, channels) for each in draws])
    gamma, blur, spread, factors, offsets = np.split(drawn, (1, 2, 3, 3 + channels), axis=1)
    if settings.gamma:
        images = _gamma(images, torch.from_numpy(gamma))
    if settings.contrast or settings.brightness or settings.colour:
        scale, offset = (_each(values, images) for values in (factors, offsets))
        images = images * scale + offset
    if settings.blur:
        images = _blurred(images, blur[:, 0], settings.blur)
    if settings.noise:
        noise = np.stack([each.standard_normal(images.shape[1:], dtype=np.float32) for each in draws])
        images = images + _each(spread, images) * torch.from_numpy(noise).to(images)
    return images


def _numbers(
    settings: AugmentationSettings, draws: np.random.Generator, channels: int
) -> Float64[np.ndarray, " numbers"]:
    """Exponent, blur, noise, then the factor and the offset of each channel. A grey image has no colour to change."""
    exponent, contrast, brightness = draws.standard_normal(3)
    blur, noise = draws.uniform(0, 1, 2)
    by_channel = draws.standard_normal((2, channels)) * (settings.colour if channels > 1 else 0.0)
    own_factors, own_offsets = np.exp(by_channel[0]), by_channel[1]
    factors = np.exp(settings.contrast * contrast) * own_factors
    offsets = settings.brightness * brightness * own_factors + own_offsets
    return np.concatenate([
        [np.exp(settings.gamma * exponent), settings.blur * blur, settings.noise * noise], factors, offsets,
    ])  # fmt: skip


def _each(values: Float64[np.ndarray, "n k"], images: Batch) -> Tensor:
    """A number for each image (k = 1), or for each of its channels, shaped to go with them."""
    return torch.from_numpy(values).to(images)[:, :, None, None]


def _gamma(images: Batch, exponents: Tensor) -> Batch:
    """Each image's lowest value stays, its highest stays, and what lies between follows the power."""
    low, high = images.amin(dim=(1, 2, 3), keepdim=True), images.amax(dim=(1, 2, 3), keepdim=True)
    span = (high - low).clamp(min=torch.finfo(images.dtype).tiny)
    return low + span * ((images - low) / span).clamp(0, 1) ** exponents.to(images)[:, :, None, None]


def _blurred(images: Batch, sigmas: Float64[np.ndarray, " n"], largest: float) -> Batch:
    """Each image smoothed by a Gaussian of its own deviation in pixels, mirrored at its borders."""
    count, channels, height, width = images.shape
    radius = min(int(np.ceil(REACH * largest)), height - 1, width - 1)
    if radius < 1:
        return images
    distance = torch.arange(-radius, radius + 1, dtype=torch.float64)
    kernel = torch.exp(-0.5 * (distance / torch.from_numpy(sigmas).clamp(min=1e-3)[:, None]) ** 2)
    kernel = (kernel / kernel.sum(dim=1, keepdim=True)).to(images).repeat_interleave(channels, dim=0)[:, None]
    planes = functional.pad(images.reshape(1, -1, height, width), (radius,) * 4, mode="reflect")
    planes = functional.conv2d(planes, kernel[:, :, :, None], groups=count * channels)
    planes = functional.conv2d(planes, kernel[:, :, None, :], groups=count * channels)
    return planes.reshape(images.shape)
