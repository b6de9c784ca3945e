"""`utome score` as a user runs it: the oracles' numbers, and what is printed and written."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from tests.builders import save, square
from tests.inspected import run_here
from tests.scored import FOUND, OBJECTS, Run, document, folders, values

FIXTURES = Path(__file__).parent / "fixtures"
PAIRS = tuple(sorted(path.stem for path in (FIXTURES / "isbi2012").glob("*.json")))
KINDS = ("merges", "splits", "hole_additions", "hole_deletions", "object_additions", "object_deletions")
# Where each of the challenge's answers stands in our document.
NAMES: dict[str, str | list[str]] = {
    "pixel_sq_error_nothreshold": "squared_error",
    "pixel_error_t0.5": "at_0.5.pixel_error",
    "pixel_fscore_t0.5": "at_0.5.pixel_f_score",
    "pixel_error_1_minus_maxF_0_0.9_0.1": "pixel_error",
    "rand_error_standard_t0.5": "at_0.5.rand_index_error",
    "rand_index_stats_standard_F_t0.5": "at_0.5.rand_index_f_score",
    "fgr_rand_error_pairs_t0.5": "at_0.5.rand_pairs_error",
    "fgr_rand_index_N2_t0.5": "at_0.5.rand_disagreement",
    "fgr_rand_precision_t0.5": "at_0.5.rand_precision",
    "fgr_rand_recall_t0.5": "at_0.5.rand_recall",
    "fgr_rand_F_t0.5": "at_0.5.rand_f_score",
    "rand_error_2012_1_minus_maxF_0_0.9_0.1": "rand_error",
    "vrand_thinned_t0.5_macroF": "at_0.5.v_rand",
    "vrand_thinned_t0.5_split_precision": "at_0.5.v_rand_precision",
    "vrand_thinned_t0.5_merge_recall": "at_0.5.v_rand_recall",
    "vrand_thinned_max_0_1_0.1": "v_rand",
    "vrand_thinned_binary_th0": "at_0.v_rand",
    "vinfo_thinned_t0.5": "at_0.5.v_info",
    "vinfo_thinned_max_0_1_0.1": "v_info",
    "vinfo_fgr_F_t0.5": "at_0.5.information_f_score",
    "vi_fgr_t0.5": "at_0.5.variation_of_information",
    "warping_error_all_t0.5": "at_0.5.topological_error",
    "warp_pixels_t0.5_[merge,split,holeAdd,holeDel,objAdd,objDel]": [f"at_0.5.{kind}" for kind in KINDS],
    "warp_clustered_t0.5_[merge,split,holeAdd,holeDel,objAdd,objDel]": [f"at_0.5.{kind}.clusters" for kind in KINDS],
    "warping_2012_splits_mergers_min_0_0.9_0.1_r20": "warping_error",
    "warping_2012_splits_mergers_min_0_0.9_0.1_whole": "warping_error",
    "warping_min_all_0_0.9_0.1": "topological_error",
}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `utome score` with these arguments in this process."""
    return lambda *arguments: run_here(["score", *arguments], monkeypatch, capsys)


@pytest.mark.parametrize("name", PAIRS)
def test_the_command_prints_every_answer_of_the_challenges_scripts(run: Run, name: str) -> None:
    truth, probability = (FIXTURES / "isbi2012" / f"{name}_{role}.tif" for role in ("gt", "prop"))
    found = values(run(truth, probability, "--metrics", "isbi2012", "--json"), "isbi2012")
    answers = json.loads((FIXTURES / "isbi2012" / f"{name}.json").read_text(encoding="utf-8"))
    assert answers.keys() == NAMES.keys()
    for key, place in NAMES.items():
        ours: Any = [found[each] for each in place] if isinstance(place, list) else found[place]
        if key == "fgr_rand_index_N2_t0.5":
            ours = 1 - ours
        assert ours == pytest.approx(answers[key], rel=0, abs=1e-12), key


def test_the_command_prints_the_cell_tracking_challenges_seg(run: Run) -> None:
    pair = (FIXTURES / "ctc" / "seg_ref.tif", FIXTURES / "ctc" / "seg_res.tif")
    assert values(run(*pair, "--metrics", "objects", "--json"), "objects")["seg"] == 0.2942176870748299
    assert values(run(*pair, "--json"), "objects")["seg"] == 0.2942176870748299


def test_objects_by_hand(run: Run, tmp_path: Path) -> None:
    truth, found = save(tmp_path / "t.tif", OBJECTS), save(tmp_path / "p.tif", FOUND)
    ended = run(truth, found, "--truth", "objects", "--prediction", "objects", "--metrics", "objects,pixels", "--json")
    scores = values(ended, "objects")
    assert scores["seg"] == 0.75 / 2  # 6 of 8 pixels, and nothing
    assert scores["f1.0.5"] == 0.5
    assert scores["f1.0.75"] == 0
    assert (scores["missed"], scores["invented"], scores["merges"], scores["splits"]) == (1, 1, 0, 0)
    assert scores["at_edge.truth"] == 0
    assert scores["at_edge.seg"] is None
    assert values(ended, "pixels")["foreground.iou"] == 6 / 16


