"""All scores of the challenge in one call, over its thresholds."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Shaped

from utome.metrics.isbi2012.information import information_score
from utome.metrics.isbi2012.labelling import THINNED_THRESHOLDS, THRESHOLDS, above, components
from utome.metrics.isbi2012.mismatches import Mismatch, counts, kinds
from utome.metrics.isbi2012.overlap import Labels, foreground_overlap
from utome.metrics.isbi2012.pixel_error import pixel_f_score, squared_error
from utome.metrics.isbi2012.rand import RandScore, rand_score
from utome.metrics.isbi2012.sections import Sections, sections
from utome.metrics.isbi2012.warping import warp
from utome.metrics.isbi2012.watershed import thinned


@dataclass(frozen=True)
class AtThreshold:
    """The scores of a stack at one threshold.

    As in the challenge, sections are added up before the plain Rand score is taken (and the precision and recall of
    `thinned_rand`), while V_Rand and V_Info are means over sections.
    """

    threshold: float
    pixel_f_score: float
    rand: RandScore
    thinned_rand: RandScore
    v_rand: float
    v_info: float
    mismatches: Mapping[Mismatch, int]
    pixels: int

    @property
    def topological_error(self) -> float:
        """Mismatches of all six kinds per pixel."""
        return sum(self.mismatches.values()) / self.pixels

    @property
    def warping_error(self) -> float:
        """Splits and mergers per pixel, which is what the challenge counts."""
        return (self.mismatches[Mismatch.SPLIT] + self.mismatches[Mismatch.MERGE]) / self.pixels


@dataclass(frozen=True)
class Best:
    """The best value of a score, and the lowest threshold that reaches it."""

    value: float
    threshold: float


@dataclass(frozen=True)
class Isbi2012Scores:
    """The challenge's scores: errors over thresholds 0 to 0.9, thinned scores (where 1 is best) over 0 to 1.

    Rand and information scores are NaN when the truth holds no cell.
    """

    squared_error: float
    at: Sequence[AtThreshold]

    @property
    def pixel_error(self) -> Best:
        """1 - F score of the cells' pixels."""
        return _least(self._unthinned, lambda at: 1 - at.pixel_f_score)

    @property
    def rand_error(self) -> Best:
        """1 - foreground-restricted Rand F score, without thinning."""
        return _least(self._unthinned, lambda at: 1 - at.rand.f_score)

    @property
    def warping_error(self) -> Best:
        """Splits and mergers per pixel that are left after warping the truth."""
        return _least(self._unthinned, lambda at: at.warping_error)

    @property
    def topological_error(self) -> Best:
        """Mismatches of all kinds per pixel that are left after warping the truth."""
        return _least(self._unthinned, lambda at: at.topological_error)

    @property
    def v_rand(self) -> Best:
        """Foreground-restricted Rand F score after thinning the borders."""
        return _greatest(self.at, lambda at: at.v_rand)

    @property
    def v_info(self) -> Best:
        """Foreground-restricted information F score after thinning the borders."""
        return _greatest(self.at, lambda at: at.v_info)

    @property
    def _unthinned(self) -> Sequence[AtThreshold]:
        return self.at[: len(THRESHOLDS)]


def isbi2012(truth: Shaped[np.ndarray, "..."], probability: Shaped[np.ndarray, "..."]) -> Isbi2012Scores:
    """Scores of the probability of cells against the truth: one image (h, w) or a stack (n, h, w).

    The truth is 0 on borders and one other number in cells; probabilities are from 0 to 1. Sections whose truth holds
    no cell do not count for Rand and information scores. What cannot be scored is refused with a DataError.
    """
    stack = sections(truth, probability)
    labels = [components(section) for section in stack.truth]
    return Isbi2012Scores(
        squared_error(stack.truth, stack.probability),
        [_at(stack, labels, threshold) for threshold in THINNED_THRESHOLDS],
    )


def _at(stack: Sections, labels: Sequence[Labels], threshold: float) -> AtThreshold:
    proposal = above(stack.probability, threshold)
    plain = [foreground_overlap(*pair) for pair in zip(labels, map(components, proposal), strict=True)]
    thin = [foreground_overlap(*pair) for pair in zip(labels, map(thinned, proposal), strict=True)]
    thin_rand = [rand_score(overlap) for overlap in thin]
    return AtThreshold(
        threshold=threshold,
        pixel_f_score=pixel_f_score(stack.truth, proposal),
        rand=sum(map(rand_score, plain), RandScore()),
        thinned_rand=sum(thin_rand, RandScore()),
        v_rand=_mean(score.f_score for score in thin_rand),
        v_info=_mean(information_score(overlap).f_score for overlap in thin),
        mismatches=_mismatches(stack, threshold),
        pixels=proposal.size,
    )


def _mismatches(stack: Sections, threshold: float) -> Mapping[Mismatch, int]:
    found = [
        counts(kinds(warp(truth, probability, threshold)))
        for truth, probability in zip(stack.truth, stack.probability, strict=True)
    ]
    return {kind: sum(section[kind] for section in found) for kind in Mismatch}


def _mean(scores: Iterator[float]) -> float:
    known = [score for score in scores if not math.isnan(score)]
    return sum(known) / len(known) if known else math.nan


def _least(at: Sequence[AtThreshold], score: Callable[[AtThreshold], float]) -> Best:
    best = min(at, key=score)
    return Best(score(best), best.threshold)


def _greatest(at: Sequence[AtThreshold], score: Callable[[AtThreshold], float]) -> Best:
    best = max(at, key=score)
    return Best(score(best), best.threshold)
