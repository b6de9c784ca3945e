"""Scores of objects: the Cell Tracking Challenge's own figure, cases worked by hand, and brute force."""

import math
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from skimage.measure import label
from skimage.metrics import contingency_table

from utome.errors import ConfigError, DataError
from utome.metrics.objects import IOU_THRESHOLDS, ObjectCounts, score_objects
from utome.metrics.overlaps import connected_objects, overlaps

CTC = Path(__file__).parent / "fixtures" / "ctc"
EMPTY = np.zeros((8, 12), dtype=np.int32)


def boxes(*corners: tuple[int, int, int, int]) -> np.ndarray:
    """An 8x12 map with objects 1, 2, ... at these (top, bottom, left, right)."""
    instances = EMPTY.copy()
    for number, (top, bottom, left, right) in enumerate(corners, start=1):
        instances[top:bottom, left:right] = number
    return instances


def counts(truth: np.ndarray, predicted: np.ndarray) -> ObjectCounts:
    return score_objects(truth, predicted).everywhere


def test_seg_is_the_cell_tracking_challenges() -> None:
    # py-ctcmetrics gives this figure for these two frames.
    truth, predicted = (tifffile.imread(CTC / f"seg_{side}.tif") for side in ("ref", "res"))
    found = counts(truth, predicted)
    assert found.seg == 0.2942176870748299
    pairs = overlaps(truth, predicted)
    half = 2 * pairs.shared > pairs.truth.sizes[pairs.rows]
    assert pairs.iou[half].tolist() == [2 / 3, 0.25510204081632654, 0.25510204081632654]
    # Two true objects lie in the one large prediction.
    assert (found.truth, found.predicted, found.merges) == (4, 4, 1)


def test_frames_without_truth_do_not_change_seg() -> None:
    truth, predicted = boxes((1, 5, 1, 5)), boxes((1, 5, 2, 6))
    assert (counts(truth, predicted) + counts(EMPTY, predicted)).seg == counts(truth, predicted).seg == 12 / 20


def test_an_object_found_exactly_is_perfect_by_every_score() -> None:
    instances = boxes((0, 3, 0, 3), (4, 7, 5, 9))
    found = counts(instances, instances)
    for scores in (found.average_precision, found.f1, found.panoptic_quality, found.precision, found.recall):
        assert scores.tolist() == [1] * 10
    assert found.seg == found.aggregated_jaccard == found.mean_average_precision == 1
    assert (found.merges, found.splits, found.missed, found.invented, found.number_errors) == (0, 0, 0, 0, 0)


def test_an_iou_that_equals_the_threshold_is_no_match() -> None:
    # 3/5 of the union is shared: beyond 0.5 and 0.55, and not beyond 0.6.
    found = counts(boxes((0, 1, 0, 4)), boxes((0, 1, 1, 5)))
    assert found.matched_iou[0] == 3 / 5
    assert found.true_positives.tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert found.average_precision[:3].tolist() == [1, 1, 0]
    assert found.mean_average_precision == 0.2


def test_panoptic_quality_is_recognition_times_the_quality_of_matches() -> None:
    truth, predicted = boxes((0, 1, 0, 4), (3, 5, 0, 2), (6, 8, 0, 2)), boxes((0, 1, 1, 5), (3, 5, 0, 2))
    found = counts(truth, predicted)
    assert (found.f1[0], found.matched_quality[0]) == (2 / (2 + 1 / 2), 0.8)
    assert found.panoptic_quality[0] == pytest.approx(0.8 * 0.8)
    assert (found.precision[0], found.recall[0]) == (1, 2 / 3)


def test_two_objects_under_one_prediction_are_a_merge() -> None:
    found = counts(boxes((0, 4, 0, 4), (0, 4, 5, 9)), boxes((0, 4, 0, 9)))
    assert (found.merges, found.splits, found.missed, found.invented) == (1, 0, 0, 0)
    assert found.true_positives[0] == 0
    assert found.seg == 16 / 36


def test_one_object_in_three_pieces_is_split_twice() -> None:
    found = counts(boxes((0, 4, 0, 9)), boxes((0, 4, 0, 3), (0, 4, 3, 6), (0, 4, 6, 9)))
    assert (found.merges, found.splits, found.missed, found.invented) == (0, 2, 0, 0)
    assert found.number_errors == 2


def test_what_belongs_to_nothing_is_missed_or_invented() -> None:
    # The second objects share a corner, which is less than half of either.
    found = counts(boxes((0, 2, 0, 2), (4, 6, 4, 6)), boxes((0, 2, 0, 2), (5, 7, 5, 7), (0, 2, 9, 11)))
    assert (found.merges, found.splits, found.missed, found.invented) == (0, 0, 1, 2)


