"""The methods of a study as paragraphs to paste: what was really done, as its runs and their settings have it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from utome.errors import UtomeError
from utome.recipes.library import load_recipe
from utome.report.study.facts import honest_first, main_metric, networks
from utome.report.study.numbers import count, listed
from utome.report.study.settings import network_settings, training_sentences
from utome.report.study.words import equal_words, state_words
from utome.statistics.permutation import EXACT_LIMIT, MOST
from utome.studies.outcome import TOO_SHORT, Difference, StudyOutcome
from utome.studies.question import ALPHA, Arm

INTERVALS = (
    "Intervals are of 95 %, Student's t about the score with the jackknife's standard error and Satterthwaite's degrees of freedom, "
    "worked on the logit scale for scores between bounds."
)
REFERENCES = {
    "otsu": "a threshold chosen on each image by Otsu's method; which side of it is meant was chosen on the training images",
    "human": "a second observer's masks, scored as a prediction",
}


def methods(outcome: StudyOutcome, folder: Path) -> str:
    """Plain text, a paragraph a theme; settings are read from the runs below `folder`."""
    settings = network_settings(outcome, folder)
    paragraphs = [
        ("Data", _data(outcome)),
        ("Compared", _arms(outcome)),
        ("Training", _training(outcome, settings)),
        ("Scores", _scores(outcome)),
        ("Statistics", _statistics(outcome)),
        ("Software", _software(outcome)),
        ("Limits", _limits(outcome)),
    ]
    return "\n\n".join(f"{head}. {' '.join(sentences)}" for head, sentences in paragraphs if sentences) + "\n"


def _data(outcome: StudyOutcome) -> list[str]:
    data = outcome.data
    if data is None:
        return []
    grouped = f" in {count(data.groups, 'group')}" if data.unit == "group" else ""
    source = f" ({data.citation})" if data.citation else ""
    about = (
        f"The data set '{Path(data.root).name}' has {count(data.images, 'image')}{grouped} with labels of the classes "
        f"{listed(data.classes)}{source}; the sha256 of its files begins with {data.sha256[:12]}."
    )
    sentences = [about]
    if data.generated:
        sentences.append("Its images were made by a program.")
    for protocol in outcome.protocols:
        folds = f", in {protocol.folds} folds" if protocol.folds > 1 else ""
        sentences.append(
            f"Division '{protocol.title}'{folds}: {_parts(outcome, protocol.name)}.{_often(outcome, protocol.name)}"
        )
        if not protocol.honest:
            sentences.append("There the networks are scored on images that trained them.")
    return sentences


def _parts(outcome: StudyOutcome, protocol: str) -> str:
    """How many images a training had, chose by and was tested on."""
    learning = {arm.name for arm in networks(outcome)}
    runs = [run.images for run in outcome.runs if run.protocol == protocol and run.arm in learning and run.images]
    words = {"train": "to train", "val": "to choose the epoch", "test": "to test"}
    parts = []
    for part, purpose in words.items():
        counts = sorted({images[part] for images in runs if part in images})
        if counts:
            parts.append(f"{_span(counts)} {purpose}")
    if not parts:
        return "no run has begun"
    return f"each run had {listed(parts)} (images)"


def _often(outcome: StudyOutcome, protocol: str) -> str:
    """How many images were scored, and in how many runs of an arm, which differs where each seed divides anew."""
    first = outcome.variants[0].name if outcome.variants else ""
    runs = [
        each.runs
        for each in outcome.images
        if (each.protocol, each.arm, each.variant) == (protocol, outcome.baseline, first) and each.value is not None
    ]
    if not runs:
        return ""
    times = listed(f"{runs.count(number)} in {count(number, 'run')}" for number in sorted(set(runs)))
    return f" Scored were {count(len(runs), 'image')} in all: {times} of each arm."


def _arms(outcome: StudyOutcome) -> list[str]:
    sentences = []
    own = {arm.name: _settings(arm) for arm in networks(outcome)}
    common = set.intersection(*(set(settings.items()) for settings in own.values())) if len(own) > 1 else set()
    cited: set[str] = set()
    for arm in outcome.arms:
        if arm.kind == "network":
            differing = [f"{path}={value}" for path, value in own[arm.name].items() if (path, value) not in common]
            with_own = f" with {', '.join(differing)}" if differing else ""
            sentences.append(f"{arm.title}: {_recipe(arm, cited)}{with_own}.")
        else:
            sentences.append(f"{arm.title}: {REFERENCES[arm.kind]}.")
    if common:
        shared = ", ".join(f"{path}={value}" for path, value in sorted(common))
        sentences.append(f"All networks had {shared}; every other setting is its recipe's.")
    baseline = next((arm.title for arm in outcome.arms if arm.name == outcome.baseline), outcome.baseline)
    sentences.append(f"The baseline is '{baseline}'.")
    if len(outcome.variants) > 1:
        ways = listed(f"'{variant.title}'" for variant in outcome.variants)
        sentences.append(f"Each trained network predicted in several ways: {ways}.")
    return sentences


def _settings(arm: Arm) -> dict[str, str]:
    """The arm's settings by path, the last of each; those of the machine change no network."""
    pairs = (setting.partition("=")[::2] for setting in arm.settings)
    return {path: value for path, value in pairs if not path.startswith(("machine.", "data.classes"))}


