"""Showing `utome score`."""

import math
from dataclasses import dataclass
from pathlib import Path

from utome.cli.choices import PredictionKind, TruthKind
from utome.cli.commands import say, say_json
from utome.cli.listening import shown
from utome.errors import ConfigError
from utome.evaluation.families import Scales, parse
from utome.evaluation.tally import FamilyScores, Figure
from utome.jobs.score import ScoreOptions
from utome.jobs.score import score as job
from utome.jobs.score_looking import Asked


@dataclass(frozen=True)
class Kinds:
    """What the options say of the files; none where they do not."""

    truth: TruthKind | None
    prediction: PredictionKind | None
    ignore: tuple[int, ...]
    foreground: int | None


@dataclass(frozen=True)
class Places:
    """Where the scores count, what belongs together, and where they are written; none where it is not said."""

    mask: Path | None
    group: str | None
    csv: Path | None


def options(
    metrics: str | None, kinds: Kinds, places: Places, *, tolerance: float, pixel_size: float | None
) -> ScoreOptions:
    """The options of the job; `ConfigError` for metrics that are not known and pixels without a size."""
    if not (math.isfinite(tolerance) and 0 < (1 if pixel_size is None else pixel_size) < math.inf):
        raise ConfigError("--tolerance is a number of pixels from 0 on, and --pixel-size one of µm above 0.")
    asked = Asked(
        truth=None if kinds.truth is None else kinds.truth.value,
        prediction=None if kinds.prediction is None else kinds.prediction.value,
        ignore=kinds.ignore,
        foreground=kinds.foreground,
        families=parse(metrics),
    )
    return ScoreOptions(asked, places.mask, Scales(tolerance, pixel_size), places.group, places.csv)


def score(truth: Path, prediction: Path, options: ScoreOptions, *, json: bool) -> None:
    """Show a table for each family: the score of all images, its interval, the mean over images, and its convention."""
    with shown() as listen:
        scored = job(truth, prediction, options, listen=listen)
    if json:
        say_json(scored.as_json())
        return
    many = len(scored.samples)
    say(f"{many} image{'' if many == 1 else 's'}")
    for family in scored.families:
        say("")
        for line in _lines(family, many):
            say(line)
    if options.csv is not None:
        say(f"\nImage by image: {options.csv}")


def _lines(family: FamilyScores, many: int) -> list[str]:
    figures = [figure for figure in family.figures if figure.shown]
    width = max(len(figure.name) for figure in figures)
    columns = f"{'score':>8}" if many == 1 else f"{'score':>8}  {'95 % interval':^16}  {'mean of images':>14}"
    lines = [
        f"{family.family}: {family.about}",
        f"  {'':{width}}  {columns}",
        *(f"  {figure.name:{width}}  {_row(figure, many)}  {figure.convention}" for figure in figures),
    ]
    if many > 1 and family.worst:
        worst = ", ".join(f"{name} ({family.images[name][family.headline]:.3f})" for name in family.worst)
        lines.append(f"  Worst by {family.headline}: {worst}")
    return lines


def _row(figure: Figure, many: int) -> str:
    value = _number(figure.value, whole=figure.whole)
    if many == 1:
        return f"{value:>8}"
    interval = "" if figure.interval is None else f"{figure.interval.low:.4f} - {figure.interval.high:.4f}"
    mean = _number(figure.mean, whole=False)
    left_out = "" if math.isnan(figure.mean) else f"({figure.images})"
    return f"{value:>8}  {interval:^16}  {mean:>8} {left_out:>5}"


def _number(value: float, *, whole: bool) -> str:
    """A score with four places, a count with none; a dash where there is none.

    >>> _number(0.5, whole=False), _number(3, whole=True), _number(float("nan"), whole=False)
    ('0.5000', '3', '–')
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "infinite"
    return f"{value:.0f}" if whole else f"{value:.4f}"
