"""What the scores of the ISBI 2012 challenge are made from: sums that add up over the sections of a stack."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64

from utome.metrics.isbi2012.challenge import AtThreshold, isbi2012
from utome.metrics.isbi2012.information import information_score
from utome.metrics.isbi2012.labelling import THRESHOLDS, above, components
from utome.metrics.isbi2012.mismatches import Mismatch, clusters, kinds
from utome.metrics.isbi2012.overlap import foreground_overlap, full_overlap
from utome.metrics.isbi2012.rand import RandScore, rand_score_of_pairs
from utome.metrics.isbi2012.sections import Sections, sections
from utome.metrics.isbi2012.warping import warp

HALF = 5  # the place of 0.5 among the thresholds
KINDS = {
    Mismatch.MERGE: "merges", Mismatch.SPLIT: "splits", Mismatch.HOLE_ADDITION: "hole_additions",
    Mismatch.HOLE_DELETION: "hole_deletions", Mismatch.OBJECT_ADDITION: "object_additions",
    Mismatch.OBJECT_DELETION: "object_deletions",
}  # fmt: skip
RAND = ("same_cell", "same_segment", "same_both", "sections")
# What is summed at each threshold, and at 0.5 alone.
AT = (
    "hits", "cells", "found", "pixels", *(f"rand.{part}" for part in RAND), *(f"thinned.{part}" for part in RAND),
    "v_rand", "v_rand.sections", "v_info", "v_info.sections", *KINDS.values(),
)  # fmt: skip
AT_HALF = (
    "squared_error", *(f"all_pixels.{part}" for part in RAND), *(f"pairs.{part}" for part in RAND),
    "information", "variation", "information.sections", *KINDS.values(),
)  # fmt: skip


@dataclass(frozen=True)
class StackSums:
    """Sums over sections: a row for each threshold, with the columns `AT`; and those of `AT_HALF`."""

    at: Float64[np.ndarray, "t c"]
    half: Float64[np.ndarray, " e"]

    def __add__(self, other: "StackSums") -> "StackSums":
        return StackSums(self.at + other.at, self.half + other.half)

    def of(self, name: str, place: int) -> float:
        """One sum at a threshold."""
        return float(self.at[place, AT.index(name)])

    def of_half(self, name: str) -> float:
        """One sum at 0.5."""
        return float(self.half[AT_HALF.index(name)])

    def rand(self, which: str, place: int) -> RandScore:
        """The Rand score of sections at a threshold: `rand`, `thinned`, or, at 0.5 alone, `all_pixels` or `pairs`."""
        if which in {"rand", "thinned"}:
            cell, segment, both, many = (self.of(f"{which}.{part}", place) for part in RAND)
        else:
            cell, segment, both, many = (self.of_half(f"{which}.{part}") for part in RAND)
        return RandScore(cell, segment, both, round(many))


def section_sums(truth: Bool[np.ndarray, "h w"], probability: Float[np.ndarray, "_ _"]) -> StackSums:
    """The sums of one section: of its cells, and of the probability of cells."""
    section = sections(truth, probability)
    scores = isbi2012(section.truth, section.probability)
    at = np.asarray([_sums_at(section, each) for each in scores.at], dtype=np.float64)
    squared = scores.squared_error * section.truth.size
    return StackSums(at, np.asarray([squared, *_sums_at_half(section)], dtype=np.float64))


def _sums_at(section: Sections, at: AtThreshold) -> list[float]:
    found = above(section.probability, at.threshold)
    return [
        int((found & section.truth).sum()), int(section.truth.sum()), int(found.sum()), at.pixels,
        *(getattr(at.rand, part) for part in RAND), *(getattr(at.thinned_rand, part) for part in RAND),
        *_known(at.v_rand), *_known(at.v_info), *(at.mismatches[kind] for kind in KINDS),
    ]  # fmt: skip


def _sums_at_half(section: Sections) -> list[float]:
    truth, probability = section.truth[0], section.probability[0]
    labels, proposal = components(truth), components(above(probability, THRESHOLDS[HALF]))
    foreground = foreground_overlap(labels, proposal)
    told = information_score(foreground)
    left = clusters(kinds(warp(truth, probability, THRESHOLDS[HALF])))
    rands = (rand_score_of_pairs(full_overlap(labels, proposal)), rand_score_of_pairs(foreground))
    variation, _ = _known(told.variation)
    information, known = _known(told.f_score)
    return [
        *(getattr(rand, part) for rand in rands for part in RAND),
        information, variation, known, *(left[kind] for kind in KINDS),
    ]  # fmt: skip


def _known(score: float) -> tuple[float, float]:
    """A section's score and that it has one, or nothing."""
    return (0.0, 0.0) if np.isnan(score) else (score, 1.0)
