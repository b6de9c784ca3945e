"""The Feature Random Enhancement Module (Ando and Hotta 2021, arXiv 2101.07983), and what it is compared with."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from utome.config.architectures import EnhancementSettings
from utome.errors import ConfigError
from utome.randomness import key


class Enhancement(nn.Module):
    """Multiplies some of a level's maps, so that what follows must learn from them.

    Works in float32: beside a map that is hundreds of times larger, bfloat16's eight bits lose the others. It stands
    at the end of its level's block; for a positive factor it makes no difference whether before or after the ReLU.
    """

    factors: Tensor

    def __init__(self, channels: int, settings: EnhancementSettings) -> None:
        super().__init__()
        chooses = settings.mode in {"random", "fixed"}
        if chooses and settings.maps > channels:
            raise ConfigError(
                f"model.enhancement.maps is {settings.maps}, but that level has {channels} maps. Set it to 1 to {channels}."
            )
        self._settings = settings
        self.register_buffer("factors", torch.full((channels, 1, 1), 1.0 if chooses else settings.factor))

    def reselect(self, seed: int, epoch: int) -> None:
        """Choose the maps of this epoch, without replacement, all equally likely; `fixed` ones are those of epoch 0."""
        settings = self._settings
        if settings.mode not in {"random", "fixed"}:
            return
        chosen_in = epoch if settings.mode == "random" else 0
        draws = torch.Generator().manual_seed(key(seed, "enhancement", chosen_in))
        factors = torch.ones(self.factors.shape)
        factors[torch.randperm(len(factors), generator=draws)[: settings.maps]] = settings.factor
        self.factors.copy_(factors)

    @property
    def chosen(self) -> Bool[Tensor, " c"] | None:
        """Which maps are multiplied; none where the module does not multiply."""
        return None if self._settings.mode == "match_skip" else self.factors.flatten() != 1

    def forward(
        self, maps: Float[Tensor, "n c h w"], skip: Float[Tensor, "n s y x"] | None
    ) -> Float[Tensor, "n c h w"]:
        """The level's maps, some of them multiplied, in float32; `skip` is the encoder's map above, if there is one."""
        if not (self.training or self._settings.in_test):
            return maps
        if self._settings.mode == "match_skip":
            return _matched(maps.float(), skip)
        return maps.float() * self.factors


def _matched(maps: Float[Tensor, "n c h w"], skip: Float[Tensor, "n s y x"] | None) -> Float[Tensor, "n c h w"]:
    """Maps with the mean and deviation that the skip has, over all its channels and pixels of each image.

    The rival that the paper names in section 3.1 and rejects.
    """
    if skip is None:
        raise AssertionError("the finest level has no skip above it, and is refused when a network is built")
    over = (1, 2, 3)
    skip = skip.float()
    centred = maps - maps.mean(over, keepdim=True)
    wanted = (skip - skip.mean(over, keepdim=True)).square().mean(over, keepdim=True).sqrt()
    own = centred.square().mean(over, keepdim=True).add(1e-5).sqrt()
    return centred / own * wanted + skip.mean(over, keepdim=True)
