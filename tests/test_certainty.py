"""Intervals of a data set's scores: the statistics' own functions on the images' matrices, over images or groups."""

import numpy as np
import pytest

from utome.evaluation.certainty import FEW, MOST_UNITS, certainty
from utome.metrics.confusion import Confusion
from utome.statistics.intervals import Interval, estimate
from utome.statistics.scores import Score


def matrices(count: int, *, classes: int = 3, seed: int = 1) -> list[Confusion]:
    draws = np.random.default_rng(seed)
    return [
        Confusion(draws.integers(1, 50, (classes, classes)) + 200 * np.eye(classes, dtype=np.int64))
        for _ in range(count)
    ]


def by_confusion(name: str, number: int | None) -> Score:
    """The score as `Confusion` has it, matrix by matrix; whole counts are wanted, so fractions are scaled up."""

    def of(sums: np.ndarray) -> np.ndarray:
        values = [getattr(Confusion(each.astype(np.int64)), name) for each in sums]
        return np.asarray([value if number is None else value[number] for value in values], dtype=np.float64)

    return Score(of)


def ends(interval: Interval | None) -> tuple[float, float]:
    assert interval is not None
    return interval.low, interval.high


@pytest.mark.parametrize("name", ["iou", "dice", "precision", "recall"])
def test_intervals_of_classes_are_those_of_their_definition(name: str) -> None:
    images = matrices(9)
    sums = np.stack([image.counts for image in images]).astype(np.float64)
    found = getattr(certainty(images, [None] * 9), name)
    for number in range(3):
        assert ends(found[number]) == pytest.approx(ends(estimate(sums, by_confusion(name, number)).interval))


@pytest.mark.parametrize("name", ["mean_iou", "pixel_accuracy"])
def test_intervals_of_figures_over_all_classes_are_those_of_their_definition(name: str) -> None:
    images = matrices(9)
    sums = np.stack([image.counts for image in images]).astype(np.float64)
    found = getattr(certainty(images, [None] * 9), name)
    assert ends(found) == pytest.approx(ends(estimate(sums, by_confusion(name, None)).interval))


def test_a_class_that_is_nowhere_has_no_interval_and_does_not_count_in_the_mean() -> None:
    two = matrices(6, classes=2)
    three = [Confusion(np.pad(image.counts, (0, 1))) for image in two]
    sure = certainty(three, [None] * 6)
    assert sure.iou[2] is None
    assert ends(sure.mean_iou) == pytest.approx(ends(certainty(two, [None] * 6).mean_iou))


def test_images_of_one_group_count_as_one() -> None:
    images = matrices(10)
    alone, both = certainty(images, [None] * 10), certainty(images, [str(number // 2) for number in range(10)])
    assert (alone.units, alone.of, both.units, both.of) == (10, "images", 5, "groups")
    joined = [first + second for first, second in zip(images[::2], images[1::2], strict=True)]
    assert ends(both.mean_iou) == pytest.approx(ends(certainty(joined, [None] * 5).mean_iou))
    assert "images of one group resemble each other and count as one" in both.sentence


@pytest.mark.parametrize("count", [1, 2])
def test_few_images_give_a_sentence(count: int) -> None:
    sure = certainty(matrices(count), [None] * count)
    if count == 1:
        assert sure.mean_iou is None
        assert sure.sentence == "There is 1 image: that does not tell how sure a score is, so there are no intervals."
    else:
        low, high = ends(sure.mean_iou)
        assert high - low > 0.1
        assert "so few make them wide and rough" in sure.sentence


def test_the_sentence_is_milder_the_more_images_there_are() -> None:
    assert "a little too narrow" in certainty(matrices(FEW), [None] * FEW).sentence
    assert certainty(matrices(15), [None] * 15).sentence == (
        "Intervals of 95 % are over 15 images, for new ones of the same kind."
    )
    many = MOST_UNITS + 1
    endless = certainty(matrices(1) * many, [None] * many)
    assert endless.mean_iou is None
    assert "no intervals are worked" in endless.sentence
