"""A learning curve: the score against the number of training images, where the arms of a study differ in that alone."""

import math
from collections.abc import Mapping

from utome.statistics.intervals import Interval
from utome.studies.file import StudyFile
from utome.studies.outcome import CurvePoint, Difference, LearningCurve, StudyOutcome
from utome.studies.question import ALPHA

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
            points.append(CurvePoint(size, score.value, score.interval, score.seeds, score.units, score.seeds_interval))
    if not points:
        return None
    other = max((arm for arm in sizes if arm != outcome.baseline), key=lambda arm: sizes[arm])
    found = outcome.against_baseline(protocol, other, variant, metric)
    sentence = _sentence(outcome.metric(metric).title, found, sizes[other], sizes[outcome.baseline])
    return LearningCurve(metric, tuple(points), sentence)


def _sentence(title: str, found: Difference | None, other: int, baseline: int) -> str:
    """Whether more labels would help, as far as the difference between two numbers of images tells."""
    fewer, more = sorted((other, baseline))
    if found is None or found.difference is None:
        return (
            f"Trainings on {fewer} and on {more} images are not both done, so nothing can be said of more labels yet."
        )
    sign = 1 if other > baseline else -1  # what is said is of the more beside the fewer
    over = {"images": found.interval, "seeds": found.seeds_interval}
    known = {name: interval for name, interval in over.items() if interval is not None}
    spread = "; ".join(f"over {name} {_between(interval, sign)}" for name, interval in known.items())
    seen = f"From {fewer} to {more} images the {title} changed by {sign * found.difference:+.3f}"
    seen += f" (95 % interval {spread})" if spread else ""
    if found.outcome == "not distinguishable":
        blind = found.smallest_corrected_p > ALPHA
        why = (
            "with so few test images no change could be told from chance"
            if blind
            else "that cannot be told from chance"
        )
        return f"{seen}: {why}, so nothing here says that {MORE} more labels would help."
    doubt = _doubt(found)
    if (found.outcome == "better") != (sign == 1):
        return f"{seen}: more images made it worse{doubt}, so look at the labels before adding {MORE} more."
    if doubt:
        return f"{seen}: more images helped{doubt}, so it is not sure that {MORE} more labels would."
    # Doublings are what the score is taken to grow with: not further than was looked, and never over more than one.
    if (more + MORE) / more > min(2, more / fewer):
        return (
            f"{seen}: {MORE} more labels would probably help. By how much is not said: from {more} to {more + MORE} images is too long a "
            "step to be told from these."
        )
    share = sign * math.log((more + MORE) / more) / math.log(more / fewer)
    wider = max(known.values(), key=lambda interval: interval.width, default=None)
    expected = "" if wider is None else f" (95 % interval {_between(wider, share)})"
    return (
        f"{seen}: {MORE} more labels would probably help, by about {share * found.difference:+.3f}{expected} if it goes on at this rate "
        "for each doubling."
    )


def _between(interval: Interval, factor: float) -> str:
    """Both ends of an interval, times a factor."""
    low, high = sorted((factor * interval.low, factor * interval.high))
    return f"{low:+.3f} to {high:+.3f}"


def _doubt(found: Difference) -> str:
    """What other seeds may change of it."""
    if not found.seeds_may_differ:
        return ""
    rests = "that rests on one seed of each, and another" if len(found.seeds) < 2 else "other seeds"
    return f", but {rests} may say otherwise"
