"""`auto` beside `unet` and beside Otsu's threshold: six minutes of training on two processors, four kinds of images, several seeds.

    python scripts/six_minutes.py plan DATA_FOLDERS runs/six     # on an idle machine: what fits into the time
    python scripts/six_minutes.py train DATA_FOLDERS runs/six    # trains what is missing, two at a time
    python scripts/six_minutes.py table runs/six

The first command lets `--minutes` fix the length of each training while nothing else runs; the second trains with just these
lengths, one thread each, however busy the machine is. Each seed draws its own fifth of the images to test on, the eyes of a child
together; the cracks have test images of their own. What is done is not done again.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from utome.config.overrides import override, read_config
from utome.data.classes import ClassTable
from utome.data.samples import Sample
from utome.data.truth import read_pixels, read_truth
from utome.device import choose_device
from utome.evaluation.otsu import LabelMap, Otsu, fit_otsu
from utome.events import silent
from utome.files import write_json, write_text
from utome.jobs.reading import read_data, split_data
from utome.jobs.resume import resume
from utome.jobs.train import plan, train
from utome.metrics.confusion import confusion
from utome.modelfolder.folder import load_model
from utome.prediction.predictor import Predictor
from utome.recipes.library import load_recipe
from utome.statistics.comparison import compare
from utome.statistics.intervals import estimate
from utome.statistics.scores import Score, mean_over_images
from utome.statistics.units import Arm, Result, arms

MINUTES, FOLDS, SEEDS = 6, 5, 3
PER_IMAGE = Score(mean_over_images)
RECIPES = ("auto", "unet")
# Otsu with its side chosen once, on the training images, and with the smaller side of each image.
ONE_SIDE, SMALLER_SIDE = "Otsu, one side", "Otsu, smaller side"
# The class that counts: membranes (0 in the labels of the challenge), nuclei, vessels, cracks.
FOREGROUND = {"isbi2012": 0, "dsb2018": 1, "chase_db1": 1, "deepcrack_tiles": 1}
# Comes with its own test images.
PARTED = {"deepcrack_tiles"}


Row = dict[str, Any]
Labelled = Callable[[Sample], LabelMap]


def main() -> None:
    """Do what the command says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("plan", "train"):
        command = commands.add_parser(name)
        command.add_argument("data", type=Path, help="the folder that holds the four")
        command.add_argument("runs", type=Path, help="where runs are kept")
    commands.add_parser("table").add_argument("runs", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "plan":
        for data, recipe in product(FOREGROUND, RECIPES):
            _plan(arguments.data, arguments.runs, data, recipe)
    elif arguments.command == "train":
        with ProcessPoolExecutor(2, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
            list(pool.map(partial(_train, arguments.data, arguments.runs), all_runs()))
    else:
        sys.stdout.write(table(arguments.runs) + "\n")


def all_runs() -> Iterator[tuple[int, str, str]]:
    """Seed by seed, so that an unfinished study is a smaller one and not a lopsided one."""
    return ((seed, data, recipe) for seed, recipe, data in product(range(SEEDS), RECIPES, FOREGROUND))


def _folder(runs: Path, seed: int, data: str, recipe: str) -> Path:
    return runs / f"{data}-{recipe}-{seed}"


def _planned(runs: Path, data: str, recipe: str) -> Path:
    return runs / "planned" / f"{data}-{recipe}.yaml"


def _plan(root: Path, runs: Path, data: str, recipe: str) -> None:
    """Write down the config of the training that fits into the time on this machine as it is now."""
    path = _planned(runs, data, recipe)
    if path.exists():
        return
    config = override(load_recipe(recipe).settings, [] if data in PARTED else [f"data.folds={FOLDS}"])
    found = plan(root / data, config, fixed=(), minutes=MINUTES).task.config
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, found.as_yaml())
    training = found.training
    sys.stdout.write(f"{path.stem}: {training.epochs} epochs of {training.steps_per_epoch} steps\n")


def _train(root: Path, runs: Path, run: tuple[int, str, str]) -> None:
    """Train at the planned length, or go on with it, and score the images that were kept."""
    folder, (seed, data, recipe) = _folder(runs, *run), run
    scores, out = folder / "scores.json", folder / "run"
    if scores.exists():
        return
    config = override(read_config(_planned(runs, data, recipe)), ["machine.threads=1", f"seed={seed}"])
    if out.exists():
        resume(root / data, out)
    else:
        train(root / data, config, out)
    model = load_model(out)
    predictor = Predictor(model, choose_device(config.machine, precision=model.card.precision))
    labelled: dict[str, Labelled] = {recipe: lambda sample: predictor.labels(read_pixels(sample), source=sample.source)}
    found = read_data(root / data, config.data, silent)
    parts = split_data(found, config.data, seed=config.seed, listen=silent)
    if recipe == RECIPES[0]:
        side = fit_otsu(parts.train, found.classes)
        labelled[ONE_SIDE] = lambda sample: side.labels(read_pixels(sample))
        labelled[SMALLER_SIDE] = lambda sample: Otsu(side="smaller").labels(read_pixels(sample))
    table = model.card.class_table
    write_json(
        scores, [_scored(arm, each, fact.sample, table) for arm, each in labelled.items() for fact in parts.test]
    )


def _scored(arm: str, labelled: Labelled, sample: Sample, classes: ClassTable) -> Row:
    truth = classes.labels(read_truth(sample), source=sample.truth_source)
    counts = confusion(truth, labelled(sample), classes=2).counts
    return {"arm": arm, "image": sample.name, "group": sample.group, "counts": counts.tolist()}


def table(runs: Path) -> str:
    """Markdown: what each arm reached on each kind of images, and how it compares with `auto`."""
    lines = [
        "| images | arm | IoU, all pixels (95 % interval) | of each seed | IoU, mean of images (95 % interval) | against `auto` |",
        "|---|---|---|---|---|---|",
    ]
    for data, foreground in FOREGROUND.items():
        lines += _rows(data, foreground, _results(runs, data))
    return "\n".join(lines)


def _results(runs: Path, data: str) -> list[Result]:
    found = []
    for seed, name, recipe in all_runs():
        path = _folder(runs, seed, data, recipe) / "scores.json"
        if name == data and path.exists():
            rows: list[Row] = json.loads(path.read_text(encoding="utf-8"))
            found += [
                Result(row["arm"], row["image"], np.array(row["counts"], float), group=row["group"], seed=seed)
                for row in rows
            ]
    return found


def _rows(data: str, foreground: int, pooled: list[Result]) -> Iterator[str]:
    def iou(counts: np.ndarray) -> np.ndarray:
        """Of many confusion matrices (b, 2, 2) at once."""
        hits = counts[:, foreground, foreground]
        return hits / (counts[:, foreground].sum(axis=1) + counts[:, :, foreground].sum(axis=1) - hits)

    each = [replace(result, value=float(iou(np.asarray(result.value)[None])[0])) for result in pooled]
    means = {arm.name: arm for arm in arms(each)}
    first, others = RECIPES[0], [name for name in means if name != RECIPES[0]]
    verdicts = {
        found.arm: found for found in compare(means[first], [means[name] for name in others], PER_IMAGE, seed=0)
    }
    for arm in arms(pooled):
        values = [
            np.sum(
                [np.asarray(result.value) for result in pooled if (result.arm, result.seed) == (arm.name, seed)], axis=0
            )
            for seed in sorted({result.seed for result in pooled if result.arm == arm.name})
        ]
        seeds = iou(np.stack(values))
        verdict = verdicts.get(arm.name)
        said = "" if verdict is None else f"{verdict.outcome}: {verdict.difference:+.3f}, p = {verdict.corrected_p:.2g}"
        cells = (
            _estimated(arm, Score(iou)),
            " ".join(f"{seed:.3f}" for seed in seeds),
            _estimated(means[arm.name], PER_IMAGE),
        )
        yield f"| {data} | {arm.name} | {' | '.join(cells)} | {said} |"


def _estimated(arm: Arm, score: Score) -> str:
    found = estimate(arm.sums, score)
    spread = "" if found.interval is None else f" ({found.interval.low:.3f} to {found.interval.high:.3f})"
    return f"{found.value:.3f}{spread}"


if __name__ == "__main__":
    main()
