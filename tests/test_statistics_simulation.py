"""1,000 simulated studies a condition; `make soak` runs 10,000 and prints the tables.

A share of 95 % of 1,000 studies has a standard error of 0.7 points; the bands are about three of them wider than those
of the 10,000.
"""

import pytest

from tests.simulated_studies import MEAN, World, covers_difference, covers_score, false_alarms
from utome.randomness import generator
from utome.statistics.permutation import paired_test

KINDS = ["mean over images", "mean IoU, pooled"]
STUDIES = 1_000


def test_the_truth_is_what_many_images_come_to() -> None:
    world = World("mean IoU, pooled", "one in ten fails", gain=0.5)
    many = world.draw(generator(0, "truth"), 1, 200_000)[0]
    assert world.score.of(many.sum(axis=1)) == pytest.approx(world.truth(), abs=0.002)


@pytest.mark.parametrize("images", [8, 15, 40])
@pytest.mark.parametrize("shape", ["symmetric", "left-skewed"])
@pytest.mark.parametrize("kind", KINDS)
def test_intervals_hold_the_truth(kind: str, shape: str, images: int) -> None:
    world = World(kind, shape, gain=0.5)
    studies = world.draw(generator(0, "simulation", kind, shape, images), STUDIES, images)
    least = 0.91 if images >= 15 else 0.90
    assert least <= covers_score(world, studies).held <= 0.98
    assert least <= covers_difference(world, studies).held <= 0.98


@pytest.mark.parametrize("images", [3, 6, 8, 40])
@pytest.mark.parametrize("shape", ["symmetric", "left-skewed"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_paired_test_cries_wolf_in_one_of_twenty_studies_at_most(kind: str, shape: str, images: int) -> None:
    world = World(kind, shape)
    studies = world.draw(generator(0, "wolf", kind, shape, images), STUDIES, images)
    share = false_alarms(world, studies, generator(0, "exchanges", kind, shape, images), draws=999)
    assert share <= 0.072
    if images >= 8:
        assert share >= 0.028


def test_images_of_one_child_counted_as_if_they_were_independent_would_cry_wolf() -> None:
    studies = World("mean over images", "left-skewed").draw(generator(0, "eyes"), STUDIES, 6)
    draws = generator(0, "exchanges of eyes")
    twice = studies.repeat(2, axis=2)
    as_images = sum(paired_test(one, other, MEAN, generator=draws, draws=999).p <= 0.05 for one, other in twice)
    as_groups = sum(paired_test(one, other, MEAN, generator=draws).p <= 0.05 for one, other in 2 * studies)
    assert as_groups <= 0.072 * STUDIES
    assert as_images >= 0.1 * STUDIES
