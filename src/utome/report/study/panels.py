"""Pictures of a study: the worst, median and best image and some without labels, with each arm's prediction and its errors."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from PIL import Image

from utome.data.classes import IGNORED
from utome.data.formats import Pixels, read_image, read_mask
from utome.data.survey import Survey
from utome.data.truth import read_pixels, read_truth
from utome.errors import UtomeError
from utome.prediction.pictures import Colour, LabelMap, displayed, overlay
from utome.report.errormap import error_map, legend
from utome.report.study.facts import honest_first, main_metric
from utome.report.study.ink import sheet, wrapped
from utome.report.study.numbers import number, places
from utome.studies.outcome import ImageScores, StudyOutcome
from utome.studies.question import Arm

# Arms side by side, and pictures of images without labels.
ARMS_A_LINE, UNLABELLED = 5, 2
# Pictures are made smaller than this by averaging, so that thin things stay visible.
WIDEST = 512
PAGE_INCHES, LARGEST_INCHES = 10.0, 3.0
# Of an image with a side from LARGE on, a detail is shown as well, a square of this side.
LARGE, DETAIL = 480, 192


@dataclass(frozen=True)
class Seen:
    """An image with what is known of it, and one arm's prediction; label maps hold class numbers, `IGNORED` where nothing is known."""

    pixels: Pixels
    truth: LabelMap | None
    predicted: LabelMap | None


# What there is to see of one image and arm; none where it cannot be read.
Pictures = Callable[[ImageScores], Seen | None]


@dataclass(frozen=True)
class Place:
    """A square part of an image, in pixels."""

    y: int
    x: int
    side: int

    def of(self, seen: Seen) -> Seen:
        """What there is to see there."""
        rows, columns = slice(self.y, self.y + self.side), slice(self.x, self.x + self.side)
        truth = None if seen.truth is None else seen.truth[rows, columns]
        predicted = None if seen.predicted is None else seen.predicted[rows, columns]
        return Seen(seen.pixels[rows, columns], truth, predicted)


@dataclass(frozen=True)
class Shown:
    """One image of the report: why it is shown, and the row of each arm that predicted it."""

    why: str
    name: str
    rows: Mapping[str, ImageScores]

    @property
    def title(self) -> str:
        """As it stands above the pictures."""
        return f"{self.why}: {self.name}"

    def without_scores(self) -> "Shown":
        """The same for a part of the image, of which no score is known."""
        rows = {arm: replace(row, value=None, shown_value=None) for arm, row in self.rows.items()}
        return replace(self, rows=rows)


def pictures_of(outcome: StudyOutcome, folder: Path, found: Survey | None = None) -> Pictures:
    """Pictures from files: predictions below the study's `folder`, images and truth of the data as `found`.

    Images that `found` does not have are read from the data's root, and have no truth.
    """

    @lru_cache(maxsize=2)  # the arms show one image in turn
    def see(name: str, source: str, page: int | None) -> tuple[Pixels, LabelMap | None]:
        if found is None or name not in facts:
            return read_image(root / source, page=page), None
        sample = facts[name].sample
        return read_pixels(sample), found.classes.labels(read_truth(sample), source=sample.truth_source)

    facts = {} if found is None else {fact.sample.name: fact for fact in found.facts}
    root = Path("." if outcome.data is None else outcome.data.root)

    def look(image: ImageScores) -> Seen | None:
        try:
            predicted = None if image.prediction is None else read_mask(folder / image.prediction).astype(np.uint8)
            pixels, truth = see(image.name, image.source, image.page)
            return Seen(pixels, truth if image.labelled else None, predicted)
        except (UtomeError, OSError):
            return None

    return look


