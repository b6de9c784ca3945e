"""The settings, section by section: their names, defaults, limits and meaning.

The dotted path (`model.width`) is the option, the YAML key, and the name in a search space. The forms of `model` are in
`utome.config.architectures`, those of prediction in `utome.config.prediction`.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from utome.config.section import NotNegative, Positive, Section, Share
from utome.errors import ConfigError

Monitor = Literal["val_loss", "val_mean_iou"]


Percent = Annotated[float, Field(ge=0, le=100)]
Size = tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
# A grey value or object number, or a colour as `#rrggbb`.
MaskValue = int | Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$")]


class DataSettings(Section):
    """How images and masks become what the network sees."""

    layout: str | None = Field(None, description="how the folder is laid out; none finds out")
    truth: Literal["labels", "instances"] | None = Field(
        None,
        description="what the values of masks are: `labels`, a class each; `instances`, object numbers, united into one foreground; "
        "none: as the layout knows",
    )
    classes: tuple[tuple[str, tuple[MaskValue, ...]], ...] = Field(
        (),
        description="names of the classes, each with its mask values, as in [[background, [0]], [crack, [2]]]; a colour is "
        "written '#ff0000'. Empty: as the masks suggest",
    )
    ignore: tuple[MaskValue, ...] = Field((), description="mask values whose pixels are neither trained on nor scored")
    unmarked: Literal["background", "ignore"] = Field(
        "background",
        description="what masks of objects leave unmarked: `background`; `ignore`, where many lack objects: neither trained on nor "
        "scored but close around the marked ones",
    )
    fill: Annotated[float, Field(allow_inf_nan=False)] | None = Field(
        None, description="what stands for values of images that are no numbers (NaN, infinity); none refuses them"
    )
    grey_as_colour: bool = Field(
        False, description="grey images among colour ones count as three equal channels; otherwise a mixture is refused"
    )
    group: str | None = Field(
        None,
        description="what images share that must stay in one part: a regular expression found in each name, of which the first "
        "group counts, or TABLE.csv:COLUMN",
    )
    normalization: Literal["image", "dataset", "percentile", "range", "none"] = Field(
        "image",
        description="`image`: zero mean and unit deviation over each whole image; `dataset`: over all training images, each "
        "channel alone; `percentile`: each image's data.percentiles become 0 and 1; `range`: what the file's type can hold "
        "becomes 0 to 1; `none`: values as they are",
    )
    percentiles: tuple[Percent, Percent] = Field(
        (0.5, 99.5), description="of each image's values, for data.normalization=percentile"
    )
    size: Size | None = Field(
        None, description="height and width to which every image is resized for the network; none keeps its own"
    )
    test_size: Size | None = Field(
        None, description="the same for all images but the training ones; none: as data.size"
    )
    seed: Annotated[int, Field(ge=0, lt=2**31)] | None = Field(
        None,
        description="parts are drawn by it, so that trainings of several seeds share them; none: by the seed of the training",
    )
    validation: Share = Field(
        0.15, description="share of the images that choose the best model, where the folders do not say"
    )
    test: Share = Field(0.15, description="share of the images kept for the honest score, where the folders do not say")
    split: Annotated[str, Field(pattern=r"^\d+/\d+(/\d+)?$")] | None = Field(
        None,
        description="parts of exact size in this proportion, train/validation/test, as in 35/5/10; none: each image where its "
        "own hash falls, so that adding images moves none",
    )
    folds: int | None = Field(
        None, ge=2, description="parts of equal size of which one is the test part; none: no folds"
    )
    fold: int = Field(0, ge=0, description="which of the folds is the test part, from 0")
    limit: int | None = Field(
        None,
        ge=1,
        description="so many of the training images alone are trained on, chosen by hash so that fewer are always among more; none: all",
    )

    @model_validator(mode="after")
    def _each_value_means_one_thing(self) -> Self:
        names = [name for name, _ in self.classes]
        values = [*self.ignore, *(value for _, members in self.classes for value in members)]
        empty = any(not (name.strip() and members) for name, members in self.classes)
        if empty or len(set(names)) < len(names) or len(set(values)) < len(values) or len(names) == 1:
            raise ConfigError(
                "`data.classes` and `data.ignore` must name two classes or more, each once, and give each mask value one meaning, as in "
                "--set data.classes='[[background,[0]],[crack,[2]]]'."
            )
        return self

    @model_validator(mode="after")
    def _one_way_to_draw_parts(self) -> Self:
        if self.split is not None and self.folds is not None:
            raise ConfigError("`data.split` and `data.folds` both say how parts are drawn. Leave one out.")
        if self.fold and self.folds is None:
            raise ConfigError(
                "`data.fold` is one of `data.folds`, which are not given. Give both, as in --set data.folds=5."
            )
        return self

    @model_validator(mode="after")
    def _low_before_high(self) -> Self:
        if self.percentiles[0] >= self.percentiles[1]:
            raise ValueError("percentiles of which the first is the lower, as in [0.5, 99.5]")
        return self


class WeightMapSettings(Section):
    """How much each training pixel counts in the losses that are means over pixels."""

    map: Literal["none", "border", "2019"] = Field(
        "none",
        description="`border`: more in the gaps between neighbouring objects (Ronneberger et al. 2015, equation 2); `2019`: its "
        "later form (Falk et al. 2019), which balances in its own way; `none`: all pixels of a class alike",
    )
    w0: NotNegative = Field(10.0, description="height of the border term where two objects nearly touch")
    sigma: Positive = Field(5.0, description="its width in pixels")
    balance: bool = Field(False, description="each class counts alike: N/(K·n), over all training pixels")
    separate: bool = Field(False, description="touching objects are parted by a line of background")

    @field_validator("map", mode="before")
    @classmethod
    def _a_year_is_a_name(cls, given: object) -> object:
        """What YAML and --set read as a number."""
        return str(given) if type(given) is int else given

    @property
    def needed(self) -> bool:
        """Whether there is anything to do."""
        return self.map != "none" or self.balance or self.separate


class LossSettings(Section):
    """The training loss: the weighted sum of its terms."""

    cross_entropy: NotNegative = Field(1.0, description="weight of the pixel-wise softmax cross entropy")
    bce: NotNegative = Field(
        0.0, description="weight of the binary cross entropy of each class but the first against all others"
    )
    focal: NotNegative = Field(0.0, description="weight of the focal loss")
    focal_gamma: NotNegative = Field(2.0, description="how much less the focal loss counts what is right already")
    dice: NotNegative = Field(0.0, description="weight of the soft Dice loss over the classes but the first")
    jaccard: NotNegative = Field(0.0, description="weight of the soft Jaccard loss over the classes but the first")
    weights: WeightMapSettings = WeightMapSettings()
    supervision: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="λ: the share of a supervised network's further answers in the loss"
    )

    @model_validator(mode="after")
    def _something_to_learn(self) -> Self:
        if not (self.cross_entropy or self.bce or self.focal or self.dice or self.jaccard):
            raise ValueError("at least one term with a weight above 0, as in loss.cross_entropy=1")
        return self


class Optimizer(Section):
    """What every optimiser has; abstract."""

    learning_rate: Positive = Field(description="step size at its highest")
    weight_decay: NotNegative = 0.0
    schedule: Literal["constant", "cosine", "polynomial", "step"] = Field(
        "constant",
        description="how the learning rate falls over all steps: `cosine`, along half a cosine to zero; `polynomial`, as "
        "(1 - t)^power to zero; `step`, by `drop` at each of `drops`",
    )
    power: Positive = Field(0.9, description="of the polynomial")
    drops: tuple[Share, ...] = Field((0.5, 0.75), description="shares of all steps after which the learning rate drops")
    drop: Positive = Field(0.1, description="what the learning rate is multiplied by at each drop")
    warmup_steps: int = Field(0, ge=0, description="steps over which the learning rate first rises from zero")


class SGDSettings(Optimizer):
    """Stochastic gradient descent with momentum."""

    name: Literal["sgd"] = "sgd"
    momentum: Share = 0.9


class AdamSettings(Optimizer):
    """Adam (Kingma and Ba 2015)."""

    name: Literal["adam"] = "adam"
    betas: tuple[Share, Share] = (0.9, 0.999)


class AdamWSettings(Optimizer):
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019)."""

    name: Literal["adamw"] = "adamw"
    betas: tuple[Share, Share] = (0.9, 0.999)