def test_the_aggregated_jaccard_counts_shared_pixels_unions_and_what_nobody_took() -> None:
    truth = boxes((0, 1, 0, 4), (2, 3, 0, 4), (7, 8, 0, 2))
    predicted = boxes((0, 1, 1, 5), (4, 6, 0, 3))
    # The first shares 3 of 5; the second and third share nothing; 6 predicted pixels were taken by nobody.
    assert counts(truth, predicted).aggregated_jaccard == 3 / (5 + 4 + 2 + 6)


def test_a_prediction_may_be_the_best_of_several_and_equals_go_to_the_lowest_number() -> None:
    merged = counts(boxes((0, 2, 0, 2), (0, 2, 2, 4)), boxes((0, 2, 0, 4)))
    assert merged.aggregated_jaccard == (4 + 4) / (8 + 8)
    # Both predictions have an IoU of 1/3 with the true 12 pixels: 4 of 12, and 5 of 15.
    predicted = boxes((0, 1, 0, 4), (0, 1, 7, 12))
    predicted[1, 7:10] = 2
    renumbered = np.where(predicted > 0, 3 - predicted, 0)
    assert counts(boxes((0, 1, 0, 12)), predicted).aggregated_jaccard == 4 / (12 + 8)
    assert counts(boxes((0, 1, 0, 12)), renumbered).aggregated_jaccard == 5 / (15 + 4)


@pytest.mark.parametrize(
    ("truth", "predicted", "score", "seg"),
    [(EMPTY, EMPTY, math.nan, math.nan), (EMPTY, boxes((0, 2, 0, 2)), 0, math.nan), (boxes((0, 2, 0, 2)), EMPTY, 0, 0)],
)
def test_without_objects_there_is_no_score_and_what_is_invented_or_missed_scores_zero(
    truth: np.ndarray, predicted: np.ndarray, score: float, seg: float
) -> None:
    found = counts(truth, predicted)
    for scores in (found.average_precision, found.f1, found.panoptic_quality):
        np.testing.assert_array_equal(scores, [score] * 10)
    np.testing.assert_array_equal([found.aggregated_jaccard, found.mean_average_precision], [score, score])
    np.testing.assert_array_equal(found.seg, seg)


def test_objects_at_the_edge_are_told_apart() -> None:
    truth = boxes((0, 3, 0, 3), (3, 6, 4, 7), (5, 8, 9, 12))
    predicted = boxes((1, 3, 0, 3), (3, 6, 4, 7), (0, 2, 6, 9))
    found = score_objects(truth, predicted)
    assert found.everywhere.true_positives[0] == 2
    edge = found.at_edge
    assert (edge.truth, edge.predicted, edge.missed, edge.invented) == (2, 2, 1, 1)
    assert (edge.true_positives[0], edge.false_negatives[0], edge.false_positives[0]) == (1, 1, 1)
    assert edge.seg == (6 / 9) / 2
    assert edge.aggregated_jaccard == 6 / (9 + 9 + 6)


def test_a_true_object_at_the_edge_may_match_a_prediction_inside() -> None:
    edge = score_objects(boxes((0, 4, 3, 6)), boxes((1, 4, 3, 6))).at_edge
    assert (edge.true_positives[0], edge.false_negatives[0], edge.false_positives[0]) == (1, 0, 0)
    assert (edge.truth, edge.predicted) == (1, 0)


def test_merges_and_splits_at_the_edge() -> None:
    pair, one = boxes((0, 4, 0, 4), (0, 4, 5, 9)), boxes((0, 4, 0, 9))
    inside_pair, inside_one = np.roll(pair, (2, 1), axis=(0, 1)), np.roll(one, (2, 1), axis=(0, 1))
    assert (score_objects(pair, one).at_edge.merges, score_objects(one, pair).at_edge.splits) == (1, 1)
    assert (score_objects(inside_pair, inside_one).at_edge.merges, counts(inside_pair, inside_one).merges) == (0, 1)
    assert (score_objects(inside_one, inside_pair).at_edge.splits, counts(inside_one, inside_pair).splits) == (0, 1)


def test_what_is_not_known_is_background_in_both() -> None:
    known = np.ones(EMPTY.shape, dtype=bool)
    known[:, 6:] = False
    truth, predicted = boxes((0, 2, 0, 2), (3, 5, 8, 10)), boxes((0, 2, 0, 2), (6, 8, 7, 9), (3, 5, 4, 9))
    found = score_objects(truth, predicted, known=known).everywhere
    assert (found.truth, found.predicted, found.true_positives[0], found.invented) == (1, 2, 1, 1)


