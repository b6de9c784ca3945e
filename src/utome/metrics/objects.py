"""Scores of objects: which were found, missed, invented, merged or split, and how well they fit.

A true and a predicted object *match* at a threshold t >= 0.5 when their IoU is greater than t, strictly. Since objects
of one map do not share pixels, two can both share more than half of a third's union with neither: a match is unique,
and no order or assignment has a say. All scores come from counts that add up over images; an image without objects
adds nothing to them, and without any objects at all a score is NaN.

The same is told for objects that touch the image's edge. Whatever is counted by true objects (matches, SEG, splits,
missed) is counted there over true objects at the edge, and whatever is counted by predicted objects (false positives,
merges, invented) over predicted objects at the edge; what they are compared with may lie anywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float64, Int64

from utome.errors import ConfigError
from utome.metrics.checks import OtherMask, check_addable
from utome.metrics.overlaps import Instances, OtherInstances, Overlaps, overlaps

# 0.50, 0.55, ..., 0.95, each the float nearest to it (Data Science Bowl 2018).
IOU_THRESHOLDS = tuple(step / 20 for step in range(10, 20))


@dataclass(frozen=True)
class ObjectCounts:
    """What was counted in one or more images, and the scores that follow; counts of several images add up.

    Arrays have one value for each of `thresholds`. `matched_iou` is the sum of the matches' IoU, `seg_sum` that of
    SEG over true objects, and `jaccard_shared` and `jaccard_union` are the two sums of the aggregated Jaccard index.
    `number_errors` is the sum over images of |predicted objects - true objects|.
    """

    thresholds: tuple[float, ...]
    truth: int
    predicted: int
    number_errors: int
    true_positives: Int64[np.ndarray, " t"]
    false_negatives: Int64[np.ndarray, " t"]
    false_positives: Int64[np.ndarray, " t"]
    matched_iou: Float64[np.ndarray, " t"]
    seg_sum: float
    jaccard_shared: int
    jaccard_union: int
    merges: int
    splits: int
    missed: int
    invented: int

    def __add__(self, other: "ObjectCounts") -> "ObjectCounts":
        check_addable(self.thresholds, other.thresholds, what="thresholds")
        names = [field.name for field in fields(self)[1:]]
        return ObjectCounts(self.thresholds, *(getattr(self, name) + getattr(other, name) for name in names))

    @property
    def seg(self) -> float:
        """The Cell Tracking Challenge's SEG (Maška et al. 2014): the mean over true objects of their Jaccard index.

        It is that with the predicted object that has more than half of the true one, and 0 where none has; what is
        invented does not count. Images without true objects add nothing, as frames without truth should.
        """
        return self.seg_sum / self.truth if self.truth else float("nan")

    @property
    def average_precision(self) -> Float64[np.ndarray, " t"]:
        """TP / (TP + FN + FP) at each threshold, as the Data Science Bowl 2018 has it; it ranks nothing."""
        return _share(self.true_positives, self.true_positives + self.false_negatives + self.false_positives)

    @property
    def mean_average_precision(self) -> float:
        """The mean of `average_precision` over the thresholds."""
        return float(self.average_precision.mean())

    @property
    def precision(self) -> Float64[np.ndarray, " t"]:
        """Share of the predicted objects that match: TP / (TP + FP)."""
        return _share(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> Float64[np.ndarray, " t"]:
        """Share of the true objects that are matched: TP / (TP + FN)."""
        return _share(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> Float64[np.ndarray, " t"]:
        """TP / (TP + FP/2 + FN/2) at each threshold; the recognition quality of panoptic quality."""
        return _share(self.true_positives, self._halves)

    @property
    def panoptic_quality(self) -> Float64[np.ndarray, " t"]:
        """The matches' IoU in sum / (TP + FP/2 + FN/2) (Kirillov et al. 2019, at 0.5): `f1` times `matched_quality`."""
        return _share(self.matched_iou, self._halves)

    @property
    def matched_quality(self) -> Float64[np.ndarray, " t"]:
        """The mean IoU of the matches, the segmentation quality of panoptic quality."""
        return _share(self.matched_iou, self.true_positives)

    @property
    def aggregated_jaccard(self) -> float:
        """The aggregated Jaccard index (Kumar et al. 2017).

        Each true object takes the predicted one with the highest IoU, of equals the one with the lowest number; one
        predicted object may be taken several times. It is what all pairs share over the sum of their unions, of true
        objects that share nothing, and of predicted objects that nobody took.
        """
        return self.jaccard_shared / self.jaccard_union if self.jaccard_union else float("nan")

    @property
    def _halves(self) -> Float64[np.ndarray, " t"]:
        return self.true_positives + (self.false_positives + self.false_negatives) / 2


@dataclass(frozen=True)
class ObjectScores:
    """The counts of all objects, and of those that touch the image's edge."""

    everywhere: ObjectCounts
    at_edge: ObjectCounts

    def __add__(self, other: "ObjectScores") -> "ObjectScores":
        return ObjectScores(self.everywhere + other.everywhere, self.at_edge + other.at_edge)


