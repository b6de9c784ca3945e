"""The convolution block that every level of a U-Net repeats."""

from torch import nn

from utome.config.sections import UNetSettings


def double_convolution(
    in_channels: int, out_channels: int, settings: UNetSettings, *, dropout: float = 0.0
) -> nn.Sequential:
    """Twice a 3x3 convolution, its normalisation and ReLU; dropout after the last one where a rate is given.

    Ronneberger et al. 2015, figure 1. A convolution before batch norm has no bias, which the norm would cancel.
    """
    layers: list[nn.Module] = []
    padding = 0 if settings.convolution == "valid" else 1
    for channels in (in_channels, out_channels):
        layers.append(nn.Conv2d(channels, out_channels, 3, padding=padding, bias=settings.norm == "none"))
        if settings.norm == "batch":
            layers.append(nn.BatchNorm2d(out_channels))
        layers.append(nn.ReLU(inplace=True))
    if dropout:
        layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers)
