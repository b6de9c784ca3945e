"""Which trials to end early: Optuna's median, successive halving, Hyperband and Wilcoxon rules.

They are asked about a study in memory, whose reports are those of the search in the order in which they came. So a decision can be made
again, after a restart or for a search that ended none, and the storage holds nothing but what was reported and decided.
"""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from utome.tuning.trial import FACTOR, Pruner, Rung, Trial, first_rung

if TYPE_CHECKING:  # imported for real when it runs, so that `--help` is instant
    import optuna

# The Wilcoxon signed-rank test gives a p below 0.1, one-sided, from four pairs on; the fifth is the first that can be saved.
WILCOXON_LEAST = 5


class Judge:
    """Hears of every trial and report, and says which trial is to end."""

    def __init__(self, pruner: Pruner, epochs: int, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._pruner = pruner
        # The name is what Hyperband draws the brackets of trials by.
        self._study = optuna.create_study(
            study_name=f"utome {seed}",
            direction="maximize",
            sampler=optuna.samplers.RandomSampler(seed=0),
            pruner=_rule(pruner, epochs),
        )
        self._trials: list[optuna.Trial] = []

    def begin(self, count: int) -> None:
        """There are so many trials now."""
        while len(self._trials) < count:
            self._trials.append(self._study.ask())

    def ends(self, number: int, rung: Rung) -> bool:
        """Whether the trial that reports this is to end."""
        self.begin(number + 1)
        trial = self._trials[number]
        trial.report(rung.values[-1] if self._pruner == "wilcoxon" else rung.value, rung.step)
        return bool(trial.should_prune())

    def ended(self, trial: Trial) -> None:
        """The trial is complete, pruned or failed."""
        from optuna.trial import TrialState

        self.begin(trial.number + 1)
        if trial.state == "complete":
            self._study.tell(trial.number, trial.value)
        else:
            self._study.tell(trial.number, state=TrialState.PRUNED if trial.state == "pruned" else TrialState.FAIL)

    def hear(self, trials: Sequence[Trial]) -> None:
        """Hear of all that was before, in the order in which it came."""
        self.begin(len(trials))
        reports = sorted((rung.order, trial.number) for trial in trials for rung in trial.rungs)
        by_order = {rung.order: rung for trial in trials for rung in trial.rungs}
        for order, number in reports:
            self.ends(number, by_order[order])
            if trials[number].state != "running" and trials[number].rungs[-1].order == order:
                self.ended(trials[number])
        for trial in trials:
            if trial.state == "failed" and not trial.rungs:
                self.ended(trial)


def _rule(pruner: Pruner, epochs: int) -> "optuna.pruners.BasePruner":
    import optuna

    first = first_rung(epochs)
    if pruner == "median":
        return optuna.pruners.MedianPruner()
    if pruner == "halving":
        return optuna.pruners.SuccessiveHalvingPruner(min_resource=first, reduction_factor=FACTOR)
    if pruner == "hyperband":
        return optuna.pruners.HyperbandPruner(min_resource=first, max_resource=epochs, reduction_factor=FACTOR)
    if pruner == "wilcoxon":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.pruners.WilcoxonPruner()
    return optuna.pruners.NopPruner()
