"""Measures of objects that touch: each is measured as if it were alone."""

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.measure import regionprops

from utome.metrics.shapes import measured, shapes
from utome.prediction.numbering import by_first_pixel

MAPS = hnp.arrays(np.int64, st.tuples(st.integers(1, 16), st.integers(1, 16)), elements=st.integers(0, 5))


@settings(max_examples=60)
@given(MAPS)
def test_an_object_among_others_has_the_measures_that_it_has_alone(numbers: np.ndarray) -> None:
    instances, _ = by_first_pixel(numbers)
    together = measured(instances)
    for place in range(together.areas.size):
        alone = measured((instances == place + 1).astype(np.int64))
        for ours, theirs in zip(astuple(together), astuple(alone), strict=True):
            assert ours[place] == pytest.approx(theirs[0])


def test_two_long_bars_side_by_side_are_as_long_as_one() -> None:
    instances = np.zeros((20, 60), dtype=np.int32)
    instances[5:8, 5:55], instances[8:11, 5:55] = 1, 2
    found = measured(instances)
    assert found.thin.tolist() == [True, True]
    assert found.lengths == pytest.approx([48, 48], abs=2)
    assert shapes(instances > 0)[1].areas.tolist() == [300]


def test_minor_axes_and_eccentricities_are_those_of_scikit_image() -> None:
    instances, found = shapes(np.random.default_rng(5).random((50, 60)) < 0.4)
    for region in regionprops(instances):
        place = region.label - 1
        # Ours have the pixel's own moment, 1/12.
        major, minor = (np.sqrt(axis**2 + 16 / 12) for axis in (region.axis_major_length, region.axis_minor_length))
        assert found.minor_axes[place] == pytest.approx(minor)
        assert found.eccentricities[place] == pytest.approx(np.sqrt(1 - (minor / major) ** 2), abs=1e-6)
