"""All that a study knows, finished or not: what was asked, every run, every score, every comparison. Plain values alone.

A score belongs to a *protocol* (how images are divided and which are scored), an *arm* (what was trained, or a reference such as
a second observer), a *variant* (how the trained model predicted) and a *metric*. Scores have the units that their metric has in
`utome score`: shares lie between 0 and 1, also those that a paper prints in percent. A number that does not exist is none.
Paths are relative to the study's folder, those of images to the data's.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

from pydantic import TypeAdapter

from utome.statistics.intervals import Interval
from utome.studies.question import About, Arm, DataFacts, Metric, Protocol, Published, Variant

FORMAT = 1
# With fewer epochs, or choices of enhanced maps, a study says nothing; nor with fewer steps of the optimiser, however many make an epoch.
FEWEST_EPOCHS, FEWEST_STEPS = 30, 300
TOO_SHORT = f"fewer than {FEWEST_EPOCHS} epochs or {FEWEST_STEPS} steps"
SMOKE = "smoke, no conclusion"
MADE = "The images were made by a program. The numbers show that the study runs, and say nothing about real images."

RunState = Literal["missing", "running", "interrupted", "trained", "failed", "done"]
Verdict = Literal["better", "worse", "not distinguishable", "no conclusion"]


@dataclass(frozen=True)
class Score:
    """What an arm reached: the value over all runs with its 95 % interval, and that of each seed (its folds together).

    `units` is how many units the value is over. `interval` is for new images with these very trainings; `seeds_interval`, Student's over
    the values of `seeds`, is for other seeds: other trainings, and other divisions where each seed divides anew.
    """

    protocol: str
    arm: str
    variant: str
    metric: str
    value: float | None
    interval: Interval | None
    seeds: Mapping[int, float | None]
    units: int
    seeds_interval: Interval | None = None


@dataclass(frozen=True)
class Difference:
    """An arm beside the baseline, or a variant beside the first variant of its own arm, on the runs that both have.

    `difference` is arm minus baseline. `p` is the permutation test's, `corrected_p` Holm's over `family` comparisons, those that are not
    done yet included, and `smallest_corrected_p` the smallest that these units could have given. `won`, `tied` and `lost` count units.
    Of a mean over images, those on which one of the two has no score are left out: `left_out` counts them. `verdict` is whole
    sentences, `outcome` its gist; where the runs are too short to say anything, that it is no conclusion.

    All these are for new images with these very trainings. `seeds` has the difference of each seed by itself, its folds together since
    they share most of their training images, and `seeds_interval` is Student's over them: where it holds zero, other seeds may say
    otherwise, and the verdict says so.
    """

    protocol: str
    arm: str
    variant: str
    metric: str
    baseline_arm: str
    baseline_variant: str
    difference: float | None
    interval: Interval | None
    p: float
    corrected_p: float
    smallest_corrected_p: float
    family: int
    units: int
    unit: str
    won: int
    tied: int
    lost: int
    effect: float | None
    outcome: Verdict
    verdict: str
    seeds: Mapping[int, float] = field(default_factory=dict)
    seeds_interval: Interval | None = None
    left_out: int = 0

    @property
    def seeds_may_differ(self) -> bool:
        """Whether what the images tell from chance may come out otherwise with other seeds."""
        if self.outcome in {"not distinguishable", "no conclusion"}:
            return False
        return len(self.seeds) < 2 or (self.seeds_interval is not None and 0.0 in self.seeds_interval)


@dataclass(frozen=True)
class Cost:
    """What a training took: seconds of all epochs, memory at its highest, epochs, losses of the last one.

    `stopped_early` says that patience ended it. `macs` are multiply-accumulates of one image of `macs_side` pixels a side.
    """

    seconds: float | None = None
    peak_memory_mb: float | None = None
    parameters: int | None = None
    macs: int | None = None
    macs_side: int | None = None
    epochs_run: int = 0
    epochs_planned: int = 0
    best_epoch: int | None = None
    stopped_early: bool = False
    final_train_loss: float | None = None
    final_val_loss: float | None = None
    final_train_accuracy: float | None = None
    final_val_accuracy: float | None = None
    best_val_mean_iou: float | None = None
    device: str = ""


@dataclass(frozen=True)
class Run:
    """One training, or one reference scored on the test images of that seed and fold.

    `path` is its run folder, with `history.csv` for learning curves; `reason` why it failed or is not done. `variants` are those that
    were scored; `left_out` says of others why not.
    """

    protocol: str
    arm: str
    seed: int
    fold: int
    path: str
    state: RunState
    reason: str | None = None
    cost: Cost = field(default_factory=Cost)
    images: Mapping[str, int] = field(default_factory=dict)
    variants: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ImageScores:
    """One image with its score by the main metric: a row for each protocol, arm and variant, `value` the mean over its `runs`.

    `prediction` is the label map of the first run that scored it, the training with this `seed` and `fold`, and `shown_value` the score
    of that very prediction. An image without truth has no values.
    """

    name: str
    source: str
    page: int | None
    group: str | None
    protocol: str
    arm: str
    variant: str
    value: float | None
    runs: int
    prediction: str | None
    labelled: bool = True
    seed: int = 0
    fold: int = 0
    shown_value: float | None = None


@dataclass(frozen=True)
class CurvePoint:
    """Of a learning curve: the score with so many training images; the intervals are those of `Score`."""

    size: int
    value: float | None
    interval: Interval | None
    seeds: Mapping[int, float | None]
    units: int
    seeds_interval: Interval | None = None


@dataclass(frozen=True)
class LearningCurve:
    """Scores against the number of training images, on the same test images; and whether more labels would help."""

    metric: str
    points: tuple[CurvePoint, ...]
    sentence: str


@dataclass(frozen=True)
class StudyOutcome:
    """A study, finished or not. `equal_arms` are those with all settings of another one, by name: the two are one training."""

    about: About
    data: DataFacts | None
    metrics: tuple[Metric, ...]
    main_metric: str
    protocols: tuple[Protocol, ...]
    arms: tuple[Arm, ...]
    baseline: str
    variants: tuple[Variant, ...]
    seeds: tuple[int, ...]
    published: tuple[Published, ...] = ()
    scores: tuple[Score, ...] = ()
    differences: tuple[Difference, ...] = ()
    runs: tuple[Run, ...] = ()
    images: tuple[ImageScores, ...] = ()
    curve: LearningCurve | None = None
    command: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    equal_arms: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def done(self) -> bool:
        """Whether every run is scored."""
        return all(run.state == "done" for run in self.runs)

    @property
    def failed(self) -> tuple[Run, ...]:
        """The runs that failed, each with its reason."""
        return tuple(run for run in self.runs if run.state == "failed")

    @property
    def missing(self) -> tuple[Run, ...]:
        """The runs that are neither done nor failed."""
        return tuple(run for run in self.runs if run.state not in {"done", "failed"})

    @property
    def generated(self) -> bool:
        """Whether the images say themselves that a program made them."""
        return self.data is not None and self.data.generated

    @property
    def beside_ours(self) -> tuple[Published, ...]:
        """The paper's values that may stand beside ours: none beside those of generated images, which are of another kind."""
        return () if self.generated else self.published

    @property
    def smoke(self) -> bool:
        """Whether trainings are too short to say anything: fewer than 30 epochs or 300 steps are planned; patience may end them sooner."""
        return any(
            (arm.epochs is not None and arm.epochs < FEWEST_EPOCHS)
            or (arm.steps is not None and arm.steps < FEWEST_STEPS)
            for arm in self.arms
        )

    def metric(self, name: str) -> Metric:
        """The metric of this name."""
        return next(metric for metric in self.metrics if metric.name == name)

    def arm(self, name: str) -> Arm:
        """The arm of this name."""
        return next(arm for arm in self.arms if arm.name == name)

    def score(self, protocol: str, arm: str, variant: str, metric: str) -> Score | None:
        """That score; none where nothing was scored."""
        wanted = (protocol, arm, variant, metric)
        return next(
            (each for each in self.scores if (each.protocol, each.arm, each.variant, each.metric) == wanted), None
        )

    def against_baseline(self, protocol: str, arm: str, variant: str, metric: str) -> Difference | None:
        """The arm beside the baseline arm, both in this variant; none where that was not compared."""
        wanted = (protocol, arm, variant, metric, self.baseline, variant)
        return next((each for each in self.differences if _key(each) == wanted), None)

    def against_first_variant(self, protocol: str, arm: str, variant: str, metric: str) -> Difference | None:
        """The variant beside the first variant of the same arm; none where that was not compared."""
        wanted = (protocol, arm, variant, metric, arm, self.variants[0].name)
        return next((each for each in self.differences if _key(each) == wanted), None)

    def cost(self, arm: str, protocol: str) -> Cost | None:
        """What a training of this arm takes: the median of its runs of this protocol; none before the first."""
        costs = [run.cost for run in self.runs if (run.arm, run.protocol) == (arm, protocol) and run.cost.epochs_run]
        return _median(costs) if costs else None

    def as_json(self) -> dict[str, Any]:
        """The outcome as plain values, as JSON holds them; whoever reads it alone learns there that it is smoke, or not done."""
        return {**OUTCOME.dump_python(self, mode="json"), "smoke": self.smoke, "done": self.done}


def from_json(content: Mapping[str, Any]) -> StudyOutcome:
    """The outcome that `as_json` wrote."""
    return OUTCOME.validate_python(dict(content))


OUTCOME = TypeAdapter(StudyOutcome)


def known(value: float) -> float | None:
    """A number as an outcome holds it: none where it is NaN or infinite."""
    return float(value) if math.isfinite(value) else None


def _key(each: Difference) -> tuple[str, str, str, str, str, str]:
    return each.protocol, each.arm, each.variant, each.metric, each.baseline_arm, each.baseline_variant


def _median(costs: list[Cost]) -> Cost:
    """The median of each number over those runs that have it; and the devices of all."""
    first = costs[0]
    found: dict[str, Any] = {}
    for name, value in vars(first).items():
        numbers = [each for each in (getattr(cost, name) for cost in costs) if _is_number(each)]
        if numbers:
            middle = median(numbers)
            found[name] = round(middle) if isinstance(value, int) else middle
    found["device"] = " or ".join(sorted({cost.device for cost in costs if cost.device}))
    return Cost(**{**vars(first), **found, "stopped_early": any(cost.stopped_early for cost in costs)})


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
