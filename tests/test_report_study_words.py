"""What the report of a study says in words: the verdict, and what must be known before believing it."""

from dataclasses import replace

import pytest

from tests.outcomes import MAIN, finished_outcome
from tests.reported import compared, four_arms
from utome.report.study.facts import honest_first, standings
from utome.report.study.published import published_table
from utome.report.study.words import answer, beside_the_paper, verdict_words
from utome.statistics.intervals import Interval
from utome.studies.question import Protocol, Published


def test_what_is_better_worse_and_unclear_is_said_in_one_sentence() -> None:
    outcome = four_arms(
        [
            compared("wide", 0.05, (0.02, 0.08), 0.01),
            compared("deep", -0.05, (-0.08, -0.02), 0.02),
            compared("thin", 0.01, (-0.02, 0.04), 0.4),
        ]
    )
    assert answer(outcome).verdict == (
        "'wide' is better than 'U-Net'; 'deep' is worse than 'U-Net'; 'thin' cannot be told from it "
        "(by mean IoU on 9 images)."
    )


def test_where_nothing_can_be_told_the_difference_may_be_chance() -> None:
    outcome = four_arms([compared("wide", 0.05, (-0.02, 0.08), 0.3), compared("deep", 0.04, None, 0.4)])
    assert answer(outcome).verdict.startswith(
        "None of 'wide' and 'deep' can be told from 'U-Net': what difference there is may be chance"
    )
    assert "deep: +0.040 (without an interval), ahead on 6 of 9 images, corrected p = 0.4." in answer(outcome).grounds


def test_a_difference_that_seeds_dispute_is_said_to_rest_on_these_trainings() -> None:
    sure = compared("wide", 0.05, (0.02, 0.08), 0.01)
    unsure = replace(sure, seeds_interval=Interval(-0.5, 0.6))
    single = replace(sure, seeds={0: 0.05}, seeds_interval=None)
    assert "Other seeds may say otherwise" not in answer(four_arms([sure])).verdict
    assert answer(four_arms([unsure])).verdict.endswith("Other seeds may say otherwise.")
    both = four_arms([unsure, compared("deep", -0.05, (-0.08, -0.02), 0.01)])
    assert answer(both).verdict.endswith("Other seeds may say otherwise of 'wide'.")
    assert (
        "(95 % interval over 2 of them −0.500 to +0.600): others may say otherwise"
        in answer(four_arms([unsure])).grounds[0]
    )
    assert "It rests on one seed of each" in answer(four_arms([single])).grounds[0]


def test_an_interval_that_disagrees_with_the_p_is_explained() -> None:
    grounds = answer(four_arms([compared("wide", 0.05, (-0.01, 0.08), 0.01)])).grounds
    assert "The first interval holds zero; the p decides" in grounds[0]


def test_a_score_that_one_of_the_two_lacks_is_no_difference() -> None:
    said = answer(four_arms([compared("wide", None, None, 1.0)]))
    assert "cannot be told from" in said.verdict
    assert said.grounds[0] == "wide: one of the two has no score on these images."


def test_equal_results_are_called_the_same() -> None:
    same = replace(compared("wide", 0.0, None, 1.0), won=0, lost=0, tied=9)
    assert verdict_words(four_arms([same]), same) == "the same on every one"


@pytest.mark.parametrize(
    ("otsu", "words"),
    [
        (0.52, "every network is ahead of it."),
        (0.72, "1 of 2 networks are ahead of it."),
        (0.9, "no network is ahead of it."),
    ],
)
def test_a_threshold_that_does_as_well_as_networks_is_told(otsu: float, words: str) -> None:
    outcome = finished_outcome()
    scores = tuple(replace(score, value=otsu) if score.arm == "otsu" else score for score in outcome.scores)
    assert (
        answer(replace(outcome, scores=scores)).grounds[-1]
        == f"Otsu's threshold, of which training chooses the side alone, reaches {otsu:.3f}: {words}"
    )


def test_how_far_the_networks_are_from_a_human_is_told() -> None:
    outcome = finished_outcome()
    arms = tuple(replace(arm, kind="human") if arm.name == "otsu" else arm for arm in outcome.arms)
    scores = tuple(replace(score, value=0.9) if score.arm == "otsu" else score for score in outcome.scores)
    said = answer(replace(outcome, arms=arms, scores=scores)).grounds[-1]
    assert said == "A second observer, scored as a prediction, reaches 0.900: no network is ahead of it."


