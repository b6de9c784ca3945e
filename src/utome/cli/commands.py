"""What each command calls and shows: results on standard output, progress on standard error."""

import json as json_format
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from utome.cli.listening import shown
from utome.cli.saying import new_run, say, say_json
from utome.config.overrides import override, read_config
from utome.config.settings import Config
from utome.errors import ConfigError
from utome.events import Event, Listener
from utome.launch import launched
from utome.recipes.library import Recipe, load_recipe, recipe_names, settings_over_recipe

if TYPE_CHECKING:  # imported for real when it runs, so that `--help` is instant
    from utome.jobs.train import TrainResult


@dataclass(frozen=True)
class Source:
    """Where the settings come from: a recipe or a file, and what is changed of them."""

    recipe: str | None
    assignments: tuple[str, ...]
    config: Path | None

    @property
    def fixed(self) -> frozenset[str] | None:
        """The settings that are not for the recipe to choose; none where a file has settled all."""
        if self.config is not None:
            return None
        return frozenset(assignment.partition("=")[0].strip() for assignment in self.assignments)


@dataclass(frozen=True)
class TrainOptions:
    """The options of `utome train`."""

    source: Source
    out: Path | None
    minutes: float | None
    resume: bool
    tensorboard: bool = False


def train(data: Path, options: TrainOptions, *, json: bool) -> None:
    """Train, and show where the run lies and what to do next."""
    result = _resumed(data, options) if options.resume else _trained(data, options)
    if launched().rank:
        return
    out = result.run
    best = result.best
    if json:
        say_json(
            {
                "run": str(result.run),
                "best_epoch": best.epoch,
                "val_loss": best.val_loss,
                "val_mean_iou": best.val_mean_iou,
                "images": result.images,
            }
        )
        return
    say(f"Best epoch {best.epoch}: mean IoU {best.val_mean_iou:.3f} on the {result.images['val']} validation images.")
    say(f"Run folder: {out}")
    say(f"Report: {out / 'report.html'}")
    say(f"Next: utome predict {out} IMAGES --out PREDICTIONS")


def _trained(data: Path, options: TrainOptions) -> "TrainResult":
    config = settings_of(options.source)
    from utome.distributed import by_first, joined
    from utome.jobs.train import train as job

    with joined(), shown() as show:
        out = options.out or by_first(lambda: new_run(config.recipe))
        with _watched(show, out, options) as listen:
            return job(data, config, out, fixed=options.source.fixed, minutes=options.minutes, listen=listen)


def _resumed(data: Path, options: TrainOptions) -> "TrainResult":
    out = _resumed_run(options)
    from utome.distributed import joined
    from utome.jobs.resume import resume

    with joined(), shown() as show, _watched(show, out, options) as listen:
        return resume(data, out, assignments=options.source.assignments, listen=listen)


def recipes(name: str | None, assignments: tuple[str, ...], *, json: bool) -> None:
    """Show all recipes, or one with its reasons."""
    if assignments:
        raise ConfigError("--set changes what --preview DATA shows. Give both, or neither.")
    if name is None:
        titles = {each: load_recipe(each).title for each in recipe_names()}
        if json:
            say_json(titles)
            return
        for each, title in titles.items():
            say(f"{each:24} {title}")
        return
    recipe = load_recipe(name)
    if json:
        say_json({"name": recipe.name, "title": recipe.title, "paper": recipe.paper, "published": dict(recipe.published),
                  "reasons": dict(recipe.reasons), "settings": recipe.config.as_dict(),
                  "search": {"space": dict(recipe.space), "trials": recipe.trials, "reason": recipe.searched}})  # fmt: skip
        return
    for line in _told(recipe):
        say(line)


def _told(recipe: Recipe) -> Iterator[str]:
    yield f"# {recipe.name}: {recipe.title}\n# {recipe.paper}"
    for path, where in recipe.published.items():
        yield f"# {path}: published, {where}"
    for path, why in recipe.reasons.items():
        yield f"# {path}: {why}"
    yield f"# utome tune searches, in {recipe.trials} trials: {recipe.searched}"
    for path, dimension in recipe.space.items():
        yield f"#   {path}: {json_format.dumps(dimension)}"
    yield recipe.config.as_yaml().rstrip()


def preview(data: Path, source: Source, out: Path, *, json: bool) -> None:
    """Show where the page lies."""
    from utome.jobs.preview import preview as job

    config = settings_of(source)
    with shown() as listen:
        count = job(data, config, out, fixed=source.fixed, listen=listen)
    if json:
        say_json({"page": str(out), "images": count})
        return
    say(f"{count} training images as {config.recipe} shows them to the network: {out}")


def settings_of(source: Source) -> Config:
    """The settings that the options of a command name."""
    if source.config is None:
        return override(load_recipe(source.recipe or "auto").settings, source.assignments)
    if source.recipe is not None:
        raise ConfigError(
            "Both --config and --recipe were given; a config file names its recipe itself. Leave one out."
        )
    return override(settings_over_recipe(read_config(source.config)), source.assignments)


@contextmanager
def _watched(show: Listener, out: Path, options: TrainOptions) -> Iterator[Listener]:
    """The listener, and TensorBoard's beside it if it was asked for."""
    if not options.tensorboard or launched().rank:
        yield show
        return
    from utome.report.tensorboard import TensorBoard

    board = TensorBoard(out)

    def both(event: Event) -> None:
        show(event)
        board(event)

    try:
        yield both
    finally:
        board.close()


def _resumed_run(options: TrainOptions) -> Path:
    source = options.source
    if options.out is None or options.minutes is not None or source != Source(None, source.assignments, None):
        raise ConfigError(
            "--resume goes on with the run in --out, with that run's own settings; --set may change a few, as its number of epochs. Give "
            "--out, and neither --recipe, --config nor --minutes."
        )
    return options.out
