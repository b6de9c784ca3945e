"""Objects joined over regions are those of the whole image, number for number."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from utome.config.prediction import ObjectSettings
from utome.prediction.joining import Joined, Joining
from utome.prediction.objects import find_objects

MAPS = hnp.arrays(
    np.uint8, st.tuples(st.integers(1, 14), st.integers(1, 14)), elements=st.sampled_from([0, 0, 1, 1, 2])
)
Box = tuple[int, int, int, int]


def cuttings(height: int, width: int, draw: st.DataObject) -> list[Box]:
    """The image cut in two, and the parts again, at drawn places: boxes of top, left, bottom and right in a drawn order."""
    boxes = [(0, 0, height, width)]
    for _ in range(draw.draw(st.integers(0, 6))):
        top, left, bottom, right = boxes.pop(draw.draw(st.integers(0, len(boxes) - 1)))
        if draw.draw(st.booleans()):
            at = draw.draw(st.integers(top, bottom))
            parts = [(top, left, at, right), (at, left, bottom, right)]
        else:
            at = draw.draw(st.integers(left, right))
            parts = [(top, left, bottom, at), (top, at, bottom, right)]
        boxes += [box for box in parts if box[0] < box[2] and box[1] < box[3]]
    return draw.draw(st.permutations(boxes))


def joined(labels: np.ndarray, boxes: list[Box], smallest: float = 0.0) -> tuple[np.ndarray, Joined]:
    first = Joining()
    for top, left, bottom, right in boxes:
        first.add(labels[top:bottom, left:right], top=top, left=left)
    second = first.finish(smallest=smallest)
    whole = np.full(labels.shape, -1)
    for place, (top, left, bottom, right) in enumerate(boxes):
        whole[top:bottom, left:right] = second.instances(place, labels[top:bottom, left:right])
    return whole, second


@settings(max_examples=150)
@given(MAPS, st.data(), st.integers(0, 4))
def test_any_cutting_gives_the_objects_of_the_whole(labels: np.ndarray, draw: st.DataObject, smallest: int) -> None:
    expected = find_objects(labels, "components", ObjectSettings(smallest_px=smallest))
    instances, second = joined(labels, cuttings(labels.shape[0], labels.shape[1], draw), float(smallest))
    assert (instances == expected.instances).all()
    assert second.classes.tolist() == expected.classes.tolist()


def test_pixels_alone_as_regions_give_the_objects_of_the_whole() -> None:
    labels = (np.random.default_rng(0).random((9, 11)) < 0.5).astype(np.uint8)
    boxes = [(y, x, y + 1, x + 1) for y in range(9) for x in range(11)]
    expected = find_objects(labels, "components", ObjectSettings())
    assert (joined(labels, boxes)[0] == expected.instances).all()


def test_a_spiral_through_many_regions_is_one_object() -> None:
    labels = np.zeros((61, 61), dtype=np.uint8)
    for ring in range(0, 30, 2):
        labels[ring, ring : 61 - ring] = labels[60 - ring, ring : 61 - ring] = 1
        labels[ring : 61 - ring, 60 - ring] = labels[ring + 2 : 61 - ring, ring] = 1
        labels[ring + 2, ring : ring + 3] = 1
    cuts = [*range(0, 61, 7), 61]
    boxes = [(top, left, bottom, right) for top, bottom in pairwise(cuts) for left, right in pairwise(cuts)]
    instances, second = joined(labels, boxes)
    assert second.classes.tolist() == [1]
    assert (instances == labels).all()


def test_objects_of_two_classes_that_touch_across_a_border_stay_two() -> None:
    labels = np.asarray([[1, 2], [1, 2]], dtype=np.uint8)
    instances, second = joined(labels, [(0, 0, 2, 1), (0, 1, 2, 2)])
    assert instances.tolist() == [[1, 2], [1, 2]]
    assert second.classes.tolist() == [1, 2]
    assert Joining().finish().classes.tolist() == []
