"""Showing `utome demo`."""

from pathlib import Path

from utome.cli.listening import shown
from utome.cli.saying import new_run, say, say_json, tell
from utome.evaluation.table import Scores


def run_demo(out: Path | None, *, json: bool) -> None:
    """Run the demo and show its scores beside Otsu's, where things lie, and how to go on with one's own images."""
    from utome.jobs.demo import demo

    with shown() as listen:
        result = demo(out or new_run("demo"), listen=listen)
    if json:
        say_json(result.as_json())
        return
    run = result.training.run
    say(
        f"\nNuclei on {len(result.evaluation.scores.images)} images that training never saw, half fluorescence and half stained tissue:\n"
    )
    say("                                        IoU pooled   IoU mean per image")
    say(_row("utome, one model for both kinds", result.evaluation.scores))
    say(_row("Otsu's threshold, side as in training", result.otsu.one_side))
    say(_row("Otsu's threshold, smaller side of each", result.otsu.smaller_side))
    say(f"\nReport       {run / 'report.html'}")
    say(f"Picture      {result.picture}")
    say(f"Predictions  {result.prediction.out / 'overlays'}")
    say("\nThe same on your own folder, images in MY/images and masks of the same names in MY/masks:\n")
    say("  utome train MY --out MYRUN")
    say("  utome evaluate MYRUN MY")
    say("  utome predict MYRUN NEWIMAGES --out PREDICTIONS")
    tell("")


def _row(name: str, scores: Scores) -> str:
    return f"  {name:38} {scores.together.iou[1]:10.3f} {scores.mean_per_image(1):20.3f}"
