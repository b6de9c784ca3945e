"""Studies on disk, as their reports find them: run folders with histories and settings, images, predictions."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from tests.builders import save, square
from tests.outcomes import MAIN, finished_outcome
from utome.config.overrides import override
from utome.prediction.pictures import label_png
from utome.recipes.library import load_recipe
from utome.report.study.panels import Seen
from utome.statistics.intervals import Interval
from utome.studies.outcome import CurvePoint, Difference, ImageScores, LearningCurve, Run, StudyOutcome, Verdict
from utome.studies.question import Arm

SIDE = 40
HOSTILE = 'a_b% <i>&"x"|$y${z}\\#~^ [1] *'


def on_disk(folder: Path) -> StudyOutcome:
    """The finished toy study with its images below `folder/data`, histories of 40 epochs, settings and predictions."""
    outcome = finished_outcome()
    for number in range(6):
        save(folder / "data" / "images" / f"image-{number}.png", square(SIDE, SIDE, value=200 + number))
    for run in outcome.runs:
        if run.arm != "otsu":
            write_run(folder / run.path, run)
    images = tuple(_predicted(folder, image) for image in outcome.images)
    data = replace(outcome.data, root=str(folder / "data")) if outcome.data is not None else None
    return replace(outcome, images=images, data=data)


def write_run(path: Path, run: Run, *, learning_rate: float = 0.001) -> None:
    """A run folder's history and settings."""
    path.mkdir(parents=True, exist_ok=True)
    with (path / "history.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "val_mean_iou", "bottom_mean", "skip_mean", "best"])
        for epoch in range(1, 41):
            writer.writerow([epoch, epoch / 50, 0.2, 0.4, epoch == 32])
    config = override(load_recipe("unet").settings, [f"seed={run.seed}", f"optimizer.learning_rate={learning_rate}"])
    (path / "config.yaml").write_text(config.as_yaml(), encoding="utf-8")


def seen(pixels: np.ndarray, truth: np.ndarray | None, predicted: np.ndarray | None) -> Seen:
    """One grey picture with its label maps."""
    return Seen(pixels[:, :, None], truth, predicted)


def compared(
    arm: str, size: float | None, interval: tuple[float, float] | None, p: float, least: float = 0.01
) -> Difference:
    """A comparison with the arm 'plain' by the main metric, with what follows from these numbers."""
    outcome: Verdict = "not distinguishable" if p > 0.05 or size is None else "better" if size > 0 else "worse"
    return Difference(
        "held-out", arm, "best", MAIN, "plain", "best", size, None if interval is None else Interval(*interval), p, p, least, 2, 9,
        "images", 6, 0, 3, 0.8, outcome, f"'{arm}' was compared.", seeds={0: 0.02, 1: 0.03}, seeds_interval=Interval(0.01, 0.04),
    )  # fmt: skip


def four_arms(differences: Sequence[Difference]) -> StudyOutcome:
    """The finished toy study with the arms `plain`, `wide`, `deep` and `thin`, and these comparisons."""
    outcome = finished_outcome()
    plain, wide, _ = outcome.arms
    arms = (
        plain,
        replace(wide, title="wide"),
        Arm("deep", "deep", recipe="unet", epochs=40),
        Arm("thin", "thin", recipe="unet", epochs=40),
    )
    first = outcome.scores[1]
    scores = (outcome.scores[0], *(replace(first, arm=arm.name) for arm in arms[1:]))
    return replace(outcome, arms=arms, scores=scores, differences=tuple(differences))


def with_curve(outcome: StudyOutcome) -> StudyOutcome:
    """The study with a learning curve of three sizes, of which the last has no interval."""
    points = (
        CurvePoint(5, 0.51, Interval(0.41, 0.61), {0: 0.50, 1: 0.52}, 6),
        CurvePoint(10, 0.63, Interval(0.55, 0.71), {0: 0.62, 1: 0.64}, 6),
        CurvePoint(20, 0.66, None, {0: 0.66, 1: None}, 6),
    )
    return replace(outcome, curve=LearningCurve(MAIN, points, "Ten more labels would probably help."))


class Tags(HTMLParser):
    """Collects tags, addresses and text, and checks that each tag is closed."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [
            value for name, value in attrs if name in {"src", "href", "srcset", "action", "data"} and value
        ]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag in self.VOID or self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def _predicted(folder: Path, image: ImageScores) -> ImageScores:
    place = f"scores/{image.arm}/{image.name}.png"
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    (folder / place).write_bytes(label_png(square(SIDE, SIDE, value=1)))
    return replace(image, prediction=place)