def _recipe(arm: Arm, cited: set[str]) -> str:
    """The recipe, with its title and paper where it is named first."""
    try:
        recipe = load_recipe(arm.recipe)
    except UtomeError:
        return f"recipe '{arm.recipe}'"
    if arm.recipe in cited:
        return f"recipe '{arm.recipe}'"
    source = "" if recipe.paper.startswith("None") or recipe.paper in cited else f"; {recipe.paper.rstrip('.')}"
    cited |= {arm.recipe, recipe.paper}
    return f"recipe '{arm.recipe}' ({recipe.title}{source})"


def _training(outcome: StudyOutcome, settings: Mapping[str, Mapping[str, Any]]) -> list[str]:
    if not networks(outcome):
        return []
    seeds = listed(map(str, outcome.seeds))
    many = len(outcome.seeds) > 1
    # What was planned is said only where what was done is not known.
    scale = f" ({outcome.about.scale_about})" if outcome.about.scale_about and not settings else ""
    sentences = [f"Scale '{outcome.about.scale}'{scale}, seed{'s' if many else ''} {seeds}."]
    sentences += training_sentences(outcome, settings)
    costs = [run.cost for run in outcome.runs if run.cost.epochs_run]
    if costs:
        stopped = sum(cost.stopped_early for cost in costs)
        early = f", of which patience ended {stopped}" if stopped else ""
        epochs = _span(sorted({cost.epochs_run for cost in costs}))
        devices = sorted({cost.device for cost in costs if cost.device})
        where = f", on {listed(devices)}" if devices else ""
        plural = "" if epochs == "1" else "s"
        sentences.append(f"{count(len(costs), 'training')} ran for {epochs} epoch{plural}{early}{where}.")
    return sentences


def _scores(outcome: StudyOutcome) -> list[str]:
    if not outcome.metrics:
        return []
    main = main_metric(outcome)
    sentences = [f"The main score, fixed beforehand, was {_metric(outcome, main.name)}."]
    others = [_metric(outcome, metric.name) for metric in outcome.metrics if metric.name != main.name]
    if others:
        sentences.append(f"Further scores: {'; '.join(others)}.")
    return sentences


def _metric(outcome: StudyOutcome, name: str) -> str:
    metric = outcome.metric(name)
    over = "of all test images together" if metric.over == "pooled" else "the mean over test images"
    over = "at the threshold that is best for all test images together" if metric.by_seed else over
    convention = f" ({metric.convention.rstrip('.')})" if metric.convention else ""
    return f"{metric.title}{f' in {metric.unit}' if metric.unit else ''}, {over}{convention}"


