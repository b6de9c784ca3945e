"""From rows to the table: units, runs that both have, Holm, and what other seeds may change."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from utome.evaluation.families import Nature, Scales
from utome.evaluation.isbi2012_sums import AT, AT_HALF
from utome.metrics.isbi2012.labelling import THINNED_THRESHOLDS
from utome.randomness import generator
from utome.statistics.comparison import compare
from utome.statistics.scores import mean_over_seeds
from utome.statistics.units import Result, arms
from utome.studies.analysis import Row, differences, scores
from utome.studies.file import StudyFile, parse_study
from utome.studies.metrics import Measured, families, measured
from utome.studies.outcome import Difference
from utome.studies.plan import PlannedRun

METRIC = "pixels.cell.iou@images"


def study(arms_: int = 3) -> StudyFile:
    named = ", ".join(f"{name}: {{recipe: unet}}" for name in "abcd"[:arms_])
    return parse_study(
        f"arms: {{{named}}}\nmetrics: {{'{METRIC}': IoU}}\nvariants: {{best: {{}}, flips: {{}}}}\n", source="s.yaml"
    )


def metrics() -> list[Measured]:
    nature = Nature(("background", "cell"))
    return measured({METRIC: "IoU"}, families(("pixels",), nature, Scales()), nature.classes)


def rows(arm: str, values: Mapping[int, Sequence[float | None]], variant: str = "best") -> list[Row]:
    """The images' own scores by seed."""
    return [
        Row(PlannedRun(seed, "held-out", 0, arm), variant, f"image-{image}", None, {"pixels.cell.iou": value}, {})
        for seed, own in values.items()
        for image, value in enumerate(own)
    ]


def of(found: Sequence[Row], arms_: int) -> list[Difference]:
    """All comparisons of a study that was asked for so many arms."""
    return differences(found, metrics(), study(arms_), "abcd"[:arms_])


def between(arm: str, found: Sequence[Difference]) -> Difference:
    return next(each for each in found if each.arm == arm)


def test_images_are_averaged_over_seeds_before_they_are_compared() -> None:
    base, other = {0: [0.5, 0.6, 0.7], 1: [0.6, 0.6, 0.9]}, {0: [0.6, 0.7, 0.7], 1: [0.8, 0.6, 0.9]}
    found = between("b", of(rows("a", base) + rows("b", other), 2))
    assert found.difference == pytest.approx(np.mean([0.15, 0.05, 0.0]))
    assert (found.units, found.unit, found.won, found.tied, found.lost) == (3, "images", 2, 1, 0)
    assert found.seeds == pytest.approx({0: np.mean([0.1, 0.1, 0]), 1: np.mean([0.2, 0, 0])})
    reached = {each.arm: each for each in scores(rows("a", base) + rows("b", other), metrics())}
    assert reached["a"].value == pytest.approx(np.mean([0.55, 0.6, 0.8]))
    assert dict(reached["a"].seeds) == pytest.approx({0: 0.6, 1: 0.7})


def test_arms_are_compared_on_the_runs_that_both_have() -> None:
    complete, half = {0: [0.5, 0.6], 1: [0.9, 0.9]}, {0: [0.6, 0.7]}
    found = between("b", of(rows("a", complete) + rows("b", half), 2))
    assert found.difference == pytest.approx(0.1)
    assert len(found.seeds) == 1


def test_p_is_corrected_over_the_arms_and_apart_from_them_over_the_variants() -> None:
    draws = generator(5, "analysis")
    base = draws.random(9) / 2
    values = {"a": base, "b": base + 0.1 + draws.random(9) / 10, "c": base + draws.normal(0, 0.1, 9)}
    all_rows = [row for arm, own in values.items() for row in rows(arm, {0: own.tolist()})]
    all_rows += rows("a", {0: (base + 0.2).tolist()}, "flips")
    found = of(all_rows, 3)
    made = {
        arm: arms([Result(arm, f"image-{i}", float(v)) for i, v in enumerate(own)])[0] for arm, own in values.items()
    }
    expected = compare(made["a"], [made["b"], made["c"]], metrics()[0].score, seed=0)
    for each in expected:
        ours = between(each.arm, [own for own in found if own.variant == "best"])
        assert (ours.p, ours.corrected_p, ours.smallest_corrected_p) == (
            each.test.p,
            each.corrected_p,
            each.smallest_corrected_p,
        )
        assert (ours.outcome, ours.family) == (each.outcome, 2)
    flips = next(each for each in found if each.variant == "flips")
    assert (flips.arm, flips.baseline_arm, flips.baseline_variant, flips.family) == ("a", "a", "best", 1)
    assert flips.corrected_p == flips.p
    assert "'a, flips' is better than 'a, best'" in flips.verdict


