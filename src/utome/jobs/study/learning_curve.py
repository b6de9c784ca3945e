"""`utome study learning-curve`: would more labels help? One recipe on more and more of the training images, the same test images."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from utome.config.overrides import override
from utome.config.settings import Config, leaves
from utome.errors import ConfigError
from utome.events import Listener, Noted, silent
from utome.execution import Workers
from utome.jobs.preparing import prepare
from utome.jobs.reading import split_data
from utome.jobs.study.asking import StudyRequest
from utome.jobs.study.running import run_study
from utome.recipes.library import load_recipe
from utome.studies.file import parse_study
from utome.studies.folder import StudyFolder
from utome.studies.outcome import StudyOutcome

ARM = "images-"
# What is found out when a network is built.
SUITED = frozenset({"recipe", "prediction.tile"})


@dataclass(frozen=True)
class CurveRequest:
    """Which recipe, on how many training images each time, with how many seeds; settings, and where to run."""

    recipe: str = "auto"
    sizes: tuple[int, ...] = (5, 10, 20, 40)
    seeds: int = 3
    assignments: tuple[str, ...] = ()
    workers: Workers = field(default_factory=Workers)


def learn(data: Path, out: Path, request: CurveRequest, *, listen: Listener = silent) -> StudyOutcome:
    """Train on each number of images and score; begun before, go on. A study like others, whose arms are the sizes.

    Smaller sets are parts of larger ones, every size has the same steps and the same validation and test images, so the curve shows what
    images add and nothing else. `ConfigError` where there are too few training images, with how many there are.
    """
    folder = StudyFolder(out)
    if folder.begun:
        begun = [name.removeprefix(ARM) for name in folder.study.arms]
        if any(not name.startswith(ARM) for name in folder.study.arms):
            raise ConfigError(
                f"'{out}' holds a study of other arms ({', '.join(begun)}), not of sizes. Give another --out."
            )
        if begun != [str(size) for size in request.sizes]:
            raise ConfigError(
                f"'{out}' began with --sizes {','.join(begun)}. Give them as they were, or another --out."
            )
    text = _file(data, request, listen)
    study = parse_study(text, source=str(out / "study.yaml"))
    return run_study(study, text, data, out, StudyRequest(seeds=request.seeds, workers=request.workers), listen=listen)


def _file(data: Path, request: CurveRequest, listen: Listener) -> str:
    """The study file: an arm a size, with the length that the recipe has for the most images."""
    config = override(load_recipe(request.recipe).settings, request.assignments)
    given = {assignment.partition("=")[0].strip() for assignment in request.assignments}
    largest = max(request.sizes)
    prepared = prepare(data, config, listen, fixed=given)
    available = min(
        len(split_data(prepared.survey, config.data, seed=seed, listen=silent).train) for seed in range(request.seeds)
    )
    if largest > available:
        raise ConfigError(
            f"--sizes asks for {largest} training images, but there are {available} once validation and test images are put aside. Give "
            f"at most {available}, or lower data.test and data.validation."
        )
    config = prepared.task.config
    most = override(config.as_dict(), [f"data.limit={largest}"])
    steps = len(prepare(data, most, silent).task.batches)
    listen(Noted(f"Every size has {config.training.epochs} epochs of {steps} steps."))
    return yaml.safe_dump(_document(request, config, steps), sort_keys=False, allow_unicode=True)


def _document(request: CurveRequest, config: Config, steps: int) -> dict[str, Any]:
    before, now = leaves(load_recipe(request.recipe).settings), leaves(config.as_dict())
    own = {path: value for path, value in now.items() if before.get(path) != value and path not in SUITED}
    lengths = {"training.epochs": config.training.epochs, "training.steps_per_epoch": steps}
    arms = {
        f"{ARM}{size}": {"title": f"{size} images", "recipe": request.recipe, "set": {"data.limit": size}}
        for size in request.sizes
    }
    return {
        "name": "learning-curve",
        "title": "Learning curve",
        "question": "Would more labels help?",
        "set": {**own, **lengths},
        "arms": arms,
        "baseline": f"{ARM}{max(request.sizes)}",
        "seeds": request.seeds,
        "metrics": {"pixels.mean_iou": "mean IoU", "pixels.mean_iou@images": "mean IoU, mean of images"},
        "notes": [
            "Smaller sets are parts of larger ones; every size has the same steps, and the same validation and test images.",
            "The validation images are labelled, too: they choose the epoch.",
        ],
    }
