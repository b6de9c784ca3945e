"""What a study's outcome says, in sentences: the verdict first, and never more than the numbers carry."""

from collections.abc import Sequence
from dataclasses import dataclass

from utome.report.study.facts import (
    Standing,
    arm_title,
    honest_first,
    main_metric,
    networks,
    standings,
    too_few,
    under,
)
from utome.report.study.numbers import count, listed, number, p_equals, places, signed, signed_between
from utome.statistics.intervals import of_differences
from utome.studies.outcome import MADE, SMOKE, TOO_SHORT, Difference, StudyOutcome
from utome.studies.question import Protocol

NO_CONCLUSION = "no conclusion"
WHO_REACHES = {
    "otsu": "Otsu's threshold, of which training chooses the side alone,",
    "human": "A second observer, scored as a prediction,",
}
SMOKE_FIRST = f"{SMOKE[0].upper()}{SMOKE[1:]}"


@dataclass(frozen=True)
class Answer:
    """What stands at the top: the verdict in one sentence, what it rests on, and what must be known before believing it."""

    verdict: str
    grounds: tuple[str, ...]
    warnings: tuple[str, ...]


def answer(outcome: StudyOutcome) -> Answer:
    """The study's answer by its main metric, on images that training never saw where there are such."""
    warnings = (
        *_smoke(outcome),
        *_unfinished(outcome),
        *equal_words(outcome),
        *_dishonest(outcome),
        *_generated(outcome),
    )
    protocol = next(iter(honest_first(outcome)), None)
    if protocol is None or not any(score.value is not None for score in outcome.scores):
        return Answer("Nothing is scored yet.", (), warnings)
    rows = standings(outcome, protocol, main_metric(outcome))
    if outcome.smoke:
        return Answer(f"{SMOKE_FIRST}: the trainings were too short to tell which is better.", (), warnings)
    if outcome.curve is not None:
        return Answer(outcome.curve.sentence, (), warnings)
    compared = [row for row in rows if row.difference is not None and row.arm.kind == "network"]
    if not compared:
        return Answer("Nothing is compared: no other arm was scored beside the baseline.", (), warnings)
    decimals = decimals_of(rows, outcome)
    grounds = [_ground(outcome, row.difference, decimals) for row in compared if row.difference is not None]
    return Answer(
        _gist(outcome, compared, protocol), (*grounds, *_blind(compared), *_references(outcome, rows)), warnings
    )


def verdict_words(outcome: StudyOutcome, difference: Difference | None) -> str:
    """A comparison's outcome in a table's cell; of runs that were too short there is none."""
    if difference is None:
        return ""
    if outcome.smoke:
        return NO_CONCLUSION
    if difference.outcome != "not distinguishable":
        return f"{difference.outcome} with these trainings" if difference.seeds_may_differ else difference.outcome
    if difference.won + difference.lost == 0 and difference.difference == 0:
        return "the same on every one"
    return "too few to tell" if too_few(difference) else "cannot be told from chance"


def beside_the_paper(outcome: StudyOutcome) -> list[str]:
    """What the paper's differences between arms are, beside ours; nothing where it prints none, or the runs were too short."""
    if outcome.smoke or not outcome.variants:
        return []
    sentences = []
    metric = main_metric(outcome)
    for protocol in outcome.protocols:
        rows = standings(outcome, protocol, metric)
        decimals = decimals_of(rows, outcome)
        sentences += [
            _beside(outcome, row, protocol, decimals)
            for row in rows
            if row.published_difference is not None and row.difference is not None
        ]
    return sentences


def decimals_of(rows: Sequence[Standing], outcome: StudyOutcome) -> int:
    """Places after the point for the main metric in these rows."""
    values = [row.score.value for row in rows if row.score is not None]
    return places(values, main_metric(outcome))


def state_words(outcome: StudyOutcome) -> str:
    """How many of the runs there are."""
    done = sum(run.state == "done" for run in outcome.runs)
    if done == len(outcome.runs):
        return f"all {count(done, 'run')} scored" if done > 1 else "one run, scored"
    parts = [f"{done} of {count(len(outcome.runs), 'run')} scored"]
    parts += [f"{len(outcome.failed)} failed"] if outcome.failed else []
    parts += [f"{len(outcome.missing)} not done"] if outcome.missing else []
    return ", ".join(parts)


