"""From the folder of a study to its outcome, at any time; no network is touched, and nothing is written."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from statistics import fmean
from typing import Any

from utome.evaluation.families import Nature, Scales
from utome.studies.analysis import Row, differences, rows_of, scores
from utome.studies.curve import learning_curve, limits
from utome.studies.file import StudyFile
from utome.studies.folder import STUDY, StudyFolder
from utome.studies.library import load_study, study_names
from utome.studies.metrics import IMAGES, Measured, families, measured
from utome.studies.outcome import SMOKE, ImageScores, StudyOutcome
from utome.studies.plan import Asked, PlannedRun, config_of, equal_arms, planned
from utome.studies.question import About, Arm, DataFacts, Protocol, Published, Variant
from utome.studies.records import run_record

# The settings that say how many images are in each part.
DIVIDING = frozenset({"data.split", "data.validation", "data.test"})


def gather(folder: StudyFolder, *, versions: dict[str, str]) -> StudyOutcome:
    """All that the folder knows; `ConfigError` where it holds no study."""
    asked, data = folder.asked(), folder.data()
    study = folder.study
    runs = planned(study, asked.arms, asked.seeds, parted=asked.parted)
    found = {run: content for run in runs if (content := folder.read_scores(run)) is not None}
    rows = [row for run, content in found.items() for row in rows_of(run, content)]
    metrics = metrics_of(study, data)
    outcome = StudyOutcome(
        about=_about(study, asked),
        data=data,
        metrics=tuple(each.metric for each in metrics),
        main_metric=study.main,
        protocols=tuple(
            Protocol(
                name, _division(study, asked, name), entry.scored == "test", 1 if asked.parted else entry.folds or 1
            )
            for name, entry in study.protocols.items()
        ),
        arms=_arms(study, asked),
        baseline=study.baseline,
        variants=tuple(Variant(name, entry.title or name) for name, entry in study.variants.items()),
        seeds=tuple(range(asked.seeds)),
        published=tuple(_published(study)),
        scores=tuple(scores(rows, metrics)),
        differences=tuple(differences(rows, metrics, study, asked.arms)),
        runs=tuple(run_record(folder, run, found.get(run)) for run in runs),
        images=tuple(_images(rows, found, folder, study.main)),
        command=_command(folder, study, asked, data),
        versions=versions,
        equal_arms=equal_arms(study, asked),
    )
    return _cautious(replace(outcome, curve=learning_curve(outcome, limits(study))))


def metrics_of(study: StudyFile, data: DataFacts) -> list[Measured]:
    """The metrics of a study on these images; `ConfigError` where one does not suit them."""
    nature = Nature(data.classes, told_apart=(data.told_apart, False), probabilities=True, all_known=data.all_known)
    made = families(study.families, nature, Scales(study.tolerance, study.pixel_size_um))
    return measured(study.metrics, made, data.classes)


def _cautious(outcome: StudyOutcome) -> StudyOutcome:
    """The same, without a verdict in any comparison or curve where the runs are too short for one."""
    if not outcome.smoke:
        return outcome
    said = f"{SMOKE[0].upper()}{SMOKE[1:]}: the trainings were too short."
    differences = (replace(each, outcome="no conclusion", verdict=said) for each in outcome.differences)
    curve = None if outcome.curve is None else replace(outcome.curve, sentence=said)
    return replace(outcome, differences=tuple(differences), curve=curve)


def _about(study: StudyFile, asked: Asked) -> About:
    changed = f"changed by {_sets(asked.assignments)}" if asked.assignments else ""
    about = "; ".join(each for each in (study.scale(asked.scale).about, changed) if each)
    return About(
        study.name, study.title or f"Study '{study.name}'", study.question, study.paper, asked.scale, about, study.differences, study.notes
    )  # fmt: skip


def _division(study: StudyFile, asked: Asked, protocol: str) -> str:
    """How the images were really divided: what a protocol is called says it only where it was followed."""
    entry, title = study.protocols[protocol], study.protocol_title(protocol)
    instead = [each for each in asked.assignments if each.partition("=")[0].strip() in DIVIDING]
    if asked.parted and (entry.set or entry.folds):
        division = "parts as the folders have them"
    elif instead and not asked.parted:
        division = f"divided by {_sets(instead)}"
    else:
        return title
    return division + {"test": "", "val": ", validation images scored", "all": ", all images scored"}[entry.scored]


def _sets(assignments: Sequence[str]) -> str:
    return " ".join(f"--set {each}" for each in assignments)


def _arms(study: StudyFile, asked: Asked) -> tuple[Arm, ...]:
    protocol = next(iter(study.protocols))
    found = []
    for name in asked.arms:
        training = config_of(study, asked, PlannedRun(0, protocol, 0, name)).training
        steps = None if training.steps_per_epoch is None else training.epochs * training.steps_per_epoch
        entry, scale = study.arms[name], study.scale(asked.scale)
        said = {**study.set, **entry.set, **scale.set, **scale.arms.get(name, {})}
        settings = (*(f"{path}={value}" for path, value in said.items()), *asked.assignments)
        found.append(Arm(name, study.arm_title(name), "network", entry.recipe, settings, training.epochs, steps))
    return (*found, *(Arm(name, study.arm_title(name), name) for name in study.references))


def _published(study: StudyFile) -> list[Published]:
    found = []
    for each in study.published:
        value = each.value if each.percent is None else each.percent / 100
        if value is None:
            raise AssertionError("a published entry has one number")
        number = format(Decimal(repr(value)), "f") if each.percent is None else f"{each.percent:.2f} %"
        found.append(
            Published(
                each.row, each.metric, value, each.printed or number, each.source, each.arm, each.variant, each.protocol
            )
        )
    return found


def _images(
    rows: Sequence[Row], found: dict[PlannedRun, dict[str, Any]], folder: StudyFolder, main: str
) -> list[ImageScores]:
    """A row for each image, protocol, arm and variant, with the label map of the first run that has one."""
    name = main.removesuffix(IMAGES)
    values: dict[tuple[str, str, str, str], dict[PlannedRun, float]] = {}
    for row in rows:
        value = row.values.get(name)
        if value is not None:
            values.setdefault((*row.place, row.image), {})[row.run] = value
    first: dict[tuple[str, str, str, str], tuple[PlannedRun, dict[str, Any]]] = {}
    for run, content in found.items():
        for variant, entries in content["variants"].items():
            for entry in entries:
                first.setdefault((run.protocol, run.arm, variant, entry["image"]), (run, entry))
    return [_image(place, run, entry, values.get(place, {}), folder) for place, (run, entry) in first.items()]


def _image(
    place: tuple[str, str, str, str],
    run: PlannedRun,
    entry: dict[str, Any],
    values: Mapping[PlannedRun, float],
    folder: StudyFolder,
) -> ImageScores:
    protocol, arm, variant, image = place
    file = entry["prediction"]
    prediction = None if file is None else f"scores/{folder.place(run)}/{file}"
    return ImageScores(
        name=image,
        source=entry["source"],
        page=entry["page"],
        group=entry["group"],
        protocol=protocol,
        arm=arm,
        variant=variant,
        value=fmean(values.values()) if values else None,
        runs=len(values),
        prediction=prediction,
        labelled=entry["labelled"],
        seed=run.seed,
        fold=run.fold,
        shown_value=values.get(run),
    )


def _command(folder: StudyFolder, study: StudyFile, asked: Asked, data: DataFacts) -> str:
    """What goes on with the study from where it was begun: paths are as they were given."""
    shipped = study.name in study_names() and load_study(study.name)[0] == study
    words = ["utome", "study", "run", study.name if shipped else (folder.path / STUDY).as_posix()]
    words += ["--data", data.root, "--out", folder.path.as_posix(), "--scale", asked.scale, "--seeds", str(asked.seeds)]
    words += [] if set(asked.arms) == set(study.arms) else ["--arms", ",".join(asked.arms)]
    return shlex.join([*words, *(word for each in asked.assignments for word in ("--set", each))])
