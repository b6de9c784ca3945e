"""`utome evaluate`: scores of a model on images with truth; what training saw is scored apart."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utome.config.sections import DataSettings, MachineSettings
from utome.data.fingerprints import near_any
from utome.data.formats import is_lossy
from utome.data.layouts.finding import find_samples
from utome.data.matching import found_in, matched
from utome.data.oddities import oddities
from utome.data.problems import doubtful_images
from utome.data.samples import Listing
from utome.data.survey import Facts, Survey, look_at
from utome.device import choose_device, enough_memory
from utome.errors import DataError
from utome.evaluation.table import Scores
from utome.events import Listener, Noted, silent
from utome.jobs.reading import declared, told
from utome.jobs.scoring import Resolution, score_model
from utome.modelfolder.card import ModelCard
from utome.modelfolder.folder import load_model
from utome.prediction.predictor import Predictor


@dataclass(frozen=True)
class Evaluation:
    """All scores; those of images that training never saw are the honest ones. `notes` say how the data were read."""

    scores: Scores
    at: Resolution
    notes: tuple[str, ...] = ()

    @property
    def unseen(self) -> Scores | None:
        """Scores on images that training never saw; none where it saw all."""
        return self.scores.of(["never"])

    @property
    def seen(self) -> Scores | None:
        """Scores on images that trained the model or chose it; none where there are none."""
        return self.scores.of(["train", "val"])

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

    def as_json(self) -> dict[str, Any]:
        """The scores of unseen images (of all, where none is unseen), every image's row, and the seen ones apart."""
        main = self.unseen or self.scores
        return {
            **main.as_json(),
            "images": self.scores.as_json()["images"],
            "scored_on": {"images": len(main.images), "seen_by_training": self.unseen is None, "at": self.at},
            "seen_by_training": None
            if self.seen is None
            else {name: value for name, value in self.seen.as_json().items() if name != "images"},
            "warning": self.warning,
            "notes": list(self.notes),
        }


def evaluate(
    run: Path,
    data: Path,
    *,
    at: Resolution = "native",
    reading: DataSettings | None = None,
    machine: MachineSettings,
    listen: Listener = silent,
) -> Evaluation:
    """Score the model of a run or a model folder on the pairs below `data`.

    Of `reading` the layout counts, and where they were given the truth, the filling and the ignored values; else they are
    those of the training.
    """
    model = load_model(run)
    found = _read(data, model.card, reading or DataSettings(), listen)
    for note in found.notes:
        listen(Noted(note))
    device = choose_device(machine, precision=model.card.precision)
    with enough_memory():
        scores = score_model(Predictor(model, device), found.facts, at=at, listen=listen, classes=found.classes)
        return Evaluation(scores, at, found.notes)


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
