"""The challenge's scores: every answer of its own scripts on six pairs, and what cannot be scored."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest
import tifffile

from utome.errors import DataError
from utome.metrics.isbi2012.challenge import AtThreshold, Isbi2012Scores, isbi2012
from utome.metrics.isbi2012.information import InformationScore, information_score
from utome.metrics.isbi2012.labelling import THINNED_THRESHOLDS, THRESHOLDS, above, components
from utome.metrics.isbi2012.mismatches import Mismatch, clusters, kinds
from utome.metrics.isbi2012.overlap import foreground_overlap, full_overlap
from utome.metrics.isbi2012.pixel_error import pixel_error
from utome.metrics.isbi2012.rand import RandScore, rand_score_of_pairs
from utome.metrics.isbi2012.sections import Sections, from_bytes, sections
from utome.metrics.isbi2012.warping import warp

FIXTURES = Path(__file__).parent / "fixtures" / "isbi2012"
PAIRS = tuple(sorted(path.stem for path in FIXTURES.glob("*.json")))
HALF = 5  # the place of 0.5 among the thresholds
# The challenge's order of the six kinds.
ORDER = (
    Mismatch.MERGE, Mismatch.SPLIT, Mismatch.HOLE_ADDITION, Mismatch.HOLE_DELETION, Mismatch.OBJECT_ADDITION,
    Mismatch.OBJECT_DELETION,
)  # fmt: skip
CELLS = np.asarray([[1, 0, 1], [1, 0, 1], [1, 0, 1]], dtype=np.uint8)


@dataclass(frozen=True)
class Pair:
    """A pair of the challenge, its scores, and their parts at 0.5."""

    stack: Sections
    scores: Isbi2012Scores

    @property
    def half(self) -> AtThreshold:
        return self.scores.at[HALF]

    @property
    def plain(self) -> list[RandScore]:
        """Over pairs of pixels, border included."""
        return [rand_score_of_pairs(full_overlap(*labels)) for labels in self._labels()]

    @property
    def pairs(self) -> list[RandScore]:
        return [rand_score_of_pairs(foreground_overlap(*labels)) for labels in self._labels()]

    @property
    def information(self) -> list[InformationScore]:
        return [information_score(foreground_overlap(*labels)) for labels in self._labels()]

    def clustered(self) -> list[int]:
        warped = [warp(*both, 0.5) for both in zip(self.stack.truth, self.stack.probability, strict=True)]
        found = [clusters(kinds(section)) for section in warped]
        return [sum(section[kind] for section in found) for kind in ORDER]

    def _labels(self) -> list[tuple[np.ndarray, np.ndarray]]:
        proposal = above(self.stack.probability, 0.5)
        return [(components(a), components(b)) for a, b in zip(self.stack.truth, proposal, strict=True)]


# What each key of the answers means.
MEANING: dict[str, Callable[[Pair], float | list[int]]] = {
    "pixel_sq_error_nothreshold": lambda pair: pair.scores.squared_error,
    "pixel_error_t0.5": lambda pair: pixel_error(pair.stack.truth, above(pair.stack.probability, 0.5)),
    "pixel_fscore_t0.5": lambda pair: pair.half.pixel_f_score,
    "pixel_error_1_minus_maxF_0_0.9_0.1": lambda pair: pair.scores.pixel_error.value,
    "rand_error_standard_t0.5": lambda pair: fmean(score.error for score in pair.plain),
    "rand_index_stats_standard_F_t0.5": lambda pair: sum(pair.plain, RandScore()).f_score,
    "fgr_rand_error_pairs_t0.5": lambda pair: fmean(score.error for score in pair.pairs),
    "fgr_rand_index_N2_t0.5": lambda pair: 1 - pair.half.rand.error,
    "fgr_rand_precision_t0.5": lambda pair: pair.half.rand.precision,
    "fgr_rand_recall_t0.5": lambda pair: pair.half.rand.recall,
    "fgr_rand_F_t0.5": lambda pair: pair.half.rand.f_score,
    "rand_error_2012_1_minus_maxF_0_0.9_0.1": lambda pair: pair.scores.rand_error.value,
    "vrand_thinned_t0.5_macroF": lambda pair: pair.half.v_rand,
    "vrand_thinned_t0.5_split_precision": lambda pair: pair.half.thinned_rand.precision,
    "vrand_thinned_t0.5_merge_recall": lambda pair: pair.half.thinned_rand.recall,
    "vrand_thinned_max_0_1_0.1": lambda pair: pair.scores.v_rand.value,
    "vrand_thinned_binary_th0": lambda pair: pair.scores.at[0].v_rand,
    "vinfo_thinned_t0.5": lambda pair: pair.half.v_info,
    "vinfo_thinned_max_0_1_0.1": lambda pair: pair.scores.v_info.value,
    "vinfo_fgr_F_t0.5": lambda pair: fmean(score.f_score for score in pair.information),
    "vi_fgr_t0.5": lambda pair: fmean(score.variation for score in pair.information),
    "warping_error_all_t0.5": lambda pair: pair.half.topological_error,
    "warp_pixels_t0.5_[merge,split,holeAdd,holeDel,objAdd,objDel]": lambda pair: [
        pair.half.mismatches[kind] for kind in ORDER
    ],
    "warp_clustered_t0.5_[merge,split,holeAdd,holeDel,objAdd,objDel]": Pair.clustered,
    # Told from a window of 20 pixels around each mismatch (r20), the answers are those of the whole image on every pair.
    "warping_2012_splits_mergers_min_0_0.9_0.1_r20": lambda pair: pair.scores.warping_error.value,
    "warping_2012_splits_mergers_min_0_0.9_0.1_whole": lambda pair: pair.scores.warping_error.value,
    "warping_min_all_0_0.9_0.1": lambda pair: pair.scores.topological_error.value,
}


def test_the_answers_are_all_there() -> None:
    assert len(PAIRS) == 6
    assert all(_answers(name).keys() == MEANING.keys() for name in PAIRS)


@pytest.mark.parametrize("key", MEANING)
@pytest.mark.parametrize("name", PAIRS)
def test_every_answer_of_the_challenges_scripts_is_met(name: str, key: str) -> None:
    assert MEANING[key](_pair(name)) == pytest.approx(_answers(name)[key], rel=0, abs=1e-12)


def test_thresholds_are_the_sums_of_the_challenges_loops() -> None:
    assert len(THRESHOLDS) == 10
    assert THINNED_THRESHOLDS[:10] == THRESHOLDS
    assert THRESHOLDS[9] == 0.8999999999999999
    assert THINNED_THRESHOLDS[10] == 0.9999999999999999
    assert above(np.ones((1, 1), dtype=np.float32), THINNED_THRESHOLDS[10]).all()


def test_the_best_threshold_is_the_lowest_that_reaches_the_best_score() -> None:
    probability = np.where(CELLS == 1, 0.75, 0.25).astype(np.float32)
    scores = isbi2012(CELLS, probability)
    assert (scores.pixel_error.value, scores.pixel_error.threshold) == (0, THRESHOLDS[3])
    assert (scores.rand_error.value, scores.rand_error.threshold) == (0, THRESHOLDS[3])
    # One section of nine pixels: at 0.3 and above it is the truth, below it is one cell.
    assert [at.v_rand == 1 for at in scores.at] == [False] * 3 + [True] * 5 + [False] * 3


@pytest.mark.parametrize("white", [1, 255, True, 0.5])
def test_any_number_beside_zero_is_a_cell(white: float) -> None:
    truth = np.where(CELLS == 1, white, 0)
    assert isbi2012(truth, CELLS == 1).pixel_error.value == 0


def test_a_double_is_scored_as_its_nearest_float32() -> None:
    doubles = np.full(CELLS.shape, 0.2)  # whose float32 is greater than the double
    assert (
        isbi2012(CELLS, doubles).at[2].pixel_f_score
        == isbi2012(CELLS, doubles.astype(np.float32)).at[2].pixel_f_score
        > 0
    )


def test_grey_of_255_is_one() -> None:
    assert from_bytes(np.asarray([0, 255], dtype=np.uint8)).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("truth", "probability", "message"),
    [
        (
            CELLS,
            np.zeros((3, 4), dtype=np.float32),
            r"truth is 3x3 and the probabilities are 3x4: give two of the same",
        ),
        (np.zeros((0, 3)), np.zeros((0, 3)), r"are 0x3: give one image .* with at least one pixel"),
        (np.zeros(3), np.zeros(3), r"are 3: give one image \(height, width\)"),
        (np.zeros((1, 1, 1, 1)), np.zeros((1, 1, 1, 1)), r"are 1x1x1x1: give one image"),
        (CELLS + np.uint8(1), CELLS == 1, r"other than 0 and one more: 1, 2\. Give 0 for borders"),
        (np.arange(9).reshape(3, 3), CELLS == 1, r"one more: 0, 1, 2, 3, \.\.\.\."),
        (np.where(CELLS == 1, np.nan, 0.0), CELLS == 1, r"The truth holds values that are no finite numbers"),
        (CELLS.astype(str), CELLS == 1, r"The truth is of type <U3"),
        (CELLS, CELLS, r"probabilities are of type uint8: .* `from_bytes`"),
        (CELLS, np.where(CELLS == 1, np.nan, 0.0), r"no numbers \(NaN\)"),
        (CELLS, CELLS * 1.5, r"reach from 0 to 1\.5: give numbers from 0 to 1"),
        (CELLS, CELLS * -0.5, r"reach from -0\.5 to -?0"),
        (CELLS, CELLS + np.inf, r"reach from inf to inf"),
    ],
)
def test_what_cannot_be_scored_is_refused_with_a_reason(
    truth: np.ndarray, probability: np.ndarray, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        isbi2012(truth, probability)


def test_the_kinds_worked_by_hand() -> None:
    """Truth and proposal, and what warping leaves of their difference."""
    hollow = ["#####", "#...#", "#.#.#", "#...#", "#####"]
    assert _kinds_left(["...", "...", "..."], ["...", ".#.", "..."]) == {Mismatch.OBJECT_ADDITION: 1}
    assert _kinds_left(["...", ".#.", "..."], ["...", "...", "..."]) == {Mismatch.OBJECT_DELETION: 1}
    assert _kinds_left(["###", "###", "###"], ["###", "#.#", "###"]) == {Mismatch.HOLE_ADDITION: 1}
    assert _kinds_left(["###", "#.#", "###"], ["###", "###", "###"]) == {Mismatch.HOLE_DELETION: 1}
    assert _kinds_left(["#.#", "#.#", "#.#"], ["#.#", "###", "#.#"]) == {Mismatch.MERGE: 1}
    assert _kinds_left(["#.#", "###", "#.#"], ["#.#", "#.#", "#.#"]) == {Mismatch.SPLIT: 1}
    # Opening a hole to the outside parts nothing; an object within the hole is lost.
    assert _kinds_left(hollow, ["##.##", *hollow[1:]]) == {Mismatch.HOLE_DELETION: 1}
    assert _kinds_left(hollow, [*hollow[:2], "#...#", *hollow[3:]]) == {Mismatch.OBJECT_DELETION: 1}


def _kinds_left(truth: list[str], proposal: list[str]) -> dict[Mismatch, int]:
    image, target = (np.asarray([[sign == "#" for sign in line] for line in picture]) for picture in (truth, proposal))
    scores = isbi2012(image, target)
    return {kind: number for kind, number in scores.at[HALF].mismatches.items() if number}


class TestDegenerate:
    """Images of one colour, against the closed form or the convention."""

    WHITE, BLACK = np.ones((3, 5), dtype=np.bool_), np.zeros((3, 5), dtype=np.bool_)

    @pytest.mark.parametrize("shape", [(1, 1), (3, 5), (2, 3, 5)])
    def test_one_cell_that_is_found_has_no_error_but_tells_nothing(self, shape: tuple[int, ...]) -> None:
        scores = isbi2012(np.ones(shape, dtype=np.bool_), np.ones(shape))
        errors = (scores.squared_error, scores.pixel_error, scores.rand_error, scores.topological_error)
        assert [getattr(error, "value", error) for error in errors] == [0, 0, 0, 0]
        assert scores.v_rand.value == 1
        assert scores.v_info.value == 0  # a single cell has no entropy; the challenge counts 0

    def test_one_cell_that_is_missed_is_a_single_object_deletion(self) -> None:
        at = isbi2012(self.WHITE, self.BLACK).at[HALF]
        assert at.pixel_f_score == 0
        assert at.rand.f_score == pytest.approx(2 / 16)  # 15 segments of one pixel: precision 1, recall 1/15
        assert {kind: n for kind, n in at.mismatches.items() if n} == {Mismatch.OBJECT_DELETION: 1}
        assert at.warping_error == 0
        assert at.v_rand == 1  # a section without cells is thinned to one segment

    @pytest.mark.parametrize("found", [0, 1])
    def test_a_truth_without_cells_has_no_rand_and_no_information_score(self, found: int) -> None:
        scores = isbi2012(self.BLACK, np.full(self.BLACK.shape, float(found)))
        none = (scores.rand_error, scores.v_rand, scores.v_info)
        assert all(math.isnan(best.value) for best in none)
        assert all(math.isnan(share) for share in (scores.at[0].rand.precision, scores.at[0].rand.error))
        assert scores.pixel_error.value == found
        assert scores.at[HALF].mismatches[Mismatch.OBJECT_ADDITION] == found * self.BLACK.size
        assert scores.warping_error.value == 0

    def test_nothing_found_where_nothing_is_has_no_error(self) -> None:
        scores = isbi2012(self.BLACK, self.BLACK)
        assert (scores.pixel_error.value, scores.topological_error.value, scores.squared_error) == (0, 0, 0)


def test_a_section_without_cells_leaves_the_others_rand_and_information_scores_as_they_are() -> None:
    pair = _pair("C_prob8")
    both = isbi2012(
        np.concatenate([pair.stack.truth, np.zeros_like(pair.stack.truth)]),
        np.concatenate([pair.stack.probability, np.zeros_like(pair.stack.probability)]),
    )
    for one, two in zip(pair.scores.at, both.at, strict=True):
        assert (one.rand, one.v_rand, one.v_info) == (two.rand, two.v_rand, two.v_info)
        assert one.warping_error == 2 * two.warping_error


def test_a_stack_of_one_section_twice_scores_as_the_section() -> None:
    pair = _pair("A_mergesplit")
    twice = isbi2012(np.repeat(pair.stack.truth, 2, axis=0), np.repeat(pair.stack.probability, 2, axis=0))
    for name in ("pixel_error", "rand_error", "warping_error", "topological_error", "v_rand", "v_info"):
        assert getattr(twice, name).value == pytest.approx(getattr(pair.scores, name).value, rel=1e-12)
    assert twice.squared_error == pair.scores.squared_error


@cache
def _pair(name: str) -> Pair:
    truth, grey = (tifffile.imread(FIXTURES / f"{name}_{role}.tif") for role in ("gt", "prop"))
    stack = sections(truth, from_bytes(grey))
    return Pair(stack, isbi2012(stack.truth, stack.probability))


@cache
def _answers(name: str) -> dict[str, Any]:
    answers: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))
    return answers