def test_a_difference_that_rests_on_one_training_says_so() -> None:
    base = np.linspace(0.3, 0.6, 8)
    found = between("b", of(rows("a", {0: base.tolist()}) + rows("b", {0: (base + 0.1).tolist()}), 2))
    assert found.outcome == "better"
    assert found.seeds_interval is None
    assert found.verdict.endswith("It rests on one seed of each: another may say otherwise.")


def test_a_difference_that_varies_from_training_to_training_says_so() -> None:
    base = np.linspace(0.3, 0.6, 8)
    gains = {0: 0.30, 1: 0.02, 2: 0.01}
    a, b = (
        rows("a", {seed: base.tolist() for seed in gains}),
        rows("b", {seed: (base + gain).tolist() for seed, gain in gains.items()}),
    )
    found = between("b", of(a + b, 2))
    assert found.outcome == "better"
    assert found.seeds_interval is not None
    assert 0.0 in found.seeds_interval
    assert "from seed to seed it differs so much (95 % interval over 3 seeds" in found.verdict
    steady = rows("b", {seed: (base + 0.1 + seed / 100).tolist() for seed in gains})
    assert "With these trainings" not in between("b", of(a + steady, 2)).verdict


def test_a_reference_is_scored_and_not_compared() -> None:
    found = rows("a", {0: [0.5, 0.6]}) + rows("otsu", {0: [0.1, 0.2]})
    assert {each.arm for each in scores(found, metrics())} == {"a", "otsu"}
    assert of(found, 2) == []


def test_images_without_a_score_are_left_out() -> None:
    found = scores(rows("a", {0: [0.5, None, 0.7]}), metrics())
    assert found[0].value == pytest.approx(0.6)
    assert found[0].units == 2
    assert scores(rows("a", {0: [None, None]}), metrics())[0].value is None


def test_an_image_that_one_arm_has_no_score_of_is_left_out_of_the_difference() -> None:
    base: list[float | None] = [*[0.5] * 8, *[None] * 4]
    other = [0.5] * 8 + [0.0] * 4
    found = between("b", of(rows("a", {0: base}) + rows("b", {0: other}), 2))
    assert (found.difference, found.units, found.left_out) == (0.0, 8, 4)
    assert (found.won, found.tied, found.lost) == (0, 8, 0)
    assert found.verdict.endswith(" 4 images are left out, on which one of the two has no score.")


def test_an_image_without_a_score_in_one_seed_is_compared_by_the_other_seed() -> None:
    base: dict[int, list[float | None]] = {0: [0.5, None], 1: [0.5, 0.2]}
    other = {0: [0.6, 0.9], 1: [0.6, 0.4]}
    found = between("b", of(rows("a", base) + rows("b", other), 2))
    assert found.difference == pytest.approx(np.mean([0.1, 0.2]))
    assert (found.units, found.left_out) == (2, 0)


def test_where_no_image_has_a_score_of_both_there_is_no_difference() -> None:
    found = between("b", of(rows("a", {0: [None, None]}) + rows("b", {0: [0.1, 0.2]}), 2))
    assert (found.difference, found.p, found.outcome) == (None, 1.0, "not distinguishable")


def test_folds_are_put_together_before_seeds_are_counted() -> None:
    gains = {(0, 0): 0.01, (0, 1): 0.03, (1, 0): 0.05, (1, 1): 0.05}
    base: list[Row] = []
    other: list[Row] = []
    for (seed, fold), gain in gains.items():
        for arm, found, value in (("a", base, 0.5), ("b", other, 0.5 + gain)):
            run = PlannedRun(seed, "held-out", fold, arm)
            found.append(Row(run, "best", f"image-{fold}", None, {"pixels.cell.iou": value}, {}))
    compared = between("b", of(base + other, 2))
    assert compared.seeds == pytest.approx({0: 0.02, 1: 0.05})
    assert compared.seeds_interval is not None
    assert compared.seeds_interval.low < 0 < compared.seeds_interval.high


def test_a_score_has_the_interval_over_its_seeds() -> None:
    values = {
        0: [0.50, 0.60],
        1: [0.60, 0.70],
        2: [0.40, 0.50],
    }  # by hand: 0.55, and 4.303 * 0.1 / sqrt(3) on the logit scale
    (found,) = scores(rows("a", values), metrics())
    assert found.seeds_interval is not None
    assert (found.seeds_interval.low, found.seeds_interval.high) == pytest.approx((0.3094, 0.7693), abs=1e-3)
    assert scores(rows("a", {0: [0.5, 0.6]}), metrics())[0].seeds_interval is None


