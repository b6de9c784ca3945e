"""A learning curve: the score against the number of training images, where the arms of a study differ in that alone."""

import math
from collections.abc import Mapping

from utome.studies.file import StudyFile
from utome.studies.outcome import CurvePoint, Difference, LearningCurve, StudyOutcome

LIMIT = "data.limit"
MORE = 10  # labels, of which it is said whether they would help


def limits(study: StudyFile) -> dict[str, int]:
    """The number of training images of each arm; empty where the arms do not differ in that alone."""
    found = {name: arm.set[LIMIT] for name, arm in study.arms.items() if set(arm.set) == {LIMIT}}
    alike = len({arm.recipe for arm in study.arms.values()}) == 1
    return found if alike and len(found) == len(study.arms) > 1 else {}


def learning_curve(outcome: StudyOutcome, sizes: Mapping[str, int]) -> LearningCurve | None:
    """The curve of the main metric; none where the study has none, or nothing is scored yet."""
    protocol, variant, metric = outcome.protocols[0].name, outcome.variants[0].name, outcome.main_metric
    points = []
    for arm, size in sorted(sizes.items(), key=lambda each: each[1]):
        score = outcome.score(protocol, arm, variant, metric)
        if score is not None:
            points.append(CurvePoint(size, score.value, score.interval, score.seeds, score.units))
    if not points:
        return None
    before = max((arm for arm in sizes if arm != outcome.baseline), key=lambda arm: sizes[arm])
    last = outcome.against_baseline(protocol, before, variant, metric)
    title = outcome.metric(metric).title
    return LearningCurve(metric, tuple(points), _sentence(title, last, sizes[before], sizes[outcome.baseline]))


def _sentence(title: str, last: Difference | None, fewer: int, more: int) -> str:
    """Whether more labels would help, as far as the step from fewer to the most images tells."""
    if last is None or last.difference is None:
        return (
            f"Trainings on {fewer} and on {more} images are not both done, so nothing can be said of more labels yet."
        )
    gain = -last.difference  # the fewer were compared with the more
    spread = "" if last.interval is None else f", 95 % interval {-last.interval.high:+.3f} to {-last.interval.low:+.3f}"
    seen = f"From {fewer} to {more} images the {title} changed by {gain:+.3f}{spread}"
    if last.outcome == "not distinguishable":
        blind = last.smallest_corrected_p > 0.05
        why = (
            "with so few test images no change could be told from chance"
            if blind
            else "that cannot be told from chance"
        )
        return f"{seen}: {why}, so nothing here says that {MORE} more labels would help."
    if gain < 0:
        return f"{seen}: more images made it worse, so look at the labels before adding {MORE} more."
    next_gain = gain * math.log((more + MORE) / more) / math.log(more / fewer)
    return f"{seen}: {MORE} more labels would probably help, by about {next_gain:+.3f} if it goes on at this rate for each doubling."
