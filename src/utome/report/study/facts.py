"""What of a study's outcome belongs side by side: a score with the paper's value and with the difference to the baseline."""

from collections.abc import Sequence
from dataclasses import dataclass

from utome.studies.outcome import Difference, Score, StudyOutcome
from utome.studies.question import ALPHA, Arm, Metric, Protocol, Published, Variant


@dataclass(frozen=True)
class Standing:
    """Where an arm stands by one metric: what the paper prints, what was reached, and the difference to what it is compared with.

    `published_difference` is the paper's arm minus the paper's baseline, where it prints both.
    """

    arm: Arm
    variant: Variant
    published: Published | None
    score: Score | None
    difference: Difference | None
    published_difference: float | None
    is_baseline: bool

    @property
    def is_known(self) -> bool:
        """Whether anything was scored or published."""
        return self.score is not None or self.published is not None


def standings(outcome: StudyOutcome, protocol: Protocol, metric: Metric) -> list[Standing]:
    """Every arm as it predicts unless more is said, those that nothing is known of included; in the study's order."""
    return [
        standing(outcome, protocol, metric, (arm, variant)) for arm in outcome.arms for variant in outcome.variants[:1]
    ]


def variant_standings(outcome: StudyOutcome, protocol: Protocol, metric: Metric) -> list[Standing]:
    """Every other way to predict that was scored or published, compared with the first way of the same arm."""
    every = (
        standing(outcome, protocol, metric, (arm, variant)) for arm in outcome.arms for variant in outcome.variants[1:]
    )
    return [each for each in every if each.is_known]


def standing(outcome: StudyOutcome, protocol: Protocol, metric: Metric, way: tuple[Arm, Variant]) -> Standing:
    """One arm in one way to predict: the first way beside the baseline, others beside the first way of the same arm."""
    (arm, variant), first = way, outcome.variants[0]
    is_first = variant == first
    is_baseline = is_first and arm.name == outcome.baseline
    own = published_of(outcome, protocol, metric, arm.name, variant)
    other = published_of(outcome, protocol, metric, outcome.baseline if is_first else arm.name, first)
    beyond = None if is_baseline or own is None or other is None else own.value - other.value
    key = (protocol.name, arm.name, variant.name, metric.name)
    difference = outcome.against_baseline(*key) if is_first else outcome.against_first_variant(*key)
    return Standing(arm, variant, own, outcome.score(*key), difference, beyond, is_baseline)


def published_of(
    outcome: StudyOutcome, protocol: Protocol, metric: Metric, arm: str, variant: Variant
) -> Published | None:
    """The paper's value of an arm; one that names no variant is of the first, one that names no protocol of all."""
    for each in outcome.beside_ours:
        named = each.variant or outcome.variants[0].name
        if (each.metric, each.arm, named) == (metric.name, arm, variant.name) and each.protocol in {
            None,
            protocol.name,
        }:
            return each
    return None


def published_alone(outcome: StudyOutcome, protocol: Protocol, metric: Metric) -> list[Published]:
    """The paper's values of what is none of ours, such as other systems in a challenge's table."""
    ours = {arm.name for arm in outcome.arms}
    return [
        each
        for each in outcome.beside_ours
        if each.metric == metric.name and each.protocol in {None, protocol.name} and each.arm not in ours
    ]


def main_metric(outcome: StudyOutcome) -> Metric:
    """The metric that the verdict is by."""
    return outcome.metric(outcome.main_metric)


def honest_first(outcome: StudyOutcome) -> Sequence[Protocol]:
    """The protocols, those first that score images which training never saw."""
    return sorted(outcome.protocols, key=lambda protocol: not protocol.honest)


def under(outcome: StudyOutcome, protocol: Protocol, *, before: str = ", ") -> str:
    """The protocol's title behind what is of it, where there is another one that it could be of."""
    return f"{before}{protocol.title}" if len(outcome.protocols) > 1 else ""


def networks(outcome: StudyOutcome) -> list[Arm]:
    """The arms that learn."""
    return [arm for arm in outcome.arms if arm.kind == "network"]


def arm_title(outcome: StudyOutcome, name: str) -> str:
    """The arm's title; the name itself of an arm that is not told of."""
    return next((arm.title for arm in outcome.arms if arm.name == name), name)


def variant_title(outcome: StudyOutcome, name: str) -> str:
    """The variant's title; the name itself of one that is not told of."""
    return next((each.title for each in outcome.variants if each.name == name), name)


def too_few(difference: Difference) -> bool:
    """Whether no difference, however large, could have been told from chance."""
    return difference.smallest_corrected_p > ALPHA
