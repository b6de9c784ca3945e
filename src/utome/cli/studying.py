"""`utome study`: the table of a study in the terminal; the page and its files are the report's."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from utome.cli.listening import shown
from utome.cli.options import Cluster, Data, Json, WorkerCount, chosen_workers
from utome.cli.saying import say, say_json
from utome.errors import ConfigError, PartlyFailedError

if TYPE_CHECKING:  # imported for real when it runs, so that `--help` is instant
    from utome.execution import Workers
    from utome.studies.outcome import Score, StudyOutcome
    from utome.studies.question import Metric, Published

study = typer.Typer(
    no_args_is_help=True, help="Compare trainings on the same images, with seeds, intervals and corrected p."
)
StudyFolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="folder of a study", show_default=False)]
StudyOut = Annotated[Path, typer.Option(metavar="DIR", help="folder of the study, new or begun", show_default=False)]
WithoutImages = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="write the report there too, without images of the data (their names stay): to hand on",
        show_default=False,
    ),
]
StudySet = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PATH=VALUE", help="change one setting of all arms; may be repeated", show_default=False
    ),
]


@dataclass(frozen=True)
class RunOptions:
    """The options of `utome study run`."""

    data: Path
    out: Path
    scale: str | None
    arms: str | None
    seeds: int | None
    assignments: tuple[str, ...]


@study.command()
def run(
    file: Annotated[str, typer.Argument(metavar="FILE|NAME", help="a study file, or one of `utome study list`", show_default=False)],
    data: Annotated[Path, typer.Option(metavar="FOLDER", help="folder with images and masks, as it lies", show_default=False)],
    out: StudyOut,
    scale: Annotated[str | None, typer.Option(help="small, gpu or paper", show_default="small")] = None,
    arms: Annotated[str | None, typer.Option(metavar="NAMES", help="some arms alone, with commas", show_default="all")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="trainings of each arm and fold", show_default="the file's")] = None,
    assignments: StudySet = None,
    workers: WorkerCount = None,
    cluster: Cluster = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Do what is missing of a study, and show its table. Stopped at any time, the same command goes on."""
    options = RunOptions(data, out, scale, arms, seeds, tuple(assignments or ()))
    _run(file, options, chosen_workers(workers, cluster), json=json)


@study.command()
def show(
    folder: StudyFolderArgument,
    without_images: WithoutImages = None,
    json: Json = False,
) -> None:
    """Where a study stands: its table so far, and what failed or is missing."""
    from utome.jobs.study.standing import show_study

    outcome = show_study(folder)
    if without_images is not None:
        from utome.report.study.writing import write_without_images

        write_without_images(outcome, folder, without_images)
    _tell(outcome, folder, json=json)


@study.command("list")
def list_studies(json: Json = False) -> None:
    """The studies that come with utome: one for each paper's table."""
    from utome.studies.library import load_study, study_names

    found = [load_study(name)[0] for name in study_names()]
    if json:
        say_json(
            [{"name": each.name, "title": each.title, "question": each.question, "paper": each.paper} for each in found]
        )
        return
    width = max(len(each.name) for each in found)
    for each in found:
        say(f"{each.name:{width}}  {each.title}")
    say("Next: utome study run NAME --data FOLDER --out DIR")


@study.command("learning-curve")
def learning_curve(
    data: Data,
    out: StudyOut,
    sizes: Annotated[str, typer.Option(metavar="NUMBERS", help="training images, with commas")] = "5,10,20,40",
    recipe: Annotated[str, typer.Option(help="settings to begin with; `utome recipes` lists them")] = "auto",
    seeds: Annotated[int, typer.Option(min=1, help="trainings of each size")] = 3,
    assignments: StudySet = None,
    workers: WorkerCount = None,
    cluster: Cluster = None,
    json: Json = False,
) -> None:
    """Would more labels help? The score on the same test images after training on more and more images."""
    from utome.jobs.study.learning_curve import CurveRequest, learn

    request = CurveRequest(recipe, _sizes(sizes), seeds, tuple(assignments or ()), chosen_workers(workers, cluster))
    with shown() as listen:
        outcome = learn(data, out, request, listen=listen)
    _tell(outcome, out, json=json)


def _run(given: str, options: RunOptions, workers: "Workers", *, json: bool) -> None:
    from utome.jobs.study.asking import StudyRequest
    from utome.jobs.study.running import run_study
    from utome.studies.library import find_study

    found, text = find_study(given)
    request = StudyRequest(options.scale, options.arms, options.seeds, options.assignments, workers)
    with shown() as listen:
        outcome = run_study(found, text, options.data, options.out, request, listen=listen)
    _tell(outcome, options.out, json=json)


def _tell(outcome: "StudyOutcome", folder: Path, *, json: bool) -> None:
    """Show an outcome; `PartlyFailedError` where runs failed."""
    if json:
        say_json(outcome.as_json())
    else:
        for line in lines(outcome):
            say(line)
        say(f"Study folder: {folder}")
        if (folder / "report.html").is_file():
            say(f"Report: {folder / 'report.html'}")
    if outcome.failed:
        many = len(outcome.failed)
        raise PartlyFailedError(
            f"{many} of {len(outcome.runs)} runs failed, the first with: {str(outcome.failed[0].reason).rstrip('.')}. The rest is kept; "
            "the same `utome study run` tries again what is missing."
        )


