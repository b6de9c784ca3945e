"""`utome evaluate`: scores of a model on images with truth; what training saw is scored apart."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from utome.config.sections import DataSettings, MachineSettings
from utome.data.classes import ClassTable
from utome.data.fingerprints import near_any
from utome.data.formats import is_lossy
from utome.data.layouts.finding import find_samples
from utome.data.matching import found_in, matched
from utome.data.oddities import oddities
from utome.data.problems import doubtful_images
from utome.data.samples import Listing
from utome.data.survey import Facts, Survey, look_at
from utome.device import choose_device, enough_memory
from utome.errors import ConfigError, DataError
from utome.evaluation.object_table import CountRow, count_json
from utome.evaluation.otsu import WithoutLearning, score_otsu
from utome.evaluation.scoring import Labelled
from utome.evaluation.table import Scores
from utome.events import Listener, Noted, silent
from utome.jobs.evaluation_folder import EvaluationFolder
from utome.jobs.otsu_side import RunFiles, choose_side, run_files
from utome.jobs.reading import declared, told
from utome.jobs.scoring import Resolution, fit_truth, grouped, score_model, seen_by
from utome.modelfolder.card import ModelCard
from utome.modelfolder.folder import load_model
from utome.prediction.predictor import Predictor
from utome.report.evaluation import evaluation_html
from utome.report.panels import pictures


@dataclass(frozen=True)
class Wanted:
    """At which size to score; the new folder for pictures and tables; and the side of a pixel in µm, where it is known."""

    at: Resolution = "native"
    out: Path | None = None
    pixel_um: float | None = None


@dataclass(frozen=True)
class Evaluation:
    """All scores; those of images that training never saw are the honest ones. `notes` say how the data were read.

    `threshold` has the scores of Otsu's threshold on the same images, where there are two classes; `counts` the objects of each
    image by class, in the images' order, where they were measured.
    """

    scores: Scores
    at: Resolution
    notes: tuple[str, ...] = ()
    threshold: WithoutLearning | None = None
    counts: tuple[tuple[CountRow, ...], ...] = ()
    out: Path | None = None

    @property
    def unseen(self) -> Scores | None:
        """Scores on images that training never saw; none where it saw all."""
        return self.scores.of(["never"])

    @property
    def seen(self) -> Scores | None:
        """Scores on images that trained the model or chose it; none where there are none."""
        return self.scores.of(["train", "val"])

    @property
    def main(self) -> Scores:
        """The scores to look at: of unseen images, or of all where none is unseen."""
        return self.unseen or self.scores

    @property
    def otsu(self) -> WithoutLearning | None:
        """What the threshold reaches on the images of `main`."""
        if self.threshold is None:
            return None
        scores = self.threshold.scores
        return replace(self.threshold, scores=scores.of(["never"]) or scores)

    @property
    def warning(self) -> str | None:
        """What must be said of images that training saw."""
        if self.seen is None:
            return None
        count, total = len(self.seen.images), len(self.scores.images)
        if self.unseen is None:
            return f"Training saw all {total} images: these scores say nothing about new images."
        return (
            f"Training saw {count} of the {total} images: they are scored apart, and the scores below leave them out."
        )

    @property
    def warnings(self) -> list[str]:
        """What must be said before the scores."""
        return [*([] if self.warning is None else [self.warning]), *self.main.never_predicted]

    @property
    def about(self) -> str:
        """On how many images the main scores are, and at what size."""
        count = len(self.main.images)
        images, their = ("image", "its") if count == 1 else ("images", "their")
        size = f"{their} own size" if self.at == "native" else "the network's size"
        return f"{count} {images} that training {'never saw' if self.unseen else 'saw'}, at {size}"

    def as_json(self) -> dict[str, Any]:
        """The scores of unseen images (of all, where none is unseen), every image's row, and the seen ones apart."""
        main, otsu = self.main, self.otsu
        return {
            **main.as_json(),
            "images": self._image_rows(),
            "scored_on": {"images": len(main.images), "seen_by_training": self.unseen is None, "at": self.at},
            "otsu": None if otsu is None else {"side": otsu.side, "about": otsu.about, **_without_images(otsu.scores)},
            "seen_by_training": None if self.seen is None else _without_images(self.seen),
            "warning": self.warning,
            "notes": [*self.notes, *main.never_predicted],
            "out": None if self.out is None else str(self.out),
        }

    def _image_rows(self) -> list[dict[str, Any]]:
        rows = self.scores.image_rows()
        if not self.counts:
            return rows
        return [
            {**row, "objects": [count_json(each) for each in counts]}
            for row, counts in zip(rows, self.counts, strict=True)
        ]


