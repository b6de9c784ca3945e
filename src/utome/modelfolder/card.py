"""`model.json`: everything about a model but its weights."""

from typing import Annotated, Final, Literal

from pydantic import Field

from utome.config.architectures import ModelSettings
from utome.config.prediction import PredictionSettings
from utome.config.section import Section
from utome.data.classes import ClassTable
from utome.data.preparation import Moments, Normalization, Preparation

FORMAT: Final = 2


class ClassEntry(Section):
    """One class: its name, and its values in the masks that were trained on."""

    name: str
    values: tuple[int, ...]


class TileGeometry(Section):
    """What sides the network takes, in pixels; see `utome.tiling.Geometry`."""

    stride: int
    offset: int
    shrink: int
    halo: int


class MomentsEntry(Section):
    """Mean and deviation of each channel over the training images."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


class PreparationEntry(Section):
    """What is done to an image before the network sees it; see `utome.data.preparation.Preparation`."""

    channels: int
    normalization: Normalization
    size: tuple[int, int] | None
    moments: MomentsEntry | None
    percentiles: tuple[float, float]
    fill: float | None = None
    upright: bool = True


class StartingWeightsEntry(Section):
    """Weights that an encoder began with: where from, the sha256 of their file, and their licence where it is known."""

    source: str
    sha256: str
    licence: str | None


class DeviationEntry(Section):
    """How far the tiled prediction of one validation image was from its prediction in larger pieces.

    `reference` is the side of these pieces, none where it was the whole image. Height and width are those that were predicted; with
    `mirrored` the image was smaller, and was continued by its mirror image so that it needs several tiles. `largest` and `mean` are
    differences of a class's probability, `labels_changed` a share of the pixels.
    """

    image: str
    height: int
    width: int
    mirrored: bool
    tile: int
    halo: int
    blend: int
    reference: int | None
    largest: float
    mean: float
    labels_changed: float


class ModelCard(Section):
    """The content of `model.json`.

    `images` maps the content hash of every image used to what it was used for; `looks` are the perceptual hashes of those
    that are not of one value alone. `prediction` is how whole images are predicted unless the user says otherwise, and
    `prediction_tile` its tile in cards that lack it. `deviation` was measured where tiles are not exact. With `own_names` the classes
    are those of data.classes, and not of the layout or the values.
    """

    format: Literal[2] = FORMAT
    utome: str
    torch: str
    recipe: str
    config_sha256: str
    data_sha256: str
    weights_sha256: str
    starting_weights: StartingWeightsEntry | None = Field(
        None, description="weights that the encoder began with; none where all were drawn"
    )
    architecture: Annotated[ModelSettings, Field(discriminator="architecture")]
    in_channels: Annotated[int, Field(ge=1)]
    classes: Annotated[tuple[ClassEntry, ...], Field(min_length=2)]
    own_names: bool = False
    threshold: int | None
    ignored: tuple[int, ...] = ()
    truth: Literal["labels", "instances"] | None = None
    unmarked: Literal["background", "ignore"] = "background"
    preparation: PreparationEntry
    geometry: TileGeometry
    prediction_tile: int
    prediction: PredictionSettings = PredictionSettings()
    deviation: DeviationEntry | None = None
    precision: Literal["auto", "float32", "bfloat16"]
    metrics: dict[str, float]
    images: dict[str, Literal["train", "val"]]
    looks: tuple[Annotated[str, Field(pattern="^([0-9a-f]{2})*$")], ...] = ()

    @property
    def class_table(self) -> ClassTable:
        """The classes as the data room knows them."""
        names, values = zip(*((entry.name, entry.values) for entry in self.classes), strict=True)
        return ClassTable(names, values, self.threshold, self.ignored)

    @property
    def predicted_as(self) -> PredictionSettings:
        """How a whole image is predicted, its tile set."""
        return self.prediction.model_copy(update={"tile": self.prediction.tile or self.prediction_tile})

    @property
    def prepared_by(self) -> Preparation:
        """What is done to an image before the network sees it."""
        entry = self.preparation
        moments = None if entry.moments is None else Moments(entry.moments.mean, entry.moments.deviation)
        return Preparation(
            self.in_channels, entry.normalization, entry.size, moments, entry.percentiles, entry.fill, entry.upright
        )
