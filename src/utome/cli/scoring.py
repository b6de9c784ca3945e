"""Showing `utome score`."""

import math
from dataclasses import dataclass
from pathlib import Path

from utome.cli.choices import PredictionKind, TruthKind
from utome.cli.listening import shown
from utome.cli.saying import say, say_json
from utome.errors import ConfigError
from utome.evaluation.families import Scales, parse
from utome.evaluation.tally import FamilyScores, Figure
from utome.jobs.score import ScoreOptions
from utome.jobs.score import score as job
from utome.jobs.score_looking import Asked

# The width of the column of intervals, and below what a score is told with more places.
RANGE, SMALL = 19, 0.01


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
    columns = f"{'score':>8}" if many == 1 else f"{'score':>8}  {'95 % interval':^{RANGE}}  {'mean of images':>14}"
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
    places = _places(figure)
    value = _number(figure.value, places=0 if figure.whole else places)
    if many == 1:
        return f"{value:>8}"
    ends = () if figure.interval is None else (figure.interval.low, figure.interval.high)
    interval = " - ".join(_number(end, places=places) for end in ends)
    mean = _number(figure.mean, places=places)
    left_out = "" if math.isnan(figure.mean) else f"({figure.images})"
    return f"{value:>8}  {interval:^{RANGE}}  {mean:>8} {left_out:>5}"


def _places(figure: Figure) -> int:
    """Four places, but six of what is small, as warping errors are: of those, four would show one digit."""
    return 6 if not figure.whole and 0 < figure.value < SMALL else 4


def _number(value: float, *, places: int) -> str:
    """A number as tables have it; a dash where there is none.

    >>> _number(0.5, places=4), _number(3, places=0), _number(float("nan"), places=4)
    ('0.5000', '3', '–')
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "infinite"
    return f"{value:.{places}f}"
