"""What tiles are sent through: a network of torch, or the same network as another library computes it."""

from typing import Any, Protocol, runtime_checkable

from utome.tiling import Geometry


@runtime_checkable
class Segmenter(Protocol):
    """Gives logits (n, k, y, x) for images (n, c, h, w) of the sides that `geometry` takes."""

    geometry: Geometry
    receptive_field: int | None

    def __call__(self, image: Any) -> Any:
        """The logits of each class, as a tensor."""
