"""What ending trials early would have saved of a search that ended none, and whether the choice would have been another.

Nothing is trained: each rule is asked about the histories of the full search. What it cannot tell is what else would have been suggested
after other trials; a search of its own does.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from utome.tuning.folder import StudyFolder
from utome.tuning.pruning import WILCOXON_LEAST, Judge
from utome.tuning.search import Search
from utome.tuning.trial import PRUNERS, Pruner, Rung, Trial, best_of, stages

# Of each trial by number, the best validation mean IoU up to each epoch, of each training.
Curves = Mapping[int, Sequence[Sequence[float]]]
# The choice among fewer trials says nothing of a rule.
LEAST = 10


@dataclass(frozen=True)
class Sooner:
    """Under this pruner: epochs of how many, trials ended early, the trial chosen, what it reached in full, and how far that is below
    the best.
    """

    pruner: str
    epochs: int
    of: int
    pruned: int
    trial: int
    value: float
    lost: float

    @property
    def share(self) -> float:
        """Of the epochs of the full search."""
        return self.epochs / self.of

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "share": self.share}


def curves_of(search: Search, trials: Sequence[Trial], folder: StudyFolder) -> Curves:
    """From the histories of the trials' run folders; what is missing there is an empty curve."""
    return {trial.number: [_curve(folder, trial.number, each) for each in search.repetitions] for trial in trials}


def sooner(search: Search, trials: Sequence[Trial], curves: Curves) -> tuple[Sooner, ...]:
    """Each pruner on the trials of a full search; nothing for a search that had one itself, or came to fewer than ten whole trials."""
    whole = [trial for trial in trials if trial.state == "complete" and all(curves[trial.number])]
    best = best_of(whole)
    if search.pruner != "none" or best is None or best.value is None or len(whole) < LEAST:
        return ()
    reached = {trial.number: trial.value or 0.0 for trial in whole}
    repetitions = len(search.repetitions)
    pruners = [each for each in PRUNERS if each != "none" and (each != "wilcoxon" or repetitions >= WILCOXON_LEAST)]
    found = []
    for pruner in pruners:
        replayed = replay(pruner, search, {trial.number: curves[trial.number] for trial in whole})
        chosen = best_of(replayed)
        if chosen is None:
            continue
        value = reached[chosen.number]
        found.append(
            Sooner(
                pruner, sum(each.epochs for each in replayed), sum(each.epochs for each in whole),
                sum(each.state == "pruned" for each in replayed), chosen.number, value, best.value - value,
            )
        )  # fmt: skip
    return tuple(found)


def replay(pruner: Pruner, search: Search, curves: Curves) -> list[Trial]:
    """What would have become of trials with these numbers and curves, one after another; a rule may go by the number."""
    judge, order, trials = Judge(pruner, search.epochs, search.config.seed), 0, list[Trial]()
    parts = stages(pruner, search.epochs, len(search.repetitions))
    for number, curve in curves.items():
        trial = Trial(number, {})
        for stage in parts:
            known = range(max(stage.repetitions) + 1)
            reached = [curve[each][: stage.until] for each in known]
            values = tuple(each[-1] for each in reached)
            rung = Rung(stage.step, sum(values) / len(values), values, sum(map(len, reached)), order, ended=False)
            order += 1
            trial = trial.at(rung)
            if judge.ends(number, rung) and stage is not parts[-1]:
                trial = replace(trial, state="pruned")
                break
        else:
            trial = replace(trial, state="complete")
        judge.ended(trial)
        trials.append(trial)
    return trials


def _curve(folder: StudyFolder, trial: int, repetition: Mapping[str, int]) -> list[float]:
    try:
        text = (folder.run(trial, repetition) / "history.csv").read_text(encoding="utf-8")
        scores = [float(row["val_mean_iou"]) for row in csv.DictReader(text.splitlines())]
    except (OSError, ValueError, KeyError):
        return []
    best, found = float("-inf"), []
    for score in scores:
        best = max(best, score) if score == score else best  # noqa: PLR0124 - NaN is not itself
        found.append(best)
    return found
