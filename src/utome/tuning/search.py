"""What a search was asked for: all that makes two searches the same one, as `study.yaml` holds it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from utome.config.settings import Config, config_from_dict
from utome.errors import ConfigError
from utome.tuning.pruning import WILCOXON_LEAST
from utome.tuning.space import Params, Space, configured, read_space, space_as_dict
from utome.tuning.trial import PRUNERS, Pruner, Stage, Trial, stages

FORMAT = 1


@dataclass(frozen=True)
class Again:
    """What is asked for when a search goes on, as far as it is said again; `space` holds what a file adds to the recipe's."""

    recipe: str | None = None
    assignments: tuple[str, ...] | None = None
    space: Mapping[str, Any] | None = None
    trials: int | None = None
    seeds: int | None = None
    pruner: str | None = None


@dataclass(frozen=True)
class Search:
    """`config` holds the settings of all trials but for those in the space, `assignments` what was given of them by hand.

    `name` is that of the study in its storage, `storage` that storage's URL without a password; `data` is where the images lay.
    """

    name: str
    recipe: str
    assignments: tuple[str, ...]
    trials: int
    seeds: int
    pruner: Pruner
    space: Space
    storage: str
    data: str
    data_sha256: str
    config: Config

    @property
    def epochs(self) -> int:
        """Epochs of one whole training."""
        return self.config.training.epochs

    @property
    def repetitions(self) -> tuple[Mapping[str, int], ...]:
        """What each training of a trial has of its own: the seed, and the fold where there are some."""
        folds = self.config.data.folds
        return tuple(
            {"seed": self.config.seed + seed, **({} if folds is None else {"data.fold": fold})}
            for seed in range(self.seeds)
            for fold in range(folds or 1)
        )

    @property
    def stages(self) -> tuple[Stage, ...]:
        """How each trial goes."""
        return stages(self.pruner, self.epochs, len(self.repetitions))

    def config_of(self, params: Params, repetition: int = 0) -> Config:
        """The settings of one training of a trial."""
        return configured(self.config, {**params, **self.repetitions[repetition]})

    def epochs_to_the_end(self, trials: Sequence[Trial]) -> int:
        """Epochs that these trials would have taken at most, each to its end; of failed ones, those that they reported."""
        whole = self.epochs * len(self.repetitions)
        return sum(trial.epochs if trial.state == "failed" else whole for trial in trials)

    def as_yaml(self) -> str:
        """The content of `study.yaml`."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        plain |= {
            "assignments": list(self.assignments), "space": space_as_dict(self.space), "config": self.config.as_dict(),
        }  # fmt: skip
        return yaml.safe_dump({"search": FORMAT, **plain}, sort_keys=False, allow_unicode=True)


def search_from_yaml(text: str) -> Search:
    """The search that `as_yaml` wrote; `ValueError`, `KeyError` or `TypeError` where it is another document."""
    content: dict[str, Any] = yaml.safe_load(text)
    if content.pop("search") != FORMAT:
        raise ValueError("another format")
    config = config_from_dict(content["config"])
    return Search(
        **{
            **content, "config": config, "space": read_space(content["space"], config),
            "assignments": tuple(content["assignments"]),
        }
    )  # fmt: skip


def repetition_name(repetition: Mapping[str, int]) -> str:
    """The folder of one training of a trial.

    >>> repetition_name({"seed": 3}), repetition_name({"seed": 0, "data.fold": 2})
    ('seed-3', 'seed-0-fold-2')
    """
    return "-".join(f"{path.removeprefix('data.')}-{value}" for path, value in repetition.items())


def refuse_pruner(pruner: str, repetitions: int) -> Pruner:
    """The pruner of this name; `ConfigError` where there is none, or where it could end no trial."""
    found = next((known for known in PRUNERS if known == pruner), None)
    if found is None:
        raise ConfigError(f"There is no pruner '{pruner}'. Accepted: {', '.join(PRUNERS)}.")
    if found == "wilcoxon" and repetitions < WILCOXON_LEAST:
        raise ConfigError(
            f"The pruner 'wilcoxon' compares trials seed by seed or fold by fold, and can end none before the fourth; with "
            f"{repetitions} of them it saves nothing. Give --seeds {WILCOXON_LEAST} or more, or --set data.folds={WILCOXON_LEAST}."
        )
    return found


def refuse_differences(again: Again, search: Search, out: Path) -> None:
    """`ConfigError` where something is asked for on `--resume` that is another than at the beginning, with what it was and is."""
    changed = [*_of_options(again, search), *_of_space(again, search)]
    if changed:
        raise ConfigError(
            f"The search is not the one that '{out}' began with: {', '.join(changed)}. On --resume only --trials, --storage, --workers "
            "and --cluster may change. Leave the others as they were or out, or begin anew with another --out."
        )


def _of_options(again: Again, search: Search) -> Iterator[str]:
    pairs = {
        "recipe": (search.recipe, again.recipe),
        "seeds": (search.seeds, again.seeds),
        "pruner": (search.pruner, again.pruner),
        "set": (sorted(search.assignments), None if again.assignments is None else sorted(again.assignments)),
    }
    for name, (was, now) in pairs.items():
        if now is not None and was != now:
            yield f"--{name} was {was} and is {now}"


def _of_space(again: Again, search: Search) -> Iterator[str]:
    known = space_as_dict(search.space)
    for path, said in (again.space or {}).items():
        now = None if said is None else space_as_dict(read_space({path: said}, search.config))[path]
        if now != known.get(path):
            yield f"the space of `{path}` was {known.get(path)} and is {now}"
