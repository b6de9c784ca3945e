"""Showing `utome evaluate`."""

from dataclasses import dataclass
from pathlib import Path

from utome.cli.choices import At
from utome.cli.listening import shown
from utome.cli.saying import say, say_json, tell
from utome.cli.tables import scores_lines
from utome.config.overrides import evaluation_settings


@dataclass(frozen=True)
class EvaluateOptions:
    """The options of `utome evaluate`."""

    at: At
    assignments: tuple[str, ...]
    out: Path | None
    pixel_size: float | None


def evaluate(run: Path, data: Path, options: EvaluateOptions, *, json: bool) -> None:
    """Show scores with their intervals, a threshold beside them, the worst images, and what training saw."""
    from utome.jobs.evaluate import Wanted
    from utome.jobs.evaluate import evaluate as job

    wanted = Wanted(options.at.value, options.out, options.pixel_size)
    with shown() as listen:
        settings = evaluation_settings(options.assignments)
        result = job(run, data, wanted, reading=settings.data, machine=settings.machine, listen=listen)
    for warning in result.warnings:
        tell(f"WARNING: {warning}")
    if json:
        say_json(result.as_json())
        return
    main, otsu = result.main, result.otsu
    say(f"{result.about}:")
    for line in scores_lines(main, None if otsu is None else otsu.scores):
        say(line)
    say(main.certainty.sentence)
    if otsu is not None:
        say(otsu.about)
    say(f"Worst by mean IoU: {', '.join(f'{image.name} ({image.confusion.mean_iou:.3f})' for image in main.worst)}")
    if result.seen and result.unseen:
        count = len(result.seen.images)
        say(f"\n{count} image{'' if count == 1 else 's'} that training saw (not a score for new images):")
        for line in scores_lines(result.seen):
            say(line)
    if result.out is not None:
        say(f"\nPage: {result.out / 'evaluation.html'}")
        say(
            f"Maps of errors: {result.out / 'errors'}; objects: {result.out / 'objects.csv'}, {result.out / 'counts.csv'}"
        )