@st.composite
def instance_maps(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    draws = np.random.default_rng(draw(st.integers(0, 10_000)))
    coarse = draws.choice([0, 0, 1, 2, 5, 900], size=(2, 4, 5))
    truth, predicted = coarse.repeat(3, axis=1).repeat(2, axis=2)
    predicted = np.roll(np.where(draws.random(predicted.shape) < 0.9, predicted, 7), draw(st.integers(0, 2)), axis=1)
    return truth.astype(np.uint16), predicted


@given(instance_maps())
def test_overlaps_are_the_contingency_table(maps: tuple[np.ndarray, np.ndarray]) -> None:
    truth, predicted = maps
    pairs = overlaps(truth, predicted)
    table = contingency_table(truth, predicted).toarray()
    rows, columns = pairs.truth.ids[pairs.rows], pairs.predicted.ids[pairs.columns]
    assert pairs.shared.tolist() == table[rows, columns].tolist()
    assert pairs.shared.sum() == np.count_nonzero((truth > 0) & (predicted > 0)) == table[1:, 1:].sum()
    for side, instances in ((pairs.truth, truth), (pairs.predicted, predicted)):
        ids, sizes = np.unique(instances[instances > 0], return_counts=True)
        assert (side.ids.tolist(), side.sizes.tolist()) == (ids.tolist(), sizes.tolist())


@given(instance_maps())
def test_scores_are_those_of_brute_force(maps: tuple[np.ndarray, np.ndarray]) -> None:
    truth, predicted = maps
    found = counts(truth, predicted)
    true_masks, predicted_masks = ([each == n for n in np.unique(each) if n] for each in maps)
    iou = np.asarray([[(t & p).sum() / (t | p).sum() for p in predicted_masks] for t in true_masks])
    iou = iou.reshape(len(true_masks), len(predicted_masks))
    assert found.true_positives.tolist() == [(iou > limit).sum() for limit in IOU_THRESHOLDS]
    assert found.matched_iou[0] == pytest.approx(iou[iou > 0.5].sum())
    over = [[(t & p).sum() / t.sum() > 0.5 for p in predicted_masks] for t in true_masks]
    assert found.seg_sum == pytest.approx((iou * np.reshape(over, iou.shape)).sum())
    shared, union, free = 0, 0, set(range(len(predicted_masks)))
    for number, mask in enumerate(true_masks):
        best = int(iou[number].argmax()) if iou[number].any() else None
        free.discard(-1 if best is None else best)
        other = np.zeros_like(mask) if best is None else predicted_masks[best]
        shared, union = shared + int((mask & other).sum()), union + int((mask | other).sum())
    union += sum(int(predicted_masks[each].sum()) for each in free)
    assert (found.jaccard_shared, found.jaccard_union) == (shared, union)


@given(instance_maps(), instance_maps())
def test_the_counts_of_two_images_add_up(
    one: tuple[np.ndarray, np.ndarray], two: tuple[np.ndarray, np.ndarray]
) -> None:
    a, b = score_objects(*one), score_objects(*two)
    both = (a + b).everywhere
    assert both.true_positives.tolist() == (a.everywhere.true_positives + b.everywhere.true_positives).tolist()
    assert both.missed == a.everywhere.missed + b.everywhere.missed
    assert both.number_errors == a.everywhere.number_errors + b.everywhere.number_errors
    assert both.thresholds == IOU_THRESHOLDS
    assert (a + b).at_edge.truth == a.at_edge.truth + b.at_edge.truth


@pytest.mark.parametrize("connectivity", [4, 8])
def test_connected_objects_are_scikit_images(connectivity: int) -> None:
    mask = np.random.default_rng(6).random((30, 31)) < 0.4
    found = connected_objects(mask, connectivity=8 if connectivity == 8 else 4)
    assert found.tolist() == label(mask, connectivity=connectivity // 4).tolist()


def test_negative_numbers_are_refused() -> None:
    with pytest.raises(DataError, match="The prediction numbers an object -3"):
        score_objects(EMPTY, EMPTY - 3)


def test_sizes_that_differ_are_refused() -> None:
    with pytest.raises(DataError, match="The truth is 8x12 pixels, but the prediction 8x11"):
        score_objects(EMPTY, EMPTY[:, 1:])


@pytest.mark.parametrize("thresholds", [(), (0.4,), (0.5, 1.0), (math.nan,)])
def test_thresholds_at_which_matches_are_not_unique_are_refused(thresholds: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match=r"each from 0\.5 to below 1"):
        score_objects(EMPTY, EMPTY, thresholds=thresholds)


def test_counts_at_other_thresholds_do_not_add_up() -> None:
    with pytest.raises(DataError, match="Scores of thresholds"):
        score_objects(EMPTY, EMPTY) + score_objects(EMPTY, EMPTY, thresholds=(0.5,))
