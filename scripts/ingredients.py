"""What each ingredient of the 2015 recipe adds, on the sections of the ISBI 2012 challenge: equal steps, the same folds, several seeds.

    python scripts/ingredients.py ISBI2012_FOLDER runs/ingredients

Every section is tested on once in each seed. A run that is done is not done again, and one that was stopped goes on;
the table of what there is is printed at the end, and is in docs/recipes.md.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from utome.config.overrides import override
from utome.config.sections import MachineSettings
from utome.data.layouts.finding import find_samples
from utome.data.survey import Facts, look_at
from utome.data.truth import read_pixels, read_truth
from utome.device import choose_device
from utome.files import write_json
from utome.jobs.resume import resume
from utome.jobs.train import train
from utome.metrics.confusion import confusion
from utome.metrics.isbi2012.challenge import isbi2012
from utome.modelfolder.folder import load_model
from utome.prediction.predictor import Predictor
from utome.recipes.library import load_recipe
from utome.statistics.comparison import compare
from utome.statistics.intervals import estimate
from utome.statistics.scores import Score, mean_over_images
from utome.statistics.units import Result, arms

FOLDS, SEEDS = 3, 3
COMMON = (
    "model.width=8", "data.size=[256,256]", "data.seed=0", f"data.folds={FOLDS}", "training.tile=128", "training.batch=4",
    "training.epochs=6", "training.steps_per_epoch=100", "training.precision=float32", "machine.threads=1", "augmentation.colour=0",
)  # fmt: skip
ELASTIC = ("augmentation.elastic=5", "augmentation.rotation=180")
WEIGHTS = ("loss.weights.map=border", "loss.weights.w0=10", "loss.weights.sigma=3", "loss.dice=0")
VALID = ("model.convolution=valid", "training.tile=132")
ARMS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "elastic": ELASTIC,
    "weights": WEIGHTS,
    "valid": VALID,
    "all three": (*ELASTIC, *WEIGHTS, *VALID),
}
# 0 in the labels of the challenge is membrane.
CELL = 1


def main() -> None:
    """Train what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder isbi2012")
    parser.add_argument("runs", type=Path, help="where runs are kept")
    parser.add_argument("--table", action="store_true", help="train nothing")
    arguments = parser.parse_args()
    if not arguments.table:
        for arm, seed, fold in runs():
            _run(arguments.data, arguments.runs / f"{arm.replace(' ', '-')}-{seed}-{fold}", arm, seed, fold)
    sys.stdout.write(table(arguments.runs) + "\n")


def runs() -> Iterator[tuple[str, int, int]]:
    """Seed by seed, so that an unfinished study is a smaller one and not a lopsided one."""
    return ((arm, seed, fold) for seed in range(SEEDS) for fold in range(FOLDS) for arm in ARMS)


def _run(data: Path, out: Path, arm: str, seed: int, fold: int) -> None:
    scores = out / "scores.json"
    if scores.exists():
        return
    if (out / "config.yaml").exists():
        resume(data, out)
    else:
        config = override(load_recipe("unet").settings, [*COMMON, *ARMS[arm], f"seed={seed}", f"data.fold={fold}"])
        train(data, config, out)
    model = load_model(out)
    predictor = Predictor(model, choose_device(MachineSettings(), precision=model.card.precision))
    facts = look_at(find_samples(data).samples)
    tested = {image["name"] for image in _images(out) if image["part"] == "test"}
    write_json(scores, [_scored(predictor, fact) for fact in facts if fact.sample.name in tested])


def _images(out: Path) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = json.loads((out / "data.json").read_text(encoding="utf-8"))["images"]
    return content


def _scored(predictor: Predictor, fact: Facts) -> dict[str, Any]:
    sample = fact.sample
    truth = predictor.card.class_table.labels(read_truth(sample), source=sample.truth_source)
    predicted = predictor.labels(read_pixels(sample), source=sample.source)
    found = isbi2012((truth == CELL).astype(np.uint8), (predicted == CELL).astype(np.float32))
    return {
        "image": sample.name,
        "counts": confusion(truth, predicted, classes=2).counts.tolist(),
        "v_rand": found.v_rand.value,
    }


def mean_iou(counts: np.ndarray) -> np.ndarray:
    """Of many confusion matrices (b, 2, 2) at once."""
    hits = np.einsum("bii->bi", counts)
    union = np.einsum("bij->bi", counts) + np.einsum("bij->bj", counts) - hits
    return (hits / union).mean(axis=1)


def table(folder: Path) -> str:
    """Markdown: each arm's scores with intervals, and how they compare with the plain one."""
    pooled, rand = [], []
    for arm, seed, fold in runs():
        path = folder / f"{arm.replace(' ', '-')}-{seed}-{fold}" / "scores.json"
        for row in json.loads(path.read_text(encoding="utf-8")) if path.exists() else []:
            pooled.append(Result(arm, row["image"], np.array(row["counts"], dtype=float), seed=seed, fold=fold))
            rand.append(Result(arm, row["image"], float(row["v_rand"]), seed=seed, fold=fold))
    columns = [_column(pooled, Score(mean_iou)), _column(rand, Score(mean_over_images))]
    lines = [
        "| arm | mean IoU (95 % interval) | against plain | V_Rand (95 % interval) | against plain |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {arm} | {' | '.join(' | '.join(column[arm]) for column in columns)} |" for arm in columns[0]]
    return "\n".join(lines)


def _column(results: list[Result], score: Score) -> dict[str, tuple[str, str]]:
    by_name = {arm.name: arm for arm in arms(results)}
    plain, others = by_name["plain"], [by_name[name] for name in ARMS if name in by_name and name != "plain"]
    verdicts = {each.arm: each for each in compare(plain, others, score, seed=0)}
    cells = {}
    for name in ARMS:
        if name not in by_name:
            continue
        found = estimate(by_name[name].sums, score)
        spread = "" if found.interval is None else f" ({found.interval.low:.3f} to {found.interval.high:.3f})"
        verdict = verdicts.get(name)
        said = "" if verdict is None else f"{verdict.outcome}: {verdict.difference:+.3f}, p = {verdict.corrected_p:.3g}"
        cells[name] = (f"{found.value:.3f}{spread}", said)
    return cells


if __name__ == "__main__":
    main()