def score_objects(
    truth: Instances,
    predicted: OtherInstances,
    *,
    thresholds: Sequence[float] = IOU_THRESHOLDS,
    known: OtherMask | None = None,
) -> ObjectScores:
    """Compare the objects of one image's two instance maps (0 is the background).

    What is not `known` counts as background in both. DataError where sizes differ or a number is negative, and
    ConfigError where a threshold does not lie from 0.5 up to 1.
    """
    limits = tuple(float(threshold) for threshold in thresholds)
    wrong = [limit for limit in limits if not 0.5 <= limit < 1]
    if wrong or not limits:
        raise ConfigError(
            f"The IoU thresholds are {list(limits)}, but there must be one or more, each from 0.5 to below 1: "
            "under 0.5 an object could match several."
        )
    pairs = overlaps(truth, predicted, known=known)
    everyone = (np.ones_like(pairs.truth.at_edge), np.ones_like(pairs.predicted.at_edge))
    return ObjectScores(
        count_objects(pairs, limits, *everyone),
        count_objects(pairs, limits, pairs.truth.at_edge, pairs.predicted.at_edge),
    )


def count_objects(
    pairs: Overlaps,
    thresholds: tuple[float, ...],
    truth: Bool[np.ndarray, " n"],
    predicted: Bool[np.ndarray, " m"],
) -> ObjectCounts:
    """The counts over the chosen true and the chosen predicted objects.

    A true and a predicted object belong together where the two share more than half of either. Where several true
    objects lie in one predicted object by more than half, each but one is a *merge*; where several predicted objects
    lie in one true object so, each but one is a *split*. A true object that belongs to none is *missed*, and a
    predicted object that belongs to none is *invented*.
    """
    true_positives, matched_iou, taken = _matches(pairs, thresholds, truth)
    matched = np.asarray([np.count_nonzero(predicted & each) for each in taken], dtype=np.int64)
    lies_in = 2 * pairs.shared > pairs.truth.sizes[pairs.rows]
    holds = 2 * pairs.shared > pairs.predicted.sizes[pairs.columns]
    merged = np.bincount(pairs.columns[lies_in], minlength=predicted.size)
    parts = np.bincount(pairs.rows[holds], minlength=truth.size)
    together = lies_in | holds
    missed, invented = truth.copy(), predicted.copy()
    missed[pairs.rows[together]] = False
    invented[pairs.columns[together]] = False
    shared, union = _aggregated_jaccard(pairs, truth, predicted)
    many_true, many_predicted = int(np.count_nonzero(truth)), int(np.count_nonzero(predicted))
    return ObjectCounts(
        thresholds=thresholds,
        truth=many_true,
        predicted=many_predicted,
        number_errors=abs(many_predicted - many_true),
        true_positives=true_positives,
        false_negatives=many_true - true_positives,
        false_positives=many_predicted - matched,
        matched_iou=matched_iou,
        seg_sum=float(pairs.iou[lies_in & truth[pairs.rows]].sum()),
        jaccard_shared=shared,
        jaccard_union=union,
        merges=int((merged[predicted] - 1).clip(min=0).sum()),
        splits=int((parts[truth] - 1).clip(min=0).sum()),
        missed=int(np.count_nonzero(missed)),
        invented=int(np.count_nonzero(invented)),
    )


def _matches(
    pairs: Overlaps, thresholds: tuple[float, ...], truth: Bool[np.ndarray, " n"]
) -> tuple[Int64[np.ndarray, " t"], Float64[np.ndarray, " t"], list[Bool[np.ndarray, " m"]]]:
    """At each threshold: how many of the chosen true objects match, their IoU in sum, and all matched predictions."""
    iou = pairs.iou
    counts, sums, taken = [], [], []
    for threshold in thresholds:
        match = iou > threshold
        ours = match & truth[pairs.rows]
        counts.append(np.count_nonzero(ours))
        sums.append(iou[ours].sum())
        found = np.zeros(pairs.predicted.ids.size, dtype=bool)
        found[pairs.columns[match]] = True
        taken.append(found)
    return np.asarray(counts, dtype=np.int64), np.asarray(sums, dtype=np.float64), taken


def _aggregated_jaccard(
    pairs: Overlaps, truth: Bool[np.ndarray, " n"], predicted: Bool[np.ndarray, " m"]
) -> tuple[int, int]:
    # Pairs by true object, the best first; of equals that with the lowest number comes first.
    order = np.lexsort((pairs.columns, -pairs.iou, pairs.rows))
    overlapped, first = np.unique(pairs.rows[order], return_index=True)
    best = order[first]
    free, alone = predicted.copy(), truth.copy()
    free[pairs.columns[best]] = False
    alone[overlapped] = False
    ours = best[truth[overlapped]]
    lonely = pairs.truth.sizes[alone].sum() + pairs.predicted.sizes[free].sum()
    return int(pairs.shared[ours].sum()), int(pairs.unions[ours].sum() + lonely)


def _share(
    part: Int64[np.ndarray, " t"] | Float64[np.ndarray, " t"],
    whole: Int64[np.ndarray, " t"] | Float64[np.ndarray, " t"],
) -> Float64[np.ndarray, " t"]:
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
