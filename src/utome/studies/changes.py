"""What of a begun study may change: all that no training depends on, and arms of which nothing is trained.

Trainings are written down with all their settings when they are asked for, so neither another file nor a recipe of another version can
make them others. What only scoring depends on has a hash, beside each run's scores: runs that were scored otherwise are scored anew.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from utome.config.settings import leaves
from utome.errors import ConfigError
from utome.files import sha256_bytes
from utome.studies.file import StudyFile
from utome.studies.plan import Asked, PlannedRun, config_of, fixed_of

AUTO = "auto"
# Under this name, beside the settings, stand those that the recipe `auto` is not to choose.
FIXED = "(fixed for `auto`)"

# Of each arm and protocol, as `arm in protocol`, every setting of its first training by its dotted path.
Trainings = Mapping[str, Mapping[str, Any]]


def trainings(study: StudyFile, asked: Asked, arms: Iterable[str]) -> Trainings:
    """What the trainings of these arms are, as plain values."""
    found: dict[str, Mapping[str, Any]] = {}
    for arm in arms:
        for protocol in study.protocols:
            config = config_of(study, asked, PlannedRun(0, protocol, 0, arm))
            settings = leaves(config.as_dict())
            if config.recipe == AUTO:
                settings[FIXED] = sorted(fixed_of(study, asked, arm))
            found[f"{arm} in {protocol}"] = json.loads(json.dumps(settings))
    return found


def refuse_another_question(then: StudyFile, now: StudyFile) -> None:
    """`ConfigError` where images are to be divided otherwise, others of them scored, or the main score is to be another one.

    The methods say of the main score that it was fixed beforehand; whoever sees results first and then chooses it proves nothing.
    """
    given = _main_score(now)
    for what, was in _main_score(then).items():
        if was != given.get(what):
            raise ConfigError(
                f"The study's {what} was {was} and is now {given.get(what)}; the methods say that the main score was fixed beforehand. Put "
                "that back, or give another --out."
            )
    before, after = ({name: _untitled(each) for name, each in study.protocols.items()} for study in (then, now))
    if before != after:
        changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        raise ConfigError(_refusal([_difference("protocol", name, before, after) for name in changed]))


def _main_score(study: StudyFile) -> dict[str, str]:
    """What the main score is a number of, in words: its metric, the way to predict, and how far off a place may be."""
    usual = next(iter(study.variants.values()))
    found = {"main metric": f"`{study.main}`", "first variant": f"`{json.dumps(_untitled(usual))}`"}
    family, _, measure = study.main.partition(".")
    if family == "boundaries" or (family == "thin" and not measure.startswith("cldice")):
        found["`tolerance`"] = f"{study.tolerance:g}"
    if family == "boundaries":
        found["`pixel_size_um`"] = f"{study.pixel_size_um}"
    return found


def others(then: Trainings, now: Trainings) -> Mapping[str, Sequence[str]]:
    """Of each arm whose trainings are others now, or not there, every setting that makes them so, as it was and as it is."""
    found: dict[str, list[str]] = {}
    for name, before in then.items():
        after = now.get(name)
        if after is None:
            lines = [f"arm {name}: it is no longer there"]
        else:
            changed = [path for path in sorted({*before, *after}) if before.get(path) != after.get(path)]
            lines = [_difference(f"arm {name},", path, before, after) for path in changed]
        if lines:
            found.setdefault(name.partition(" in ")[0], []).extend(lines)
    return found


def refuse_other_trainings(changed: Iterable[Sequence[str]]) -> None:
    """`ConfigError` with these settings of arms that are trained."""
    lines = [line for each in changed for line in each]
    if lines:
        raise ConfigError(_refusal(lines))


def scoring_key(study: StudyFile) -> str:
    """A hash of what a run's scores depend on beside its training: how it predicts, and what is worked from that."""
    variants = [[name, _untitled(each)] for name, each in study.variants.items()]
    asked = [variants, list(study.metrics), study.tolerance, study.pixel_size_um, study.data.unlabelled, study.baseline]
    return sha256_bytes(json.dumps(asked, sort_keys=True).encode())


def _untitled(entry: Any) -> Any:
    return entry.model_dump(mode="json", exclude={"title"})


def _difference(what: str, name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    was, now = ("not there" if name not in each else json.dumps(each[name]) for each in (before, after))
    return f"{what} {name}: it was {was} and is {now}"


def _refusal(lines: Iterable[str]) -> str:
    shown = "\n  ".join(lines)
    return (
        f"The study's trainings are not those that it began with:\n  {shown}\nPut that back as it was, or give another --out. What needs "
        "no training may change: titles, sources, published values, metrics, variants, references. There may be further arms, and those of "
        "which nothing is trained may change or go."
    )
