"""`utome tune`: its options, and what it shows."""

from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from utome.cli.listening import shown
from utome.cli.options import Cluster, Data, Json, Set, WorkerCount, chosen_workers
from utome.cli.saying import new_run, say, say_json
from utome.errors import ConfigError

if TYPE_CHECKING:  # imported for real when it runs, so that `--help` is instant
    from utome.execution import Workers
    from utome.jobs.tune import TuneResult, Where
    from utome.tuning.space_file import SpaceFile

Recipe = Annotated[
    str | None,
    typer.Option(help="settings to begin with; `utome recipes NAME` shows what is searched", show_default="auto"),
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="STUDY", help="folder of the search; it must be new", show_default="runs/DATE-tune-RECIPE-N"),
]
Trials = Annotated[int | None, typer.Option(min=1, help="how many are tried", show_default="as the recipe says")]
Seeds = Annotated[int | None, typer.Option(min=1, help="trainings a trial, whose mean counts", show_default="1")]
SpaceOption = Annotated[
    Path | None,
    typer.Option(
        "--space",
        metavar="FILE",
        help="a YAML file whose `space:` adds to the recipe's own or replaces parts of it",
        show_default=False,
    ),
]
Pruner = Annotated[
    str | None,
    typer.Option(help="how trials are ended early: none, median, halving, hyperband or wilcoxon", show_default="none"),
]
Storage = Annotated[
    str | None,
    typer.Option(metavar="URL", help="where trials are kept: any storage of Optuna's", show_default="STUDY/study.db"),
]
Resume = Annotated[bool, typer.Option("--resume", help="go on with the search in --out where it stopped")]


def tune(
    data: Data,
    recipe: Recipe = None,
    out: Out = None,
    trials: Trials = None,
    seeds: Seeds = None,
    assignments: Set = None,
    space: SpaceOption = None,
    pruner: Pruner = None,
    storage: Storage = None,
    workers: WorkerCount = None,
    cluster: Cluster = None,
    resume: Resume = False,
    json: Json = False,
) -> None:
    """Search settings by the tree-structured Parzen estimator, and leave the best as a config to train with."""
    given = Given(recipe, tuple(assignments or ()), space, trials, seeds, pruner)
    place = Place(out, storage, chosen_workers(workers, cluster))
    found = _further(data, given, place) if resume else _anew(data, given, place)
    if json:
        say_json(found.as_json())
    else:
        _show(data, found)


@dataclass(frozen=True)
class Given:
    """What is to be searched, as far as the options say."""

    recipe: str | None
    assignments: tuple[str, ...]
    space: Path | None
    trials: int | None
    seeds: int | None
    pruner: str | None


@dataclass(frozen=True)
class Place:
    """Where it is written, kept and computed."""

    out: Path | None
    storage: str | None
    workers: "Workers"


def _anew(data: Path, given: Given, place: Place) -> "TuneResult":
    from utome.config.overrides import override
    from utome.jobs.tune import Asked
    from utome.jobs.tune import tune as job
    from utome.recipes.library import load_recipe

    recipe, file = load_recipe(given.recipe or "auto"), _file(given)
    config = override(recipe.settings, given.assignments)
    space = {**recipe.space, **file.space}
    trials = given.trials or file.trials or recipe.trials
    out = place.out or new_run(f"tune-{recipe.name}")
    asked = Asked(config, given.assignments, space, trials, given.seeds or 1, given.pruner or "none")
    with shown() as listen:
        return job(data, asked, out, where=_where(place), listen=listen)


def _further(data: Path, given: Given, place: Place) -> "TuneResult":
    if place.out is None:
        raise ConfigError("--resume goes on with the search in --out. Give --out.")
    from utome.jobs.tune import tune_further
    from utome.tuning.search import Again

    file = _file(given)
    trials = given.trials or file.trials
    again = Again(given.recipe, given.assignments or None, file.space, trials, given.seeds, given.pruner)
    with shown() as listen:
        return tune_further(data, again, place.out, where=_where(place), listen=listen)


def _file(given: Given) -> "SpaceFile":
    from utome.tuning.space_file import SpaceFile, read_space_file

    return SpaceFile({}) if given.space is None else read_space_file(given.space)


def _where(place: Place) -> "Where":
    from utome.jobs.tune import Where

    return Where(place.workers, place.storage)


def _show(data: Path, found: "TuneResult") -> None:
    best = found.best
    values = " ".join(f"{path}={value}" for path, value in best.params.items())
    ends = [
        (found.count("complete"), "to the end"),
        (found.count("pruned"), "ended early"),
        (found.count("failed"), "failed"),
    ]
    count = len(found.trials)
    say(f"{count} trial{'' if count == 1 else 's'}: {', '.join(f'{count} {words}' for count, words in ends if count)}.")
    say(f"Best: trial {best.number}, {values}: mean IoU {best.value:.4f} on the validation images.")
    if found.count("pruned"):
        share = found.epochs / found.epochs_of_full
        say(
            f"{found.epochs} epochs of the {found.epochs_of_full} that all trials would have taken at most: {share:.0%}."
        )
    for each in found.sooner:
        same = (
            "would have chosen the same"
            if each.lost == 0
            else f"would have chosen trial {each.trial}, {each.lost:.4f} lower"
        )
        say(f"With --pruner {each.pruner}: {each.share:.0%} of the epochs, and these trials {same}.")
    say(f"Study folder: {found.out}")
    say(f"Report: {found.out / 'report.html'}")
    say(f"Next: utome train {quote(str(data))} --config {quote(str(found.out / 'best.yaml'))}")