def chosen(outcome: StudyOutcome) -> list[Shown]:
    """The worst, median and best image by the mean over all networks, so that none is favoured; then images without labels."""
    protocol = next(iter(honest_first(outcome)), None)
    if protocol is None or not outcome.variants:
        return []
    first = outcome.variants[0].name
    kinds = {arm.name: arm.kind for arm in outcome.arms}
    by_name: dict[str, dict[str, ImageScores]] = {}
    for each in outcome.images:
        if each.protocol == protocol.name and each.variant == first and each.arm in kinds:
            by_name.setdefault(each.name, {})[each.arm] = each
    means = {name: _mean(rows, kinds) for name, rows in by_name.items()}
    sign = 1 if main_metric(outcome).higher_is_better else -1
    ranked = sorted(
        (name for name, mean in means.items() if mean is not None), key=lambda name: sign * (means[name] or 0.0)
    )
    bare = [name for name, rows in by_name.items() if not any(row.labelled for row in rows.values())]
    return [
        *(Shown(why, name, by_name[name]) for why, name in _extremes(ranked)),
        *(Shown("Without labels", name, by_name[name]) for name in bare[:UNLABELLED]),
    ]


def seen_by(outcome: StudyOutcome, shown: Shown, pictures: Pictures) -> dict[str, Seen]:
    """By arm, what there is to see of one image, all at one size; arms of which nothing can be read are left out."""
    found = {arm.name: pictures(shown.rows[arm.name]) for arm in outcome.arms if arm.name in shown.rows}
    return {name: _fitted(seen) for name, seen in found.items() if seen is not None}


