"""Arguments and options that several commands have, or that are long."""

from json import dumps as json_text
from pathlib import Path
from typing import Annotated

import typer

from utome.cli.choices import Backend, Format, PredictionKind, Probabilities, TruthKind
from utome.errors import ConfigError
from utome.execution import Workers, threads_of_each

Data = Annotated[
    Path, typer.Argument(metavar="DATA", help="folder with images and masks, as it lies", show_default=False)
]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="folder of a run, or of a model", show_default=False)]
Recipe = Annotated[
    str | None,
    typer.Option(help="settings to begin with; `utome recipes` lists them", show_default="auto"),
]
Out = Annotated[Path | None, typer.Option(help="folder to write; it must be new", show_default="runs/DATE-RECIPE-N")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="change one setting, as in model.width=16; may be repeated",
        show_default=False,
    ),
]
SetReading = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="where to compute, and how these files are read, as in machine.device=cpu or data.fill=0; may be repeated",
        show_default=False,
    ),
]
SetPrediction = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="where to compute, and how images are predicted, as in machine.device=cpu or prediction.average=flips; may be repeated",
        show_default=False,
    ),
]
BackendChoice = Annotated[
    Backend | None,
    typer.Option(
        "--backend",
        help="what computes, the same as --set prediction.backend=NAME: PyTorch as in training or in float32, OpenVINO, ONNX Runtime, "
        "whole numbers once they are checked, or the fastest that is installed",
        show_default="torch",
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", help="settings from a YAML file, as RUN/config.yaml, instead of a recipe", show_default=False
    ),
]
Layout = Annotated[
    str | None,
    typer.Option(help="how the folder is laid out, the same as --set data.layout=NAME", show_default=False),
]
Group = Annotated[
    str | None,
    typer.Option(
        metavar="PATTERN",
        help="keep images together whose names agree in the first group of this regular expression, the same as "
        "--set data.group=PATTERN",
        show_default=False,
    ),
]
EvaluationOut = Annotated[
    Path | None,
    typer.Option(help="folder for maps of errors, tables of objects and a page; it must be new", show_default=False),
]
PixelSize = Annotated[
    float | None,
    typer.Option(metavar="UM", help="side of a pixel in µm, for the table of objects", show_default=False),
]
PredictionOut = Annotated[
    Path,
    typer.Option(help="folder for the label maps; the same command again goes on in it", show_default=False),
]
ProbabilityMaps = Annotated[
    Probabilities | None,
    typer.Option(
        "--probabilities",
        help="also write probabilities, of the second class where there are two: OUT/probabilities/NAME.tif, and one stack of all "
        "pages of a stack; as uint8, 255 is 1",
        show_default=False,
    ),
]
LabelFormat = Annotated[
    Format,
    typer.Option(
        "--format",
        help="of label maps: auto is PNG, and tiled TIFF above 33 million pixels, which are read and written by regions; tiff and zarr "
        "(OME-Zarr) do that with all",
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="end at the first image that cannot be predicted")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document and nothing else on standard output")]
# Those of every command that fans out; `chosen_workers` makes one of them.
WorkerCount = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        help="processes of this machine that share the work; they share its processors, too, unless machine.threads is set",
        show_default="1",
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="let the workers of a Dask cluster do the work, as in tcp://HOST:8786; all see the same files under the same names",
        show_default=False,
    ),
]
# Those of `utome score`.
Truth = Annotated[
    Path, typer.Argument(metavar="TRUTH", help="a mask, a stack of them, or a folder", show_default=False)
]
Predicted = Annotated[
    Path,
    typer.Argument(
        metavar="PREDICTION", help="what any program made of it: files of the same names", show_default=False
    ),
]
Metrics = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="pixels, objects, boundaries, thin, ranking, isbi2012, with commas between them",
        show_default="those that suit the files",
    ),
]
TruthHolds = Annotated[
    TruthKind | None,
    typer.Option("--truth", help="what truths hold", show_default="told from their values"),
]
PredictionHolds = Annotated[
    PredictionKind | None,
    typer.Option(
        "--prediction",
        help="what predictions hold; whole numbers of 8 or 16 bits are probabilities for isbi2012 and ranking, or "
        "where this says so",
        show_default="told from their values",
    ),
]
Foreground = Annotated[
    int | None,
    typer.Option(
        metavar="VALUE",
        help="the one value of truths that is searched for; for isbi2012, the cells",
        show_default=False,
    ),
]
Ignore = Annotated[
    list[int] | None,
    typer.Option(
        metavar="VALUE",
        help="pixels of this value in truths count for nothing; may be repeated",
        show_default=False,
    ),
]
FieldsOfView = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH", help="fields of view: what is black in these files counts for nothing", show_default=False
    ),
]
Tolerance = Annotated[
    float, typer.Option(min=0, metavar="PIXELS", help="how far off boundaries and thin structures may be")
]
PixelSizeOfDistances = Annotated[
    float | None,
    typer.Option(
        metavar="UM", help="side of a pixel in µm; distances of boundaries are then in µm", show_default=False
    ),
]
Unit = Annotated[
    str | None,
    typer.Option(
        metavar="PATTERN",
        help="images whose names agree in the first group of this regular expression are one unit of the intervals",
        show_default=False,
    ),
]
CsvFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="write a row an image; it must be new", show_default=False)
]


def chosen_workers(count: int | None, cluster: str | None, *, threads: int | None = None) -> Workers:
    """What --workers and --cluster ask for; `threads` of each are those of machine.threads, where it is set."""
    if count is not None and cluster is not None:
        raise ConfigError(
            "--workers counts processes of this machine, and --cluster names one that has workers of its own. Give one of the two."
        )
    if count is not None and count < 1:
        raise ConfigError(
            f"--workers is {count}; accepted are 1, which does one thing after another in this process, and more. Each worker needs "
            "the memory of a whole run."
        )
    if cluster is not None:
        return Workers(threads=threads or 1, cluster=cluster)
    processes = count or 1
    return Workers(processes, threads or threads_of_each(processes))


def with_options(assignments: list[str] | None, options: dict[str, str | None]) -> tuple[str, ...]:
    """The assignments of --set, and those that have an option of their own; quoted, so that YAML takes them as text."""
    given = {path: json_text(value) for path, value in options.items() if value is not None}
    return (*(assignments or ()), *(f"{path}={text}" for path, text in given.items()))
