"""A segmentation network from finished parts, and how its weights begin."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from utome.errors import ModelError
from utome.models.parts import Decoder, Encoder
from utome.tiling import Geometry


class SegmentationNetwork(nn.Module):
    """Encoder, decoder and head; returns logits, never probabilities.

    `geometry` tells which sides it takes and what it returns for them; `receptive_field` is the largest side in pixels
    of what one output pixel can depend on, or none where the network looks at the whole image.
    """

    def __init__(
        self, encoder: Encoder, decoder: Decoder, head: nn.Module, geometry: Geometry, receptive_field: int | None
    ) -> None:
        super().__init__()
        self.receptive_field = receptive_field
        self.encoder, self.decoder, self.head = encoder, decoder, head
        self.geometry = geometry

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k y x"]:
        """Logits of each class; `ModelError` names the size to pad to where the network does not take this one."""
        height, width = image.shape[-2:]
        if not (self.geometry.takes(height) and self.geometry.takes(width)):
            fits = [self.geometry.input_side(max(1, side - self.geometry.shrink)) for side in (height, width)]
            raise ModelError(
                f"The image is {height}x{width}, which this network does not take; the next size that fits is "
                f"{fits[0]}x{fits[1]}. Pad it, or use `utome predict`, which does."
            )
        logits: Tensor = self.head(self.decoder(self.encoder(image)))
        return logits


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
