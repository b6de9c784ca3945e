"""`utome predict`: its options, and what it shows."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from utome.cli.choices import Format, Objects, Probabilities
from utome.cli.listening import shown
from utome.cli.options import (
    BackendChoice,
    Cluster,
    Json,
    LabelFormat,
    PredictionOut,
    ProbabilityMaps,
    Run,
    SetPrediction,
    Strict,
    WorkerCount,
    chosen_workers,
    with_options,
)
from utome.cli.saying import say, say_json
from utome.errors import ConfigError, PartlyFailedError
from utome.execution import Workers

if TYPE_CHECKING:  # imported for real when it runs, so that `--help` is instant
    from utome.config.settings import Config


def predict(
    run: Run,
    images: Annotated[
        Path,
        typer.Argument(
            metavar="IMAGES",
            help="an image, a folder of images, or a folder of images and masks, whose images are taken",
            show_default=False,
        ),
    ],
    out: PredictionOut,
    assignments: SetPrediction = None,
    backend: BackendChoice = None,
    others: Annotated[
        list[Path] | None,
        typer.Option(
            "--with",
            metavar="RUN",
            help="average the probabilities of this run, too; may be repeated",
            show_default=False,
        ),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="also predict each image whole, and say how far its tiles are from that")
    ] = False,
    objects: Annotated[
        Objects | None,
        typer.Option(
            help="also tell objects apart, measure and outline them: connected parts of a class, or these parted at their necks "
            "by a watershed; --set prediction.objects.smallest_px=20 drops what is smaller",
            show_default=False,
        ),
    ] = None,
    pixel_size: Annotated[
        float | None,
        typer.Option(
            metavar="UM",
            help="side of a pixel in µm, for the table of objects; without it, what each image says",
            show_default=False,
        ),
    ] = None,
    probabilities: ProbabilityMaps = None,
    label_format: LabelFormat = Format.auto,
    strict: Strict = False,
    workers: WorkerCount = None,
    cluster: Cluster = None,
    json: Json = False,
) -> None:
    """Write a label map and an overlay for every image, whatever its size, and its objects if asked."""
    settings = with_options(assignments, {"prediction.backend": backend})
    options = PredictOptions(
        settings,
        tuple(others or ()),
        verify,
        objects,
        pixel_size,
        probabilities,
        label_format,
        strict,
        workers,
        cluster,
    )
    _predict(run, images, out, options, json=json)


@dataclass(frozen=True)
class PredictOptions:
    """The options of `utome predict`."""

    assignments: tuple[str, ...]
    others: tuple[Path, ...] = ()
    verify: bool = False
    objects: Objects | None = None
    pixel_size: float | None = None
    probabilities: Probabilities | None = None
    format: Format = Format.auto
    strict: bool = False
    workers: int | None = None
    cluster: str | None = None


def _predict(run: Path, images: Path, out: Path, options: PredictOptions, *, json: bool) -> None:
    """Show what was written; what failed is named and ends the command with 6."""
    from utome.config.overrides import prediction_settings

    settings = prediction_settings(options.assignments)
    _refuse_idle(options, settings)
    from utome.jobs.objects import ObjectsWanted
    from utome.jobs.predict import Manner
    from utome.jobs.predict import predict as job

    given = settings.prediction.objects
    changes = given.model_dump(include=given.model_fields_set)
    way = options.objects
    wanted = None if way is None else ObjectsWanted(way.value, changes, options.pixel_size)
    chosen = chosen_workers(options.workers, options.cluster, threads=settings.machine.threads)
    workers = None if chosen == Workers(1, chosen.threads) else chosen
    with shown() as listen:
        general = settings.prediction.model_fields_set - {"objects"}
        manner = Manner(
            settings.data.fill,
            options.others,
            settings.prediction.model_dump(include=general),
            options.verify,
            wanted,
            None if options.probabilities is None else options.probabilities.value,
            options.format.value,
            options.strict,
            workers,
        )
        result = job(run, images, out, manner=manner, machine=settings.machine, listen=listen)
    if json:
        say_json(result.as_json())
    else:
        before = f" {result.kept} of them were there before." if result.kept else ""
        say(f"{len(result.written)} label maps in {out}, and pictures of them in {out / 'overlays'}.{before}")
        if result.objects is not None:
            say(f"{result.objects} objects in {out / 'objects.csv'}; maps and outlines of them in {out / 'objects'}.")
    if result.failed:
        raise PartlyFailedError(
            f"{len(result.failed)} of {len(result.failed) + len(result.written)} images were left out. {' '.join(result.failed)} "
            "The same command makes good for what was mended, and keeps the rest."
        )


def _refuse_idle(options: PredictOptions, settings: "Config") -> None:
    """Refuse settings of objects that nobody asked for, and a size that nothing uses."""
    given = [f"`prediction.objects.{name}`" for name in sorted(settings.prediction.objects.model_fields_set)]
    if options.pixel_size is not None:
        given.append("--pixel-size")
    if given and options.objects is None:
        raise ConfigError(f"{given[0]} is about objects. Give --objects components or --objects watershed, too.")
