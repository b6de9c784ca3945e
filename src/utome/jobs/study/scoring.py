"""Scoring one run of a study: every variant of its model, or a reference, on the test images of its seed and fold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from utome.config.overrides import read_config
from utome.config.settings import Config, config_from_dict
from utome.data.classes import IGNORED
from utome.data.formats import Pixels
from utome.data.samples import Sample
from utome.data.splitting import Split
from utome.data.survey import Facts, Survey
from utome.data.truth import read_objects, read_pixels, read_truth
from utome.device import choose_device, enough_memory
from utome.errors import DataError
from utome.evaluation.case import Case
from utome.evaluation.otsu import fit_otsu
from utome.events import Listener, Progressed, silent
from utome.files import new_folder, write_bytes
from utome.jobs.reading import read_data, split_data
from utome.jobs.scoring import grouped
from utome.jobs.study.variants import LeftOut, predictor_of
from utome.models.anatomy import anatomy
from utome.prediction.pictures import LabelMap, label_png
from utome.prediction.predictor import Predictor
from utome.studies.changes import scoring_key
from utome.studies.file import ProtocolEntry, StudyFile
from utome.studies.folder import FORMAT, PREDICTIONS, StudyFolder, file_names
from utome.studies.gathering import metrics_of
from utome.studies.metrics import IMAGES, Measured
from utome.studies.outcome import known
from utome.studies.plan import PlannedRun, config_of

# So many images without truth are predicted, by the first seed and fold alone.
UNLABELLED = 2
Probability = Float32[np.ndarray, "h w"]
TOLD_APART = ("objects", "instances", "coco")
# From a sample and its pixels: classes, and the probability of the second of two.
Labelling = Callable[[Sample, Pixels], tuple[LabelMap, Probability | None]]


@dataclass(frozen=True)
class Images:
    """A folder read and divided as a run has it, and the images that it scores."""

    survey: Survey
    split: Split
    scored: tuple[Facts, ...]
    unlabelled: tuple[Sample, ...]
    root: Path


def score_network(folder: StudyFolder, run: PlannedRun, data: Path, listen: Listener) -> dict[str, Any]:
    """The scores of a trained run: a document for `scores.json`; label maps are written beside it."""
    place = folder.run(run)
    config = config_from_dict(read_config(place / "config.yaml"))
    images = _images(folder.study, run, data, config, listen)
    device = choose_device(config.machine, precision=config.training.precision)
    variants: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    for name, variant in folder.study.variants.items():
        if variant.arms is not None and run.arm not in variant.arms:
            left_out[name] = "not meant for this arm"
            continue
        if variant.threshold is not None and (classes := images.survey.classes.count) != 2:
            left_out[name] = f"a threshold parts two classes, and there are {classes}"
            continue
        try:
            predictor = predictor_of(place, variant, device, early=config.training.keep_epochs)
        except LeftOut as reason:
            left_out[name] = str(reason)
            continue
        labelling = _network(predictor, variant.threshold)
        with enough_memory():
            variants[name] = _scored(folder, run, images, name, labelling, listen)
    cost = _cost(config, images.survey)
    return _document(folder.study, images, variants, left_out, cost)


def score_reference(folder: StudyFolder, run: PlannedRun, data: Path, listen: Listener) -> dict[str, Any]:
    """The same for Otsu's threshold, its side chosen on the training images, or for the second observer's masks."""
    config = config_of(folder.study, folder.asked(), run)
    images = _images(folder.study, run, data, config, listen)
    first = next(iter(folder.study.variants))
    images, labelling = _otsu(images) if run.kind == "otsu" else _human(images)
    return _document(folder.study, images, {first: _scored(folder, run, images, first, labelling, listen)}, {}, {})


def _otsu(images: Images) -> tuple[Images, Labelling]:
    otsu = fit_otsu(images.split.train, images.survey.classes)
    return images, lambda sample, pixels: (otsu.labels(pixels), None)


def _human(images: Images) -> tuple[Images, Labelling]:
    seen = tuple(fact for fact in images.scored if fact.sample.second is not None)
    if not seen:
        raise DataError("No test image has the masks of a second observer, so there is no human row.")
    table = images.survey.classes

    def labelled(sample: Sample, pixels: Pixels) -> tuple[LabelMap, Probability | None]:
        del pixels
        masks = () if sample.second is None else (sample.second,)
        labels = table.labels(read_truth(replace(sample, masks=masks, field=None)), source=str(sample.second))
        return np.where(labels == IGNORED, 0, labels).astype(np.uint8), None

    return replace(images, scored=seen, unlabelled=()), labelled


def _images(study: StudyFile, run: PlannedRun, data: Path, config: Config, listen: Listener) -> Images:
    found = read_data(data, config.data, listen)
    split = split_data(found, config.data, seed=config.seed, listen=silent)
    scored = part_scored(study.protocols[run.protocol], found, split)
    unlabelled: tuple[Sample, ...] = ()
    if (run.seed, run.fold) == (0, 0):
        paths = unlabelled_files(study, data)[:UNLABELLED]
        unlabelled = tuple(Sample(f"unlabelled-{path.stem}", path, ()) for path in paths)
    return Images(found, split, tuple(grouped(scored, config.data.group)), unlabelled, data)


def part_scored(protocol: ProtocolEntry, found: Survey, split: Split) -> Sequence[Facts]:
    """The images that a protocol scores; `DataError` where there are none."""
    scored = {"test": split.test, "val": split.val, "all": found.facts}[protocol.scored]
    if not scored:
        raise DataError("There is no test image to score. Give the protocol folds, or data.test above 0.")
    return scored


def unlabelled_files(study: StudyFile, data: Path) -> list[Path]:
    """The files without truth that the study names, in order."""
    return [] if study.data.unlabelled is None else sorted(data.glob(study.data.unlabelled))


def _network(predictor: Predictor, threshold: float | None) -> Labelling:
    def labelled(sample: Sample, pixels: Pixels) -> tuple[LabelMap, Probability | None]:
        labels, probabilities = predictor.labels_and_probabilities(pixels, source=sample.source)
        if len(probabilities) != 2:
            return labels, None
        if threshold is not None:
            labels = (probabilities[1] > threshold).astype(np.uint8)
        return labels, probabilities[1]

    return labelled


def _scored(
    folder: StudyFolder, run: PlannedRun, images: Images, variant: str, labelling: Labelling, listen: Listener
) -> list[dict[str, Any]]:  # fmt: skip
    """A row an image, and its label map as a file."""
    metrics, table, study = metrics_of(folder.study, folder.data()), images.survey.classes, folder.study
    names = file_names([sample.name for sample in (*(fact.sample for fact in images.scored), *images.unlabelled)])
    place = Path(PREDICTIONS) / variant
    new_folder(folder.scores(run) / place)
    rows = []
    for done, fact in enumerate(images.scored, start=1):
        sample = fact.sample
        labels, probability = labelling(sample, read_pixels(sample))
        truth = table.labels(read_truth(sample), source=sample.truth_source)
        objects = read_objects(sample) if sample.truth in TOLD_APART and table.count == 2 else None
        counted = _counted(Case(truth, labels, probability, objects), metrics, study.pooled)
        file = place / f"{names[sample.name]}.png"
        write_bytes(folder.scores(run) / file, label_png(labels))
        rows.append({**_head(sample, images.root, file), "labelled": True, **counted})
        listen(Progressed(f"scoring {variant}", done, len(images.scored)))
    for sample in images.unlabelled:
        labels, _ = labelling(sample, read_pixels(sample))
        file = place / f"{names[sample.name]}.png"
        write_bytes(folder.scores(run) / file, label_png(labels))
        rows.append({**_head(sample, images.root, file), "labelled": False, "values": {}, "sums": {}})
    return rows


def _head(sample: Sample, root: Path, file: Path) -> dict[str, Any]:
    source = sample.image.resolve()
    inside = source.is_relative_to(root.resolve())
    return {
        "image": sample.name,
        "group": sample.group,
        "source": source.relative_to(root.resolve()).as_posix() if inside else sample.image.name,
        "page": sample.page,
        "prediction": file.as_posix(),
    }


def _counted(case: Case, metrics: Sequence[Measured], pooled: Sequence[str]) -> dict[str, Any]:
    """The image's own scores, and the counts of the families that are pooled; a family that needs a probability has none without."""
    values: dict[str, float | None] = {}
    sums: dict[str, list[float]] = {}
    for family in dict.fromkeys(each.family for each in metrics):
        own = [each for each in metrics if each.family == family]
        try:
            counts = own[0].of.count(case)
        except DataError:
            counts = None
        for each in own:
            name = each.metric.name.removesuffix(IMAGES)
            values[name] = None if counts is None else known(float(each.measure.of(counts)))
        if counts is not None and family in pooled:
            sums[family] = [int(each) if each == int(each) else float(each) for each in own[0].of.pack(counts)]
    return {"values": values, "sums": sums}


def _document(
    study: StudyFile, images: Images, variants: Mapping[str, Any], left_out: Mapping[str, str], cost: Mapping[str, Any]
) -> dict[str, Any]:
    """What `scores.json` holds, see `utome.studies.scored`."""
    split = images.split
    return {
        "format": FORMAT,
        "scoring": scoring_key(study),
        "images": {"train": len(split.train), "val": len(split.val), "test": len(images.scored)},
        "variants": variants,
        "left_out": left_out,
        "cost": cost,
    }


def _cost(config: Config, found: Survey) -> dict[str, Any]:
    """Parameters, and multiply-accumulates of an image as large as a training tile."""
    side = config.training.tile
    seen = anatomy(config.model, in_channels=found.channels, classes=found.classes.count, size=side)
    return {"parameters": seen.parameters, "macs": seen.multiply_accumulates, "macs_side": seen.input_size[0]}
