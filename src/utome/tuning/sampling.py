"""What to try next: the tree-structured Parzen estimator (Bergstra et al. 2011), by Optuna.

A suggestion is a function of the seed, its number and the trials before it, so it does not matter how often a search was stopped. Each
setting is modelled alone, as in that paper. Of trials under way it is assumed that they go badly, so that those beside them look elsewhere.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from utome.randomness import key
from utome.tuning.space import Params, Range, Space
from utome.tuning.trial import Trial

if TYPE_CHECKING:  # imported for real when it runs, so that `--help` is instant
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial


def suggest(space: Space, trials: Sequence[Trial], seed: int) -> Params:
    """Values for the trial after these."""
    import optuna

    # In this order of arguments, since the states of a sampler's generator begin at a number below 2**32.
    sampler = optuna.samplers.TPESampler(
        seed=key(seed, "trial", len(trials)) % 2**32, multivariate=False, constant_liar=True
    )
    # The estimator does not look at what failed, and would go there again; of what was ended early without a report it thinks ill.
    known = [replace(trial, state="pruned", rungs=()) if trial.state == "failed" else trial for trial in trials]
    study = study_of(space, known, sampler)
    return dict(study.ask(distributions(space)).params)


def study_of(
    space: Space, trials: Sequence[Trial], sampler: "optuna.samplers.BaseSampler | None" = None
) -> "optuna.Study":
    """The trials as a study of Optuna's, in memory."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=sampler or optuna.samplers.RandomSampler(seed=0))
    study.add_trials([frozen(trial, space) for trial in trials])
    return study


def distributions(space: Space) -> "dict[str, BaseDistribution]":
    """The space in Optuna's terms."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    def one(dimension: object) -> "BaseDistribution":
        if not isinstance(dimension, Range):
            return CategoricalDistribution(dimension.choices)  # type: ignore[attr-defined]
        if isinstance(dimension.low, int):
            return IntDistribution(dimension.low, int(dimension.high), dimension.log, int(dimension.step or 1))
        return FloatDistribution(dimension.low, dimension.high, dimension.log, dimension.step)

    return {path: one(dimension) for path, dimension in space.items()}


def frozen(trial: Trial, space: Space) -> "FrozenTrial":
    """A trial in Optuna's terms."""
    from optuna.trial import TrialState, create_trial

    states = {
        "running": TrialState.RUNNING, "complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL,
    }  # fmt: skip
    return create_trial(
        state=states[trial.state],
        value=trial.value if trial.state in {"complete", "pruned"} else None,
        params=dict(trial.params),
        distributions=distributions(space),
        intermediate_values={rung.step: rung.value for rung in trial.rungs},
    )