def test_the_interval_over_seeds_holds_nothing_that_cannot_be() -> None:
    values = {0: [0.5] * 6, 1: [0.5] * 6}
    others = {0: [0.1] * 6, 1: [0.99] * 6}
    found = between("b", of(rows("a", values) + rows("b", others), 2))
    assert found.seeds_interval is not None
    assert -1 <= found.seeds_interval.low < found.seeds_interval.high <= 1


def section(arm: str, seed: int, image: str, v_rand: dict[int, float], fold: int = 0) -> Row:
    """One section of one run, with this V_Rand at some thresholds and 0.5 elsewhere."""
    table = np.zeros((len(THINNED_THRESHOLDS), len(AT)))
    table[:, AT.index("v_rand.sections")] = 1.0
    table[:, AT.index("v_rand")] = 0.5
    for threshold, value in v_rand.items():
        table[threshold, AT.index("v_rand")] = value
    sums = [*table.ravel(), *np.zeros(len(AT_HALF))]
    return Row(PlannedRun(seed, "held-out", fold, arm), "best", image, None, {}, {"isbi2012": sums})


def test_an_image_weighs_alike_in_each_seed_however_many_scored_it() -> None:
    nature = Nature(("membrane", "cell"))
    metric = measured({"isbi2012.v_rand": "V_Rand"}, families(("isbi2012",), nature, Scales()), nature.classes)
    rows = [section("a", 0, "x", {3: 0.6}), section("a", 0, "y", {3: 0.9})]
    rows += [section("a", 1, "x", {5: 0.8}), section("a", 1, "z", {5: 0.9})]
    rows += [section("a", 1, "z", {5: 0.7}, fold=1)]  # two folds of a seed are averaged
    (found,) = scores(rows, metric)
    assert found.seeds == pytest.approx({0: 0.75, 1: 0.8})
    assert found.value == pytest.approx(0.775)


def test_a_score_at_the_best_threshold_is_the_mean_of_the_seeds_each_at_its_own() -> None:
    nature = Nature(("membrane", "cell"))
    metric = measured({"isbi2012.v_rand": "V_Rand"}, families(("isbi2012",), nature, Scales()), nature.classes)

    def at(arm: str, seed: int, best: int) -> list[Row]:
        """Ten sections of one run, whose V_Rand is 0.9 at one threshold and 0.5 elsewhere."""
        return [section(arm, seed, f"section-{each}", {best: 0.9}) for each in range(10)]

    agreeing, differing = at("a", 0, 3) + at("a", 1, 3), at("b", 0, 2) + at("b", 1, 8)
    assert [each.value for each in scores(agreeing + differing, metric)] == pytest.approx([0.9, 0.9])
    found = between("b", differences(agreeing + differing, metric, study(2), "ab"))
    assert found.difference == pytest.approx(0.0)
    assert (found.won, found.tied, found.lost) == (0, 10, 0)
    assert metric[0].metric.convention.endswith("each seed at its own")


def test_a_seed_that_scored_none_of_these_is_no_perfect_score() -> None:
    of = mean_over_seeds(lambda sums: np.where(sums[:, 0] > 0, sums[:, 1], 1.0))
    assert of(np.asarray([[[1.0, 0.4], [0.0, 0.0]], [[1.0, 0.4], [2.0, 0.6]]])).tolist() == [0.4, 0.5]
    assert np.isnan(of(np.zeros((1, 2, 2)))[0])


def test_arms_that_are_not_done_count_in_the_correction() -> None:
    base = np.linspace(0.3, 0.6, 8)
    done = rows("a", {0: base.tolist()}) + rows("b", {0: (base + 0.1).tolist()})
    unfinished = between("b", of(done, 4))
    assert (unfinished.family, unfinished.p, unfinished.corrected_p) == (3, 2 / 2**8, 3 * 2 / 2**8)
    assert between("b", of(done, 2)).family == 1
    flips = next(each for each in of(done + rows("b", {0: base.tolist()}, "flips"), 4) if each.variant == "flips")
    assert (flips.baseline_variant, flips.family) == ("best", 3)  # of b, and of c and d, which are to come


def test_an_interval_of_counts_does_not_go_below_zero() -> None:
    nature = Nature(("background", "cell"))
    metric = {"objects.merges@images": "merges"}
    merges = measured(metric, families(("objects",), nature, Scales()), nature.classes)
    counted = [
        Row(PlannedRun(0, "held-out", 0, "a"), "best", str(image), None, {"objects.merges": value}, {})
        for image, value in enumerate([0.0, 0.0, 0.0, 9.0])
    ]
    (found,) = scores(counted, merges)
    assert found.interval is not None
    assert found.interval.low == 0.0
