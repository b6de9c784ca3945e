"""What a study asks: its data, metrics, arms and ways to predict, and what papers print of them, as plain values."""

from dataclasses import dataclass
from typing import Literal

# The level of every test and interval of a study.
ALPHA = 0.05

ArmKind = Literal["network", "otsu", "human"]


@dataclass(frozen=True)
class About:
    """What the study asks, of which paper, at which scale; `differences` say how it differs from the paper."""

    name: str
    title: str
    question: str
    paper: str
    scale: str
    scale_about: str
    differences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataFacts:
    """What was trained and scored on: `images` with truth in `groups` units, of these classes; `unit` is what intervals are over.

    `told_apart` says that the truth tells objects apart, `all_known` that every pixel of it counts. `generated` says that the images
    were made by a program. `citation` names who made them.
    """

    root: str
    layout: str
    sha256: str
    images: int
    groups: int
    unit: Literal["image", "group"]
    classes: tuple[str, ...]
    told_apart: bool = False
    all_known: bool = True
    citation: str = ""
    generated: bool = False


@dataclass(frozen=True)
class Metric:
    """One number: `family.measure` as `utome score` names it, over all images pooled, or the mean of the images' own.

    `name` is the key by which scores refer to it. `by_seed` where the score of several seeds is the mean of their own, since each
    chooses its threshold; else it is one of counts, or of images' scores, averaged over seeds.
    """

    name: str
    title: str
    higher_is_better: bool
    over: Literal["pooled", "images"]
    unit: str = ""
    bounds: tuple[float, float] | None = (0.0, 1.0)
    convention: str = ""
    by_seed: bool = False


@dataclass(frozen=True)
class Protocol:
    """A way to divide the images. One that is not `honest` scores images that training saw."""

    name: str
    title: str
    honest: bool = True
    folds: int = 1


@dataclass(frozen=True)
class Arm:
    """What is compared. Of a network: its recipe and the settings that differ from it, as `path=value`; of a reference neither.

    `epochs` are those of a training, `steps` all its steps; none where an epoch is a pass over all tiles, however many they are.
    """

    name: str
    title: str
    kind: ArmKind = "network"
    recipe: str = ""
    settings: tuple[str, ...] = ()
    epochs: int | None = None
    steps: int | None = None


@dataclass(frozen=True)
class Variant:
    """A way to predict with a model that was trained once. The first one is what is predicted unless more is said."""

    name: str
    title: str


@dataclass(frozen=True)
class Published:
    """A value that a paper prints: `row` as it names the system, `arm` and `variant` where that is one of ours.

    `value` has the metric's unit; `printed` is the paper's own text.
    """

    row: str
    metric: str
    value: float
    printed: str
    source: str
    arm: str | None = None
    variant: str | None = None
    protocol: str | None = None
