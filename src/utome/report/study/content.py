"""Everything that a study's report shows, worked once: the page, the Markdown and the LaTeX are three ways to write it down."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from utome.report.study.costs import left_out, trouble_table
from utome.report.study.curves import magnitudes_figure, training_figure
from utome.report.study.facts import honest_first, main_metric, networks, under
from utome.report.study.figures import curve_figure, differences_figure, scores_figure
from utome.report.study.history import histories
from utome.report.study.ink import DOTS_AN_INCH, SHOWN_AN_INCH, look, png
from utome.report.study.methods import methods
from utome.report.study.numbers import slug
from utome.report.study.panels import Pictures, chosen, detail_of, panel_figure, seen_by
from utome.report.study.table import Table
from utome.report.study.tables import tables
from utome.report.study.words import Answer, answer, beside_the_paper
from utome.studies.outcome import StudyOutcome
from utome.studies.question import Protocol

# Said where the main score is no mean of the bars.
ALL_TOGETHER = (
    " The main score is of all images together, so that it may differ by another amount than these do on average."
)


@dataclass(frozen=True)
class Picture:
    """A figure as PNG, with the name of its file (without ending), its heading, what it shows, and how wide a page shows it."""

    name: str
    title: str
    caption: str
    content: bytes
    width: int


@dataclass(frozen=True)
class Content:
    """The report of a study before it is written down."""

    outcome: StudyOutcome
    answer: Answer
    beside: tuple[str, ...]
    tables: tuple[Table, ...]
    trouble: Table
    left_out: tuple[str, ...]
    scores: tuple[Picture, ...]
    curves: tuple[Picture, ...]
    panels: tuple[Picture, ...]
    methods: str

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All figures."""
        return (*self.scores, *self.curves, *self.panels)


def content(outcome: StudyOutcome, folder: Path, pictures: Pictures | None) -> Content:
    """What there is to show of a study in this folder; no image of the data without `pictures`."""
    with look():
        return Content(
            outcome=outcome,
            answer=answer(outcome),
            beside=tuple(beside_the_paper(outcome)),
            tables=tuple(tables(outcome)),
            trouble=trouble_table(outcome),
            left_out=tuple(left_out(outcome)),
            scores=tuple(_scores(outcome)),
            curves=tuple(_curves(outcome, folder)),
            panels=() if pictures is None else tuple(_panels(outcome, pictures)),
            methods=methods(outcome, folder),
        )


def _scores(outcome: StudyOutcome) -> Iterator[Picture]:
    """The learning curve, or the arms side by side and image by image."""
    if outcome.curve is not None:
        title = "Score against the number of training images"
        caption = "The line is the mean, bars are 95 % intervals, hollow dots the seeds. The test images are the same for all sizes."
        yield from _picture("learning-curve", title, caption, curve_figure(outcome))
        return
    caption = "The grey line is the baseline's score. Short strokes are the seeds."
    yield from _picture("scores", "Arms side by side", caption, scores_figure(outcome))
    for protocol in _worth_drawing(outcome):
        caption = (
            "A bar an image: its own score, the mean over its runs, minus the baseline's on the same image."
            f"{ALL_TOGETHER if main_metric(outcome).over == 'pooled' else ''} Networks have one scale."
        )
        figure = differences_figure(outcome, protocol)
        yield from _picture(
            f"differences-{slug(protocol.name)}", f"Image by image{under(outcome, protocol)}", caption, figure
        )


def _curves(outcome: StudyOutcome, folder: Path) -> Iterator[Picture]:
    found = histories(outcome, folder)
    for protocol in honest_first(outcome):
        name, title = slug(protocol.name), under(outcome, protocol)
        caption = (
            "On the validation images, not on those of the scores. A line a run; its dot is the epoch that was kept. Where an arm has "
            "axes of its own, the others are faint behind it."
        )
        yield from _picture(
            f"curves-{name}", f"Validation score{title}", caption, training_figure(outcome, found, protocol)
        )
        if protocol not in _worth_drawing(outcome):
            continue
        caption = "At the end of each epoch, on the same validation images, without the multiplication of an enhancement module."
        figure = magnitudes_figure(outcome, found, protocol)
        yield from _picture(f"features-{name}", f"Size of features{title}", caption, figure)


def _worth_drawing(outcome: StudyOutcome) -> list[Protocol]:
    """The protocols that say something about new images, or all where none does."""
    return [protocol for protocol in outcome.protocols if protocol.honest] or list(outcome.protocols)


def _panels(outcome: StudyOutcome, pictures: Pictures) -> Iterator[Picture]:
    for number, shown in enumerate(chosen(outcome), start=1):
        seen = seen_by(outcome, shown, pictures)
        caption = (
            "Above: what one run predicted, the first that scored this image, with the score of that very prediction and the mean over all "
            "runs. Below: where that prediction is wrong."
        )
        if all(each.truth is None for each in seen.values()):
            caption = "What one run predicted, the first that did; there are no labels to hold against it."
        learned = {arm.name for arm in networks(outcome)}
        place = detail_of({arm: each for arm, each in seen.items() if arm in learned})
        dots = DOTS_AN_INCH if place is None else SHOWN_AN_INCH
        yield from _picture(f"panel-{number}", shown.title, caption, panel_figure(outcome, shown, seen), dots=dots)
        if place is not None:
            part = {arm: place.of(each) for arm, each in seen.items()}
            caption = f"{place.side} x {place.side} pixels from row {place.y} and column {place.x}, where the networks together err most."
            figure = panel_figure(outcome, shown.without_scores(), part)
            yield from _picture(f"panel-{number}-detail", f"{shown.title}, a detail", caption, figure)


def _picture(
    name: str, title: str, caption: str, figure: Figure | None, *, dots: int = DOTS_AN_INCH
) -> Iterator[Picture]:
    if figure is not None:
        yield Picture(name, title, caption, png(figure, dots), round(figure.get_figwidth() * SHOWN_AN_INCH))