def facts(outcome: StudyOutcome) -> list[str]:
    """What stands below the title: paper, images, scale, division, state."""
    about, data = outcome.about, outcome.data
    images = ""
    if data is not None:
        made = "generated " if data.generated else ""
        images = f"{data.images} {made}images" + (f" in {data.groups} groups" if data.unit == "group" else "")
    division = outcome.protocols[0].title if len(outcome.protocols) == 1 else ""
    said = (about.paper, images, f"scale '{about.scale}'", about.scale_about, division, state_words(outcome))
    return [each for each in said if each]


def equal_words(outcome: StudyOutcome) -> list[str]:
    """Which arms are one training, so that nothing is learned from their comparison."""
    return [
        f"'{arm_title(outcome, arm)}' has all settings of '{arm_title(outcome, other)}', so they are one training, compared with itself. "
        "What scale and --set say lies over the arms' own settings."
        for arm, other in outcome.equal_arms.items()
    ]


def _gist(outcome: StudyOutcome, compared: Sequence[Standing], protocol: Protocol) -> str:
    """The verdict over all arms in a sentence."""
    metric = main_metric(outcome).title
    baseline = f"'{arm_title(outcome, outcome.baseline)}'"
    units = max(row.difference.units for row in compared if row.difference is not None)
    noun = next(row.difference.unit for row in compared if row.difference is not None)
    over = f"by {metric} on {count(units, noun)}{under(outcome, protocol, before='; ')}"
    named: dict[str, list[str]] = {"better": [], "worse": [], "not distinguishable": []}
    for row in compared:
        if row.difference is not None:
            named[row.difference.outcome].append(f"'{row.arm.title}'")
    unclear = named.pop("not distinguishable")
    parts = [
        f"{listed(names)} {'is' if len(names) == 1 else 'are'} {word} than {baseline}"
        for word, names in named.items()
        if names
    ]
    if not parts:
        subject = unclear[0] if len(unclear) == 1 else f"None of {listed(unclear)}"
        cannot = "cannot" if len(unclear) == 1 else "can"
        return f"{subject} {cannot} be told from {baseline}: what difference there is may be chance ({over})."
    if unclear:
        parts.append(f"{listed(unclear)} cannot be told from it")
    unsure = [
        f"'{row.arm.title}'" for row in compared if row.difference is not None and row.difference.seeds_may_differ
    ]
    if not unsure:
        return f"{'; '.join(parts)} ({over})."
    of = "" if len(unsure) == len(compared) - len(unclear) else f" of {listed(unsure)}"
    return f"{'; '.join(parts)} ({over}). Other seeds may say otherwise{of}."


def _ground(outcome: StudyOutcome, difference: Difference, decimals: int) -> str:
    """One comparison in a sentence: how large, how sure, and how it may be read."""
    title = arm_title(outcome, difference.arm)
    if difference.difference is None:
        return f"{title}: one of the two has no score on these images."
    size = f"{title}: {signed(difference.difference, decimals)}"
    spread = signed_between(difference.interval, decimals)
    size += f" (95 % interval {spread})" if spread else " (without an interval)"
    if difference.won + difference.tied + difference.lost:
        size += f", ahead on {difference.won} of {count(difference.units, difference.unit)}"
    corrected = "corrected " if difference.family > 1 else ""
    text = f"{size}, {corrected}{p_equals(difference.corrected_p)}."
    text += _left_out(difference) + _seeds(difference, decimals)
    if (
        not too_few(difference)
        and difference.interval is not None
        and (0.0 in difference.interval) != (difference.outcome == "not distinguishable")
    ):
        side = "holds" if 0.0 in difference.interval else "does not hold"
        text += f" The first interval {side} zero; the p decides, since it assumes nothing about the scores."
    return text


def _left_out(difference: Difference) -> str:
    """How many images are not compared."""
    if not difference.left_out:
        return ""
    are = "is" if difference.left_out == 1 else "are"
    return f" {count(difference.left_out, 'image')} {are} left out, on which one of the two has no score."


def _seeds(difference: Difference, decimals: int) -> str:
    """What other seeds may change of a difference that the images tell from chance."""
    if not difference.seeds_may_differ:
        return ""
    if len(difference.seeds) < 2:
        return " It rests on one seed of each: another may say otherwise."
    return (
        f" But it differs much from seed to seed (95 % interval over {len(difference.seeds)} of them "
        f"{signed_between(difference.seeds_interval, decimals)}): others may say otherwise."
    )


