"""A study file: what is asked, of which images, with which arms; YAML, and frozen once it is read.

    question: Is a wider U-Net better on my images?
    arms:
      plain: {recipe: unet}
      wide: {recipe: unet, set: {model.width: 64}}

That is a whole one; everything else has a default. An *arm* is a training. A *variant* is a way to predict with it. A *protocol* is
a way to divide the images. A *scale* lays settings over all of them, so that the same question can be asked in an hour or a week.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path, PureWindowsPath
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, ValidationError, field_validator, model_validator

from utome.config.section import NotNegative, Positive, Section
from utome.config.yaml_file import parse_yaml
from utome.errors import ConfigError, nearest
from utome.studies.accepted import accepted
from utome.studies.metrics import check_family, is_over_images

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
# Settings by their dotted path, as in {model.width: 16}.
Settings = Mapping[str, Any]
Finite = Annotated[float, Field(allow_inf_nan=False, strict=True)]
Reference = Literal["otsu", "human"]
REFERENCES: dict[Reference, str] = {"otsu": "Otsu's threshold", "human": "second observer"}
# Names that have their default from another place of the file.
FILLED_IN = {("baseline",), ("main",)}
# What a variant may change of a model that is trained.
PREDICTING = ("prediction.", "model.enhancement.")


class DataEntry(Section):
    """The images: their layout (found out where none is said), who made them, and a pattern of files that have no truth."""

    layout: str | None = None
    citation: str = ""
    about: str = ""
    unlabelled: str | None = None

    @field_validator("unlabelled")
    @classmethod
    def _inside_the_folder(cls, pattern: str | None) -> str | None:
        """Any other pattern is a Python error where files are looked for, after hours."""
        if pattern is not None:
            parts = PureWindowsPath(pattern).parts
            anchored = PureWindowsPath(pattern).anchor or ".." in parts
            if not parts or anchored or any("**" in part and part != "**" for part in parts):
                raise ValueError("a pattern of files below the folder of images, as in stack2/*.tif")
        return pattern


class ProtocolEntry(Section):
    """How images are divided: settings of `data`, folds, and which images are scored: those kept for it, or seen ones."""

    title: str = ""
    set: Settings = Field(default_factory=dict)
    folds: Annotated[int, Field(ge=2)] | None = None
    scored: Literal["test", "val", "all"] = "test"

    @model_validator(mode="after")
    def _about_data_alone(self) -> Self:
        _refuse_other_paths(self.set, ("data.",), "a protocol divides images")
        if self.folds is not None and {"data.folds", "data.fold"} & set(self.set):
            raise ValueError("`folds` and the setting `data.folds` say the same: leave the setting out")
        return self


class ArmEntry(Section):
    """One training: a recipe, and what differs from it."""

    title: str = ""
    recipe: str
    set: Settings = Field(default_factory=dict)


class VariantEntry(Section):
    """One way to predict with a trained model: which checkpoint, from which probability on, and settings of prediction.

    `early` is the epoch at the scale's share of all; `last` the one that ended the training. Only the `arms` named have it.
    """

    title: str = ""
    checkpoint: Literal["best", "early", "last"] = "best"
    threshold: Annotated[float, Field(gt=0, lt=1)] | None = None
    set: Settings = Field(default_factory=dict)
    arms: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _about_prediction_alone(self) -> Self:
        _refuse_other_paths(self.set, PREDICTING, "a variant uses a model that is trained already")
        return self


class ScaleEntry(Section):
    """Settings over those of all arms, and over those of some; `minutes` is how long each training may take.

    With minutes each arm's length is measured once, before the first run. `early` is a share of the epochs.
    """

    about: str = ""
    set: Settings = Field(default_factory=dict)
    arms: Mapping[Name, Settings] = Field(default_factory=dict)
    minutes: Positive | None = None
    early: Annotated[float, Field(gt=0, lt=1)] = 0.1


class PublishedEntry(Section):
    """A value that a paper prints: as the metric's own unit, or in percent of it; `printed` where it stands there in other words."""

    row: str
    metric: str
    value: Finite | None = None
    percent: Finite | None = None
    printed: str = ""
    source: str
    arm: Name | None = None
    variant: Name | None = None
    protocol: Name | None = None

    @model_validator(mode="after")
    def _one_number(self) -> Self:
        if (self.value is None) == (self.percent is None):
            raise ValueError("one of `value` and `percent`")
        return self