def evaluate(
    run: Path,
    data: Path,
    wanted: Wanted | None = None,
    *,
    reading: DataSettings | None = None,
    machine: MachineSettings,
    listen: Listener = silent,
) -> Evaluation:
    """Score the model of a run or a model folder on the pairs below `data`, and write pictures and tables where it is wanted.

    Of `reading` the layout counts, and where they were given the truth, the filling and the ignored values; else they are
    those of the training.
    """
    wanted = wanted or Wanted()
    folder = _folder(wanted)
    model = load_model(run)
    files = run_files(run, model.card)
    found = _read(data, model.card, reading or DataSettings(), listen)
    if files is not None:
        found = replace(found, facts=tuple(grouped(found.facts, files.config.data.group)))
    for note in found.notes:
        listen(Noted(note))
    predictor = Predictor(model, choose_device(machine, precision=model.card.precision))

    def watch(labelled: Labelled) -> None:
        if folder is not None:
            folder.add(labelled, found.classes, wanted.pixel_um)

    with enough_memory():
        scores = score_model(predictor, found.facts, at=wanted.at, listen=listen, classes=found.classes, watch=watch)
        threshold = _threshold(files, model.card, found, wanted.at, listen)
        if folder is None:
            return Evaluation(scores, wanted.at, found.notes, threshold)
        result = Evaluation(scores, wanted.at, found.notes, threshold, tuple(folder.counts), folder.path)
        folder.finish(_page(result, run, predictor, found.classes))
    return result


def _folder(wanted: Wanted) -> EvaluationFolder | None:
    """The folder to write, refused where it cannot be."""
    if wanted.pixel_um is not None and not 0 < wanted.pixel_um < math.inf:
        raise ConfigError(f"--pixel-size is {wanted.pixel_um:g}; accepted is the side of a pixel in µm, above 0.")
    if wanted.out is None:
        if wanted.pixel_um is not None:
            raise ConfigError(
                "--pixel-size gives µm to the table of objects, which is written by --out FOLDER. Give both."
            )
        return None
    if wanted.at != "native":
        raise ConfigError(
            "--out draws and measures at the images' own size, and --at network scores at another. Leave one out."
        )
    return EvaluationFolder(wanted.out)


def _threshold(
    files: RunFiles | None, card: ModelCard, found: Survey, at: Resolution, listen: Listener
) -> WithoutLearning | None:
    """Otsu's threshold on the same images; none for more than two classes."""
    if found.classes.count != 2:
        return None
    otsu, about = choose_side(files, card)
    scores = score_otsu(otsu, found.facts, found.classes, seen_by(card), listen=listen, fit_truth=fit_truth(card, at))
    return WithoutLearning(scores, otsu.side, about)


def _page(result: Evaluation, run: Path, predictor: Predictor, classes: ClassTable) -> str:
    main = result.main
    worst = [(image, pictures(predictor, image, classes)) for image in main.worst]
    title = f"{run.resolve().name}: {result.about}"
    return evaluation_html(title, " ".join(result.notes), result.warnings, main, result.otsu, worst)


def _without_images(scores: Scores) -> dict[str, Any]:
    return {name: value for name, value in scores.as_json().items() if name != "images"}


def _read(data: Path, card: ModelCard, reading: DataSettings, listen: Listener) -> Survey:
    """The folder, its masks read as the classes of the model; the notes hold what is doubtful, too."""
    given = reading.model_fields_set
    listing = find_samples(data, reading.layout)
    if "truth" not in given and card.truth == "instances":
        _refuse_lossy_objects(listing)
    own = {"truth": card.truth, "fill": card.preparation.fill, "unmarked": card.unmarked}
    listing = told(listing, reading.model_copy(update={name: own[name] for name in own.keys() - given}))
    facts = look_at(listing.samples, listen=listen)
    ignored = declared(reading).ignored if "ignore" in given else card.ignored
    classes, note = matched(card.class_table, found_in(listing, facts, ignored), own_names=card.own_names)
    # Of objects the layout has said already how they are read.
    notes = (note,) if any(sample.truth in {"labels", "coco"} for sample in listing.samples) else ()
    quirks = {fact.sample.name: fact.quirks for fact in facts}
    found = Survey(listing, tuple(facts), classes, ())
    doubts = tuple(f"WARNING: {each}" for each in (*doubtful_images(found), *_look_alikes(facts, card)))
    return Survey(listing, found.facts, classes, (*listing.notes, *notes, *oddities(quirks), *doubts))


def _refuse_lossy_objects(listing: Listing) -> None:
    """`DataError` where the model learned from object numbers, and some masks are JPEG, which keeps no numbers."""
    masks = [path for sample in listing.samples if sample.truth in {"labels", "instances"} for path in sample.masks]
    lossy = next((path for path in masks if is_lossy(path)), None)
    if lossy is not None:
        raise DataError(
            f"The model learned from masks of object numbers, but '{lossy}' is a JPEG, whose values cannot be numbers. If these masks "
            "hold classes: --set data.truth=labels."
        )


def _look_alikes(facts: list[Facts], card: ModelCard) -> list[str]:
    """A sentence where images are others than those that training saw, to the byte, but look the same."""
    new = [fact for fact in facts if fact.content not in card.images and not fact.constant]
    near = near_any([fact.fingerprint for fact in new], [bytes.fromhex(look) for look in card.looks])
    if not near:
        return []
    count = f"{len(near)} images look like copies" if len(near) > 1 else "1 image looks like a copy"
    sentence = (
        f"{count} of images that training saw (as '{new[near[0]].sample.name}'), though the pixels differ: saved at another depth, "
        "size or quality? Such scores are too good; take them out."
    )
    return [sentence]
