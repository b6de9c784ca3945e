"""From the folder of a study to its outcome, at any time; no network is touched, and nothing is written."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from utome.evaluation.families import Nature, Scales
from utome.studies.analysis import Row, differences, rows_of, scores
from utome.studies.curve import learning_curve, limits
from utome.studies.file import StudyFile
from utome.studies.folder import StudyFolder
from utome.studies.metrics import IMAGES, Measured, families, measured
from utome.studies.outcome import ImageScores, StudyOutcome
from utome.studies.plan import Asked, PlannedRun, config_of, planned
from utome.studies.question import About, Arm, DataFacts, Protocol, Published, Variant
from utome.studies.records import run_record


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
            Protocol(name, study.protocol_title(name), entry.scored == "test", 1 if asked.parted else entry.folds or 1)
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
    )
    return replace(outcome, curve=learning_curve(outcome, limits(study)))


def metrics_of(study: StudyFile, data: DataFacts) -> list[Measured]:
    """The metrics of a study on these images; `ConfigError` where one does not suit them."""
    nature = Nature(data.classes, told_apart=(data.told_apart, False), probabilities=True, all_known=data.all_known)
    made = families(study.families, nature, Scales(study.tolerance, study.pixel_size_um))
    return measured(study.metrics, made, data.classes)


def _about(study: StudyFile, asked: Asked) -> About:
    scale = study.scale(asked.scale)
    return About(
        study.name, study.title or study.name, study.question, study.paper, asked.scale, scale.about, study.differences, study.notes
    )  # fmt: skip


def _arms(study: StudyFile, asked: Asked) -> tuple[Arm, ...]:
    protocol = next(iter(study.protocols))
    found = []
    for name in asked.arms:
        epochs = config_of(study, asked, PlannedRun(0, protocol, 0, name)).training.epochs
        entry, scale = study.arms[name], study.scale(asked.scale)
        said = {**study.set, **entry.set, **scale.set, **scale.arms.get(name, {})}
        settings = (*(f"{path}={value}" for path, value in said.items()), *asked.assignments)
        found.append(Arm(name, study.arm_title(name), "network", entry.recipe, settings, epochs))
    return (*found, *(Arm(name, study.arm_title(name), name) for name in study.references))


def _published(study: StudyFile) -> list[Published]:
    found = []
    for each in study.published:
        value = each.value if each.percent is None else each.percent / 100
        if value is None:
            raise AssertionError("a published entry has one number")
        printed = f"{each.value:g}" if each.percent is None else f"{each.percent:.2f} %"
        found.append(
            Published(each.row, each.metric, value, printed, each.source, each.arm, each.variant, each.protocol)
        )
    return found


def _images(
    rows: Sequence[Row], found: dict[PlannedRun, dict[str, Any]], folder: StudyFolder, main: str
) -> list[ImageScores]:
    """A row for each image, protocol, arm and variant, with the label map of the first run that has one."""
    name = main.removesuffix(IMAGES)
    values: dict[tuple[str, str, str, str], list[float]] = {}
    for row in rows:
        own = values.setdefault((row.run.protocol, row.run.arm, row.variant, row.image), [])
        value = row.values.get(name)
        if value is not None:
            own.append(value)
    first: dict[tuple[str, str, str, str], tuple[PlannedRun, dict[str, Any]]] = {}
    for run, content in found.items():
        for variant, entries in content["variants"].items():
            for entry in entries:
                first.setdefault((run.protocol, run.arm, variant, entry["image"]), (run, entry))
    return [_image(place, run, entry, values.get(place, []), folder) for place, (run, entry) in first.items()]


def _image(
    place: tuple[str, str, str, str],
    run: PlannedRun,
    entry: dict[str, Any],
    values: Sequence[float],
    folder: StudyFolder,
) -> ImageScores:
    protocol, arm, variant, image = place
    file = entry["prediction"]
    prediction = None if file is None else f"scores/{folder.place(run)}/{file}"
    mean = sum(values) / len(values) if values else None
    return ImageScores(
        image, entry["source"], entry["page"], entry["group"], protocol, arm, variant, mean, len(values), prediction, entry["labelled"]
    )  # fmt: skip


def _command(folder: StudyFolder, study: StudyFile, asked: Asked, data: DataFacts) -> str:
    sets = "".join(f" --set {each}" for each in asked.assignments)
    arms = "" if set(asked.arms) == set(study.arms) else f" --arms {','.join(asked.arms)}"
    return f"utome study run study.yaml --data {data.root} --out {folder.path.name} --scale {asked.scale} --seeds {asked.seeds}{arms}{sets}"
