"""The search space: for each setting that is searched, a range or choices, by the same dotted path as everywhere else.

Both ends of a range and every choice are tried on the config before anything is trained.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from utome.config.overrides import overlay
from utome.config.settings import Config, config_from_dict, leaves, paths
from utome.errors import ConfigError

Value = bool | int | float | str | None
Params = Mapping[str, Value]
FORMS = "{low: 1, high: 512}, with `log: true` or `step: 2` if wanted, or {choices: [16, 32]}"
# All other settings say which images are trained on, how long, or how they are scored, so that trials that differ in them cannot be
# compared; or nothing that a score would show.
SEARCHED = (
    "model.", "loss.", "optimizer.", "augmentation.", "data.normalization", "training.batch", "training.tile",
    "training.places", "training.clip", "training.average", "training.precision",
)  # fmt: skip


@dataclass(frozen=True)
class Range:
    """A setting between two ends, both included; whole numbers where the setting holds whole numbers."""

    low: int | float
    high: int | float
    log: bool = False
    step: int | float | None = None

    @property
    def ends(self) -> tuple[Value, ...]:
        """What is tried on the config."""
        return self.low, self.high

    def as_dict(self) -> dict[str, Any]:
        """As a recipe writes it."""
        return {
            name: value for name, value in asdict(self).items() if value not in {None, False} or name in {"low", "high"}
        }


@dataclass(frozen=True)
class Choices:
    """A setting that takes one of a few values."""

    choices: tuple[Value, ...]

    @property
    def ends(self) -> tuple[Value, ...]:
        """What is tried on the config."""
        return self.choices

    def as_dict(self) -> dict[str, Any]:
        """As a recipe writes it."""
        return {"choices": list(self.choices)}


Space = Mapping[str, Range | Choices]


def read_space(given: Mapping[str, Any], config: Config) -> Space:
    """What a recipe or a file says may vary around this config; `ConfigError` says what of it cannot be."""
    found = {path: _dimension(path, said, config) for path, said in given.items() if said is not None}
    if not found:
        left_out = f"of the recipe '{config.recipe}' all is left out: {', '.join(f'`{path}`' for path in given)}"
        none = f"the recipe '{config.recipe}' has no search space of its own"
        raise ConfigError(
            f"There is nothing to search: {left_out if given else none}. Give --space FILE with a line like `space: "
            "{optimizer.learning_rate: {low: 0.0001, high: 0.01, log: true}}`."
        )
    return found


def space_as_dict(space: Space) -> dict[str, Any]:
    """As a recipe writes it; `read_space` of it gives this space again."""
    return {path: dimension.as_dict() for path, dimension in space.items()}


def configured(config: Config, params: Params) -> Config:
    """The config with these values in it; `ConfigError` where they are not accepted."""
    return config_from_dict(overlay(config.as_dict(), params))


def within(config: Config, space: Space) -> Config:
    """The config with each searched setting inside its space, at the nearest end where it lies outside."""
    settings, moved = leaves(config.as_dict()), dict[str, Value]()
    for path, dimension in space.items():
        value = settings.get(path)
        if isinstance(dimension, Choices):
            moved[path] = value if value in dimension.choices else dimension.choices[0]
        else:
            inside = [each for each in (value, dimension.low, dimension.high) if isinstance(each, int | float)]
            moved[path] = sorted(inside)[1] if len(inside) == 3 else dimension.low
    return configured(config, moved)


def is_searched(path: str) -> bool:
    """Whether a setting may be in a search space.

    >>> is_searched("training.tile"), is_searched("training.tiles_per_image"), is_searched("model.width")
    (True, False, True)
    """
    return any(path.startswith(known) if known.endswith(".") else path == known for known in SEARCHED)


def _dimension(path: str, said: Any, config: Config) -> Range | Choices:
    if path in paths() and not is_searched(path):
        raise ConfigError(
            f"`{path}` cannot be searched: trials that differ in it could not be compared. Set it for all of them, with --set."
        )
    if not isinstance(said, Mapping):
        raise ConfigError(f"The space of `{path}` is {said!r}; write {FORMS}.")
    return _choices(path, said, config) if "choices" in said else _range(path, said, config)


def _as_the_setting_has_it(path: str, value: Any, config: Config) -> Value:
    """One value as the config holds it, a whole number as one; `ConfigError` where it is not accepted."""
    try:
        return leaves(configured(config, {path: value}).as_dict()).get(path)
    except ConfigError as error:
        raise ConfigError(f"The search space holds `{path}` = {value!r}. {error}") from None


def _choices(path: str, said: Mapping[str, Any], config: Config) -> Choices:
    given = said["choices"]
    plain = isinstance(given, list) and all(
        each is None or isinstance(each, bool | int | float | str) for each in given
    )
    choices = [_as_the_setting_has_it(path, each, config) for each in given] if plain else []
    if set(said) != {"choices"} or len(choices) < 2 or len(set(choices)) < len(choices):
        raise ConfigError(
            f"The space of `{path}` is {dict(said)!r}; choices are a list of two or more different numbers, words or true and false."
        )
    return Choices(tuple(choices))


def _range(path: str, said: Mapping[str, Any], config: Config) -> Range:
    unknown = sorted(set(said) - {"low", "high", "log", "step"})
    *ends, step = (_number(said.get(name)) for name in ("low", "high", "step"))
    log = said.get("log", False)
    if unknown or not all(_is_number(end) for end in ends) or not isinstance(log, bool):
        raise ConfigError(f"The space of `{path}` is {dict(said)!r}; write {FORMS}.")
    low, high = (_end(path, end, config) for end in ends)
    _refuse_empty(path, low, high)
    if log and (low <= 0 or step is not None):
        raise ConfigError(
            f"The space of `{path}` has `log: true`, which takes a low end above 0 and no step; given: low {low}, step {step}."
        )
    if step is not None:
        step = _step(path, step, (low, high))
    return Range(low, high, log, step)


def _end(path: str, end: Any, config: Config) -> int | float:
    """An end as the setting has it; `ConfigError` where that holds no numbers."""
    value = _as_the_setting_has_it(path, end, config)
    if not _is_number(value):
        raise ConfigError(f"`{path}` holds no number, so it has no range. Give {{choices: [...]}}.")
    return value  # type: ignore[return-value]


def _refuse_empty(path: str, low: float, high: float) -> None:
    if low > high:
        raise ConfigError(f"The range of `{path}` is reversed: low is {low} and high is {high}. Exchange them.")
    if low == high:
        raise ConfigError(
            f"The range of `{path}` is empty: low and high are both {low}. Widen it, or set the value for all trials with --set."
        )


def _step(path: str, step: Any, ends: tuple[float, float]) -> int | float:
    low, high = ends
    whole = isinstance(low, int)
    if not _is_number(step) or step <= 0 or (whole and step != int(step)):
        raise ConfigError(f"The step of `{path}` is {step!r}; accepted: a {'whole ' if whole else ''}number above 0.")
    count = (high - low) / step
    if not math.isclose(count, round(count), abs_tol=1e-9) or round(count) < 1:
        raise ConfigError(
            f"Steps of {step} do not lead from {low} to {high} in the space of `{path}`. Change one of the three."
        )
    return int(step) if whole else float(step)


def _number(said: Any) -> Any:
    """A number of a file: YAML 1.1 takes 1e-4, which lacks a point, for a word."""
    try:
        return float(said) if isinstance(said, str) else said
    except ValueError:
        return said


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -math.inf < value < math.inf