def test_a_folder_is_scored_over_all_pixels_and_image_by_image(run: Run, tmp_path: Path) -> None:
    truth, found = folders(tmp_path)
    said = document(run(truth, found, "--json", "--metrics", "pixels"))
    iou = said["metrics"]["pixels"]["scores"]["foreground.iou"]
    shares = [8 / 8, 7 / 8, 6 / 8, 5 / 8]
    assert iou["value"] == pytest.approx(sum(shares) / 4)  # all squares have one size
    assert iou["mean_over_images"] == pytest.approx(sum(shares) / 4)
    assert iou["interval_95"][0] < iou["value"] < iou["interval_95"][1]
    assert [row["scores"]["pixels"]["foreground.iou"] for row in said["per_image"]] == pytest.approx(shares)
    assert [row["name"] for row in said["per_image"]] == ["a0", "a1", "a2", "a3"]
    assert said["metrics"]["pixels"]["worst"] == ["a3", "a2", "a1", "a0"]
    assert "TP / (TP + FP + FN)" in iou["convention"]


def test_the_table_shows_scores_intervals_worst_images_and_conventions(run: Run, tmp_path: Path) -> None:
    ended = run(*folders(tmp_path), "--metrics", "pixels,boundaries", "--tolerance", "1")
    assert ended.code == 0, ended.errors
    assert "pixels: one confusion matrix over the pixels of all images" in ended.output
    assert "a class absent from truth and prediction is left out" in ended.output
    assert "Worst by foreground.iou: a3 (0.625)" in ended.output
    assert "within 1 pixels" in ended.output
    assert "Intervals hold the score of such data in 95 % of studies; they are over 4 images." in ended.errors


def test_one_image_has_no_interval_and_a_sentence_says_why(run: Run, tmp_path: Path) -> None:
    truth, found = folders(tmp_path, 1)
    ended = run(truth / "a0.png", found / "a0.png", "--json")
    assert document(ended)["metrics"]["pixels"]["scores"]["foreground.iou"]["interval_95"] is None
    assert "One image does not tell how sure a score is, so there are no intervals." in ended.errors


def test_families_are_chosen_by_what_suits_and_why_is_said(run: Run, tmp_path: Path) -> None:
    ended = run(*folders(tmp_path), "--json")
    assert list(document(ended)["metrics"]) == ["pixels", "boundaries"]
    assert "Not chosen by itself, ask by --metrics: objects (for truths that number objects" in ended.errors
    probability = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    ended = run(tmp_path / "truth" / "a0.png", save(tmp_path / "p.tif", probability), "--json")
    assert list(document(ended)["metrics"]) == ["pixels", "boundaries", "ranking"]
    assert document(ended)["read_as"]["prediction"] == "probability"


