"""From maps to logits: the head, one logit for two classes, and further answers for supervision in training."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from utome.errors import ConfigError
from utome.models.resampling import enlarge


class OneLogit(nn.Module):
    """One logit for two classes: the first class stands at zero, so softmax is the sigmoid and cross entropy the binary one."""

    def forward(self, logit: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n 2 h w"]:
        """The logit behind a plane of zeros."""
        return torch.cat([torch.zeros_like(logit), logit], dim=1)


class Answer(nn.Module):
    """A further answer in training, from the map of number `source`: a convolution, enlarged to the image's size.

    Maps are numbered as the network makes them: the encoder's, finest first, then the decoder's.
    """

    def __init__(self, source: int, convolution: nn.Module, factor: int) -> None:
        super().__init__()
        self.source, self._factor = source, factor
        self.convolution = convolution

    def forward(self, maps: list[Tensor]) -> Float[Tensor, "n k y x"]:
        """Logits at the image's size."""
        return enlarge(self.convolution(maps[self.source]), self._factor)


def head(in_channels: int, classes: int, *, one_logit: bool, kernel: int = 1) -> nn.Module:
    """A convolution to the classes, or to one logit; `ConfigError` where one logit meets more than two classes."""
    outputs = 1 if one_logit else classes
    convolution = nn.Conv2d(in_channels, outputs, kernel, padding=kernel // 2)
    if not one_logit:
        return convolution
    if classes != 2:
        raise ConfigError(
            f"model.one_logit is for two classes, but the masks have {classes}. Set model.one_logit=false."
        )
    return nn.Sequential(convolution, OneLogit())
