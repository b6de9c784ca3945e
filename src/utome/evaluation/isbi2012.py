"""ISBI 2012: the challenge's scores of cell outlines, where the foreground is cells and the background their border.

Every section's scores follow from sums, and so do those of a stack: the same sums over its sections. A folder of
sections is one stack.
"""

from collections.abc import Callable, Sequence

import numpy as np

from utome.evaluation.case import Case
from utome.evaluation.isbi2012_sums import AT, HALF, KINDS, StackSums, section_sums
from utome.evaluation.measures import Family, Measure, Sums, counted
from utome.metrics.isbi2012.labelling import THINNED_THRESHOLDS, THRESHOLDS

NAN = float("nan")
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
        return section_sums(case.truth == 1, probability)

    def pack(self, counts: StackSums) -> Sums:
        """Both tables in a row."""
        return np.concatenate([counts.at.ravel(), counts.half])

    def unpack(self, sums: Sums) -> StackSums:
        """Both tables."""
        size = len(THINNED_THRESHOLDS) * len(AT)
        return StackSums(sums[:size].reshape(-1, len(AT)), sums[size:])


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
