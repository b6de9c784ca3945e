"""Can B and X of the Feature Random Enhancement Module be found without convergence? A full search beside one that ends trials early.

    python scripts/tune_drosophila.py all DATA/drosophila_vnc runs/tune_drosophila
    python scripts/tune_drosophila.py all DATA/drosophila_vnc runs/toy --trials 3 --epochs 2    # to see that it works

Both searches have the paper's number of trials and the same first suggestions. The choice of each is then trained with three seeds that no
search has seen, on the same parts, and scored on test images that no search has looked at. `search`, `train` and `table` are its steps, and
`all` is the three in turn. Whatever was done is not done again, and what was under way goes on, also after a kill.

The scale is one that two processors do in some hours and no claim about the full images: sections shrunk to 256 pixels a side, width 8, and
so 128 maps at the bottom, where the paper has 512. Seven test images are the fewest but one on which a difference can be told at all.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from utome.config.overrides import override, read_config
from utome.config.settings import Config
from utome.data.truth import read_pixels, read_truth
from utome.device import choose_device
from utome.events import Event, TrialBegun, TrialEnded, silent
from utome.execution import Done, Workers, fanned
from utome.files import write_json
from utome.jobs.reading import read_data, split_data
from utome.jobs.resume import resume
from utome.jobs.train import train
from utome.jobs.tune import Asked, TuneResult, Where, tune, tune_further
from utome.metrics.confusion import confusion
from utome.modelfolder.folder import load_model
from utome.prediction.predictor import Predictor
from utome.recipes.library import load_recipe
from utome.statistics.comparison import compare
from utome.statistics.intervals import estimate
from utome.statistics.scores import Score
from utome.statistics.units import Result, arms
from utome.tuning.search import Again
from utome.tuning.trial import PRUNERS

FULL = "none"
SEEDS = (101, 102, 103)
SETTINGS = (
    "data.split=9/4/7", "data.seed=0", "data.size=[256,256]", "model.width=8", "training.tile=128", "training.places=random",
    "training.tiles_per_image=4", "training.precision=float32", "machine.threads=1", "machine.device=cpu",
)  # fmt: skip
SPACE = {
    "model.enhancement.maps": {"low": 1, "high": 128},
    "model.enhancement.factor": {"low": 1, "high": 1000, "step": 1},
}


@dataclass(frozen=True)
class Plan:
    """What is searched, where it is kept, and how much of it."""

    data: Path
    runs: Path
    pruner: str
    trials: int
    epochs: int
    workers: int

    @property
    def searches(self) -> tuple[str, str]:
        """The full search and the other one."""
        return FULL, self.pruner


@dataclass(frozen=True)
class Choice:
    """What one search chose, to be trained with one more seed."""

    data: Path
    config: Path
    out: Path
    seed: int


def main() -> None:
    """Do what the command says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["search", "train", "table", "all"])
    parser.add_argument("data", type=Path, help="the folder drosophila_vnc")
    parser.add_argument("runs", type=Path, help="where searches and runs are kept")
    parser.add_argument("--pruner", choices=PRUNERS[1:4], default="halving")
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--epochs", type=int, default=81)
    parser.add_argument("--workers", type=int, default=1)
    given = vars(parser.parse_args())
    step = given.pop("step")
    plan = Plan(**given)
    if step in {"search", "all"}:
        for pruner in plan.searches:
            _search(plan, pruner)
    if step in {"train", "all"}:
        _train_choices(plan)
    if step in {"table", "all"}:
        sys.stdout.write(f"{table(plan)}\n")


def _study(plan: Plan, pruner: str) -> Path:
    return plan.runs / f"search-{pruner}"


def _search(plan: Plan, pruner: str) -> TuneResult:
    out, recipe = _study(plan, pruner), load_recipe("se-unet-frem")
    where = Where(Workers(plan.workers))
    if (out / "study.yaml").exists():
        return tune_further(plan.data, Again(trials=plan.trials), out, where=where, listen=_say)
    settings = (*SETTINGS, f"training.epochs={plan.epochs}", "model.enhancement.maps=1")
    asked = Asked(override(recipe.settings, settings), settings, SPACE, plan.trials, pruner=pruner)
    return tune(plan.data, asked, out, where=where, listen=_say)


def _say(event: Event) -> None:
    if isinstance(event, TrialBegun | TrialEnded):
        sys.stderr.write(f"{json.dumps(event.as_json())}\n")


def _choices(plan: Plan) -> list[Choice]:
    return [
        Choice(plan.data, _study(plan, pruner) / "best.yaml", plan.runs / "chosen" / f"{pruner}-{seed}", seed)
        for seed in SEEDS
        for pruner in plan.searches
    ]


