"""How much each setting mattered: PED-ANOVA (Watanabe et al. 2023), by Optuna.

It asks how far the values of the best tenth of the trials lie from those of all, setting by setting; interactions are not seen.
"""

import warnings
from collections.abc import Mapping, Sequence

from utome.tuning.sampling import study_of
from utome.tuning.space import Space
from utome.tuning.trial import Trial

# With fewer trials the best tenth is one or two of them.
LEAST = 10


def importances(space: Space, trials: Sequence[Trial]) -> Mapping[str, float]:
    """Shares that add up to 1, the largest first; nothing for a single setting, nor for fewer than ten complete trials."""
    complete = [trial for trial in trials if trial.state == "complete"]
    if len(space) < 2 or len(complete) < LEAST or len({trial.value for trial in complete}) < 2:
        return {}
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.importance.get_param_importances(
            study_of(space, complete), evaluator=optuna.importance.PedAnovaImportanceEvaluator()
        )