def detail_of(seen: Mapping[str, Seen]) -> Place | None:
    """Of a large image with truth, the part in which all these arms together have most wrong pixels; none of others."""
    wrong = [
        (each.predicted != each.truth) & (each.truth != IGNORED)
        for each in seen.values()
        if each.truth is not None and each.predicted is not None
    ]
    shape = wrong[0].shape if wrong else (0, 0)
    if max(shape) < LARGE or min(shape) < DETAIL or any(each.shape != shape for each in wrong):
        return None
    sums = np.pad(np.sum(wrong, axis=0, dtype=np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    side = DETAIL
    inside = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    y, x = np.unravel_index(int(inside.argmax()), inside.shape)
    return Place(int(y), int(x), side)


def panel_figure(outcome: StudyOutcome, shown: Shown, seen: Mapping[str, Seen]) -> Figure | None:
    """The image above its truth, and beside them each arm's prediction above its errors; none where nothing can be read."""
    some = next(iter(seen.values()), None)
    arms = [arm for arm in outcome.arms if arm.name in seen and seen[arm.name].predicted is not None]
    if some is None or outcome.data is None:
        return None
    line_count = max(1, -(-len(arms) // ARMS_A_LINE))
    across, tall = 1 + -(-len(arms) // line_count), 1 if some.truth is None else 2
    grid = _cells(some, across, tall, line_count)
    _show(grid[0][0], displayed(some.pixels), "image")
    if some.truth is not None:
        _show(grid[1][0], overlay(some.pixels, _known(some.truth, some.truth)), "truth")
    decimals = places(
        [each for row in shown.rows.values() for each in (row.value, row.shown_value)], main_metric(outcome)
    )
    for place, arm in enumerate(arms):
        line, column = divmod(place, across - 1)
        cells = [grid[line * tall + below][column + 1] for below in range(tall)]
        _show_arm(cells, _arm_title(arm, shown.rows[arm.name], decimals), seen[arm.name], outcome.data.classes)
    if some.truth is not None and arms:
        unknown = bool((some.truth == IGNORED).any())
        _add_legend(grid[0][0].get_figure(root=True), legend(outcome.data.classes, unknown=unknown))
    return grid[0][0].get_figure(root=True)


def _cells(seen: Seen, across: int, tall: int, lines: int) -> Sequence[Sequence[Axes]]:
    """Empty places for pictures of this image's shape, no wider together than a page."""
    side = min(PAGE_INCHES / across, LARGEST_INCHES)
    height = side * seen.pixels.shape[0] / seen.pixels.shape[1]
    figure = sheet(side * across, lines * (tall * height + 0.45) + 0.2 * tall + 0.4 * (tall - 1))
    grid: list[list[Axes]] = figure.subplots(lines * tall, across, squeeze=False).tolist()
    for axes in (axes for row in grid for axes in row):
        axes.set_axis_off()
    return grid


def _add_legend(figure: Figure | None, entries: Sequence[tuple[tuple[int, ...], str]]) -> None:
    if figure is None:
        return
    handles = [
        Patch(facecolor="#{:02x}{:02x}{:02x}".format(*colour), edgecolor="#888888", label=text)
        for colour, text in entries
    ]
    columns = 4 if figure.get_figwidth() > 8 and len(entries) < 5 else 3 if figure.get_figwidth() > 6 else 2
    figure.legend(handles=handles, loc="outside lower left", ncols=columns, frameon=False, fontsize=8)


def _arm_title(arm: Arm, row: ImageScores, decimals: int) -> str:
    """The arm, the score of the prediction that is shown and the seed of its training, and the mean over all runs."""
    shown = "" if row.shown_value is None else number(row.shown_value, decimals)
    if arm.kind != "network":
        return "\n".join([wrapped(arm.title, 24), *([shown] if shown else [])])
    mean = "" if row.value is None or row.runs < 2 else f"mean of {row.runs} runs {number(row.value, decimals)}"
    lines = [wrapped(arm.title, 24), f"{shown}, seed {row.seed}" if shown else f"seed {row.seed}", mean]
    return "\n".join(line for line in lines if line)


def _show_arm(cells: Sequence[Axes], title: str, seen: Seen, classes: Sequence[str]) -> None:
    """The prediction, and below it its errors where there is truth."""
    if seen.predicted is None:
        return
    known = seen.predicted if seen.truth is None else _known(seen.predicted, seen.truth)
    _show(cells[0], overlay(seen.pixels, known), title)
    if seen.truth is not None and len(cells) > 1:
        _show(cells[1], error_map(seen.pixels, seen.truth, seen.predicted, classes=len(classes)), "")


def _fitted(seen: Seen) -> Seen:
    """Image and truth at the size of the prediction, which may have been made smaller."""
    if seen.predicted is None:
        return seen
    size = (seen.predicted.shape[1], seen.predicted.shape[0])
    truth, pixels = seen.truth, seen.pixels
    if truth is not None and truth.shape != seen.predicted.shape:
        truth = _resized(truth, size)
    if pixels.shape[:2] != seen.predicted.shape:
        pixels = np.asarray(Image.fromarray(displayed(pixels)).resize(size, Image.Resampling.BOX))
    return Seen(pixels, truth, seen.predicted)


def _resized(labels: LabelMap, size: tuple[int, int]) -> LabelMap:
    return np.asarray(Image.fromarray(labels).resize(size, Image.Resampling.NEAREST))


def _show(axes: Axes, picture: Colour, title: str) -> None:
    axes.imshow(_thinned(picture), interpolation="antialiased")
    axes.set_title(title, fontsize=9)


def _thinned(picture: Colour) -> Colour:
    """Small enough for the page, by averaging."""
    times = -(-max(picture.shape[:2]) // WIDEST)
    return picture if times == 1 else np.asarray(Image.fromarray(picture).reduce(times))


def _known(labels: LabelMap, truth: LabelMap) -> LabelMap:
    """Labels where the truth is known, and the first class elsewhere."""
    return np.where(truth == IGNORED, 0, labels).astype(np.uint8)


def _mean(rows: Mapping[str, ImageScores], kinds: Mapping[str, str]) -> float | None:
    values = [row.value for arm, row in rows.items() if kinds[arm] == "network" and row.value is not None]
    return sum(values) / len(values) if values else None


def _extremes(ranked: Sequence[str]) -> Iterable[tuple[str, str]]:
    if len(ranked) < 3:
        return [(f"Image {place}", name) for place, name in enumerate(ranked, start=1)]
    return [("Best", ranked[-1]), ("Median", ranked[len(ranked) // 2]), ("Worst", ranked[0])]
