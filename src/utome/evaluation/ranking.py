"""Ranking: the areas under the ROC and the precision-recall curve of probabilities."""

import numpy as np

from utome.errors import DataError
from utome.evaluation.case import Case
from utome.evaluation.measures import Family, Measure, Sums
from utome.metrics.ranking import Ranking, ranking


class Ranked(Family[Ranking]):
    """How well probabilities rank pixels; for two classes."""

    name = "ranking"
    about = "the pixels of all images ranked together"
    headline = "average_precision"
    measures = (
        Measure(
            "roc_area",
            lambda counts: counts.roc_area,
            "area under the ROC curve: chance that a foreground pixel has the higher probability, a tie counting half",
        ),
        Measure(
            "average_precision",
            lambda counts: counts.average_precision,
            "area under the precision-recall curve, in steps, without lines between points",
        ),
        Measure(
            "roc_area_error",
            lambda counts: counts.roc_area_error,
            "the most that rounding to 65,536 levels can have changed roc_area",
            interval=False,
            shown=False,
        ),
    )

    def count(self, case: Case) -> Ranking:
        """Pixels by level of probability."""
        if case.probability is None:
            raise DataError("Ranking needs probabilities, but there are labels alone.")
        return ranking(case.truth, case.probability)

    def pack(self, counts: Ranking) -> Sums:
        """Positives, then negatives."""
        return np.concatenate([counts.positives, counts.negatives]).astype(np.float64)

    def unpack(self, sums: Sums) -> Ranking:
        """The two histograms."""
        positives, negatives = np.split(np.rint(sums).astype(np.int64), 2)
        return Ranking(positives, negatives)