class StoppingSettings(Section):
    """When to stop before the last epoch."""

    monitor: Monitor = Field("val_loss", description="the figure that must improve")
    min_delta: NotNegative = Field(0.0, description="by how much it must improve to count")
    patience: int | None = Field(
        None, ge=1, description="epochs without improvement before stopping; none never stops early"
    )


class TrainingSettings(Section):
    """Length, batches and choice of the best model."""

    epochs: int = Field(100, ge=1, description="passes over the training tiles at most, each followed by a validation")
    steps_per_epoch: int | None = Field(
        None, ge=1, description="steps that count as an epoch; none: a pass over all tiles. `--minutes` sets it"
    )
    batch: int = Field(8, ge=1, description="tiles a step")
    tile: int = Field(256, ge=1, description="side of a training tile, in pixels that the network labels")
    places: Literal["random", "grid"] = Field(
        "random", description="where tiles are cut: drawn anew each epoch, or side by side without overlap"
    )
    tiles_per_image: int | None = Field(
        None, ge=1, description="tiles drawn from each image each epoch; none: as many as cover its area"
    )
    best: Monitor = Field("val_mean_iou", description="the figure that chooses the epoch to keep")
    stopping: StoppingSettings = StoppingSettings()
    clip: Positive | None = Field(
        None, description="greatest norm of the gradient of all weights together; none leaves it as it is"
    )
    average: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None,
        description="weights are averaged over the steps, each step's average keeping this share of the last; the averages are "
        "what is validated and kept. None: the weights themselves",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="`auto`: bfloat16 where the processor or GPU is made for it, float32 elsewhere"
    )
    keep_epochs: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(
        None,
        description="epochs whose models are kept, too, whatever their score, as RUN/kept/epoch-00005; none: the best alone",
    )
    save_minutes: NotNegative = Field(
        5.0, description="minutes between two saved states at most, beside the end of each epoch; 0: after each step"
    )


