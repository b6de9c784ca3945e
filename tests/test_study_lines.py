"""The table of a study in the terminal."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.outcomes import MAIN, finished_outcome, small_outcome
from tests.reported import compared
from utome.cli import studying
from utome.cli.studying import lines
from utome.errors import PartlyFailedError
from utome.statistics.intervals import Interval
from utome.studies.outcome import MADE, Score
from utome.studies.question import Protocol, Published


def line(text: str, said: list[str]) -> str:
    (found,) = (each for each in said if text in each)
    return " ".join(found.split())


def test_every_published_row_stands_below_what_it_is_of_and_others_at_the_end() -> None:
    outcome = finished_outcome()
    views = Score("held-out", "plain", "views", MAIN, 0.73, None, {0: 0.73}, 6)
    published = (
        *outcome.published,
        Published("U-Net, rotated", MAIN, 0.75, "75.00 %", "A", arm="plain", variant="views"),
        Published("human values", MAIN, 0.9, "90.00 %", "A"),
        Published("human values", "objects.merges@images", 0.1, "0.1", "A"),
        Published("not of these images", MAIN, 0.9, "90.00 %", "A", arm="plain", protocol="elsewhere"),
    )
    said = lines(replace(outcome, published=published, scores=(*outcome.scores, views)))
    names = [
        "U-Net 0.710",
        "published: U-Net 73",
        "U-Net, 7 rotations",
        "published: U-Net, rotated 75",
        "U-Net, wider",
        "human values",
    ]
    places = [next(n for n, each in enumerate(said) if name in " ".join(each.split())) for name in names]
    assert places == sorted(places)
    assert line("human values", said) == "published: human values 90.00 % 0.1"
    assert not any("not of these images" in each for each in said)


def test_small_scores_have_the_places_that_they_need() -> None:
    outcome = finished_outcome()
    scores = tuple(
        replace(score, value=0.00035, interval=Interval(0.0003, 0.0004))
        for score in outcome.scores
        if score.metric == MAIN
    )
    assert "0.000350 (0.000300, 0.000400)" in line("wider & better", lines(replace(outcome, scores=scores)))


def test_an_interval_that_says_nothing_is_called_too_few() -> None:
    outcome = finished_outcome()
    assert not any("too few" in each for each in lines(outcome))
    otsu = replace(outcome.scores[2], value=0.736, interval=Interval(0.007, 0.999))
    said = lines(replace(outcome, scores=(*outcome.scores[:2], otsu)))
    assert line("Otsu", said) == "Otsu's threshold 0.736 (0.007, 0.999, too few) –"
    assert any("Too few: an interval that holds more than half of all values" in each for each in said)


def test_verdicts_stand_below_the_division_that_they_are_of() -> None:
    outcome = finished_outcome()
    other = Protocol("as-published", "the same images", honest=False)
    differences = tuple(
        replace(compared("wide", 0.05, (0.02, 0.08), 0.01), protocol=protocol, verdict=f"Verdict of {protocol}.")
        for protocol in ("held-out", "as-published")
    )
    scores = (*outcome.scores, *(replace(score, protocol="as-published") for score in outcome.scores))
    said = lines(replace(outcome, protocols=(*outcome.protocols, other), differences=differences, scores=scores))
    places = [
        said.index(each)
        for each in (
            "held-out images",
            "Verdict of held-out.",
            "the same images (training saw images that are scored here)",
            "Verdict of as-published.",
        )
    ]
    assert places == sorted(places)


def test_a_reason_without_a_full_stop_ends_before_the_next_sentence(tmp_path: Path) -> None:
    outcome = small_outcome()
    runs = tuple(replace(run, reason="it is unsupported") if run.state == "failed" else run for run in outcome.runs)
    with pytest.raises(PartlyFailedError, match=r"the first with: it is unsupported\. The rest is kept; the same"):
        studying._tell(replace(outcome, runs=runs), tmp_path, json=False)


def test_generated_images_are_told_and_nothing_published_stands_beside_them() -> None:
    outcome = finished_outcome()
    assert outcome.data is not None
    assert any("published: " in each for each in lines(outcome))
    said = lines(replace(outcome, data=replace(outcome.data, generated=True)))
    assert MADE in said
    assert not any("published: " in each for each in said)
