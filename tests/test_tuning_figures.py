"""The page of a search of made-up trials: the score over a setting, those that failed, and axes as settings have them."""

import re
from collections.abc import Sequence

import numpy as np

from tests.test_tuning_space import RATE, asked
from utome.report.tuning import study_html
from utome.report.tuning_figures import figures_svg
from utome.tuning.space import Choices, Params, Range, Space
from utome.tuning.trial import Rung, Trial

LOG = Range(0.0001, 0.1, log=True)
WHY = "The loss is no number <here>."


def tried(values: Sequence[Params], failed: Sequence[int] = ()) -> list[Trial]:
    """A trial for each, whose score falls from 0.9; those of `failed` failed."""
    scores = np.linspace(0.9, 0.6, len(values))
    rungs = [Rung(4, score, (score,), 4, number, ended=False) for number, score in enumerate(map(float, scores))]
    return [
        Trial(number, params, "failed", reason=WHY) if number in failed else Trial(number, params, "complete", (rung,))
        for number, (params, rung) in enumerate(zip(values, rungs, strict=True))
    ]


def texts(svg: str) -> list[str]:
    """All that a figure says."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def figure(space: Space, trials: Sequence[Trial], title: str) -> list[str]:
    """What the figure of this title says."""
    (found,) = [said for said in map(texts, figures_svg(space, trials, {})) if title in said]
    return found


def test_of_a_single_setting_the_score_is_shown_over_it() -> None:
    trials = tried([{RATE: value} for value in (0.001, 0.003, 0.05)], failed=[2])
    said = figure({RATE: LOG}, trials, f"validation mean IoU over {RATE}")
    assert {"to the end", "failed"} <= set(said)
    assert "failed" not in figure({RATE: LOG}, trials[:2], f"validation mean IoU over {RATE}")


def test_choices_stand_on_the_axis_by_their_names() -> None:
    space: Space = {"model.norm": Choices(("none", "batch"))}
    said = figure(
        space, tried([{"model.norm": name} for name in ("batch", "none")]), "validation mean IoU over model.norm"
    )
    assert {"none", "batch"} <= set(said)


def test_the_plane_marks_trials_that_failed_and_counts_in_whole_numbers() -> None:
    space: Space = {RATE: LOG, "training.batch": Range(1, 2)}
    trials = tried([{RATE: 0.001 * step, "training.batch": 1 + step % 2} for step in range(1, 6)], failed=[3])
    said = figure(space, trials, f"training.batch against {RATE}")
    assert "failed" in said
    assert {"1", "2"} <= set(said)
    assert not [text for text in said if re.fullmatch(r"1\.\d+", text)]


def test_the_lower_end_of_the_scores_says_that_lower_ones_lie_there_too() -> None:
    space: Space = {RATE: LOG, "model.norm": Choices(("none", "batch"))}
    trials = tried([{RATE: 0.001 * step, "model.norm": "batch"} for step in range(1, 8)])
    assert "≤ 0.630" in figure(space, trials, "Parallel coordinates")


def test_the_page_says_why_trials_failed() -> None:
    trials = tried([{RATE: 0.001}, {RATE: 0.1}], failed=[1])
    page = study_html(asked(), trials, {}, ())
    assert "Failed: 1" in page
    assert "The loss is no number &lt;here&gt;." in page
    assert "Failed: " not in study_html(asked(), trials[:1], {}, ())
