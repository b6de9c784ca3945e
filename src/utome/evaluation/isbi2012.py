"""ISBI 2012: the challenge's scores of cell outlines, where the foreground is cells and the background their border.

Every section's scores follow from sums, and so do those of a stack: the same sums over its sections. A folder of
sections is one stack.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from utome.evaluation.case import Case
from utome.evaluation.measures import Family, Measure, Sums, counted
from utome.metrics.isbi2012.challenge import AtThreshold, isbi2012
from utome.metrics.isbi2012.information import information_score
from utome.metrics.isbi2012.labelling import THINNED_THRESHOLDS, THRESHOLDS, above, components
from utome.metrics.isbi2012.mismatches import Mismatch, clusters, kinds
from utome.metrics.isbi2012.overlap import foreground_overlap, full_overlap
from utome.metrics.isbi2012.rand import RandScore, rand_score_of_pairs
from utome.metrics.isbi2012.sections import Sections, sections
from utome.metrics.isbi2012.warping import warp

NAN = float("nan")
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
RANGE, THINNED_RANGE = "thresholds 0 to 0.9", "thresholds 0 to 1"
ERRORS = {
    "pixel_error": "1 - the best F score of the cells' pixels",
    "rand_error": "1 - the best foreground-restricted Rand F score, without thinning (2012)",
    "warping_error": "splits and mergers per pixel that are left after warping the truth",
    "topological_error": "mismatches of all six kinds per pixel that are left after warping the truth",
}
SCORES = {
    "v_rand": "foreground-restricted Rand F score after thinning the borders, mean over sections",
    "v_info": "foreground-restricted information F score after thinning the borders, mean over sections",
}


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


Of = Callable[[StackSums], float]
AtPlace = Callable[[StackSums, int], float]


class Isbi2012(Family[StackSums]):
    """All scores of the challenge, at its thresholds; for two classes."""

    name = "isbi2012"
    headline = "rand_error"
    higher_is_better = False

    def __init__(self, *, told_apart: bool = False) -> None:
        touching = "; objects of the truth that touch are one cell" if told_apart else ""
        self.about = f"all sections as one stack; foreground is cell, background is the border between cells{touching}"
        self.measures = (*_best_ones(), *_of_half(), *_at_thresholds())

    def count(self, case: Case) -> StackSums:
        """The sums of one section; without probabilities the labels count as 0 and 1."""
        probability = (case.predicted == 1).astype(np.float32) if case.probability is None else case.probability
        section = sections(case.truth == 1, probability)
        scores = isbi2012(section.truth, section.probability)
        at = np.asarray([_sums_at(section, each) for each in scores.at], dtype=np.float64)
        squared = scores.squared_error * section.truth.size
        return StackSums(at, np.asarray([squared, *_sums_at_half(section)], dtype=np.float64))

    def pack(self, counts: StackSums) -> Sums:
        """Both tables in a row."""
        return np.concatenate([counts.at.ravel(), counts.half])

    def unpack(self, sums: Sums) -> StackSums:
        """Both tables."""
        size = len(THINNED_THRESHOLDS) * len(AT)
        return StackSums(sums[:size].reshape(-1, len(AT)), sums[size:])


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


def _share(part: float, whole: float) -> float:
    return part / whole if whole else NAN


def _pixel_f(sums: StackSums, place: int) -> float:
    either = sums.of("cells", place) + sums.of("found", place)
    return 2 * sums.of("hits", place) / either if either else 1.0


def _v_rand(sums: StackSums, place: int) -> float:
    return _share(sums.of("v_rand", place), sums.of("v_rand.sections", place))


def _v_info(sums: StackSums, place: int) -> float:
    return _share(sums.of("v_info", place), sums.of("v_info.sections", place))


def _mismatched(*names: str) -> AtPlace:
    return lambda sums, place: sum(sums.of(name, place) for name in names) / sums.of("pixels", place)


def _rand(which: str, score: str) -> AtPlace:
    return lambda sums, place: float(getattr(sums.rand(which, place), score))


_TOPOLOGICAL, _WARPING = _mismatched(*KINDS.values()), _mismatched("merges", "splits")
_RAND_F: AtPlace = _rand("rand", "f_score")
LOWEST: dict[str, AtPlace] = {
    "pixel_error": lambda sums, place: 1 - _pixel_f(sums, place),
    "rand_error": lambda sums, place: 1 - _RAND_F(sums, place),
    "warping_error": _WARPING,
    "topological_error": _TOPOLOGICAL,
}
HIGHEST: dict[str, AtPlace] = {"v_rand": _v_rand, "v_info": _v_info}


def _best(of: AtPlace, places: int, choose: Callable[[Sequence[float]], int]) -> tuple[Of, Of]:
    """The best value over thresholds, and the lowest threshold that reaches it."""

    def chosen(sums: StackSums) -> tuple[float, float]:
        values = [of(sums, place) for place in range(places)]
        place = choose(values)
        return values[place], NAN if np.isnan(values[place]) else THINNED_THRESHOLDS[place]

    return (lambda sums: chosen(sums)[0]), (lambda sums: chosen(sums)[1])


def _best_ones() -> list[Measure[StackSums]]:
    found: list[Measure[StackSums]] = []
    for names, told, places, choose in (
        (LOWEST, ERRORS, len(THRESHOLDS), lambda values: int(np.argmin(values))),
        (HIGHEST, SCORES, len(THINNED_THRESHOLDS), lambda values: int(np.argmax(values))),
    ):
        over = f"{'least' if names is LOWEST else 'greatest'} over {RANGE if names is LOWEST else THINNED_RANGE}"
        for name, of in names.items():
            value, threshold = _best(of, places, choose)
            found.append(Measure(name, value, f"{told[name]}; {over}"))
            found.append(
                Measure(
                    f"{name}.threshold",
                    threshold,
                    f"the lowest threshold with that {name}",
                    interval=False,
                    shown=False,
                )
            )
    squared = "mean squared difference of truth and probability, without a threshold"
    return [
        *found,
        Measure("squared_error", lambda sums: sums.of_half("squared_error") / sums.of("pixels", 0), squared),
    ]


def _at_thresholds() -> list[Measure[StackSums]]:
    told: dict[str, tuple[AtPlace, str]] = {
        "pixel_f_score": (_pixel_f, "F score (Dice) of the cells' pixels"),
        "pixel_error": (
            lambda sums, place: (sums.of("cells", place) + sums.of("found", place) - 2 * sums.of("hits", place)) / sums.of("pixels", place),
            "share of the pixels that differ",
        ),
        "rand_precision": (_rand("rand", "precision"), "foreground-restricted, without thinning"),
        "rand_recall": (_rand("rand", "recall"), "foreground-restricted, without thinning"),
        "rand_f_score": (_RAND_F, "foreground-restricted, without thinning"),
        "rand_disagreement": (_rand("rand", "error"), "share of pairs on which truth and proposal disagree"),
        "v_rand": (_v_rand, SCORES["v_rand"]),
        "v_rand_precision": (_rand("thinned", "precision"), "after thinning, sections summed; lowered by mergers"),
        "v_rand_recall": (_rand("thinned", "recall"), "after thinning, sections summed; lowered by splits"),
        "v_info": (_v_info, SCORES["v_info"]),
        "warping_error": (_WARPING, ERRORS["warping_error"]),
        "topological_error": (_TOPOLOGICAL, ERRORS["topological_error"]),
    }  # fmt: skip
    found: list[Measure[StackSums]] = []
    for place in range(len(THINNED_THRESHOLDS)):
        prefix = f"at_{place / 10:g}"
        found += [
            Measure(f"{prefix}.{name}", _placed(of, place), each, interval=False, shown=False)
            for name, (of, each) in told.items()
        ]
        found += [
            counted(
                f"{prefix}.{name}",
                _placed(_sum_of(name), place),
                "pixels left after warping the truth",
                shown=place == HALF,
            )
            for name in KINDS.values()
        ]
    return found


def _of_half() -> list[Measure[StackSums]]:
    rands = {
        "rand_index_error": (
            "all_pixels",
            "error",
            "Rand error over pairs of pixels, the border a segment like others",
        ),
        "rand_index_f_score": (
            "all_pixels",
            "f_score",
            "F score over pairs of pixels, the border a segment like others",
        ),
        "rand_pairs_error": ("pairs", "error", "foreground-restricted Rand error over pairs of different pixels"),
    }
    plain: dict[str, tuple[str, str]] = {
        "information_f_score": ("information", "foreground-restricted, without thinning, mean over sections"),
        "variation_of_information": (
            "variation",
            "foreground-restricted, without thinning, mean over sections, in nats",
        ),
    }
    return [
        *(
            Measure(f"at_0.5.{name}", _placed(_rand(which, score), HALF), told, interval=False, shown=False)
            for name, (which, score, told) in rands.items()
        ),
        *(
            Measure(f"at_0.5.{name}", _mean_of_half(of), told, bounds=None, interval=False, shown=False)
            for name, (of, told) in plain.items()
        ),
        *(
            counted(f"at_0.5.{name}.clusters", _half(name), "the same, pixels that hang together counted once", shown=False)
            for name in KINDS.values()
        ),
    ]  # fmt: skip


def _placed(of: AtPlace, place: int) -> Of:
    return lambda sums: of(sums, place)


def _sum_of(name: str) -> AtPlace:
    return lambda sums, place: sums.of(name, place)


def _half(name: str) -> Of:
    return lambda sums: sums.of_half(name)


def _mean_of_half(name: str) -> Of:
    return lambda sums: _share(sums.of_half(name), sums.of_half("information.sections"))
