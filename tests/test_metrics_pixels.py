"""Pixel metrics beside scikit-learn, their conventions, and the counting that makes them fast."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, jaccard_score, precision_score, recall_score

from utome.errors import ConfigError, DataError
from utome.metrics import confusion as counting
from utome.metrics.confusion import confusion, only_at_edge, per_image

NAN = math.nan
NOTHING, ALL = np.zeros((4, 6), dtype=np.uint8), np.ones((4, 6), dtype=np.uint8)
LEFT = np.repeat(np.asarray([[1, 1, 1, 0, 0, 0]], dtype=np.uint8), 4, axis=0)
RIGHT = 1 - LEFT

# Truth, prediction; then of the foreground IoU, Dice, precision, recall, specificity; IoU of the background; mean IoU;
# and how many classes the mean is over.
COMBINATIONS = [
    (NOTHING, NOTHING, NAN, NAN, NAN, NAN, 1, 1, 1, 1),
    (NOTHING, LEFT, 0, 0, 0, NAN, 1 / 2, 1 / 2, 1 / 4, 2),
    (NOTHING, RIGHT, 0, 0, 0, NAN, 1 / 2, 1 / 2, 1 / 4, 2),
    (NOTHING, ALL, 0, 0, 0, NAN, 0, 0, 0, 2),
    (LEFT, NOTHING, 0, 0, NAN, 0, 1, 1 / 2, 1 / 4, 2),
    (LEFT, LEFT, 1, 1, 1, 1, 1, 1, 1, 2),
    (LEFT, RIGHT, 0, 0, 0, 0, 0, 0, 0, 2),
    (LEFT, ALL, 1 / 2, 2 / 3, 1 / 2, 1, 0, 0, 1 / 4, 2),
    (ALL, NOTHING, 0, 0, NAN, 0, NAN, 0, 0, 2),
    (ALL, LEFT, 1 / 2, 2 / 3, 1, 1 / 2, NAN, 0, 1 / 4, 2),
    (ALL, RIGHT, 1 / 2, 2 / 3, 1, 1 / 2, NAN, 0, 1 / 4, 2),
    (ALL, ALL, 1, 1, 1, 1, NAN, NAN, 1, 1),
]


@pytest.mark.parametrize(("truth", "predicted", "expected"), [(row[0], row[1], row[2:]) for row in COMBINATIONS])
def test_twelve_combinations_of_empty_half_and_full(
    truth: np.ndarray, predicted: np.ndarray, expected: tuple[float, ...]
) -> None:
    found = confusion(truth, predicted, classes=2)
    foreground = [float(each[1]) for each in (found.iou, found.dice, found.precision, found.recall, found.specificity)]
    scores = [*foreground, float(found.iou[0]), found.mean_iou, found.classes_counted]
    np.testing.assert_array_equal(scores, expected)


def test_scores_are_those_of_scikit_learn() -> None:
    draws = np.random.default_rng(1)
    truth = draws.integers(0, 5, (40, 31), dtype=np.uint8)
    predicted = np.where(draws.random((40, 31)) < 0.6, truth, draws.integers(0, 5, (40, 31), dtype=np.uint8))
    found, flat = confusion(truth, predicted, classes=5), (truth.ravel(), predicted.ravel())
    assert found.counts.tolist() == confusion_matrix(*flat).tolist()
    for ours, theirs in (
        (found.iou, jaccard_score(*flat, average=None)),
        (found.dice, f1_score(*flat, average=None)),
        (found.precision, precision_score(*flat, average=None)),
        (found.recall, recall_score(*flat, average=None)),
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-14)
    assert found.pixel_accuracy == pytest.approx(accuracy_score(*flat), rel=1e-14)
    assert found.mean_dice == pytest.approx(f1_score(*flat, average="macro"), rel=1e-14)
    # Specificity is the recall of "any other class".
    others = [recall_score(flat[0] != number, flat[1] != number) for number in range(5)]
    np.testing.assert_allclose(found.specificity, others, rtol=1e-14)


@given(
    st.integers(0, 1000),
    st.sampled_from([1, 2, 3, 14, 15, 16, 17, 100, 254, 255]),
    st.tuples(st.integers(0, 9), st.integers(0, 9)),
)
def test_every_pixel_is_counted_at_every_number_of_classes_and_size(
    seed: int, classes: int, size: tuple[int, int]
) -> None:
    draws = np.random.default_rng(seed)
    truth = draws.integers(0, 256, size, dtype=np.uint8)
    predicted = draws.integers(0, classes, size, dtype=np.uint8)
    expected = np.zeros((classes, classes), dtype=int)
    for row, column in zip(truth.ravel(), predicted.ravel(), strict=True):
        if row < classes:
            expected[row, column] += 1
    assert confusion(truth, predicted, classes=classes).counts.tolist() == expected.tolist()


@pytest.mark.parametrize("classes", [2, 20])
@pytest.mark.parametrize("chunk", [2, 6, 34, 68])
def test_chunks_leave_no_pixel_out_and_count_none_twice(
    monkeypatch: pytest.MonkeyPatch, chunk: int, classes: int
) -> None:
    draws = np.random.default_rng(2)
    truth, predicted = draws.integers(0, classes, (2, 5, 7), dtype=np.uint8)
    whole = confusion(truth, predicted, classes=classes).counts
    monkeypatch.setattr(counting, "CHUNK", chunk)
    assert confusion(truth, predicted, classes=classes).counts.tolist() == whole.tolist()
    assert whole.sum() == 35


def test_maps_that_are_views_count_as_their_copies_do() -> None:
    both = np.random.default_rng(3).integers(0, 3, (2, 8, 10), dtype=np.uint8)
    truth, predicted = both[:, ::2, ::-1]
    copied = confusion(truth.copy(), predicted.copy(), classes=3)
    assert confusion(truth, predicted, classes=3).counts.tolist() == copied.counts.tolist()


def test_what_is_predicted_where_the_truth_is_not_known_does_not_matter() -> None:
    truth = np.asarray([[0, 255, 1]], dtype=np.uint8)
    predicted = np.asarray([[0, 255, 1]], dtype=np.uint8)
    assert confusion(truth, predicted, classes=2).counts.tolist() == [[1, 0], [0, 1]]


def test_a_smoothed_iou_is_one_where_a_class_is_absent_from_both() -> None:
    found = confusion(LEFT, LEFT, classes=3)
    assert found.smoothed_iou(1e-5).tolist() == [1, 1, 1]
    assert confusion(LEFT, ALL, classes=2).smoothed_iou(1.0).tolist() == [1 / 13, 13 / 25]
    np.testing.assert_array_equal(found.smoothed_iou(0.0), found.iou)


def test_the_mean_over_images_leaves_out_those_without_the_class_and_counts_the_rest() -> None:
    matrices = [confusion(truth, ALL, classes=3) for truth in (LEFT, ALL, ALL)]
    found = per_image(matrices)
    assert found.iou[:2].tolist() == [0, pytest.approx((1 / 2 + 1 + 1) / 3)]
    assert math.isnan(found.iou[2])
    assert found.images.tolist() == [1, 3, 0]


def test_a_hole_at_the_edge_shows_in_the_band_there_alone() -> None:
    truth, predicted = np.ones((2, 10, 12), dtype=np.uint8)
    predicted[3:7, :2] = 0
    found = confusion(only_at_edge(truth, pixels=2), predicted, classes=2)
    assert found.counts.tolist() == [[0, 0], [8, 120 - 6 * 8 - 8]]
    assert (truth == 1).all()
    # A band that meets itself in the middle is the whole image.
    assert confusion(only_at_edge(truth, pixels=6), predicted, classes=2).counts.sum() == 120
    assert confusion(only_at_edge(truth, pixels=0), predicted, classes=2).counts.sum() == 0


def test_sizes_that_differ_are_refused() -> None:
    with pytest.raises(DataError, match="The truth is 4x6 pixels, but the prediction 4x5"):
        confusion(LEFT, LEFT[:, :5], classes=2)


def test_a_prediction_that_is_no_class_is_refused_with_how_many_pixels_are() -> None:
    with pytest.raises(DataError, match="12 pixels of label 1 or more, but there are 1 classes"):
        confusion(NOTHING, LEFT, classes=1)


@pytest.mark.parametrize("classes", [0, 256])
def test_no_class_and_more_classes_than_labels_are_refused(classes: int) -> None:
    with pytest.raises(ConfigError, match=f"There are {classes} classes"):
        confusion(NOTHING, LEFT, classes=classes)