class StudyFile(Section):
    """A whole study file."""

    name: Name = "study"
    title: str = ""
    question: str = ""
    paper: str = ""
    data: DataEntry = DataEntry()
    protocols: Annotated[Mapping[Name, ProtocolEntry], Field(min_length=1)] = Field(
        default_factory=lambda: {"held-out": ProtocolEntry(title="images held out")}
    )
    set: Settings = Field(default_factory=dict)
    arms: Annotated[Mapping[Name, ArmEntry], Field(min_length=1)]
    baseline: Name = ""
    variants: Annotated[Mapping[Name, VariantEntry], Field(min_length=1)] = Field(
        default_factory=lambda: {"best": VariantEntry(title="the best epoch")}
    )
    references: tuple[Reference, ...] = ()
    seeds: Annotated[int, Field(ge=1, le=1000, strict=True)] = 3
    scales: Annotated[Mapping[Name, ScaleEntry], Field(min_length=1)] = Field(
        default_factory=lambda: {"small": ScaleEntry(about="the settings as they are")}
    )
    metrics: Annotated[Mapping[str, str], Field(min_length=1)] = Field(
        default_factory=lambda: {"pixels.mean_iou": "mean IoU"}
    )
    main: str = ""
    tolerance: NotNegative = 2.0
    pixel_size_um: Positive | None = None
    published: tuple[PublishedEntry, ...] = ()
    differences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _first_ones_by_default(cls, content: Any) -> Any:
        """The baseline is the first arm, and the main metric the first one."""
        if not isinstance(content, Mapping):
            return content
        first = {"baseline": content.get("arms"), "main": content.get("metrics", {"pixels.mean_iou": ""})}
        own = {name: next(iter(of)) for name, of in first.items() if isinstance(of, Mapping) and of}
        return {**own, **content}

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        arms, variants, metrics = self.arms, self.variants, self.metrics
        _refuse_unknown("baseline", [self.baseline], arms, "arm")
        _refuse_unknown("main", [self.main], metrics, "metric")
        for name, variant in variants.items():
            _refuse_unknown(f"variants.{name}.arms", variant.arms or (), arms, "arm")
        for name, scale in self.scales.items():
            _refuse_unknown(f"scales.{name}.arms", scale.arms, arms, "arm")
        for each in self.published:
            rows = {*arms, *self.references}
            _refuse_unknown("published", [] if each.arm is None else [each.arm], rows, "arm")
            _refuse_unknown("published", [] if each.variant is None else [each.variant], variants, "variant")
            _refuse_unknown("published", [] if each.protocol is None else [each.protocol], self.protocols, "protocol")
            _refuse_unknown("published", [each.metric], metrics, "metric")
        clash = sorted(set(arms) & set(REFERENCES))
        if clash:
            raise ConfigError(f"An arm is called '{clash[0]}', which is what a reference is called. Rename it.")
        for metric in metrics:
            check_family(metric)
        return self

    @model_validator(mode="after")
    def _nothing_is_lost(self) -> Self:
        """What would leave a study without results, or without some, after hours."""
        first, usual = next(iter(self.variants.items()))
        if usual.arms is not None:
            raise ConfigError(
                f"`variants.{first}` is the first variant, the usual way to predict, so every arm has it. Leave its `arms` out."
            )
        twice = next((each for each in self.references if self.references.count(each) > 1), None)
        if twice is not None:
            raise ConfigError(f"`references` names '{twice}' twice. Once is enough.")
        return self

    def scale(self, name: str) -> ScaleEntry:
        """The scale of this name; `ConfigError` names those that there are."""
        if name not in self.scales:
            raise ConfigError(f"The study '{self.name}' has no scale '{name}'. {nearest(name, self.scales)}")
        return self.scales[name]

    def protocol_title(self, name: str) -> str:
        """What a protocol is called."""
        return self.protocols[name].title or name

    def arm_title(self, name: str) -> str:
        """What an arm, or a reference, is called."""
        if name in self.arms:
            return self.arms[name].title or name
        return next(title for reference, title in REFERENCES.items() if reference == name)

    @property
    def families(self) -> tuple[str, ...]:
        """The families of the metrics, each once."""
        return tuple(dict.fromkeys(metric.partition(".")[0] for metric in self.metrics))

    @property
    def pooled(self) -> tuple[str, ...]:
        """The families of which counts are kept, to be added up over images."""
        own = [metric for metric in self.metrics if not is_over_images(metric)]
        return tuple(dict.fromkeys(metric.partition(".")[0] for metric in own))


