"""`utome evaluate`: scores of a model on images with truth; what training saw is scored apart."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utome.config.sections import MachineSettings
from utome.data.layouts.finding import find_samples
from utome.data.survey import look_at
from utome.device import choose_device, enough_memory
from utome.evaluation.table import Scores
from utome.events import Listener, silent
from utome.jobs.reading import told
from utome.jobs.scoring import Resolution, score_model
from utome.modelfolder.folder import load_model
from utome.prediction.predictor import Predictor


@dataclass(frozen=True)
class Evaluation:
    """All scores; those of images that training never saw are the honest ones."""

    scores: Scores
    at: Resolution

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
        }


def evaluate(
    run: Path,
    data: Path,
    *,
    at: Resolution = "native",
    layout: str | None = None,
    machine: MachineSettings,
    listen: Listener = silent,
) -> Evaluation:
    """Score the model of a run or a model folder on the pairs below `data`."""
    model = load_model(run)
    listing = told(find_samples(data, layout), model.card.truth, model.card.preparation.fill)
    facts = look_at(listing.samples, listen=listen)
    device = choose_device(machine, precision=model.card.precision)
    with enough_memory():
        return Evaluation(score_model(Predictor(model, device), facts, at=at, listen=listen), at)