class AugmentationSettings(Section):
    """Random changes to each training tile."""

    flips: bool = Field(True, description="mirror left and right, half of the time")
    each_flip: bool = Field(
        False, description="each tile four times an epoch: as it is, mirrored left to right, top to bottom, and both"
    )
    quarter_turns: bool = Field(True, description="turn by 0, 90, 180 or 270 degrees")
    rotation: Annotated[float, Field(ge=0, le=180)] = Field(
        0.0, description="turn by any angle up to so many degrees, either way"
    )
    scale: NotNegative = Field(0.0, description="enlarge or shrink by a factor of up to 1 + scale")
    shift: NotNegative = Field(0.0, description="move by up to so many pixels along each axis, either way")
    elastic: NotNegative = Field(
        0.0, description="standard deviation in pixels of the displacement at each node of a grid over the tile"
    )
    elastic_grid: int = Field(3, ge=2, description="nodes of that grid along each axis")
    brightness: NotNegative = Field(0.0, description="standard deviation of a grey value added, in normalised units")
    contrast: NotNegative = Field(0.0, description="standard deviation of the logarithm of a factor on the grey values")
    colour: NotNegative = Field(
        0.0, description="the same two deviations for each channel of a colour image alone, on top of the others"
    )
    gamma: NotNegative = Field(0.0, description="standard deviation of the logarithm of an exponent on the grey values")
    blur: NotNegative = Field(0.0, description="Gaussian blur with a deviation of up to so many pixels")
    noise: NotNegative = Field(0.0, description="Gaussian noise with a deviation of up to so many normalised units")


class MachineSettings(Section):
    """Where to compute."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    threads: int | None = Field(
        None, ge=1, description="processor threads; none leaves it to torch. Changes the last bits"
    )
    any_processes: bool = Field(
        False,
        description="go on with a run in another number of processes than it began with; its numbers are then the same up to "
        "rounding, and not bit for bit",
    )