def test_the_csv_has_a_row_an_image_and_a_column_a_number(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "scores.csv"
    ended = run(*folders(tmp_path), "--metrics", "pixels,thin", "--csv", table)
    assert ended.code == 0, ended.errors
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [row["name"] for row in rows] == ["a0", "a1", "a2", "a3"]
    assert float(rows[2]["pixels.foreground.iou"]) == 0.75
    assert rows[2]["pixels.classes_counted"] == "2"
    assert rows[0]["thin.under_3_px.recall"] == ""  # a square of eight has no thin part
    assert {name.partition(".")[0] for name in rows[0]} == {"name", "truth", "prediction", "page", "pixels", "thin"}


def test_an_infinite_distance_is_told_from_one_that_does_not_exist(run: Run, tmp_path: Path) -> None:
    truth, found = folders(tmp_path, 2)
    save(found / "a1.png", np.zeros((16, 16), dtype=np.uint8))
    table = tmp_path / "scores.csv"
    said = document(run(truth, found, "--metrics", "boundaries", "--csv", table, "--json"))
    far = said["metrics"]["boundaries"]["scores"]["foreground.hausdorff"]
    assert (far["value"], far["mean_over_images"], far["images_with_a_value"]) == ("Infinity", "Infinity", 2)
    assert [row["scores"]["boundaries"]["foreground.hausdorff"] for row in said["per_image"]] == [0, "Infinity"]
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [float(row["boundaries.foreground.hausdorff"]) for row in rows] == [0, math.inf]
    assert rows[1]["boundaries.foreground.precision"] == ""  # nothing is predicted


def test_small_errors_are_told_with_more_places(run: Run) -> None:
    ended = run(
        *(FIXTURES / "isbi2012" / f"A_mergesplit_{role}.tif" for role in ("gt", "prop")), "--metrics", "isbi2012"
    )
    shown = {
        line.split()[0]: line.split()[1]
        for line in ended.output.splitlines()
        if line.startswith("  ") and line.strip()[0] != "s"
    }
    assert (shown["warping_error"], shown["rand_error"], shown["at_0.5.merges"]) == ("0.001465", "0.0824", "4")


def test_so_many_images_that_no_interval_is_worked_are_said(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("utome.evaluation.tally.MOST_UNITS", 3)
    said = document(run(*folders(tmp_path), "--metrics", "pixels,boundaries", "--json"))
    assert said["metrics"]["pixels"]["scores"]["mean_iou"]["interval_95"] is None
    assert said["notes"][-1] == "Without intervals, which take too much memory for so many: pixels, boundaries."


@pytest.mark.parametrize(("count", "rough"), [(2, True), (7, True), (8, False)])
def test_of_few_images_it_is_said_that_intervals_are_rough(
    run: Run, tmp_path: Path, count: int, *, rough: bool
) -> None:
    ended = run(*folders(tmp_path, count), "--metrics", "pixels")
    assert f"they are over {count} images." in ended.errors
    assert ("So few make them rough: score 15 or more before comparing." in ended.errors) == rough


def test_a_csv_that_is_there_is_not_overwritten(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "scores.csv"
    table.write_text("mine", encoding="utf-8")
    ended = run(*folders(tmp_path), "--csv", table)
    assert ended.code == 2
    assert "is there already and is not overwritten" in ended.errors
    assert table.read_text(encoding="utf-8") == "mine"


def test_one_class_of_many_is_scored_alone(run: Run, tmp_path: Path) -> None:
    truth = np.repeat(np.asarray([[0, 1, 2, 3]], dtype=np.uint8), 4, axis=0).repeat(4, axis=1)
    truth[0] = truth[0, ::-1]
    found = truth.copy()
    found[:2, 8:12] = 1
    paths = (save(tmp_path / "t.png", truth), save(tmp_path / "p.png", found))
    everything = values(run(*paths, "--truth", "labels", "--metrics", "pixels", "--json"), "pixels")
    alone = document(run(*paths, "--foreground", "2", "--metrics", "pixels,thin", "--json"))
    assert alone["classes"] == ["background", "foreground"]
    assert alone["metrics"]["pixels"]["scores"]["foreground.iou"]["value"] == everything["class 2.iou"]
    assert 0 < everything["class 2.iou"] < 1


def test_boundaries_are_measured_in_micrometres(run: Run, tmp_path: Path) -> None:
    truth, found = square(16, 16), np.roll(square(16, 16), 3, axis=1)
    paths = (save(tmp_path / "t.png", truth), save(tmp_path / "p.png", found))
    in_pixels = values(run(*paths, "--metrics", "boundaries", "--json"), "boundaries")
    in_um = values(run(*paths, "--metrics", "boundaries", "--pixel-size", "0.1", "--json"), "boundaries")
    assert in_pixels["foreground.hausdorff"] == 3
    assert in_um["foreground.hausdorff"] == pytest.approx(0.3)
    assert 0 < in_um["foreground.f1"] == in_pixels["foreground.f1"] < 1  # the tolerance is two pixels in both


@pytest.mark.parametrize("found", [0, 255])
def test_nothing_to_find_is_scored_and_what_has_no_score_is_null(run: Run, tmp_path: Path, found: int) -> None:
    truth = save(tmp_path / "t.png", np.zeros((8, 8), dtype=np.uint8))
    prediction = save(tmp_path / "p.png", np.full((8, 8), found, dtype=np.uint8))
    every = "pixels,objects,boundaries,thin,isbi2012"
    said = document(run(truth, prediction, "--metrics", every, "--json"))["metrics"]
    assert said["pixels"]["scores"]["foreground.iou"]["value"] == (0 if found else None)
    assert said["pixels"]["scores"]["classes_counted"]["value"] == (2 if found else 1)
    assert said["isbi2012"]["scores"]["rand_error"]["value"] is None
    assert said["objects"]["scores"]["invented"]["value"] == (1 if found else 0)


def test_the_scores_of_a_stack_are_those_of_its_sections_as_files(run: Run, tmp_path: Path) -> None:
    names = ("A_mergesplit", "C_prob8")
    stacks = [
        np.stack([tifffile.imread(FIXTURES / "isbi2012" / f"{name}_{role}.tif") for name in names])
        for role in ("gt", "prop")
    ]
    for role, stack in zip(("gt", "prop"), stacks, strict=True):
        save(tmp_path / f"{role}.tif", stack, photometric="minisblack")
        for number, section in enumerate(stack):
            save(tmp_path / role / f"{number}.png", section)
    options = ("--metrics", "isbi2012,ranking", "--json")
    stacked = run(tmp_path / "gt.tif", tmp_path / "prop.tif", *options)
    apart = run(tmp_path / "gt", tmp_path / "prop", *options)
    for family in ("isbi2012", "ranking"):
        assert values(stacked, family) == values(apart, family)
    assert document(apart)["units"] == 2
    assert not any(math.isnan(value) for value in values(apart, "isbi2012").values())