def test_a_lower_error_is_ahead_of_the_threshold() -> None:
    outcome = finished_outcome()
    lower = replace(outcome, metrics=(replace(outcome.metrics[0], higher_is_better=False), *outcome.metrics[1:]))
    assert answer(lower).grounds[-1].endswith("no network is ahead of it.")


def test_smoke_has_no_verdict_whatever_the_p() -> None:
    outcome = four_arms([compared("wide", 0.05, (0.02, 0.08), 0.01)])
    short = replace(outcome, arms=tuple(replace(arm, epochs=29) for arm in outcome.arms))
    assert answer(short).verdict == "Smoke, no conclusion: the trainings were too short to tell which is better."
    assert answer(short).grounds == ()
    assert beside_the_paper(short) == []
    few = replace(outcome, arms=tuple(replace(arm, steps=80) for arm in outcome.arms))
    for each, trained in ((short, "29 epochs"), (few, "40 epochs (80 steps in all)")):
        said = f"Networks were trained for {trained}, and with fewer than 30 epochs or 300 steps nothing can be said"
        assert answer(each).warnings[0].startswith(said)


def test_the_papers_difference_lies_in_our_interval_or_not() -> None:
    outcome = finished_outcome()
    for printed, word in ((0.7598, "holds"), (0.8398, "does not hold")):
        published = (*outcome.published, Published("wide", MAIN, printed, "", "A", arm="wide"))
        (sentence,) = beside_the_paper(replace(outcome, published=published))
        assert f"our 95 % interval {word} the paper's difference" in sentence
    assert beside_the_paper(outcome) == []


def test_the_papers_difference_is_judged_by_the_wider_interval() -> None:
    outcome = finished_outcome()
    published = (*outcome.published, Published("wide", MAIN, 0.8398, "", "A", arm="wide"))
    for seeds, words in (
        (Interval(-0.3, 0.4), "the wider of our 95 % intervals holds the paper's difference, and zero as well. No"),
        (
            Interval(0.01, 0.2),
            "the wider of our 95 % intervals holds the paper's difference. No interval of the paper's is known.",
        ),
        (Interval(0.02, 0.04), "the wider of our 95 % intervals does not hold the paper's difference. No"),
        (Interval(-0.9, 0.9), "holds the paper's difference, as it would most others. No"),
    ):
        differences = (replace(outcome.differences[0], seeds={0: 0.02, 1: 0.04}, seeds_interval=seeds),)
        (sentence,) = beside_the_paper(replace(outcome, published=published, differences=differences))
        assert words in sentence
        assert "(over images −0.010 to +0.070, over seeds " in sentence


def test_images_that_were_left_out_are_said() -> None:
    found = replace(compared("wide", 0.05, (0.02, 0.08), 0.01), left_out=3)
    assert "3 images are left out, on which one of the two has no score." in answer(four_arms([found])).grounds[0]


def test_the_verdict_is_of_images_that_training_never_saw() -> None:
    outcome = finished_outcome()
    seen = Protocol("as-published", "the same images", honest=False)
    both = replace(outcome, protocols=(seen, *outcome.protocols))
    assert [each.name for each in honest_first(both)] == ["held-out", "as-published"]
    assert "held-out images" in answer(both).verdict
    assert answer(both).warnings == (
        "Under 'the same images' the networks are scored on images that training saw: such scores say nothing about new images.",
    )


def test_generated_images_say_nothing_about_real_ones() -> None:
    outcome = finished_outcome()
    assert outcome.data is not None
    made = replace(outcome, data=replace(outcome.data, generated=True))
    assert answer(made).warnings[-1].startswith("The images were made by a program.")
    published = (*outcome.published, Published("wide", MAIN, 0.8398, "", "A", arm="wide"))
    assert beside_the_paper(replace(outcome, published=published))
    generated = replace(made, published=published)
    assert beside_the_paper(generated) == []
    assert not any(row.published for row in standings(generated, generated.protocols[0], generated.metrics[0]))
    table = published_table(generated)
    assert len(table.rows) == len({each.row for each in published}), "what the paper prints stands apart, without ours"


def test_arms_that_are_one_training_are_warned_of() -> None:
    outcome = finished_outcome()
    assert answer(outcome).warnings == ()
    (warning,) = answer(replace(outcome, equal_arms={"wide": "plain"})).warnings
    assert warning.startswith("'U-Net, wider & better' has all settings of 'U-Net', so they are one training")