def lines(outcome: "StudyOutcome") -> list[str]:
    """The outcome as lines of text."""
    said = [outcome.about.title, *([outcome.about.question] if outcome.about.question else [])]
    if outcome.smoke:
        from utome.studies.outcome import SMOKE, TOO_SHORT

        said.append(f"*** {SMOKE.upper()}: trainings of {TOO_SHORT} say nothing. ***")
    if outcome.generated:
        from utome.studies.outcome import MADE

        said.append(MADE)
    done = sum(run.state == "done" for run in outcome.runs)
    said.append(f"Scale {outcome.about.scale}; {done} of {len(outcome.runs)} runs are done.")
    for protocol in outcome.protocols:
        heading = protocol.title if protocol.honest else f"{protocol.title} (training saw images that are scored here)"
        table = _table(outcome, protocol.name)
        said += ["", heading, *(f"  {line}" for line in table)] if table else []
        said += [] if outcome.smoke else _verdicts(outcome, protocol.name)
    if any(score.interval is not None for score in outcome.scores):
        said += ["", f"In brackets: 95 % intervals for new images with these trainings.{_few(outcome)}"]
    said += [] if outcome.curve is None or outcome.smoke else ["", outcome.curve.sentence]
    unfinished = [run for run in (*outcome.failed, *outcome.missing) if run.reason is not None]
    said += [f"{run.path}: {run.state} ({run.reason})" for run in unfinished]
    return said


def _verdicts(outcome: "StudyOutcome", protocol: str) -> list[str]:
    """What is told by the main metric, an empty line before it."""
    wanted = (protocol, outcome.main_metric)
    verdicts = [each.verdict for each in outcome.differences if (each.protocol, each.metric) == wanted]
    return ["", *verdicts] if verdicts else []


def _few(outcome: "StudyOutcome") -> str:
    """What is meant where it says that there are too few."""
    intervals = [(score.interval, outcome.metric(score.metric).bounds) for score in outcome.scores]
    if not any(interval is not None and interval.says_nothing(bounds) for interval, bounds in intervals):
        return ""
    return " Too few: an interval that holds more than half of all values that there can be."


def _table(outcome: "StudyOutcome", protocol: str) -> list[str]:
    """A line an arm and variant, below it what the paper prints of it, and last what the paper prints of others; a column a metric."""
    rows = [("", *(metric.title for metric in outcome.metrics))]
    decimals = [_decimals(outcome, protocol, metric) for metric in outcome.metrics]
    printed = [each for each in outcome.beside_ours if each.protocol in {None, protocol}]
    for arm in outcome.arms:
        for variant in outcome.variants:
            scores = [outcome.score(protocol, arm.name, variant.name, metric.name) for metric in outcome.metrics]
            if any(score is not None for score in scores):
                title = arm.title if variant == outcome.variants[0] else f"{arm.title}, {variant.title}"
                cells = zip(scores, outcome.metrics, decimals, strict=True)
                rows.append((title, *(_cell(score, metric, places) for score, metric, places in cells)))
            own = (arm.name, variant.name)
            of_it = [each for each in printed if (each.arm, each.variant or outcome.variants[0].name) == own]
            rows += _printed(outcome, of_it, "  published: ")
    ours = {arm.name for arm in outcome.arms}
    rows += _printed(outcome, [each for each in printed if each.arm not in ours], "published: ")
    return _aligned(rows) if len(rows) > 1 else []


def _printed(outcome: "StudyOutcome", published: "Sequence[Published]", before: str) -> list[tuple[str, ...]]:
    """A line a system that the paper names."""
    systems: dict[str, dict[str, str]] = {}
    for each in published:
        systems.setdefault(each.row, {}).setdefault(each.metric, each.printed)
    return [
        (f"{before}{system}", *(values.get(metric.name, "") for metric in outcome.metrics))
        for system, values in systems.items()
    ]


def _decimals(outcome: "StudyOutcome", protocol: str, metric: "Metric") -> int:
    from utome.report.study.numbers import places

    return places(
        [each.value for each in outcome.scores if (each.protocol, each.metric) == (protocol, metric.name)], metric
    )


def _cell(score: "Score | None", metric: "Metric", decimals: int) -> str:
    if score is None or score.value is None:
        return "–"
    if score.interval is None:
        return f"{score.value:.{decimals}f}"
    few = ", too few" if score.interval.says_nothing(metric.bounds) else ""
    return f"{score.value:.{decimals}f} ({score.interval.low:.{decimals}f}, {score.interval.high:.{decimals}f}{few})"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _sizes(text: str) -> tuple[int, ...]:
    try:
        found = tuple(sorted({int(each) for each in text.split(",")}))
    except ValueError:
        found = ()
    if len(found) < 2 or found[0] < 1:
        raise ConfigError(
            f"--sizes is '{text}'; accepted are two numbers of images or more, with commas, as in 5,10,20,40."
        )
    return found
