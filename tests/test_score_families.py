"""Families of scores as functions of arrays: what they count adds up, can be packed, and suits the data."""

import math
from typing import Any

import numpy as np
import pytest

from utome.errors import ConfigError, DataError
from utome.evaluation.case import Case
from utome.evaluation.families import KINDS, Nature, Scales, choose, parse
from utome.evaluation.isbi2012 import Isbi2012
from utome.evaluation.measures import Family
from utome.evaluation.pixels import Pixels
from utome.evaluation.tally import Tally
from utome.metrics.confusion import UNKNOWN, Confusion, confusion
from utome.statistics.intervals import estimate
from utome.statistics.scores import Score

BINARY = Nature(("background", "cell"), told_apart=(True, True), probabilities=True)
MANY = Nature(("class 0", "class 1", "class 2"))


def case(seed: int, *, unknown: bool = False) -> Case:
    """Blocks of four by four pixels, and a prediction that is right on most of them."""
    draws = np.random.default_rng(seed)
    blocks = draws.random((6, 5)) > 0.4
    truth = blocks.repeat(4, axis=0).repeat(4, axis=1).astype(np.uint8)
    probability = (0.4 * truth + 0.6 * draws.random(truth.shape)).astype(np.float32)
    objects = truth * np.arange(1, 31).reshape(6, 5).repeat(4, axis=0).repeat(4, axis=1)
    if unknown:
        truth[:3] = UNKNOWN
    return Case(truth, (probability > 0.5).astype(np.uint8), probability, objects, np.roll(objects, 1, axis=0))


def families() -> list[Family[Any]]:
    return list(choose(tuple(KINDS), BINARY, Scales()).families)


@pytest.mark.parametrize("family", families(), ids=lambda family: family.name)
class TestEveryFamily:
    def test_counts_are_unpacked_as_they_were_packed(self, family: Family[Any]) -> None:
        counts = family.count(case(0)) + family.count(case(1))
        again = family.unpack(family.pack(counts))
        for measure in family.measures:
            if measure.interval:
                assert measure.of(again) == pytest.approx(measure.of(counts), nan_ok=True), measure.name

    def test_packed_counts_add_up_as_counts_do(self, family: Family[Any]) -> None:
        one, other = family.count(case(0)), family.count(case(1))
        assert np.array_equal(family.pack(one) + family.pack(other), family.pack(one + other))

    def test_names_are_unique_and_the_headline_is_one_of_them(self, family: Family[Any]) -> None:
        names = [measure.name for measure in family.measures]
        assert len(names) == len(set(names))
        assert family.headline in names
        assert all(measure.convention for measure in family.measures)

    def test_an_image_scored_twice_has_the_score_of_once(self, family: Family[Any]) -> None:
        tally = Tally(family)
        for name in ("a", "b"):
            tally.add(name, name, case(3))
        for figure in tally.scores().figures:
            if not figure.whole:
                assert figure.value == pytest.approx(tally.scores().images["a"][figure.name], nan_ok=True), figure.name


def test_what_is_not_known_counts_for_nothing() -> None:
    known, partly = case(0), case(0, unknown=True)
    changed = Case(
        partly.truth, partly.predicted.copy(), known.probability, known.true_objects, known.predicted_objects
    )
    changed.predicted[:3] = 1 - changed.predicted[:3]
    for family in families():
        if family.name in {"pixels", "thin", "boundaries", "ranking"}:
            one, other = (Tally(family) for _ in range(2))
            one.add("a", "a", partly)
            other.add("a", "a", changed)
            for mine, theirs in zip(one.scores().figures, other.scores().figures, strict=True):
                if not mine.name.startswith(
                    ("cldice", "centreline", "under", "3_to", "6_to", "from")
                ):  # skeletons are whole
                    assert mine.value == pytest.approx(theirs.value, nan_ok=True), mine.name


def test_an_interval_is_that_of_the_summed_matrices() -> None:
    tally = Tally(Pixels(("background", "cell")))
    matrices = []
    for seed in range(5):
        tally.add(str(seed), str(seed), case(seed))
        matrices.append(confusion(case(seed).truth, case(seed).predicted, classes=2).counts)
    sums = np.stack(matrices).astype(np.float64)
    score = Score(lambda rows: np.asarray([Confusion(row.round().astype(np.int64)).mean_iou for row in rows]))
    expected = estimate(sums, score)
    figure = next(figure for figure in tally.scores().figures if figure.name == "mean_iou")
    assert figure.value == expected.value
    assert figure.interval == expected.interval is not None


def test_the_worst_images_come_first_and_those_without_a_score_not_at_all() -> None:
    tally = Tally(Pixels(("background", "cell")))
    nothing = np.zeros((4, 4), dtype=np.uint8)
    half = nothing.copy()
    half[:2] = 1
    for name, truth, predicted in (("none", nothing, nothing), ("good", half, half), ("bad", half, nothing)):
        tally.add(name, name, Case(truth, predicted))
    scores = tally.scores()
    assert scores.worst == ("bad", "good")
    assert math.isnan(scores.images["none"]["cell.iou"])
    figure = next(figure for figure in scores.figures if figure.name == "cell.iou")
    assert (figure.value, figure.mean, figure.images) == (0.5, 0.5, 2)


def test_of_errors_the_highest_are_the_worst() -> None:
    tally = Tally(Isbi2012())
    for name, predicted in (("good", case(0).truth), ("bad", case(0).predicted)):
        tally.add(name, name, Case(case(0).truth, predicted))
    scores = tally.scores()
    assert scores.images["good"]["rand_error"] == 0 < scores.images["bad"]["rand_error"]
    assert scores.worst == ("bad", "good")


def test_without_being_asked_what_suits_is_chosen() -> None:
    assert [family.name for family in choose(None, BINARY, Scales()).families] == [
        "pixels",
        "objects",
        "boundaries",
        "ranking",
    ]
    assert [family.name for family in choose(None, MANY, Scales()).families] == ["pixels", "boundaries"]
    assert "thin (for cracks, vessels and other lines)" in choose(None, MANY, Scales()).reasons[1]


@pytest.mark.parametrize("name", ["objects", "thin", "ranking", "isbi2012"])
def test_what_takes_two_classes_is_refused_for_three(name: str) -> None:
    with pytest.raises(
        DataError, match=rf"'{name}' of metrics takes a background and one other class, but there are 3"
    ):
        choose([name], MANY, Scales())


def test_outlines_are_refused_where_something_is_not_known() -> None:
    with pytest.raises(DataError, match="defined on whole images, but pixels of the truths are left out"):
        choose(["isbi2012"], Nature(("background", "cell"), all_known=False), Scales())


@pytest.mark.parametrize("text", ["pixel", "pixels,objets", ""])
def test_unknown_families_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"There are no metrics|names none"):
        parse(text)


def test_each_family_is_named_once() -> None:
    assert parse("pixels,thin,pixels") == ("pixels", "thin")
    assert parse(None) is None