def read_study(path: Path) -> tuple[StudyFile, str]:
    """A study file and its text; `ConfigError` says what is wrong with it, what was given and what is accepted."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ConfigError(f"The study file '{path}' cannot be read: {reason}. Give a YAML file.") from error
    return parse_study(text, source=str(path), name=path.stem.casefold()), text


def parse_study(text: str, *, source: str, name: str = "study") -> StudyFile:
    """The study in this text; `name` is what it is called if it does not say, `source` stands in errors."""
    content = parse_yaml(text, f"The study file '{source}'")
    if not isinstance(content, Mapping) or "arms" not in content:
        raise ConfigError(
            f"The study file '{source}' has no arms. A study needs at least `arms`, as in: arms: {{plain: {{recipe: unet}}, wide: "
            "{recipe: unet, set: {model.width: 64}}}."
        )
    try:
        return StudyFile.model_validate({"name": _plain(name), **content})
    except ConfigError as error:
        raise ConfigError(f"In the study file '{source}': {error}") from None
    except ValidationError as error:
        # Of what was filled in from another name, that one is told.
        said = [
            problem for problem in error.errors() if problem["loc"][:1] not in FILLED_IN or problem["loc"][0] in content
        ]
        sentences = [_sentence(problem) for problem in said]
        raise ConfigError(f"In the study file '{source}': {' '.join(dict.fromkeys(sentences))}") from None


def _plain(name: str) -> str:
    """A file's name as that of a study."""
    letters = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name.casefold())
    return letters.strip("-") or "study"


def _refuse_unknown(place: str, given: Iterable[str], known: Iterable[str], what: str) -> None:
    names = list(known)
    for name in given:
        if name not in names:
            raise ConfigError(f"`{place}` names the {what} '{name}', which there is not. {nearest(name, names)}")


def _refuse_other_paths(settings: Settings, prefixes: tuple[str, ...], why: str) -> None:
    strange = next((path for path in settings if not path.startswith(prefixes)), None)
    if strange is not None:
        accepted = " or ".join(f"`{prefix}*`" for prefix in prefixes)
        raise ConfigError(f"`{strange}` cannot be set there: {why}. Accepted: {accepted}.")


def _sentence(problem: Mapping[str, Any]) -> str:
    """What pydantic found, in a sentence."""
    place = ".".join(str(step) for step in problem["loc"] if step != "[key]")
    if problem["type"] == "extra_forbidden":
        *_, last = problem["loc"]
        return f"`{place}` is not known. {nearest(str(last), _fields(problem['loc']))}"
    if problem["type"] == "missing":
        return f"`{place}` is missing."
    return f"`{place}` is {problem['input']!r}; accepted: {accepted(problem)}."


def _fields(place: tuple[Any, ...]) -> list[str]:
    """The names that are known where an unknown one stands."""
    entries: dict[Any, type[Section]] = {
        "data": DataEntry, "protocols": ProtocolEntry, "arms": ArmEntry, "variants": VariantEntry, "scales": ScaleEntry,
        "published": PublishedEntry,
    }  # fmt: skip
    return list((StudyFile if len(place) == 1 else entries.get(place[0], StudyFile)).model_fields)