def _blind(compared: Sequence[Standing]) -> list[str]:
    """That no difference, however large, could have been told from chance, where that is so."""
    blind = [row.difference for row in compared if row.difference is not None and too_few(row.difference)]
    if not blind:
        return []
    least = min(difference.smallest_corrected_p for difference in blind)
    no = "No difference, however large, could" if len(blind) == len(compared) else "Some differences could not"
    units = f"{blind[0].unit.removesuffix('s')}s"
    return [f"{no} have been told from chance: with so few {units} on which the two differ p is at least {least:.3g}."]


def _references(outcome: StudyOutcome, rows: Sequence[Standing]) -> list[str]:
    """Whether a mere threshold does as well, or the networks as well as a human: readers of their comparison must know."""
    decimals, higher = decimals_of(rows, outcome), main_metric(outcome).higher_is_better
    values = {row.arm.name: row.score.value for row in rows if row.score is not None and row.score.value is not None}
    learned = [arm for arm in networks(outcome) if arm.name in values]
    sentences = []
    for row in rows:
        if row.arm.kind in WHO_REACHES and row.arm.name in values and learned:
            own = values[row.arm.name]
            beaten = [arm for arm in learned if (values[arm.name] > own) == higher and values[arm.name] != own]
            sentences.append(
                f"{WHO_REACHES[row.arm.kind]} reaches {number(own, decimals)}: {_ahead(len(beaten), len(learned))}"
            )
    return sentences


def _ahead(beaten: int, learned: int) -> str:
    if beaten == learned:
        return "every network is ahead of it." if learned > 1 else "the network is ahead of it."
    return "no network is ahead of it." if beaten == 0 else f"{beaten} of {learned} networks are ahead of it."


def _beside(outcome: StudyOutcome, row: Standing, protocol: Protocol, decimals: int) -> str:
    ours, paper = row.difference, row.published_difference
    if ours is None or ours.difference is None:
        return f"{row.arm.title}{under(outcome, protocol)}: the paper has {signed(paper, decimals)}, we have no score."
    baseline = arm_title(outcome, outcome.baseline)
    text = (
        f"{row.arm.title} minus {baseline}{under(outcome, protocol)}: {signed(paper, decimals)} in the paper, "
        f"{signed(ours.difference, decimals)} here"
    )
    over = {f"over {ours.unit}": ours.interval, "over seeds": ours.seeds_interval}
    known = {name: interval for name, interval in over.items() if interval is not None}
    if not known or paper is None:
        return f"{text}, without an interval."
    wider = max(known.values(), key=lambda interval: interval.width)
    which = "our 95 % interval" if len(known) == 1 else "the wider of our 95 % intervals"
    holds = "holds" if paper in wider else "does not hold"
    vague = ", and zero as well" if paper in wider and 0.0 in wider else ""
    if wider.says_nothing(of_differences(main_metric(outcome).bounds)):
        vague = ", as it would most others"
    spread = ", ".join(f"{name} {signed_between(interval, decimals)}" for name, interval in known.items())
    return f"{text} ({spread}); {which} {holds} the paper's difference{vague}. No interval of the paper's is known."


def _smoke(outcome: StudyOutcome) -> list[str]:
    if not outcome.smoke:
        return []
    planned = {arm.epochs for arm in networks(outcome) if arm.epochs is not None}
    epochs = f"{listed(map(str, sorted(planned)))} epoch{'' if planned == {1} else 's'}"
    steps = sorted({arm.steps for arm in networks(outcome) if arm.steps is not None})
    in_all = f" ({listed(map(str, steps))} step{'' if steps == [1] else 's'} in all)" if steps else ""
    text = (
        f"Networks were trained for {epochs}{in_all}, and with {TOO_SHORT} nothing can be said of which is better. These numbers show "
        "that the study runs."
    )
    return [text]


def _unfinished(outcome: StudyOutcome) -> list[str]:
    if outcome.done:
        return []
    end = "What stands here is of those, and may change. The same command takes up what is missing."
    return [f"Unfinished: {state_words(outcome)}. {end}"]


def _dishonest(outcome: StudyOutcome) -> list[str]:
    named = [f"'{protocol.title}'" for protocol in outcome.protocols if not protocol.honest]
    if not named:
        return []
    return [
        f"Under {listed(named)} the networks are scored on images that training saw: such scores say nothing about new images."
    ]


def _generated(outcome: StudyOutcome) -> list[str]:
    return [MADE] if outcome.generated else []
