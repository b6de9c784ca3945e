"""Measures over rows of counts are those of `utome score`, to the last digits."""

import numpy as np
import pytest

from utome.errors import ConfigError
from utome.evaluation.case import Case
from utome.evaluation.families import KINDS, Nature, Scales
from utome.randomness import generator
from utome.studies.metrics import families, measured
from utome.studies.pooled import pooled

CLASSES = {"pixels": ("background", "membrane", "synapse"), "boundaries": ("background", "membrane", "synapse")}
# Measures that have a pooled form; all others are compared as means of images.
HAS = {
    "pixels": 3 + 3 * 4,
    "boundaries": 9,
    "thin": 6 + 4 * 2,
    "objects": 2 * (3 + 3 * 10),
    "isbi2012": 6,
}


def cases(classes: int) -> list[Case]:
    """Three images of blobs, predicted with mistakes; one has no second class at all."""
    found = []
    for number in range(3):
        draws = generator(3, "cases", number)
        rows, columns = np.mgrid[:40, :40]
        truth = np.zeros((40, 40), dtype=np.uint8)
        for label in range(1, classes):
            for _ in range(0 if number == 2 and label == 1 else 4):
                y, x = draws.integers(4, 36, 2)
                truth[(rows - y) ** 2 + (columns - x) ** 2 < draws.integers(4, 40)] = label
        predicted = np.where(
            draws.random(truth.shape) < 0.1, draws.integers(0, classes, truth.shape), np.roll(truth, 1)
        ).astype(np.uint8)
        probability = np.clip(0.7 * predicted.clip(max=1) + 0.3 * draws.random(truth.shape), 0, 1).astype(np.float32)
        found.append(Case(truth, predicted, probability if classes == 2 else None))
    return found


@pytest.mark.parametrize("family", HAS)
def test_a_pooled_measure_is_the_family_s_own(family: str) -> None:
    classes = CLASSES.get(family, ("background", "cell"))
    made = KINDS[family].make(Nature(classes, probabilities=False), Scales())
    counts = [made.count(case) for case in cases(len(classes))]
    rows = np.stack([made.pack(each) for each in counts])
    weights = np.asarray([[1, 1, 1], [1, 0, 0], [0, 0, 1], [0, 2, 5]], dtype=float)
    checked = 0
    for measure in made.measures:
        of = pooled(family, measure.name, classes)
        if of is None:
            continue
        checked += 1
        expected = [float(measure.of(made.unpack(row))) for row in weights @ rows]
        np.testing.assert_allclose(of(weights @ rows), expected, rtol=1e-12, atol=1e-12, err_msg=measure.name)
    assert checked == HAS[family]


def test_counts_may_be_means_over_seeds() -> None:
    of = pooled("pixels", "mean_iou", ("a", "b"))
    assert of is not None
    row = np.asarray([[7.0, 1.0, 2.0, 5.0]])
    assert of(row / 3) == pytest.approx(of(row))


def test_the_better_direction_follows_from_the_name() -> None:
    nature = Nature(("background", "cell"))
    names = {"objects.merges@images": "", "isbi2012.warping_error": "", "pixels.cell.iou": "", "objects.seg": ""}
    made = families(("objects", "isbi2012", "pixels"), nature, Scales())
    found = {each.metric.name: each for each in measured(names, made, nature.classes)}
    assert [each.metric.higher_is_better for each in found.values()] == [False, False, True, True]
    assert [each.is_pooled for each in found.values()] == [False, True, True, True]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pixels.cel.iou", r"There is no measure 'pixels\.cel\.iou'\. Did you mean 'pixels\.cell\.iou'\?"),
        ("objects.merges", r"cannot be compared over pooled counts.*'objects\.merges@images'"),
    ],
)
def test_a_metric_that_there_is_not_is_refused(name: str, said: str) -> None:
    nature = Nature(("background", "cell"))
    made = families(("objects", "pixels"), nature, Scales())
    with pytest.raises(ConfigError, match=said):
        measured({name: ""}, made, nature.classes)


def test_a_family_that_does_not_suit_the_images_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"The study's metrics 'thin' do not suit these images"):
        families(("thin",), Nature(("a", "b", "c")), Scales())
