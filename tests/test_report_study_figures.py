"""The figures of a study: every run has its line, every arm its colour, and pictures are of the images that they say."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.builders import noise, save
from tests.outcomes import finished_outcome
from tests.reported import HOSTILE, SIDE, four_arms, on_disk, seen, with_curve, write_run
from utome.config.overrides import override
from utome.data.classes import IGNORED
from utome.data.layouts.finding import find_samples
from utome.data.survey import survey
from utome.recipes.library import load_recipe
from utome.report.study.curves import magnitudes_figure, training_figure
from utome.report.study.figures import curve_figure, differences_figure, image_differences, scores_figure
from utome.report.study.history import histories
from utome.report.study.ink import colour_of, look, png, style_of
from utome.report.study.methods import methods
from utome.report.study.panels import chosen, detail_of, panel_figure, pictures_of, seen_by
from utome.studies.outcome import ImageScores, StudyOutcome
from utome.studies.question import Arm, Protocol


def titles(figure: Figure | None) -> list[str]:
    assert figure is not None
    every = (axes.get_title() or axes.get_title(loc="left") for axes in figure.axes)
    return [title for title in every if title]


def lines(figure: Figure | None, panel: int) -> int:
    """Lines of a colour, without dots and those that are faint."""
    assert figure is not None
    return sum(np.size(line.get_xdata()) > 1 and line.get_color() != "#d1d5db" for line in figure.axes[panel].lines)


def test_a_line_a_run_and_many_arms_have_a_panel_each(tmp_path: Path) -> None:
    outcome = on_disk(tmp_path)
    protocol = outcome.protocols[0]
    together = training_figure(outcome, histories(outcome, tmp_path), protocol)
    assert together is not None
    assert len(together.axes) == 1
    assert lines(together, 0) == 3
    four = four_arms([])
    runs = tuple(replace(outcome.runs[0], arm=arm.name, path=f"runs/{arm.name}") for arm in four.arms)
    for run in runs:
        write_run(tmp_path / run.path, run)
    four = replace(four, runs=runs)
    apart = training_figure(four, histories(four, tmp_path), protocol)
    assert titles(apart) == [arm.title for arm in four.arms]
    assert lines(apart, 0) == 1


def test_magnitudes_are_drawn_where_histories_have_them(tmp_path: Path) -> None:
    outcome = on_disk(tmp_path)
    found = histories(outcome, tmp_path)
    assert titles(magnitudes_figure(outcome, found, outcome.protocols[0])) == ["bottom, mean", "deepest skip, mean"]
    growing = [
        replace(each, columns={**each.columns, "bottom_mean": np.geomspace(400, 0.2, 40).tolist()}) for each in found
    ]
    figure = magnitudes_figure(outcome, growing, outcome.protocols[0])
    assert figure is not None
    assert [axes.get_yscale() for axes in figure.axes] == ["log", "linear"]
    bare = [replace(each, columns={"epoch": each.columns["epoch"]}) for each in found]
    assert magnitudes_figure(outcome, bare, outcome.protocols[0]) is None
    assert training_figure(outcome, bare, outcome.protocols[0]) is None


@pytest.mark.parametrize(
    "content", [None, "", "epoch,best\n", "epoch,best\n1,x,y,z\n", "a,b\n1,2\n", "epoch,best\nten,True\n"]
)
def test_a_damaged_or_missing_history_is_left_out(tmp_path: Path, content: str | None) -> None:
    outcome = on_disk(tmp_path)
    path = tmp_path / outcome.runs[0].path / "history.csv"
    path.unlink()
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert len(histories(outcome, tmp_path)) <= 3
    assert lines(training_figure(outcome, histories(outcome, tmp_path), outcome.protocols[0]), 0) == 2


def test_an_epoch_without_a_value_leaves_a_gap(tmp_path: Path) -> None:
    outcome = on_disk(tmp_path)
    path = tmp_path / outcome.runs[0].path / "history.csv"
    path.write_text("epoch,val_mean_iou,best\n1,,False\n2,0.5,True\n", encoding="utf-8")
    found = histories(outcome, tmp_path)[0]
    assert np.isnan(found.columns["val_mean_iou"][0])
    assert (found.columns["val_mean_iou"][1], found.kept) == (0.5, 2.0)


def test_no_two_of_twenty_arms_are_drawn_alike() -> None:
    outcome = finished_outcome()
    arms = tuple(Arm(f"arm-{number}", f"{number}") for number in range(20))
    many = replace(outcome, arms=(*outcome.arms[:1], *arms))
    assert len({(colour_of(many, arm), style_of(many, arm)) for arm in many.arms}) == 21


def test_differences_are_of_the_same_image_and_the_baseline_has_none() -> None:
    outcome = finished_outcome()
    better = tuple(
        replace(each, value=(each.value or 0) + 0.25) if each.arm == "wide" else each for each in outcome.images
    )
    moved = replace(outcome, images=better[::-1])
    found = image_differences(moved, moved.protocols[0], moved.arms[1])
    assert found == pytest.approx({f"image-{number}": 0.25 for number in range(6)})
    assert image_differences(moved, moved.protocols[0], moved.arms[0]) == {}
    assert differences_figure(replace(moved, images=()), moved.protocols[0]) is None


def test_a_reference_far_off_does_not_flatten_the_networks() -> None:
    outcome = finished_outcome()
    images = [replace(each, value=-5.0) if each.arm == "otsu" else each for each in outcome.images]
    figure = differences_figure(replace(outcome, images=tuple(images)), outcome.protocols[0])
    assert figure is not None
    networks, reference = figure.axes[0].get_ylim(), figure.axes[-1].get_ylim()
    assert reference[0] < -5.0 < -1.0 < networks[0]


def test_scores_have_a_panel_a_protocol_and_the_paper_a_mark() -> None:
    outcome = finished_outcome()
    figure = scores_figure(outcome)
    assert titles(figure) == [], "there is one protocol alone"
    assert figure is not None
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == [arm.title for arm in outcome.arms]
    assert any(np.array_equal(line.get_xdata(), [0.7398]) for line in figure.axes[0].lines)
    assert scores_figure(replace(outcome, scores=())) is None
    seen_by_training = Protocol("same", "the same images", honest=False)
    scores = (*outcome.scores, replace(outcome.scores[0], protocol="same"))
    two = scores_figure(replace(outcome, protocols=(seen_by_training, *outcome.protocols), scores=scores))
    assert titles(two) == ["held-out images", "the same images"]


def test_any_name_can_be_drawn_without_a_warning() -> None:
    outcome = finished_outcome()
    names = (f"_{HOSTILE}$", "$\\frac{$", "界\u202e")
    strange = replace(
        outcome, arms=tuple(replace(arm, title=name) for arm, name in zip(outcome.arms, names, strict=True))
    )
    with look():
        figures = [scores_figure(strange), differences_figure(strange, strange.protocols[0])]
        assert all(len(png(figure)) > 1000 for figure in figures if figure is not None)


def test_a_learning_curve_has_all_sizes_on_its_axis() -> None:
    figure = curve_figure(with_curve(finished_outcome()))
    assert figure is not None
    assert list(figure.axes[0].get_xticks()) == [5, 10, 20]
    assert curve_figure(finished_outcome()) is None


def ranked(values: list[float], outcome: StudyOutcome) -> StudyOutcome:
    """Both networks have these values; the threshold has the opposite ones."""
    images = tuple(
        ImageScores(
            f"i{number}",
            f"i{number}.png",
            None,
            None,
            "held-out",
            arm,
            "best",
            value if arm != "otsu" else -9 * value,
            1,
            None,
        )
        for number, value in enumerate(values)
        for arm in ("plain", "wide", "otsu")
    )
    return replace(outcome, images=images)


def test_best_median_and_worst_are_by_the_networks_alone() -> None:
    outcome = ranked([0.3, 0.9, 0.5, 0.1, 0.7], finished_outcome())
    assert [shown.title for shown in chosen(outcome)] == ["Best: i1", "Median: i2", "Worst: i3"]
    lower = replace(outcome, metrics=(replace(outcome.metrics[0], higher_is_better=False), *outcome.metrics[1:]))
    assert [shown.name for shown in chosen(lower)] == ["i3", "i2", "i1"]
    assert [shown.title for shown in chosen(ranked([0.3, 0.9], finished_outcome()))] == ["Image 1: i0", "Image 2: i1"]


def test_images_without_labels_are_shown_after_those_with() -> None:
    outcome = finished_outcome()
    bare = tuple(replace(each, name=f"new-{each.name}", value=None, labelled=False) for each in outcome.images)
    assert [shown.why for shown in chosen(replace(outcome, images=(*outcome.images, *bare)))][3:] == [
        "Without labels"
    ] * 2


def test_a_panel_has_image_truth_predictions_and_errors(tmp_path: Path) -> None:
    outcome = on_disk(tmp_path)
    shown = chosen(outcome)[0]
    truth = np.zeros((SIDE, SIDE), np.uint8)
    found = seen_by(
        outcome, shown, lambda image: seen(noise(SIDE, SIDE), truth, truth if image.arm != "otsu" else None)
    )
    figure = panel_figure(outcome, shown, found)
    below = "0.650, seed 1\nmean of 2 runs 0.700"
    assert titles(figure) == ["image", f"U-Net\n{below}", f"U-Net, wider & better\n{below}", "truth"]
    assert figure is not None
    assert sum(bool(axes.images) for axes in figure.axes) == 6
    assert [text.get_text() for text in figure.legends[0].get_texts()][:2] == [
        "cell, found",
        "predicted as cell, but is not",
    ]


def test_pictures_come_from_files_and_truth_from_the_survey(tmp_path: Path) -> None:
    outcome = on_disk(tmp_path)
    first = outcome.images[0]
    alone = pictures_of(outcome, tmp_path)(first)
    assert alone is not None
    assert alone.truth is None
    assert alone.pixels.shape == (SIDE, SIDE, 1)
    assert alone.predicted is not None
    assert alone.predicted.max() == 1
    for number in range(6):
        save(tmp_path / "data" / "masks" / f"image-{number}.png", np.eye(SIDE, dtype=np.uint8))
    known = pictures_of(outcome, tmp_path, survey(find_samples(tmp_path / "data")))(first)
    assert known is not None
    assert known.truth is not None
    assert (known.truth == np.eye(SIDE)).all()
    bare = pictures_of(outcome, tmp_path, survey(find_samples(tmp_path / "data")))(replace(first, labelled=False))
    assert bare is not None
    assert bare.truth is None
    assert pictures_of(outcome, tmp_path)(replace(first, prediction="gone.png")) is None


def test_image_and_truth_take_the_size_of_a_smaller_prediction() -> None:
    outcome = finished_outcome()
    shown = chosen(outcome)[0]
    small, large = np.zeros((20, 20), np.uint8), np.full((SIDE, SIDE), IGNORED, np.uint8)
    found = seen_by(outcome, shown, lambda image: seen(noise(SIDE, SIDE), large, small))
    assert {each.pixels.shape for each in found.values()} == {(20, 20, 3)}
    truth = found["plain"].truth
    assert truth is not None
    assert truth.shape == (20, 20)
    assert (truth == IGNORED).all()
    assert panel_figure(outcome, shown, found) is not None


def test_the_detail_of_a_large_image_is_where_arms_err_most() -> None:
    pixels, truth = noise(500, 600), np.zeros((500, 600), np.uint8)
    wrong = truth.copy()
    wrong[300:400, 350:450] = 1
    unknown = truth.copy()
    unknown[:200] = IGNORED
    place = detail_of({"a": seen(pixels, truth, wrong), "b": seen(pixels, truth, truth)})
    assert place is not None
    assert place.y <= 300
    assert place.y + place.side >= 400
    assert place.x <= 350
    assert place.x + place.side >= 450
    part = place.of(seen(pixels, truth, wrong))
    assert part.predicted is not None
    assert part.predicted.sum() == 100 * 100
    assert detail_of({"a": seen(pixels[:100], truth[:100], wrong[:100])}) is None
    assert detail_of({"a": seen(pixels, None, wrong)}) is None


def test_methods_say_what_the_runs_did(tmp_path: Path) -> None:
    outcome = on_disk(tmp_path)
    wide = next(run for run in outcome.runs if run.arm == "wide")
    write_run(tmp_path / wide.path, wide, learning_rate=0.01)
    text = methods(outcome, tmp_path)
    for words in (
        "'data' has 6 images with labels of the classes background and cell",
        "20 to train, 4 to choose the epoch and 6 to test",
        "recipe 'unet'",
        "with model.width=8",
        "by Adam with a learning rate of 0.001, lowered by the cosine schedule (so 'U-Net').",
        "by Adam with a learning rate of 0.01, lowered by the cosine schedule (so 'U-Net, wider & better').",
        "softmax cross entropy",
        "seeds 0 and 1",
        "3 trainings ran for 40 epochs",
        "paired permutation test",
        "utome 0.1.0, torch 2.10.0",
        "`utome study run toy.yaml --data toy --out out`",
    ):
        assert words in text, words
    assert "None:" not in text.partition("Limits.")[0]


def test_methods_name_the_loss_of_one_logit(tmp_path: Path) -> None:
    outcome = on_disk(tmp_path)
    for run in outcome.runs:
        if run.arm == "wide":
            config = override(load_recipe("attention-unet").settings, []).as_yaml()
            (tmp_path / run.path / "config.yaml").write_text(config, encoding="utf-8")
    text = methods(outcome, tmp_path)
    assert "The loss was binary cross entropy of one logit (so 'U-Net, wider & better')." in text


def test_methods_say_how_often_an_image_was_scored() -> None:
    outcome = finished_outcome()
    images = tuple(
        replace(each, runs=1) if each.name == "image-0" else replace(each, runs=2) for each in outcome.images
    )
    text = methods(replace(outcome, images=images), Path("nowhere"))
    assert "Scored were 6 images in all: 1 in 1 run and 5 in 2 runs of each arm." in text


def test_methods_name_what_a_score_at_the_best_threshold_is_the_mean_of() -> None:
    outcome = finished_outcome()
    assert "averaged first." in methods(outcome, Path("nowhere"))
    metrics = (replace(outcome.metrics[0], by_seed=True), *outcome.metrics[1:])
    text = methods(replace(outcome, metrics=metrics), Path("nowhere"))
    assert "averaged first, but for scores at the best threshold, which are the mean of the seeds'." in text


def test_methods_name_the_comparisons_that_p_are_corrected_over(tmp_path: Path) -> None:
    outcome = finished_outcome()
    arm = replace(outcome.differences[0], family=3)
    way = replace(arm, baseline_arm="wide", variant="views", family=4)
    other = replace(arm, metric="objects.merges@images", family=9, left_out=2)
    text = methods(replace(outcome, differences=(arm, way, other)), tmp_path)
    assert "results image by image, corrected by Holm's method over 3 comparisons; p up to" in text
    assert "with the first one of the same arm likewise, corrected by Holm's method over 4 comparisons." in text
    assert "were left out of their comparison (2 at most)" in text
    alone = methods(replace(outcome, differences=(replace(arm, family=1),)), tmp_path)
    assert "Holm" not in alone
    assert "Ways to predict were compared" not in alone


def test_methods_of_runs_without_settings_leave_them_out(tmp_path: Path) -> None:
    outcome = finished_outcome()
    path = tmp_path / outcome.runs[0].path
    path.mkdir(parents=True)
    (path / "config.yaml").write_text("optimizer: [", encoding="utf-8")
    text = methods(outcome, tmp_path)
    assert "learning rate" not in text
    assert "3 trainings ran for 40 epochs, on cpu." in text


def test_methods_name_each_setting_once_and_the_last_of_two(tmp_path: Path) -> None:
    outcome = finished_outcome()
    common = ("training.batch=4", "machine.device=cpu")
    arms = tuple(replace(arm, settings=(*common, *arm.settings, "training.batch=2")) for arm in outcome.arms[:2])
    text = methods(replace(outcome, arms=(*arms, outcome.arms[2])), tmp_path)
    assert "All networks had training.batch=2; every other setting is its recipe's." in text
    assert text.count("training.batch") == 1
    assert "recipe 'unet' with model.width=8." in text
    assert "machine.device" not in text
    assert text.count("A plain U-Net") == 1


def test_one_epoch_is_not_called_epochs(tmp_path: Path) -> None:
    outcome = finished_outcome()
    runs = tuple(replace(run, cost=replace(run.cost, epochs_run=min(run.cost.epochs_run, 1))) for run in outcome.runs)
    assert "3 trainings ran for 1 epoch, on cpu." in methods(replace(outcome, runs=runs), tmp_path)
