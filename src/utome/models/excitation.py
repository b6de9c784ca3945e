"""Squeeze-and-excitation: a map's channels weighed by what the whole map holds (Hu, Shen, Sun 2018)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class SqueezeExcitation(nn.Module):
    """Scales each channel by a weight between 0 and 1, from the means of all channels through `inner` others."""

    def __init__(self, channels: int, inner: int, activation: nn.Module) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, inner, 1)
        self.activation = activation
        self.expand = nn.Conv2d(inner, channels, 1)

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """The map times its weights; in bfloat16 the mean, a sum over the whole map, is still taken in float32."""
        # Not adaptive pooling, whose gradient is not deterministic on CUDA.
        means = image.float().mean(dim=(2, 3), keepdim=True).to(image.dtype)
        return image * torch.sigmoid(self.expand(self.activation(self.reduce(means))))
