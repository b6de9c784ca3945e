"""A segmentation network from finished parts, and how its weights begin."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from utome.errors import ModelError
from utome.models.enhancement import Enhancement
from utome.models.heads import Answer
from utome.models.parts import Decoder, Encoder
from utome.models.reach import reach
from utome.tiling import Geometry

# Where a network takes means over the whole image, no halo makes its tiles exact. Six strides are what a U-Net's
# convolutions need, and so keep the zeros beyond a tile's border out of sight.
GLOBAL_HALO = 6


@dataclass(frozen=True)
class Parts:
    """What a network consists of.

    `answers` are further logits for supervision in training; with `mean`, the prediction is the mean probability of all
    of them. A network with valid convolutions takes sides stride·k + `offset`, and returns ones smaller by `shrink`.
    """

    encoder: Encoder
    decoder: Decoder
    head: nn.Module
    answers: Sequence[Answer] = ()
    mean: bool = False
    offset: int = 0
    shrink: int = 0


class SegmentationNetwork(nn.Module):
    """Encoder, decoder and head; returns logits, never probabilities.

    `geometry` tells which sides it takes and what it returns for them; `receptive_field` is the largest side in pixels
    of what one output pixel can depend on, or none where the network looks at the whole image.
    """

    def __init__(self, parts: Parts, geometry: Geometry, receptive_field: int | None) -> None:
        super().__init__()
        self.encoder, self.decoder, self.head = parts.encoder, parts.decoder, parts.head
        self.answers = nn.ModuleList(parts.answers)
        self.further_answers = tuple(parts.answers)
        self._mean = parts.mean
        self.geometry, self.receptive_field = geometry, receptive_field

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k y x"]:
        """Logits of each class; `ModelError` names the size to pad to where the network does not take this one."""
        if self._mean:
            return mean_of_probabilities(self.supervised(image))
        self._refuse_other_sizes(image)
        logits: Tensor = self.head(self.decoder(self.encoder(image)))
        return logits

    def supervised(self, image: Float[Tensor, "n c h w"]) -> list[Tensor]:
        """The head's logits, then those of the further answers if there are any; all of one size, for the loss."""
        self._refuse_other_sizes(image)
        maps: list[Tensor] = self.encoder(image)
        if not self.answers:
            return [self.head(self.decoder(maps))]
        maps = [*maps, *self.decoder.steps(maps)]
        return [self.head(maps[-1]), *(answer(maps) for answer in self.answers)]

    def reselect(self, seed: int, epoch: int) -> None:
        """Choose anew whatever is chosen by chance once an epoch."""
        for module in self.modules():
            if isinstance(module, Enhancement):
                module.reselect(seed, epoch)

    def _refuse_other_sizes(self, image: Tensor) -> None:
        height, width = image.shape[-2:]
        if not (self.geometry.takes(height) and self.geometry.takes(width)):
            fits = [self.geometry.input_side(max(1, side - self.geometry.shrink)) for side in (height, width)]
            raise ModelError(
                f"The image is {height}x{width}, which this network does not take; the next size that fits is "
                f"{fits[0]}x{fits[1]}. Pad it, or use `utome predict`, which does."
            )


def measure(parts: Parts, in_channels: int) -> tuple[Geometry, int | None]:
    """Geometry and receptive field, followed back through parts that were built on the `meta` device."""
    nn.ModuleList([parts.encoder, parts.decoder, parts.head]).eval()
    stride = parts.encoder.strides[-1]
    side = Geometry(stride, parts.offset, parts.shrink, halo=0).input_side(2 * stride)
    found = reach(
        lambda image: parts.head(parts.decoder(parts.encoder(image))), channels=in_channels, side=side, stride=stride
    )
    halo = -(-found.halo // stride) * stride
    if found.is_global:
        halo = min(halo, GLOBAL_HALO * stride)
    if parts.shrink:
        halo = 0  # valid convolutions see no border
    return Geometry(stride, parts.offset, parts.shrink, halo), None if found.is_global else found.field


def mean_of_probabilities(logits: Sequence[Float[Tensor, "n k h w"]]) -> Float[Tensor, "n k h w"]:
    """Logits whose softmax is the mean of these logits' softmaxes."""
    logarithms = torch.stack([functional.log_softmax(each.float(), dim=1) for each in logits])
    return torch.logsumexp(logarithms, dim=0) - torch.tensor(float(len(logits))).log()


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """He initialisation: weights of deviation sqrt(2/N), N the inputs that one output sees; biases zero.

    Ronneberger et al. 2015, section 3. An output of a 2x2 up-convolution of stride 2 sees its channels once, so N is
    their number there. Norms begin as the identity. Drawn on the processor, in the order of the modules.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            upwards = isinstance(module, nn.ConvTranspose2d)
            inputs = module.in_channels if upwards else module.weight[0].numel()
            nn.init.normal_(module.weight, std=(2.0 / inputs) ** 0.5, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
