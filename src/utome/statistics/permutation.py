"""The paired permutation test (Fisher 1935): were the two arms' names exchanged, image by image, what would come out?

If two arms are equally good, which of them a unit's results belong to is chance. Every exchange of whole units is
therefore as likely as what was seen, and p is the share of exchanges whose difference is at least as large, in either
direction. The score is recomputed from the exchanged sums. Nothing is assumed of the scores' distribution, and no
number of units is too small for the p to be true, only for it to be small: n units have 2**n exchanges, of which two
are the extremes.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from utome.statistics.intervals import ROUNDING
from utome.statistics.scores import Score, weighted
from utome.statistics.units import Sums, holds_anything

EXACT_LIMIT = 20_000  # exchanges that are all worked through; beyond it, so many are drawn
BLOCK = 2_048  # exchanges worked at once, so that memory does not grow with them
MORE, MOST = 4, 64 * EXACT_LIMIT  # where p lies next to alpha so many times as many are drawn, and so many at most


@dataclass(frozen=True)
class PairedTest:
    """A two-sided p, the smallest one that these units could have given, and from how many exchanges they come.

    `differing` is the number of units whose results differ at all: exchanging the others changes nothing, so they
    cannot make p smaller.
    """

    p: float
    smallest_p: float
    differing: int
    exchanges: int
    exact: bool

    @property
    def error(self) -> float:
        """The standard error of p that comes from drawing exchanges, where not all were worked through."""
        return 0.0 if self.exact else math.sqrt(self.p * (1 - self.p) / self.exchanges)


def paired_test(
    baseline: Sums, other: Sums, score: Score, *, generator: np.random.Generator, draws: int = EXACT_LIMIT
) -> PairedTest:
    """The test of `other` against `baseline` on the same units, in the same order.

    Up to 2**(n - 1) = 20,000 exchanges of n differing units all are worked through (one unit may stand still: the
    mirrored exchange gives the same difference with the other sign). Beyond it `draws` are drawn, and what was seen
    counts as one more of them, which keeps p true (Phipson & Smyth 2010). A difference that does not exist has p 1.
    """
    differing = np.flatnonzero(holds_anything(other - baseline))
    exact = 2.0 ** (len(differing) - 1) <= EXACT_LIMIT
    exchanges = (2 ** max(len(differing) - 1, 0)) if exact else draws
    as_large = 0 if exact else 1
    for start in range(0, exchanges, BLOCK):
        stop = min(start + BLOCK, exchanges)
        swap = np.zeros((stop - start + 1, len(baseline)))  # the first row exchanges nothing: it is what was seen
        if exact:
            swap[1:, differing] = np.arange(start, stop)[:, None] >> np.arange(len(differing)) & 1
        else:
            swap[1:, differing] = generator.integers(0, 2, (stop - start, len(differing)), dtype=np.int8)
        as_large += _as_large(baseline, other, score, swap)
    of = exchanges + (not exact)
    return PairedTest(as_large / of, 1 / of, len(differing), exchanges, exact)


def holm(p_values: Float64[np.ndarray, " m"]) -> Float64[np.ndarray, " m"]:
    """Holm's (1979) corrected p of m tests: below alpha, with at most alpha chance of any false alarm among all.

    >>> holm(np.asarray([0.04, 0.01, 0.03])).tolist()
    [0.06, 0.03, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    steps = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    corrected = np.empty_like(p_values)
    corrected[order] = np.minimum(steps, 1)
    return corrected


def corrected(
    tests: Sequence[Callable[[int], PairedTest]], *, alpha: float, awaited: int = 0
) -> list[tuple[PairedTest, float, float]]:
    """Each test with its p and its smallest p, both corrected by Holm's method over these and the `awaited` ones.

    A test is given the number of exchanges to draw. Where a corrected p lies so near to `alpha` that chance in drawing may have put it
    there, more are drawn.
    """
    draws = [EXACT_LIMIT] * len(tests)
    found = [test(EXACT_LIMIT) for test in tests]
    while True:
        p_values = holm(np.asarray([*(each.p for each in found), *[1.0] * awaited]))
        near = [place for place, each in enumerate(found) if _is_near(each, float(p_values[place]), alpha)]
        if not near:
            break
        for place in near:
            draws[place] *= MORE
            found[place] = tests[place](draws[place])
    smallest = holm(np.asarray([*(each.smallest_p for each in found), *[1.0] * awaited]))
    return [
        (each, float(p), float(least)) for each, p, least in zip(found, p_values, smallest, strict=False)
    ]  # fmt: skip


def _is_near(test: PairedTest, corrected_p: float, alpha: float) -> bool:
    """Whether other exchanges might have put the corrected p on the other side, and more can be drawn."""
    reach = 4 * test.error * corrected_p / test.p
    return test.exchanges < MOST and abs(corrected_p - alpha) < reach


def _as_large(baseline: Sums, other: Sums, score: Score, swap: Float64[np.ndarray, "b n"]) -> int:
    """How many of the exchanges after the first differ by at least as much as the first; one without a score does."""
    both = np.concatenate([baseline, other])
    first = score.of(weighted(both, np.hstack([1 - swap, swap])))
    second = score.of(weighted(both, np.hstack([swap, 1 - swap])))
    difference = np.abs(second - first)
    rounding = ROUNDING * np.nanmax(np.abs([first, second]), initial=0.0)
    return int(np.sum(~(difference[1:] < difference[0] - rounding)))
