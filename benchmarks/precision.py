"""Whether bfloat16 costs score: the same trainings in both precisions, on two real data sets, with several seeds.

UTOME_DATA names the folder of real data sets. A third of the images, the same in all runs, is held out and tested on; the score is the mean
IoU over the pixels of all of them. The precisions are the same where their means over the seeds lie within two standard errors of what
two seeds differ by. Runs are kept in `results/precision`: one that is done is not done again, one that was stopped goes on, so
the hours that this takes need not be of one day. It runs only when it is named.

    python -m benchmarks.precision     # a miniature, to see that it works: its figures say nothing
"""

import json
import math
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, variance

import numpy as np

from benchmarks.table import Cell, Row, at_most, markdown
from utome.config.overrides import override
from utome.config.sections import MachineSettings
from utome.files import write_json
from utome.jobs.evaluate import evaluate
from utome.jobs.resume import resume
from utome.jobs.train import train
from utome.metrics.confusion import Confusion
from utome.recipes.library import load_recipe

DATA = Path(os.environ.get("UTOME_DATA", Path(__file__).parents[2] / "shared" / "data"))
RESULTS = Path(__file__).parent / "results"
PRECISIONS = ("float32", "bfloat16")
# Settings that differ between the data sets: the sections of the challenge shrink to half their side.
DATA_SETS: dict[str, tuple[str, ...]] = {"isbi2012": ("data.size=[256,256]",), "dsb2018": ()}
HELD_OUT = ("data.seed=0", "data.folds=3", "data.fold=0")
ERRORS = 2.0


@dataclass(frozen=True)
class Study:
    """How much is trained: settings, seeds; and where runs are kept."""

    runs: Path
    settings: tuple[str, ...]
    seeds: int


@dataclass(frozen=True)
class Trained:
    """What one run reached on the images that it never saw, and how long its epochs took."""

    counts: Confusion
    images: int
    seconds: float


@dataclass
class Arm:
    """One precision on one data set: the score of each seed."""

    scores: list[float] = field(default_factory=list)
    seconds: float = 0.0
    images: int = 0


LONG = Study(
    RESULTS / "precision",
    ("model.width=16", "training.tile=128", "training.batch=8", "training.epochs=5", "training.steps_per_epoch=60"),
    seeds=5,
)
MINIATURE = Study(
    RESULTS / "precision-miniature",
    ("model.width=2", "model.depth=2", "training.tile=64", "training.batch=2", "training.epochs=1", "training.steps_per_epoch=2"),
    seeds=2,
)  # fmt: skip


def precision() -> list[Row]:
    """One row a data set, from the long form."""
    return study(LONG)


def study(of: Study) -> list[Row]:
    """One row a data set; a row that says so where its images are not there."""
    there = [name for name in DATA_SETS if (DATA / name).is_dir()]
    if len(there) < len(DATA_SETS):
        return [Row({"data": f"'{DATA}' lacks some of {', '.join(DATA_SETS)}; set UTOME_DATA"})]
    arms: dict[tuple[str, str], Arm] = {(name, each): Arm() for name in there for each in PRECISIONS}
    # Seed by seed, so that what was stopped has the same of all.
    for seed in range(of.seeds):
        for (name, each), arm in arms.items():
            run = _trained(of, name, each, seed)
            arm.scores.append(run.counts.mean_iou)
            arm.seconds += run.seconds
            arm.images = run.images
    return [_row(name, of, *(arms[name, each] for each in PRECISIONS)) for name in there]


def _trained(of: Study, name: str, each: str, seed: int) -> Trained:
    """Train and test one run, or read what it reached before."""
    run = of.runs / f"{name}-{each}-{seed}"
    reached = run / "reached.json"
    if not reached.exists():
        _train(of, run, name, (f"training.precision={each}", f"seed={seed}"))
        found = evaluate(run, DATA / name, machine=MachineSettings()).unseen
        if found is None:
            raise AssertionError("a third of the images is held out")
        times = (run / "timing.csv").read_text(encoding="utf-8").splitlines()[1:]
        seconds = sum(float(line.split(",")[1]) for line in times)
        counts = found.together.counts.tolist()
        write_json(reached, {"counts": counts, "images": len(found.images), "seconds": seconds})
    document = json.loads(reached.read_text(encoding="utf-8"))
    return Trained(Confusion(np.array(document["counts"])), document["images"], document["seconds"])


def _train(of: Study, run: Path, name: str, own: tuple[str, ...]) -> None:
    if (run / "config.yaml").exists():
        resume(DATA / name, run)
        return
    settings = [*of.settings, *DATA_SETS[name], *HELD_OUT, *own]
    train(DATA / name, override(load_recipe("unet").settings, settings), run)


def _row(name: str, of: Study, precise: Arm, quick: Arm) -> Row:
    noise = math.sqrt((variance(precise.scores) + variance(quick.scores)) / 2)
    difference = mean(quick.scores) - mean(precise.scores)
    cells: dict[str, Cell] = {
        "data": name,
        "images": precise.images,
        "seeds": of.seeds,
        "float32, mean IoU": mean(precise.scores),
        "bfloat16, mean IoU": mean(quick.scores),
        "deviation between seeds": noise,
        "difference": difference,
        "its size": at_most(abs(difference), ERRORS * noise * math.sqrt(2 / of.seeds)),
        "bfloat16, times as fast": precise.seconds / quick.seconds,
    }
    return Row(cells, {"float32": precise.scores, "bfloat16": quick.scores})


if __name__ == "__main__":
    sys.stdout.write(f"{markdown(study(MINIATURE))}\n")