def _statistics(outcome: StudyOutcome) -> list[str]:
    unit = "image" if outcome.data is None else outcome.data.unit
    groups = " (images that belong together count as one)" if unit == "group" else ""
    at_best = any(metric.by_seed for metric in outcome.metrics)
    but = ", but for scores at the best threshold, which are the mean of the seeds'" if at_best else ""
    nested = f"an image's results of several seeds and folds were averaged first{but}"
    sentences = [f"The unit of analysis was the {unit}{groups}, never the seed: {nested}.", INTERVALS]
    arms = [each for each in _main_differences(outcome) if each.baseline_arm != each.arm]
    if arms:
        sentences.append(
            f"Arms were compared with the baseline on the same {unit}s by a two-sided paired permutation test, which exchanges the two "
            f"arms' results {unit} by {unit}{_corrected(arms)}; p up to {ALPHA:g} counted as a difference. Up to {EXACT_LIMIT:,} "
            f"exchanges were all worked through; of more so many were drawn, and up to {MOST:,} where p lay next to {ALPHA:g}."
        )
    if left_out := max((each.left_out for each in outcome.differences), default=0):
        sentences.append(
            f"Where a score is the mean over images, those on which one of the two has none were left out of their comparison ({left_out} "
            "at most)."
        )
    ways = [each for each in _main_differences(outcome) if each.baseline_arm == each.arm]
    if ways:
        sentences.append(
            f"Ways to predict were compared with the first one of the same arm likewise{_corrected(ways)}."
        )
    if any(difference.seeds_interval is not None for difference in outcome.differences):
        sentences.append(
            "These are for new images with these very trainings; how far scores and differences depend on the seed is told by Student's 95 "
            "% interval over seeds, the folds of a seed taken together."
        )
    return sentences


def _main_differences(outcome: StudyOutcome) -> list[Difference]:
    """The comparisons by the main metric of arms as they usually predict, and of ways to predict; on new images, if there are any."""
    first = outcome.variants[0].name if outcome.variants else ""
    protocol = next((each.name for each in honest_first(outcome)), "")
    return [
        each
        for each in outcome.differences
        if (each.metric, each.protocol) == (outcome.main_metric, protocol)
        and (each.variant == first or each.baseline_arm == each.arm)
    ]


def _corrected(differences: Sequence[Difference]) -> str:
    family = max(each.family for each in differences)
    return f", corrected by Holm's method over {family} comparisons" if family > 1 else ""


def _software(outcome: StudyOutcome) -> list[str]:
    versions = ", ".join(f"{name} {version}" for name, version in outcome.versions.items())
    sentences = [f"Versions: {versions}."] if versions else []
    return [*sentences, f"The study is repeated by `{outcome.command}`."] if outcome.command else sentences


def _limits(outcome: StudyOutcome) -> list[str]:
    sentences = []
    if outcome.smoke:
        sentences.append(f"Networks were trained for {TOO_SHORT}, so that no conclusion can be drawn.")
    if not outcome.done:
        sentences.append(f"The study is unfinished: {state_words(outcome)}.")
    sentences += equal_words(outcome)
    if outcome.about.differences:
        paper = f"From the paper ({outcome.about.paper}) " if outcome.about.paper else "From the paper "
        sentences.append(f"{paper}it differs so: {' '.join(_sentence(each) for each in outcome.about.differences)}")
        if outcome.about.scale_about:
            sentences.append(f"And by its scale: {_sentence(outcome.about.scale_about)}")
    return sentences


def _sentence(text: str) -> str:
    stripped = text.strip()
    return stripped if stripped.endswith((".", "!", "?")) else f"{stripped}."


def _span(counts: Sequence[int]) -> str:
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
