"""Thin structures: cracks within a tolerance, clDice, both sides by width, and the best threshold of probabilities."""

from collections.abc import Callable
from dataclasses import astuple, dataclass

import numpy as np

from utome.evaluation.case import Case
from utome.evaluation.measures import Family, Measure, Sums
from utome.metrics.thin import WIDTH_LIMITS, WidthScores, tolerant_counts, width_scores
from utome.metrics.thresholds import THRESHOLDS, ThresholdCounts, threshold_counts
from utome.metrics.twosided import TwoSided

WIDTHS = ("under_3_px", "3_to_6_px", "6_to_12_px", "from_12_px")


@dataclass(frozen=True)
class ThinCounts:
    """Pixels within the tolerance, centrelines by width, and counts over thresholds where there are probabilities."""

    tolerant: TwoSided
    widths: WidthScores
    thresholds: ThresholdCounts | None

    def __add__(self, other: "ThinCounts") -> "ThinCounts":
        both = self.thresholds is not None and other.thresholds is not None
        return ThinCounts(
            self.tolerant + other.tolerant,
            self.widths + other.widths,
            self.thresholds + other.thresholds if both else None,  # type: ignore[operator]
        )


class Thin(Family[ThinCounts]):
    """Scores of cracks, vessels and other lines; for two classes."""

    name = "thin"
    headline = "f1"

    def __init__(self, *, tolerance: float, probabilities: bool) -> None:
        self._tolerance = tolerance
        self._probabilities = probabilities
        self.about = f"pixels of all images together; tolerance {tolerance:g} pixels"
        self.measures = (
            *_tolerant(tolerance),
            *_centreline(),
            *_by_width(),
            *(_best(tolerance) if probabilities else ()),
        )

    def count(self, case: Case) -> ThinCounts:
        """All three."""
        truth, predicted, known = case.truth == 1, case.predicted == 1, case.known
        thresholds = None
        if self._probabilities and case.probability is not None:
            thresholds = threshold_counts(truth, case.probability, tolerance=self._tolerance, known=known)
        return ThinCounts(
            tolerant_counts(truth, predicted, tolerance=self._tolerance, known=known),
            width_scores(truth, predicted, known=known),
            thresholds,
        )

    def pack(self, counts: ThinCounts) -> Sums:
        """Four numbers each: within the tolerance, of each width, of each threshold, and at each image's best."""
        over = () if counts.thresholds is None else (*counts.thresholds.at, counts.thresholds.at_best_of_image)
        rows = [astuple(each) for each in (counts.tolerant, *counts.widths.widths, *over)]
        return np.asarray(rows, dtype=np.float64).ravel()

    def unpack(self, sums: Sums) -> ThinCounts:
        """The counts again."""
        tolerant, *rest = (TwoSided(*row) for row in np.rint(sums).astype(int).reshape(-1, 4).tolist())
        widths, over = rest[: len(WIDTHS)], rest[len(WIDTHS) :]
        thresholds = ThresholdCounts(THRESHOLDS, self._tolerance, tuple(over[:-1]), over[-1]) if over else None
        return ThinCounts(tolerant, WidthScores(WIDTH_LIMITS, tuple(widths)), thresholds)


def _tolerant(tolerance: float) -> list[Measure[ThinCounts]]:
    told = {
        "f1": f"harmonic mean of precision and recall, within {tolerance:g} pixels",
        "precision": f"share of the predicted pixels that lie within {tolerance:g} pixels of a true one",
        "recall": f"share of the true pixels that lie within {tolerance:g} pixels of a predicted one",
    }
    return [Measure(name, _side(lambda counts: counts.tolerant, name), each) for name, each in told.items()]


def _centreline() -> list[Measure[ThinCounts]]:
    told = {
        "f1": ("cldice", "harmonic mean of centreline precision and recall (clDice), without a tolerance"),
        "precision": ("centreline_precision", "share of the prediction's skeleton that lies in the truth"),
        "recall": ("centreline_recall", "share of the truth's skeleton that lies in the prediction"),
    }
    return [
        Measure(name, _side(lambda counts: counts.widths.together, side), each) for side, (name, each) in told.items()
    ]


def _by_width() -> list[Measure[ThinCounts]]:
    told = {
        "recall": "share of the truth's skeleton of this width that lies in the prediction",
        "precision": "share of the prediction's skeleton of this width that lies in the truth",
    }
    return [
        Measure(f"{width}.{side}", _side(_of_width(place), side), each)
        for place, width in enumerate(WIDTHS)
        for side, each in told.items()
    ]


def _best(tolerance: float) -> list[Measure[ThinCounts]]:
    within = f"within {tolerance:g} pixels, without pairing or interpolation"
    return [
        Measure("ods", _over("ods"), f"F at the one best threshold for all images, {within}"),
        Measure("ois", _over("ois"), f"F with each image at its own best threshold, {within}"),
        Measure("ods_threshold", _over("best_threshold"), "the threshold of ods", interval=False),
    ]


def _side(of: Callable[[ThinCounts], TwoSided], name: str) -> Callable[[ThinCounts], float]:
    return lambda counts: float(getattr(of(counts), name))


def _of_width(place: int) -> Callable[[ThinCounts], TwoSided]:
    return lambda counts: counts.widths.widths[place]


def _over(name: str) -> Callable[[ThinCounts], float]:
    return lambda counts: float("nan") if counts.thresholds is None else float(getattr(counts.thresholds, name))
