"""The settings of prediction: tiles, views, and the objects that are told apart."""

from typing import Annotated, Literal

from pydantic import Field

from utome.config.section import NotNegative, Section


class ObjectSettings(Section):
    """How objects are told apart in a label map, where `utome predict --objects` asks for them."""

    surface: Literal["distance", "probability"] = Field(
        "distance",
        description="what has a peak in each object, for --objects watershed: the `distance` to its outline, or the `probability` of "
        "its class",
    )
    smooth: NotNegative = Field(1.0, description="deviation in pixels of a Gaussian that smooths that surface; 0: none")
    neck: Annotated[float, Field(ge=0, le=1)] = Field(
        0.9,
        description="touching objects are parted where the surface between their peaks falls below this share of the lower peak: by "
        "distance, where the neck is narrower than this share of the smaller one's width; by probability, which is flatter, "
        "0.98 does the same",
    )
    apart: NotNegative = Field(0.0, description="peaks less than so many pixels apart are one object")
    smallest_px: int = Field(0, ge=0, description="objects of fewer pixels are dropped")
    smallest_um2: NotNegative = Field(
        0.0, description="objects of a smaller area in µm² are dropped; needs --pixel-size"
    )
    holes_px: int = Field(0, ge=0, description="holes of up to so many pixels are filled, before objects are parted")


Backend = Literal["torch", "float32", "openvino", "onnx", "int8", "auto"]


class PredictionSettings(Section):
    """How a whole image is predicted."""

    tile: int | None = Field(
        None,
        ge=1,
        description="largest side in pixels that is predicted in one piece, but for twice the halo and a step of the network, which is the "
        "least; none: 1024, and training.tile where the network averages over the whole image",
    )
    halo: int | None = Field(
        None,
        ge=0,
        description="pixels of context that each kept pixel of a tile has at least; none: as far as the network looks, which makes "
        "tiles exact; where it averages over the whole image nothing does, and it is a quarter of the tile if that is not set either",
    )
    blend: int = Field(
        0, ge=0, description="pixels on each side of a cut over which neighbouring tiles fade into each other; 0 cuts"
    )
    average: Literal["none", "flips", "square", "rotations"] = Field(
        "none",
        description="views of the image whose predictions are averaged: `none`, as it is; `flips`, mirrored along each axis and both; "
        "`square`, all 8 of flips and quarter turns; `rotations`, turned by equal steps of the circle",
    )
    rotations: int = Field(7, ge=2, le=360, description="how many of them, for prediction.average=rotations")
    average_of: Literal["logits", "probabilities"] = Field(
        "logits", description="what of the views is averaged: logits, or the probabilities that they stand for"
    )
    backend: Backend = Field(
        "torch",
        description="what computes: `torch`, in the number type of the training; `float32`, the same always in float32; `openvino` and "
        "`onnx` (ONNX Runtime), which are extra packages for processors; `int8`, in whole numbers by OpenVINO, once the run's own "
        "validation images have shown what that costs; `auto`, the fastest that is installed, but for int8",
    )
    objects: ObjectSettings = ObjectSettings()

    @property
    def piece(self) -> int:
        """The tile, 1024 where none is set."""
        return self.tile or 1024
