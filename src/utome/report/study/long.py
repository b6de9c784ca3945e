"""A study's numbers in long form: a row a number, unrounded, so that any other program can work on with them."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from utome.studies.outcome import SMOKE, Cost, Difference, ImageScores, Run, Score, StudyOutcome
from utome.studies.question import Published

COLUMNS = (
    "study", "scale", "protocol", "arm", "variant", "metric", "quantity", "seed", "fold", "image", "size", "against_arm", "against_variant",
    "value", "text",
)  # fmt: skip
COSTS = (
    "seconds", "peak_memory_mb", "parameters", "macs", "macs_side", "epochs_run", "epochs_planned", "best_epoch", "final_train_loss",
    "final_val_loss", "final_train_accuracy", "final_val_accuracy", "best_val_mean_iou",
)  # fmt: skip
BY_A_PROGRAM = "the images were made by a program"
Value = float | int | str | None
Row = Mapping[str, Value]


@dataclass(frozen=True)
class _Of:
    """What several numbers are of."""

    about: Row

    def row(self, quantity: str, value: float | None = None, text: str | None = None) -> Row:
        return {**self.about, "quantity": quantity, "value": value, "text": text}


def results_csv(outcome: StudyOutcome) -> str:
    """Smoke or not, scores, differences, the paper's values, costs, images, the curve; a number that does not exist is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    study = {"study": outcome.about.name, "scale": outcome.about.scale}
    for row in _rows(outcome):
        writer.writerow(study | {name: _cell(value) for name, value in row.items()})
    return text.getvalue()


def _rows(outcome: StudyOutcome) -> Iterator[Row]:
    yield {"quantity": "smoke", "value": int(outcome.smoke), "text": SMOKE if outcome.smoke else ""}
    yield {"quantity": "generated", "value": int(outcome.generated), "text": BY_A_PROGRAM if outcome.generated else ""}
    for score in outcome.scores:
        yield from _score(score)
    for difference in outcome.differences:
        yield from _difference(difference)
    for published in outcome.published:
        yield _published(published)
    for run in outcome.runs:
        yield from _run(run)
    for image in outcome.images:
        yield from _image(outcome.main_metric, image)
    yield from _curve(outcome)


def _score(score: Score) -> Iterator[Row]:
    of = _Of({"protocol": score.protocol, "arm": score.arm, "variant": score.variant, "metric": score.metric})
    yield of.row("score", score.value)
    if score.interval is not None:
        yield of.row("score_low", score.interval.low)
        yield of.row("score_high", score.interval.high)
    yield of.row("units", score.units)
    if score.seeds_interval is not None:
        yield of.row("seeds_low", score.seeds_interval.low)
        yield of.row("seeds_high", score.seeds_interval.high)
    for seed, value in score.seeds.items():
        yield {**of.row("seed_score", value), "seed": seed}


def _difference(each: Difference) -> Iterator[Row]:
    of = _Of(
        {
            "protocol": each.protocol, "arm": each.arm, "variant": each.variant, "metric": each.metric,
            "against_arm": each.baseline_arm, "against_variant": each.baseline_variant,
        }
    )  # fmt: skip
    yield of.row("difference", each.difference, each.outcome)
    if each.interval is not None:
        yield of.row("difference_low", each.interval.low)
        yield of.row("difference_high", each.interval.high)
    for seed, value in each.seeds.items():
        yield {**of.row("seed_difference", value), "seed": seed}
    if each.seeds_interval is not None:
        yield of.row("difference_seeds_low", each.seeds_interval.low)
        yield of.row("difference_seeds_high", each.seeds_interval.high)
    for name in (
        "p",
        "corrected_p",
        "smallest_corrected_p",
        "family",
        "units",
        "left_out",
        "won",
        "tied",
        "lost",
        "effect",
    ):
        yield of.row(name if name != "units" else "difference_units", getattr(each, name))


def _published(each: Published) -> Row:
    of = _Of({"protocol": each.protocol, "arm": each.arm, "variant": each.variant, "metric": each.metric})
    return of.row("published", each.value, f"{each.row}: {each.printed} ({each.source})")


def _run(run: Run) -> Iterator[Row]:
    of = _Of({"protocol": run.protocol, "arm": run.arm, "seed": run.seed, "fold": run.fold})
    yield of.row("state", None, run.state if run.reason is None else f"{run.state}: {run.reason}")
    if run.cost != Cost():
        for name in COSTS:
            yield of.row(name, getattr(run.cost, name))


def _image(metric: str, image: ImageScores) -> Iterator[Row]:
    """The mean over its runs, and the score of the one whose prediction is kept."""
    of = _Of(
        {"protocol": image.protocol, "arm": image.arm, "variant": image.variant, "metric": metric, "image": image.name}
    )
    yield of.row("image_score", image.value, image.group)
    yield {**of.row("shown_image_score", image.shown_value, image.prediction), "seed": image.seed, "fold": image.fold}


def _curve(outcome: StudyOutcome) -> Iterator[Row]:
    if outcome.curve is None:
        return
    for point in outcome.curve.points:
        of = _Of({"metric": outcome.curve.metric, "size": point.size})
        yield of.row("score", point.value)
        if point.interval is not None:
            yield of.row("score_low", point.interval.low)
            yield of.row("score_high", point.interval.high)
        for seed, value in point.seeds.items():
            yield {**of.row("seed_score", value), "seed": seed}


def _cell(value: Value) -> str:
    """Numbers to their last digit, text on one line."""
    if value is None:
        return ""
    return repr(value) if isinstance(value, int | float) else " ".join(str(value).split())
