"""The whole config, made from a mapping, and the way back to YAML and to a hash."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Self, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from utome.config.architectures import ModelSettings, UNetSettings
from utome.config.prediction import PredictionSettings
from utome.config.section import Section
from utome.config.sections import (
    AdamSettings,
    AdamWSettings,
    AugmentationSettings,
    DataSettings,
    LossSettings,
    MachineSettings,
    SGDSettings,
    TrainingSettings,
)
from utome.errors import ConfigError, nearest
from utome.files import sha256_bytes

# Sections with more than one form, and the setting that tells which.
FORMS = {"model": "architecture", "optimizer": "name"}
MISSING = "a value"


class Config(Section):
    """Every setting of one training; frozen."""

    recipe: str = Field("unet", description="the recipe that these settings began as")
    seed: int = Field(0, ge=0, lt=2**31, description="every random draw follows from it")
    data: DataSettings = DataSettings()
    model: ModelSettings = Field(UNetSettings(), discriminator="architecture")
    loss: LossSettings = LossSettings()
    optimizer: AdamSettings | AdamWSettings | SGDSettings = Field(
        AdamSettings(learning_rate=1e-3), discriminator="name"
    )
    training: TrainingSettings = TrainingSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    prediction: PredictionSettings = PredictionSettings()
    machine: MachineSettings = MachineSettings()

    @model_validator(mode="after")
    def _someone_answers_to_supervision(self) -> Self:
        if self.loss.supervision and not self.model.supervised:
            raise ConfigError(
                f"`loss.supervision` is {self.loss.supervision}, but the network has one answer alone. Set it to 0, or "
                "model.supervision=true with an architecture that has that setting."
            )
        return self

    @model_validator(mode="after")
    def _some_term_heeds_weights(self) -> Self:
        loss = self.loss
        weighs = loss.weights.map != "none" or loss.weights.balance
        if weighs and not (loss.cross_entropy or loss.bce or loss.focal):
            raise ConfigError(
                "`loss.weights` weighs pixels, but Dice and Jaccard, the only terms of the loss, know no pixel weights. Add a term "
                "that does, as loss.cross_entropy=1, or set loss.weights.map=none and loss.weights.balance=false."
            )
        return self

    def as_dict(self) -> dict[str, Any]:
        """The settings as plain values, as YAML and JSON hold them."""
        return self.model_dump(mode="json")

    def as_yaml(self) -> str:
        """The settings as YAML; `config_from_dict` of it gives this config again."""
        return yaml.safe_dump(self.as_dict(), sort_keys=False, allow_unicode=True)

    @property
    def sha256(self) -> str:
        """A hash of the settings alone, whatever their order and spelling."""
        return sha256_bytes(json.dumps(self.as_dict(), sort_keys=True).encode())


def config_from_dict(settings: Mapping[str, Any]) -> Config:
    """Validate settings; `ConfigError` says which one is wrong, what was given and what is accepted."""
    check_names(settings)
    try:
        config = Config.model_validate(_with_forms(settings))
    except ValidationError as error:
        raise ConfigError(_sentences([dict(problem) for problem in error.errors()])) from None
    validated = leaves(config.model_dump())
    for path, value in leaves(settings).items():
        # Python counts true as 1, and so does pydantic.
        if isinstance(value, bool) and not isinstance(validated[path], bool):
            raise ConfigError(f"The setting `{path}` is {value}; accepted: a number.")
    return config


def _with_forms(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Sections of several forms that do not say which they have get the form of the defaults."""
    usual = Config()
    forms = {section: {tag: getattr(getattr(usual, section), tag)} for section, tag in FORMS.items()}
    return {
        name: {**forms.get(name, {}), **value} if isinstance(value, Mapping) else value
        for name, value in settings.items()
    }


def check_names(settings: Mapping[str, Any]) -> None:
    """Refuse a name that is no setting, naming the nearest that is, and a group that is no group."""
    known = paths(form_of(settings))
    for path, value in leaves(settings).items():
        inside = [name for name in known if name.startswith(f"{path}.")]
        if inside:
            raise ConfigError(f"`{path}` is a group of settings, not {value!r}. Set one of them: {', '.join(inside)}.")
        if path not in known and not any(path.startswith(f"{name}.") for name in known):
            raise ConfigError(f"There is no setting `{path}`. {nearest(path, known).replace(chr(39), '`')}")


def form_of(settings: Mapping[str, Any]) -> dict[str, str]:
    """Which form each section with several forms has in these settings, where they say."""
    said = {section: settings.get(section) for section in FORMS}
    return {
        section: str(value[FORMS[section]])
        for section, value in said.items()
        if isinstance(value, Mapping) and FORMS[section] in value
    }


def paths(forms: Mapping[str, str] | None = None) -> list[str]:
    """The dotted path of every setting; of sections with several forms, of the forms named in `forms`."""
    return _paths(Config, "", forms or {})


def leaves(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as dotted paths.

    >>> leaves({"model": {"width": 8}, "seed": 1})
    {'model.width': 8, 'seed': 1}
    """
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat |= leaves(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _paths(section: type[BaseModel], prefix: str, forms: Mapping[str, str]) -> list[str]:
    found: list[str] = []
    for name, field in section.model_fields.items():
        parts = [part for part in _union(field.annotation) if _is_section(part)]
        wanted = [part for part in parts if _is_form(part, forms.get(name))] or parts
        if not parts:
            found.append(f"{prefix}{name}")
        for part in wanted:
            found += [path for path in _paths(part, f"{prefix}{name}.", forms) if path not in found]
    return found


def _union(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in {Union, type(int | str)} else (annotation,)


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _is_form(kind: type[BaseModel], name: str | None) -> bool:
    return any(
        name in get_args(kind.model_fields[tag].annotation) for tag in FORMS.values() if tag in kind.model_fields
    )


def _sentences(problems: Sequence[Mapping[str, Any]]) -> str:
    """What pydantic found, in our words, a sentence a setting: what was given, what is accepted."""
    accepted: dict[str, list[str]] = {}
    given: dict[str, Any] = {}
    for problem in problems:
        path, value, words = _in_words(problem)
        given.setdefault(path, value)
        accepted.setdefault(path, []).append(words)
    return " ".join(
        f"The setting `{path}` is {value!r}; accepted: {', or '.join(dict.fromkeys(accepted[path]))}."
        if accepted[path] != [MISSING]
        else f"The setting `{path}` is missing; give it a value."
        for path, value in given.items()
    )


def _in_words(problem: Mapping[str, Any]) -> tuple[str, Any, str]:
    """The setting, what it was given, and what it accepts."""
    path = _setting([str(step) for step in problem["loc"]])
    if problem["type"] == "union_tag_invalid":
        return f"{path}.{FORMS[path]}", problem["ctx"]["tag"], str(problem["ctx"]["expected_tags"])
    if problem["type"] == "missing":
        in_a_list = isinstance(problem["loc"][-1], int)
        return (path, problem["input"], "a longer list") if in_a_list else (path, None, MISSING)
    words = str(problem["msg"]).removeprefix("Input should be ").removeprefix("Value error, ")
    return path, problem["input"], words.replace("a valid tuple", "a list, as in [1, 2]")


def _setting(steps: Sequence[str]) -> str:
    """The setting or group that pydantic's steps lead to, without the names that it gives to forms and their kinds."""
    known = paths()
    path = steps[0]
    for step in steps[1:]:
        longer = f"{path}.{step}"
        if longer in known or any(name.startswith(f"{longer}.") for name in known):
            path = longer
    return path
