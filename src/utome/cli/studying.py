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
    from utome.studies.question import Metric

study = typer.Typer(
    no_args_is_help=True, help="Compare trainings on the same images, with seeds, intervals and corrected p."
)
StudyFolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="folder of a study", show_default=False)]
StudyOut = Annotated[Path, typer.Option(metavar="DIR", help="folder of the study, new or begun", show_default=False)]
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
def show(folder: StudyFolderArgument, json: Json = False) -> None:
    """Where a study stands: its table so far, and what failed or is missing."""
    from utome.jobs.study_standing import show_study

    _tell(show_study(folder), folder, json=json)


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
    from utome.jobs.learning_curve import CurveRequest, learn

    request = CurveRequest(recipe, _sizes(sizes), seeds, tuple(assignments or ()), chosen_workers(workers, cluster))
    with shown() as listen:
        outcome = learn(data, out, request, listen=listen)
    _tell(outcome, out, json=json)


def _run(given: str, options: RunOptions, workers: "Workers", *, json: bool) -> None:
    from utome.jobs.study import run_study
    from utome.jobs.study_asking import StudyRequest
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
            f"{many} of {len(outcome.runs)} runs failed, the first with: {outcome.failed[0].reason} The rest is kept; the same "
            "`utome study run` tries again what is missing."
        )


def lines(outcome: "StudyOutcome") -> list[str]:
    """The outcome as lines of text."""
    said = [outcome.about.title, *([outcome.about.question] if outcome.about.question else [])]
    if outcome.smoke:
        from utome.studies.outcome import FEWEST_EPOCHS, SMOKE

        said.append(f"*** {SMOKE.upper()}: trainings of fewer than {FEWEST_EPOCHS} epochs say nothing. ***")
    done = sum(run.state == "done" for run in outcome.runs)
    said.append(f"Scale {outcome.about.scale}; {done} of {len(outcome.runs)} runs are done.")
    for protocol in outcome.protocols:
        heading = protocol.title if protocol.honest else f"{protocol.title} (training saw these images)"
        table = _table(outcome, protocol.name)
        said += ["", heading, *(f"  {line}" for line in table)] if table else []
    verdicts = [each.verdict for each in outcome.differences if each.metric == outcome.main_metric]
    said += ["", *verdicts] if verdicts and not outcome.smoke else []
    said += [] if outcome.curve is None or outcome.smoke else ["", outcome.curve.sentence]
    unfinished = [run for run in (*outcome.failed, *outcome.missing) if run.reason is not None]
    said += [f"{run.path}: {run.state} ({run.reason})" for run in unfinished]
    return said


def _table(outcome: "StudyOutcome", protocol: str) -> list[str]:
    """A line an arm and variant, a column a metric: value, interval, and what the paper prints."""
    rows = [("", *(metric.title for metric in outcome.metrics))]
    for arm in outcome.arms:
        for variant in outcome.variants:
            cells = [outcome.score(protocol, arm.name, variant.name, metric.name) for metric in outcome.metrics]
            if any(cell is not None for cell in cells):
                title = arm.title if variant == outcome.variants[0] else f"{arm.title}, {variant.title}"
                rows.append(
                    (title, *(_cell(cell, metric) for cell, metric in zip(cells, outcome.metrics, strict=True)))
                )
        printed = [each for each in outcome.published if each.arm == arm.name and each.protocol in {None, protocol}]
        if printed:
            rows.append((f"  published: {printed[0].row}", *(_printed(printed, metric) for metric in outcome.metrics)))
    return _aligned(rows) if len(rows) > 1 else []


def _printed(published: Sequence[object], metric: "Metric") -> str:
    return next((str(vars(each)["printed"]) for each in published if vars(each)["metric"] == metric.name), "")


def _cell(score: "Score | None", metric: "Metric") -> str:
    if score is None or score.value is None:
        return "–"
    digits = 3 if metric.bounds == (0.0, 1.0) else 2
    if score.interval is None:
        return f"{score.value:.{digits}f}"
    return f"{score.value:.{digits}f} ({score.interval.low:.{digits}f}, {score.interval.high:.{digits}f})"


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
