"""The command `utome`: one function a verb; what each needs is imported when it runs, so that `--help` is instant."""

import io
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from utome.cli.choices import At
from utome.cli.options import (
    ConfigFile,
    CsvFile,
    Data,
    EvaluationOut,
    FieldsOfView,
    Foreground,
    Group,
    Ignore,
    Json,
    Layout,
    Metrics,
    Out,
    PixelSize,
    PixelSizeOfDistances,
    Predicted,
    PredictionHolds,
    Recipe,
    Run,
    Set,
    SetReading,
    Tolerance,
    Truth,
    TruthHolds,
    Unit,
    with_options,
)
from utome.cli.predicting import predict
from utome.cli.studying import study
from utome.cli.tuning import tune
from utome.errors import ConfigError, LostProcessError, UtomeError
from utome.launch import launched

# The commands that many processes can do together.
SHARED_OUT = ("train",)
app = typer.Typer(
    name="utome",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(study, name="study")


def _version(asked: bool) -> None:
    if asked:
        from utome import __version__

        typer.echo(f"utome {__version__}")
        raise typer.Exit


def _refuse_many(command: str | None) -> None:
    """`ConfigError` where a command was started many times over, and each process would do all of it."""
    if command is not None and command not in SHARED_OUT and launched().size > 1:
        raise ConfigError(
            f"`utome {command}` works in one process, and torchrun started {launched().size}. Start it without torchrun; of all "
            "commands `utome train` alone knows of several processes."
        )


@app.callback()
def utome(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version and end")
    ] = False,
) -> None:
    """Train, compare and apply U-Net segmentation from few annotated images."""
    _refuse_many(context.invoked_subcommand)


@app.command()
def demo(out: Out = None, json: Json = False) -> None:
    """The whole story on a bundled sample of nuclei: inspect, train, evaluate, predict, report."""
    from utome.cli.demonstration import run_demo

    run_demo(out, json=json)


@app.command()
def inspect(
    data: Data,
    layout: Layout = None,
    group: Group = None,
    assignments: Set = None,
    out: Annotated[
        Path | None, typer.Option(metavar="PAGE.html", help="write a page with pictures, too", show_default=False)
    ] = None,
    cost: Annotated[bool, typer.Option(help="time a few training steps on this machine")] = True,
    json: Json = False,
) -> None:
    """What lies in a folder, how it will be read, what is wrong with it, and what training on it will cost."""
    from utome.cli import inspection

    options = inspection.InspectOptions(
        with_options(assignments, {"data.layout": layout, "data.group": group}), out, cost
    )
    inspection.inspect(data, options, json=json)


@app.command()
def train(
    data: Data,
    recipe: Recipe = None,
    out: Out = None,
    layout: Layout = None,
    group: Group = None,
    assignments: Set = None,
    config: ConfigFile = None,
    minutes: Annotated[
        float | None,
        typer.Option(min=0.1, help="train as long as fits into these minutes on this machine", show_default=False),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on with the run in --out where it stopped")] = False,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="write the history for TensorBoard, too, into RUN/tensorboard")
    ] = False,
    json: Json = False,
) -> None:
    """Train a model on the images and masks in a folder."""
    from utome.cli import commands

    settings = with_options(assignments, {"data.layout": layout, "data.group": group})
    source = commands.Source(recipe, settings, config)
    commands.train(data, commands.TrainOptions(source, out, minutes, resume, tensorboard), json=json)


app.command()(tune)


@app.command()
def status(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUN]...", help="folders of runs, or folders that hold some [default: runs]", show_default=False
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Where runs stand: epoch, best so far, time left, and what to do next."""
    from utome.cli import standing

    standing.status(runs or [Path("runs")], json=json)


@app.command()
def evaluate(
    run: Run, data: Data,
    at: Annotated[At, typer.Option(help="score at the images' own size, or at the size that the network sees")] = At.native,
    layout: Layout = None,
    assignments: SetReading = None,
    out: EvaluationOut = None,
    pixel_size: PixelSize = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Score a model on images with masks, with intervals and beside a threshold; what training saw is scored apart."""
    from utome.cli import evaluation

    options = evaluation.EvaluateOptions(at, with_options(assignments, {"data.layout": layout}), out, pixel_size)
    evaluation.evaluate(run, data, options, json=json)


@app.command()
def score(
    truth: Truth,
    prediction: Predicted,
    metrics: Metrics = None,
    truth_kind: TruthHolds = None,
    prediction_kind: PredictionHolds = None,
    foreground: Foreground = None,
    ignore: Ignore = None,
    mask: FieldsOfView = None,
    tolerance: Tolerance = 2.0,
    pixel_size: PixelSizeOfDistances = None,
    group: Unit = None,
    csv: CsvFile = None,
    json: Json = False,
) -> None:
    """Score predictions of any program against their masks, with intervals."""
    from utome.cli import scoring

    kinds = scoring.Kinds(truth_kind, prediction_kind, tuple(ignore or ()), foreground)
    places = scoring.Places(mask, group, csv)
    options = scoring.options(metrics, kinds, places, tolerance=tolerance, pixel_size=pixel_size)
    scoring.score(truth, prediction, options, json=json)


app.command()(predict)


@app.command()
def recipes(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="one recipe, with its reasons", show_default=False)
    ] = None,
    preview: Annotated[
        Path | None,
        typer.Option(metavar="DATA", help="show what the network would see of this folder", show_default=False),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="PAGE.html", help="the page of --preview")] = Path("preview.html"),
    assignments: Set = None,
    json: Json = False,
) -> None:
    """The recipes there are: their papers, settings and reasons."""
    from utome.cli import commands

    if preview is None:
        commands.recipes(name, tuple(assignments or ()), json=json)
    else:
        commands.preview(preview, commands.Source(name, tuple(assignments or ()), None), out, json=json)


@app.command()
def models(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="one recipe, level by level", show_default=False),
    ] = None,
    assignments: Set = None,
    channels: Annotated[
        int | None, typer.Option(min=1, help="channels of the images; those of the paper's if not given")
    ] = None,
    classes: Annotated[int, typer.Option(min=2, help="classes of the masks")] = 2,
    size: Annotated[int, typer.Option(min=1, help="side of the image in pixels, rounded up to one that fits")] = 512,
    drawing: Annotated[Path | None, typer.Option("--draw", metavar="FILE.svg", help="draw it into this file")] = None,
    json: Json = False,
) -> None:
    """The networks there are: parameters, shapes, receptive field, sizes that fit."""
    from utome.cli import networks

    sight = networks.Sight(tuple(assignments or ()), channels, classes, size)
    networks.models(name, sight, drawing=drawing, json=json)


def main() -> None:
    """Run the command line; an error that a user can mend becomes its sentence and its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show ends no run
    try:
        app()
    except UtomeError as error:
        if not _is_said_by_another(error):
            _say(f"Error: {error}")
        sys.exit(error.exit_code)
    except Exception:
        traceback.print_exc()
        _say("This is a defect of utome, not of yours. Please report the lines above with the command that you ran.")
        sys.exit(1)


def _is_said_by_another(error: UtomeError) -> bool:
    """Whether this is not the first of processes that were started together, and all of them have met the error."""
    return launched().rank > 0 and (error.shared or isinstance(error, LostProcessError))


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