def _train_choices(plan: Plan) -> None:
    missing = [choice for choice in _choices(plan) if not _scores(choice).exists()]
    with fanned(train_choice, Workers(plan.workers)) as fan:
        for choice in missing:
            fan.add(choice)
        for done in fan:
            _raise(done)


def _raise(done: Done[Choice, None]) -> None:
    if done.error is not None:
        raise done.error


def _scores(choice: Choice) -> Path:
    return choice.out.with_suffix(".json")


def train_choice(choice: Choice) -> None:
    """Train the choice, or go on with it, and score it on the test images of the search."""
    config = override(read_config(choice.config), [f"seed={choice.seed}"])
    if (choice.out / "config.yaml").exists():
        resume(choice.data, choice.out)
    else:
        train(choice.data, config, choice.out)
    write_json(_scores(choice), _scored(choice, config))


def _scored(choice: Choice, config: Config) -> list[dict[str, Any]]:
    """The confusion matrix of each test image, at its own size."""
    model = load_model(choice.out)
    predictor = Predictor(model, choose_device(config.machine, precision=model.card.precision))
    found = read_data(choice.data, config.data, silent)
    parts, classes = split_data(found, config.data, seed=config.seed, listen=silent), model.card.class_table
    rows = []
    for fact in parts.test:
        truth = classes.labels(read_truth(fact.sample), source=fact.sample.truth_source)
        labels = predictor.labels(read_pixels(fact.sample), source=fact.sample.source)
        rows.append({
            "image": fact.sample.name, "counts": confusion(truth, labels, classes=classes.count).counts.tolist(),
        })  # fmt: skip
    return rows


def mean_iou(counts: np.ndarray) -> np.ndarray:
    """Of many confusion matrices (b, k, k) at once, the mean over classes."""
    hits = np.diagonal(counts, axis1=1, axis2=2)
    return np.asarray((hits / (counts.sum(axis=1) + counts.sum(axis=2) - hits)).mean(axis=1))


def table(plan: Plan) -> str:
    """Markdown: what each search cost and chose, what the choice reached with other seeds, and whether the two can be told apart."""
    heads = (
        "search", "trials to the end, ended early", "epochs", "B, X", "validation mIoU in the search",
        f"test mIoU of its choice, {len(SEEDS)} seeds (95 % interval)", "of each seed",
    )  # fmt: skip
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    results = _results(plan)
    pooled = {arm.name: arm for arm in arms(results)}
    found = {pruner: _search(plan, pruner) for pruner in plan.searches}
    for pruner, result in found.items():
        own = estimate(pooled[pruner].sums, Score(mean_iou))
        spread = "" if own.interval is None else f" ({own.interval.low:.3f} to {own.interval.high:.3f})"
        seeds = [float(mean_iou(_counts(results, pruner, seed)[None])[0]) for seed in SEEDS]
        share = result.epochs / found[FULL].epochs
        chosen = ", ".join(f"{value:g}" for value in result.best.params.values() if isinstance(value, int | float))
        cells = (
            pruner, f"{result.count('complete')}, {result.count('pruned')}", f"{result.epochs} ({share:.0%})", chosen,
            f"{result.best.value:.4f}", f"{own.value:.3f}{spread}", " ".join(f"{seed:.3f}" for seed in seeds),
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", *_verdicts(plan, found, results)])


def _counts(results: list[Result], arm: str, seed: int) -> np.ndarray:
    """The confusion matrices of all test images, added up."""
    return np.sum([np.asarray(each.value) for each in results if (each.arm, each.seed) == (arm, seed)], axis=0)


def _verdicts(plan: Plan, found: dict[str, TuneResult], results: list[Result]) -> list[str]:
    same = found[FULL].best.params == found[plan.pruner].best.params
    pooled = {arm.name: arm for arm in arms(results)}
    (verdict,) = compare(pooled[FULL], [pooled[plan.pruner]], Score(mean_iou), seed=0)
    sentences = [
        "Both searches chose the same values." if same else verdict.verdict,
        f"{plan.epochs} epochs and re-selections a training, {plan.trials} trials a search.",
    ]
    replayed = "; ".join(
        f"{each.pruner} {each.share:.0%} of the epochs, {'the same choice' if each.lost == 0 else f'a choice {each.lost:.4f} lower'}"
        for each in found[FULL].sooner
    )
    return [*sentences, f"Each rule on the histories of the full search: {replayed}."] if replayed else sentences


def _results(plan: Plan) -> list[Result]:
    found = []
    for choice in _choices(plan):
        arm = choice.out.name.rpartition("-")[0]
        rows = json.loads(_scores(choice).read_text(encoding="utf-8"))
        found += [Result(arm, row["image"], np.array(row["counts"], float), seed=choice.seed) for row in rows]
    return found


if __name__ == "__main__":
    main()
